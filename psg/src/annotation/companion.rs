//! Finds the file of annotations that belongs to a recording.

use std::path::{Path, PathBuf};

/// Returns the path of the annotations that lie beside a recording, if there are any.
///
/// Known habits, tried in this order:
/// - `NAME-nsrr.xml` or `NAME.xml` beside `NAME.edf`;
/// - the folders of the National Sleep Research Resource, `…/edfs/…/NAME.edf` and
///   `…/annotations-events-nsrr/…/NAME-nsrr.xml`;
/// - Sleep-EDF, `SC4001E0-PSG.edf` and `SC4001EC-Hypnogram.edf`, whose names share seven characters.
pub fn companion(recording: &Path) -> Option<PathBuf> {
    let stem = recording.file_stem()?.to_str()?;
    let folder = recording.parent()?;
    let names = [format!("{stem}-nsrr.xml"), format!("{stem}.xml")];
    let beside = names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    beside
        .or_else(|| nsrr_sibling(recording, &names[0]))
        .or_else(|| sleep_edf_hypnogram(folder, stem))
}

fn nsrr_sibling(recording: &Path, name: &str) -> Option<PathBuf> {
    let folder: PathBuf = recording
        .parent()?
        .components()
        .map(|part| {
            if part.as_os_str() == "edfs" {
                "annotations-events-nsrr".as_ref()
            } else {
                part.as_os_str()
            }
        })
        .collect();
    Some(folder.join(name)).filter(|path| path.is_file())
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

    fn check(files: &[&str], recording: &str, expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = companion(&folder.path().join(recording));
        assert_eq!(found, expected.map(|name| folder.path().join(name)));
    }

    #[test]
    fn annotations_are_found_by_the_habits_of_archives() {
        check(&["a.edf", "a-nsrr.xml", "a.xml"], "a.edf", Some("a-nsrr.xml"));
        check(
            &["edfs/shhs1/shhs1-200001.edf", "annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml"],
            "edfs/shhs1/shhs1-200001.edf",
            Some("annotations-events-nsrr/shhs1/shhs1-200001-nsrr.xml"),
        );
        check(
            &["SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf"],
            "SC4001E0-PSG.edf",
            Some("SC4001EC-Hypnogram.edf"),
        );
    }

    #[test]
    fn annotations_of_another_night_are_not_taken() {
        check(&["a.edf", "b-nsrr.xml"], "a.edf", None);
        check(&["SC4001E0-PSG.edf", "SC4002EC-Hypnogram.edf"], "SC4001E0-PSG.edf", None);
    }
}
