//! Finds the annotation files of a recording, by the naming conventions of archives.

use std::path::{Path, PathBuf};

use super::annotation_file::{
    has_annotations, is_annotation_recording, is_stage_list, may_have_format,
};
use super::format::AnnotationFormat;
use crate::error::Result;
use crate::hash::{sha256, sha256_of_file};

/// Suffixes to the name of a recording that only annotation files have, in order of priority.
pub(super) const CERTAIN_SUFFIXES: [&str; 7] = [
    "-nsrr.xml",
    "-profusion.xml",
    ".annot",
    ".eannot",
    "_stage.txt",
    "_respevt.txt",
    "_events.tsv",
];

/// Suffixes that other files have too; their content decides.
pub(super) const UNCERTAIN_SUFFIXES: [&str; 12] = [
    ".xml",
    ".csv",
    "_annotations.csv",
    "_annotations.txt",
    "_annotations.xml",
    ".tsv",
    "_sleepscoring.edf",
    "_sleepscoring.txt",
    ".allscore.txt",
    ".sco.txt",
    ".stg.txt",
    ".txt",
];

/// Prefixes of DREAMS to the name of a recording; the second scorer comes after the first.
pub(super) const DREAMS_PREFIXES: [&str; 5] =
    ["HypnogramAASM_", "HypnogramR&K_", "Hypnogram_", "Visual_scoring1_", "Visual_scoring2_"];

/// What BIDS puts between the name of a run and the extension of a recording.
const BIDS_SUFFIXES: [&str; 4] = ["_eeg", "_psg", "_ieeg", "_meg"];

/// Folders of the National Sleep Research Resource (NSRR), and the suffixes of the files in them.
pub(super) const NSRR_FOLDERS: [(&str, &str); 2] =
    [("annotations-events-nsrr", "-nsrr.xml"), ("annotations-events-profusion", "-profusion.xml")];

/// Files that lie beside recordings and are not annotations of them.
const OTHER_EXTENSIONS: [&str; 12] =
    ["json", "edf", "bdf", "rec", "md", "toml", "parquet", "py", "png", "jpg", "pdf", "zip"];

/// The files of a folder, to find those of many recordings without listing it again.
#[derive(Debug, Clone, Default)]
pub struct FolderListing {
    /// Names in lower case with their paths, sorted.
    files: Vec<(String, PathBuf)>,
}

/// The files that belong to a recording by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Companions {
    /// The annotation files, in order of priority.
    pub annotations: Vec<PathBuf>,
    /// Files that are not used: their content is not understood, or is a list of stages that could be of any recording.
    pub unknown: Vec<PathBuf>,
}

impl Companions {
    /// Returns the files to read if the user names their format: those that have it, and those whose content is not
    /// understood otherwise.
    #[must_use]
    pub fn of_format(self, format: Option<AnnotationFormat>) -> Self {
        let Some(format) = format else { return self };
        let (mut annotations, mut unknown): (Vec<PathBuf>, Vec<PathBuf>) =
            self.annotations.into_iter().partition(|path| may_have_format(path, format));
        if format == AnnotationFormat::EdfPlus {
            unknown.extend(self.unknown);
        } else {
            annotations.extend(self.unknown);
        }
        Self { annotations, unknown }
    }
}

impl FolderListing {
    /// Lists a folder; empty if it cannot be read.
    pub fn of(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        let lower = |path: &Path| path.file_name().map(|it| it.to_string_lossy().to_lowercase());
        let mut files: Vec<(String, PathBuf)> =
            paths.filter_map(|path| Some((lower(&path)?, path))).collect();
        files.sort();
        Self { files }
    }

    /// Returns the files whose names start with that of a recording, and not with the longer name of another one.
    fn of_recording(&self, recording: &Path) -> Vec<&Path> {
        let name = recording.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let run = run_of(stem_of(&name));
        let first = self.files.partition_point(|(name, _)| name.as_str() < run);
        let is_of = |name: &str, run: &str| {
            let rest = name.strip_prefix(run);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        };
        let of_run: Vec<(&str, &Path)> = self.files[first..]
            .iter()
            .map(|(name, path)| (name.as_str(), path.as_path()))
            .take_while(|(name, _)| name.starts_with(run))
            .filter(|(name, _)| is_of(name, run))
            .collect();
        let longer: Vec<&str> = of_run
            .iter()
            .filter(|(name, path)| is_longer(name, run) && is_recording(name, path))
            .map(|(name, _)| run_of(stem_of(name)))
            .collect();
        of_run
            .into_iter()
            .filter(|(name, _)| !longer.iter().any(|stem| is_of(name, stem)))
            .map(|(_, path)| path)
            .collect()
    }
}

