//! Finds the annotation files of a recording, by the naming conventions of archives.

use std::path::{Path, PathBuf};

use super::annotation_file::{has_annotations, is_stage_list};
use crate::error::Result;
use crate::hash::{sha256, sha256_of_file};

/// Suffixes to the name of a recording that only annotation files have, in order of priority.
const CERTAIN_SUFFIXES: [&str; 7] = [
    "-nsrr.xml",
    "-profusion.xml",
    ".annot",
    ".eannot",
    "_stage.txt",
    "_respevt.txt",
    "_events.tsv",
];

/// Suffixes that other files have too; their content decides.
const UNCERTAIN_SUFFIXES: [&str; 12] = [
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
const DREAMS_PREFIXES: [&str; 5] =
    ["HypnogramAASM_", "HypnogramR&K_", "Hypnogram_", "Visual_scoring1_", "Visual_scoring2_"];

/// What BIDS puts between the name of a run and the extension of a recording.
const BIDS_SUFFIXES: [&str; 4] = ["_eeg", "_psg", "_ieeg", "_meg"];

/// Folders of the National Sleep Research Resource (NSRR), and the suffixes of the files in them.
const NSRR_FOLDERS: [(&str, &str); 2] =
    [("annotations-events-nsrr", "-nsrr.xml"), ("annotations-events-profusion", "-profusion.xml")];

/// Returns the path of the first annotation file of a recording, see [`companions`].
pub fn companion(recording: &Path) -> Option<PathBuf> {
    companions(recording).into_iter().next()
}

/// Returns the paths of all annotation files of a recording, in order of priority.
///
/// Conventions:
/// - beside `NAME.edf`: `NAME-nsrr.xml`, `NAME-profusion.xml`, `NAME.annot`, `NAME.eannot`, UCDDB's
///   `NAME_stage.txt` and `NAME_respevt.txt`, `NAME_events.tsv`, and for BIDS `sub-01_task-sleep_events.tsv` beside
///   `sub-01_task-sleep_eeg.edf`;
/// - `NAME.xml`, if there is none of these or its content is annotations;
/// - `NAME.csv`, `NAME.tsv`, `NAME_annotations.csv` and `NAME_annotations.txt` (Noxturnal, EDFbrowser) if their
///   content is annotations;
/// - HMC's `NAME_sleepscoring.edf` and `NAME_sleepscoring.txt`, EDFbrowser's `NAME_annotations.xml`, the
///   `NAME.allscore.txt`, `NAME.sco.txt` and `NAME.stg.txt` of the Wisconsin Sleep Cohort, and `NAME.txt` of CAP, if
///   their content is annotations; a `NAME.txt` with a stage on each line is ignored, as it could be of any recording;
/// - DREAMS' `HypnogramAASM_NAME.txt`, `Visual_scoring1_NAME.txt` and similar, if their content is annotations;
/// - the folders of the National Sleep Research Resource, `…/edfs/…/NAME.edf` and
///   `…/annotations-events-nsrr/…/NAME-nsrr.xml`, `…/annotations-events-profusion/…/NAME-profusion.xml`;
/// - Sleep-EDF: `SC4001E0-PSG.edf` and `SC4001EC-Hypnogram.edf`, whose names share seven characters.
pub fn companions(recording: &Path) -> Vec<PathBuf> {
    let names = recording.file_stem().and_then(|stem| stem.to_str()).zip(recording.parent());
    let Some((stem, folder)) = names else { return Vec::new() };
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
    let dreams = DREAMS_PREFIXES.map(|prefix| folder.join(format!("{prefix}{stem}.txt")));
    let uncertain =
        UNCERTAIN_SUFFIXES.map(with_suffix).into_iter().chain(dreams).filter(is_other_file);
    let uncertain: Vec<PathBuf> = uncertain
        .filter(|path| !found.contains(path) && has_annotations(path))
        .filter(|path| *path != with_suffix(".txt") || !is_stage_list(path))
        .collect();
    found.extend(uncertain);
    found
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
        assert_eq!(companions(&folder.path().join(recording)), expected);
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
        assert_eq!(companions(&recording), Vec::<PathBuf>::new());
        let edf = NewRecording {
            start: jiff::civil::date(2001, 1, 1).at(22, 0, 0, 0),
            equipment: None,
            n_records: 1,
            record_duration_s: 60.0,
            signals: Vec::new(),
            annotations: vec![Annotation::new(0.0, Some(30.0), "Sleep stage W")],
        };
        edf.write_to(&scoring, &[]).unwrap();
        assert_eq!(companions(&recording), [scoring]);
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
        assert_eq!(sha256_of_annotations(&companions(&recording)).unwrap(), None);
        std::fs::write(folder.path().join("u2_stage.txt"), "0\n").unwrap();
        let one = sha256_of_annotations(&companions(&recording)).unwrap();
        assert_eq!(one, Some(sha256("0\n")));
        std::fs::write(folder.path().join("u2_respevt.txt"), "x").unwrap();
        assert_ne!(sha256_of_annotations(&companions(&recording)).unwrap(), one);
    }
}
