//! Finds the files of annotations that belong to a recording.

use std::path::{Path, PathBuf};

use super::file::{is_annotations, is_bare_list};
use crate::error::Result;
use crate::hash::{sha256, sha256_of_file};

/// Endings of a recording's name whose files need no other sign to be its annotations, in the order of their rank.
const CERTAIN: [&str; 7] = [
    "-nsrr.xml",
    "-profusion.xml",
    ".annot",
    ".eannot",
    "_stage.txt",
    "_respevt.txt",
    "_events.tsv",
];

/// Endings that other files have too; the content must be annotations.
const UNCERTAIN: [&str; 12] = [
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

/// What DREAMS puts before the name of a recording; the second scorer comes after the first.
const DREAMS: [&str; 5] =
    ["HypnogramAASM_", "HypnogramR&K_", "Hypnogram_", "Visual_scoring1_", "Visual_scoring2_"];

/// What BIDS puts between the name of a run and the ending of a recording.
const BIDS_SUFFIXES: [&str; 4] = ["_eeg", "_psg", "_ieeg", "_meg"];

/// Folders of the National Sleep Research Resource, and the endings of the files in them.
const NSRR_FOLDERS: [(&str, &str); 2] =
    [("annotations-events-nsrr", "-nsrr.xml"), ("annotations-events-profusion", "-profusion.xml")];

/// Returns the path of the annotations that lie beside a recording, if there are any: the first of [`companions`].
pub fn companion(recording: &Path) -> Option<PathBuf> {
    companions(recording).into_iter().next()
}

/// Returns the paths of all annotations that lie beside a recording, in the order of their rank.
///
/// Known habits:
/// - beside `NAME.edf`: `NAME-nsrr.xml`, `NAME-profusion.xml`, `NAME.annot`, `NAME.eannot`, UCDDB's
///   `NAME_stage.txt` and `NAME_respevt.txt`, `NAME_events.tsv`, and of BIDS `sub-01_task-sleep_events.tsv` beside
///   `sub-01_task-sleep_eeg.edf`;
/// - `NAME.xml`, where there is nothing of these or its content is annotations;
/// - `NAME.csv`, `NAME.tsv`, `NAME_annotations.csv` and `NAME_annotations.txt` (Noxturnal, EDFbrowser) where their
///   content is annotations;
/// - HMC's `NAME_sleepscoring.edf` and `NAME_sleepscoring.txt`, EDFbrowser's `NAME_annotations.xml`, the
///   `NAME.allscore.txt`, `NAME.sco.txt` and `NAME.stg.txt` of the Wisconsin Sleep Cohort, and `NAME.txt` of CAP, where
///   their content is annotations; a list of bare stages under the name of a recording is not taken for its own;
/// - DREAMS' `HypnogramAASM_NAME.txt`, `Visual_scoring1_NAME.txt` and their like, where their content is annotations;
/// - the folders of the National Sleep Research Resource, `…/edfs/…/NAME.edf` and
///   `…/annotations-events-nsrr/…/NAME-nsrr.xml`, `…/annotations-events-profusion/…/NAME-profusion.xml`;
/// - Sleep-EDF, `SC4001E0-PSG.edf` and `SC4001EC-Hypnogram.edf`, whose names share seven characters.
pub fn companions(recording: &Path) -> Vec<PathBuf> {
    let names = recording.file_stem().and_then(|stem| stem.to_str()).zip(recording.parent());
    let Some((stem, folder)) = names else { return Vec::new() };
    let beside = |ending: &str| folder.join(format!("{stem}{ending}"));
    let is_other_file = |path: &PathBuf| path != recording && path.is_file();
    let mut found: Vec<PathBuf> = CERTAIN.map(beside).into_iter().filter(is_other_file).collect();
    if found.is_empty() {
        // Where nothing has a better name, this one is meant, and what is wrong with it is said.
        found.extend(Some(beside(".xml")).filter(is_other_file));
    }
    found.extend(bids_events(folder, stem));
    found.extend(NSRR_FOLDERS.iter().filter_map(|(folder, ending)| {
        nsrr_sibling(recording, folder, &format!("{stem}{ending}"))
    }));
    found.extend(sleep_edf_hypnogram(folder, stem));
    let before = DREAMS.map(|beginning| folder.join(format!("{beginning}{stem}.txt")));
    let uncertain = UNCERTAIN.map(beside).into_iter().chain(before).filter(is_other_file);
    let uncertain: Vec<PathBuf> = uncertain
        .filter(|path| !found.contains(path) && is_annotations(path))
        .filter(|path| *path != beside(".txt") || !is_bare_list(path))
        .collect();
    found.extend(uncertain);
    found
}

/// Returns a hash that changes with every file of annotations of a recording, or nothing where there is none.
///
/// It is the SHA-256 of a single file, and else that of the files' hashes in a row.
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
    fn annotations_are_found_by_the_habits_of_archives() {
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
    fn stages_and_events_of_one_night_are_two_files() {
        let files = [("u2.rec", ""), ("u2_respevt.txt", ""), ("u2_stage.txt", "")];
        check(&files, "u2.rec", &["u2_stage.txt", "u2_respevt.txt"]);
    }

    #[test]
    fn tables_count_only_where_they_hold_annotations() {
        check(&[("a.edf", ""), ("a.csv", "onset,duration,event\n")], "a.edf", &["a.csv"]);
        check(&[("a.edf", ""), ("a.csv", "hz,power\n1,2\n")], "a.edf", &[]);
        let files = [("a.edf", ""), ("a-nsrr.xml", ""), ("a.xml", "<PSGAnnotation/>")];
        check(&files, "a.edf", &["a-nsrr.xml", "a.xml"]);
        let files = [("a.edf", ""), ("a-nsrr.xml", ""), ("a.xml", "<amplifier/>")];
        check(&files, "a.edf", &["a-nsrr.xml"]);
    }

    #[test]
    fn texts_of_archives_are_found_by_name_and_content() {
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
    fn scoring_in_edf_is_taken_where_it_has_no_signals() {
        use nocturne_edf::{Annotation, NewRecording};
        let folder = tempfile::tempdir().unwrap();
        let scoring = folder.path().join("SN001_sleepscoring.edf");
        std::fs::write(&scoring, "no EDF").unwrap();
        let recording = folder.path().join("SN001.edf");
        assert_eq!(companions(&recording), Vec::<PathBuf>::new());
        let edf = NewRecording {
            start: jiff::civil::date(2001, 1, 1).at(22, 0, 0, 0),
            n_records: 1,
            record_duration_s: 60.0,
            signals: Vec::new(),
            annotations: vec![Annotation::new(0.0, Some(30.0), "Sleep stage W")],
        };
        edf.write_to(&scoring, &[]).unwrap();
        assert_eq!(companions(&recording), [scoring]);
    }

    #[test]
    fn annotations_of_another_night_are_not_taken() {
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