/// Returns whether a name is that of a run whose name is longer.
fn is_longer(name: &str, run: &str) -> bool {
    run_of(stem_of(name)).len() > run.len()
}

/// Returns whether a file is a recording. An EDF file with annotations only is not, whatever its name.
fn is_recording(name: &str, path: &Path) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "edf" | "bdf" | "rec")))
        && !is_annotation_recording(path).unwrap_or(false)
}

/// Returns a name without its extension.
fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Returns the name of a run: that of its recording without what BIDS puts behind it.
fn run_of(stem: &str) -> &str {
    BIDS_SUFFIXES.iter().find_map(|suffix| stem.strip_suffix(suffix)).unwrap_or(stem)
}

/// Returns the path of the first annotation file of a recording, see [`companions`].
pub fn companion(recording: &Path) -> Option<PathBuf> {
    companions(recording).annotations.into_iter().next()
}

/// Returns the files that belong to a recording.
///
/// Annotation files, in order of priority:
/// - beside `NAME.edf`: `NAME-nsrr.xml`, `NAME-profusion.xml`, `NAME.annot`, `NAME.eannot`, UCDDB's
///   `NAME_stage.txt` and `NAME_respevt.txt`, `NAME_events.tsv`, and for BIDS `sub-01_task-sleep_events.tsv` beside
///   `sub-01_task-sleep_eeg.edf`;
/// - `NAME.xml`, if there is none of these or its content is annotations;
/// - the folders of the National Sleep Research Resource, `…/edfs/…/NAME.edf` and
///   `…/annotations-events-nsrr/…/NAME-nsrr.xml`, `…/annotations-events-profusion/…/NAME-profusion.xml`;
/// - Sleep-EDF: `SC4001E0-PSG.edf` and `SC4001EC-Hypnogram.edf`, whose names share seven characters;
/// - DREAMS' `HypnogramAASM_NAME.txt`, `Visual_scoring1_NAME.txt` and similar, if their content is annotations;
/// - every other file whose name starts with `NAME`, or with the run of a BIDS recording, in any case of letters, and not
///   with the longer name of another recording, if its content is annotations; a text with a stage on each line and nothing
///   else is not used, as it could be of any recording.
pub fn companions(recording: &Path) -> Companions {
    let listing = recording.parent().map(FolderListing::of).unwrap_or_default();
    companions_in(recording, &listing)
}

/// Returns the files that belong to a recording, see [`companions`], in a folder that was listed before.
pub fn companions_in(recording: &Path, listing: &FolderListing) -> Companions {
    let names = recording.file_stem().and_then(|stem| stem.to_str()).zip(recording.parent());
    let Some((stem, folder)) = names else { return Companions::default() };
    let with_suffix = |suffix: &str| folder.join(format!("{stem}{suffix}"));
    let is_other_file = |path: &PathBuf| path != recording && path.is_file();
    let mut found: Vec<PathBuf> =
        CERTAIN_SUFFIXES.map(with_suffix).into_iter().filter(is_other_file).collect();
    if found.is_empty() {
        // Whatever its content: if it cannot be read, the user should learn why.
        found.extend(Some(with_suffix(".xml")).filter(is_other_file));
    }
    found.extend(bids_events(folder, stem));
    found.extend(NSRR_FOLDERS.iter().filter_map(|(folder, suffix)| {
        nsrr_sibling(recording, folder, &format!("{stem}{suffix}"))
    }));
    found.extend(sleep_edf_hypnogram(folder, stem));
    let ordered = UNCERTAIN_SUFFIXES.map(with_suffix).into_iter().filter(is_other_file);
    let dreams = DREAMS_PREFIXES.map(|prefix| folder.join(format!("{prefix}{stem}.txt")));
    let named = listing.of_recording(recording).into_iter().map(Path::to_owned);
    let mut unknown = Vec::new();
    for path in ordered.chain(dreams).chain(named) {
        if path == recording || !path.is_file() || found.contains(&path) || unknown.contains(&path)
        {
            continue;
        }
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        let extension = extension.to_lowercase();
        let is_signal_file = ["edf", "bdf", "rec"].contains(&extension.as_str());
        if has_annotations(&path) {
            // A list of stages named after the recording alone could be of any recording.
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            if name == format!("{}.txt", stem.to_lowercase()) && is_stage_list(&path) {
                unknown.push(path);
            } else {
                found.push(path);
            }
        } else if !is_signal_file && !OTHER_EXTENSIONS.contains(&extension.as_str()) {
            unknown.push(path);
        }
    }
    Companions { annotations: found, unknown }
}

/// Returns a hash of all annotation files of a recording; `None` if there are none.
///
/// It is the SHA-256 of a single file, or of the concatenated hashes of several.
///
/// # Errors
///
/// Those of [`sha256_of_file`].
pub fn sha256_of_annotations(paths: &[PathBuf]) -> Result<Option<String>> {
    let hashes: Vec<String> =
        paths.iter().map(|path| sha256_of_file(path)).collect::<Result<_>>()?;
    Ok(match hashes.as_slice() {
        [] => None,
        [hash] => Some(hash.clone()),
        several => Some(sha256(several.concat())),
    })
}

fn bids_events(folder: &Path, stem: &str) -> Option<PathBuf> {
    let run = BIDS_SUFFIXES.iter().find_map(|suffix| stem.strip_suffix(suffix))?;
    Some(folder.join(format!("{run}_events.tsv"))).filter(|path| path.is_file())
}

/// Returns `…/ANNOTATIONS/…/NAME` for a recording in `…/edfs/…`, if the file exists.
fn nsrr_sibling(recording: &Path, annotations: &str, name: &str) -> Option<PathBuf> {
    let is_edfs = |part: &std::path::Component<'_>| part.as_os_str() == "edfs";
    let folder = recording.parent()?;
    folder.components().find(is_edfs)?;
    let sibling: PathBuf = folder
        .components()
        .map(|part| if is_edfs(&part) { annotations.as_ref() } else { part.as_os_str() })
        .collect();
    Some(sibling.join(name)).filter(|path| path.is_file())
}

/// Returns the hypnogram whose name has the same subject and night: the first seven characters.
fn sleep_edf_hypnogram(folder: &Path, stem: &str) -> Option<PathBuf> {
    let subject_night = stem.strip_suffix("-PSG")?.get(..7)?;
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(subject_night) && name.ends_with("-Hypnogram.edf")
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], recording: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let expected: Vec<PathBuf> = expected.iter().map(|name| folder.path().join(name)).collect();
        assert_eq!(companions(&folder.path().join(recording)).annotations, expected);
        assert_eq!(companion(&folder.path().join(recording)), expected.first().cloned());
    }

    #[test]
    fn annotation_files_are_found_by_the_conventions_of_archives() {
        let files = [("a.edf", ""), ("a-nsrr.xml", ""), ("a.annot", ""), ("a.eannot", "")];
        check(&files, "a.edf", &["a-nsrr.xml", "a.annot", "a.eannot"]);
        check(&[("a.edf", ""), ("a.xml", "")], "a.edf", &["a.xml"]);
        let (nsrr, profusion) = (
            "annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml",
            "annotations-events-profusion/shhs1/shhs1-200001-profusion.xml",
        );
        let files = [("edfs/shhs1/shhs1-200001.edf", ""), (nsrr, ""), (profusion, "")];
        check(&files, "edfs/shhs1/shhs1-200001.edf", &[nsrr, profusion]);
        let files = [("SC4001E0-PSG.edf", ""), ("SC4001EC-Hypnogram.edf", "")];
        check(&files, "SC4001E0-PSG.edf", &["SC4001EC-Hypnogram.edf"]);
        let files = [("sub-1_task-sleep_eeg.edf", ""), ("sub-1_task-sleep_events.tsv", "")];
        check(&files, "sub-1_task-sleep_eeg.edf", &["sub-1_task-sleep_events.tsv"]);
    }

    #[test]
    fn ucddb_has_stages_and_events_in_two_files() {
        let files = [("u2.rec", ""), ("u2_respevt.txt", ""), ("u2_stage.txt", "")];
        check(&files, "u2.rec", &["u2_stage.txt", "u2_respevt.txt"]);
    }

    #[test]
    fn tables_are_found_only_if_they_contain_annotations() {
        check(&[("a.edf", ""), ("a.csv", "onset,duration,event\n")], "a.edf", &["a.csv"]);
        check(&[("a.edf", ""), ("a.csv", "hz,power\n1,2\n")], "a.edf", &[]);
        let files = [("a.edf", ""), ("a-nsrr.xml", ""), ("a.xml", "<PSGAnnotation/>")];
        check(&files, "a.edf", &["a-nsrr.xml", "a.xml"]);
        let files = [("a.edf", ""), ("a-nsrr.xml", ""), ("a.xml", "<amplifier/>")];
        check(&files, "a.edf", &["a-nsrr.xml"]);
    }

    #[test]
    fn texts_are_found_by_name_and_content() {
        let remlogic = "Time [hh:mm:ss]\tEvent\tDuration[s]\n22:00:00\tSLEEP-S0\t30\n";
        check(&[("n1.edf", ""), ("n1.txt", remlogic)], "n1.edf", &["n1.txt"]);
        check(&[("n1.edf", ""), ("n1.txt", "about this night\n")], "n1.edf", &[]);
        check(&[("n1.edf", ""), ("n1.txt", "0\n0\n5\n")], "n1.edf", &[]);
        let (stages, events) = ("Epoch\tUser-Defined Stage\n1\t0\n", "22:00:00\tSTAGE - W\n");
        let files = [
            ("w.edf", ""),
            ("w.stg.txt", stages),
            ("w.allscore.txt", events),
            ("w.sco.txt", "a note\n"),
        ];
        check(&files, "w.edf", &["w.allscore.txt", "w.stg.txt"]);
        let scoring = "Recording onset, Duration, Annotation\n0, 30, Sleep stage W\n";
        check(
            &[("SN001.edf", ""), ("SN001_sleepscoring.txt", scoring)],
            "SN001.edf",
            &["SN001_sleepscoring.txt"],
        );
        let files = [
            ("excerpt1.edf", ""),
            ("Visual_scoring2_excerpt1.txt", "[vis2_Spindles/C3-A1]\n1 2\n"),
            ("Visual_scoring1_excerpt1.txt", "[vis1_Spindles/C3-A1]\n1 2\n"),
            ("Hypnogram_excerpt1.txt", "[hypnogram]\n5\n"),
        ];
        let expected = [
            "Hypnogram_excerpt1.txt",
            "Visual_scoring1_excerpt1.txt",
            "Visual_scoring2_excerpt1.txt",
        ];
        check(&files, "excerpt1.edf", &expected);
    }

    #[test]
    fn edf_is_found_only_if_it_has_no_signals() {
        use nocturne_edf::{Annotation, NewRecording};
        let folder = tempfile::tempdir().unwrap();
        let scoring = folder.path().join("SN001_sleepscoring.edf");
        std::fs::write(&scoring, "no EDF").unwrap();
        let recording = folder.path().join("SN001.edf");
        assert_eq!(companions(&recording).annotations, Vec::<PathBuf>::new());
        let edf = NewRecording {
            start: jiff::civil::date(2001, 1, 1).at(22, 0, 0, 0),
            equipment: None,
            n_records: 1,
            record_duration_s: 60.0,
            signals: Vec::new(),
            annotations: vec![Annotation::new(0.0, Some(30.0), "Sleep stage W")],
        };
        edf.write_to(&scoring, &[]).unwrap();
        assert_eq!(companions(&recording).annotations, [scoring]);
    }

    #[test]
    fn annotation_files_of_other_recordings_are_ignored() {
        check(&[("a.edf", ""), ("b-nsrr.xml", ""), ("a1.annot", "")], "a.edf", &[]);
        let files = [("SC4001E0-PSG.edf", ""), ("SC4002EC-Hypnogram.edf", "")];
        check(&files, "SC4001E0-PSG.edf", &[]);
    }

    #[test]
    fn hash_changes_with_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("u2.rec");
        assert_eq!(sha256_of_annotations(&companions(&recording).annotations).unwrap(), None);
        std::fs::write(folder.path().join("u2_stage.txt"), "0\n").unwrap();
        let one = sha256_of_annotations(&companions(&recording).annotations).unwrap();
        assert_eq!(one, Some(sha256("0\n")));
        std::fs::write(folder.path().join("u2_respevt.txt"), "x").unwrap();
        assert_ne!(sha256_of_annotations(&companions(&recording).annotations).unwrap(), one);
    }
}
