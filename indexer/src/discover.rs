//! Finds the recordings of a folder, and names them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_psg::RecordingId;
use nocturne_psg::annotation::{ScoringOptions, is_annotation_recording};

use crate::error::{Error, RecordingError, Result};
use crate::shard::Shard;

/// File extensions of recordings, in lower case. UCDDB names its EDF files `.rec`.
const EXTENSIONS: [&str; 3] = ["edf", "bdf", "rec"];
/// Suffixes of EDF+ files that contain the scoring of another file.
const SCORING_SUFFIXES: [&str; 2] = ["-Hypnogram.edf", "_sleepscoring.edf"];
/// The extensions, for messages.
const EXPECTED: &str = "`.edf`, `.bdf` or `.rec`";

/// A recording file, and its id in a collection.
#[derive(Debug)]
pub struct FoundRecording {
    /// The file.
    pub path: PathBuf,
    /// The id, or the reason why there is none.
    pub id: std::result::Result<RecordingId, RecordingError>,
    /// Its annotation files; `None` to search for them beside the recording.
    pub annotations: Option<Vec<PathBuf>>,
    /// What a list says about its annotations.
    pub scoring: ScoringOptions,
    /// Its metadata, such as its subject.
    pub metadata: BTreeMap<String, String>,
}

impl FoundRecording {
    /// Returns whether an indexer of a shard handles this file. Files without an id are reported by shard 1.
    pub fn is_in(&self, shard: Shard) -> bool {
        self.id.as_ref().map_or(shard.is_first(), |id| shard.contains(id))
    }

    /// Creates a recording without given annotation files and metadata.
    pub(crate) fn new(path: PathBuf, id: std::result::Result<RecordingId, RecordingError>) -> Self {
        let (scoring, metadata) = (ScoringOptions::default(), BTreeMap::new());
        Self { path, id, annotations: None, scoring, metadata }
    }
}

/// Finds all recordings in a folder and its subfolders, in the order of their paths. `folder` may also be a single file.
///
/// The id of a recording is its path below the folder, with `/` between folders and without the extension `.edf`;
/// `cohort` is prepended. Files that contain only annotations are skipped, and links to folders are not followed.
///
/// # Errors
///
/// [`Error::Folder`] if the folder cannot be listed, [`Error::NoRecordings`] if there is no recording.
pub fn discover(folder: &Path, cohort: Option<&str>) -> Result<Vec<FoundRecording>> {
    let mut paths = Vec::new();
    let metadata = std::fs::metadata(folder)
        .map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
    let root = if metadata.is_dir() {
        walk(folder, &mut paths, &is_recording)?;
        folder
    } else {
        paths.push(folder.to_owned());
        folder.parent().unwrap_or(folder)
    };
    paths.sort();
    if paths.is_empty() {
        return Err(Error::NoRecordings { path: folder.to_owned(), expected: EXPECTED });
    }
    let mut found: Vec<FoundRecording> = Vec::new();
    // Ids are unique: the second file with an id is reported, with the file that holds it.
    let mut holders: BTreeMap<RecordingId, PathBuf> = BTreeMap::new();
    for path in paths {
        let id = name(root, &path, cohort).and_then(|id| match holders.get(&id) {
            None => {
                holders.insert(id.clone(), path.clone());
                Ok(id)
            }
            Some(holder) => {
                let holder = holder.display().to_string();
                Err(RecordingError::NameTaken { path: path.clone(), id, holder })
            }
        });
        found.push(FoundRecording::new(path, id));
    }
    Ok(found)
}

/// Finds the files of a folder and its subfolders that are not recordings, in the order of their paths, without hidden ones.
///
/// # Errors
///
/// [`Error::Folder`] if the folder cannot be listed.
pub fn other_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    walk(folder, &mut paths, &|path| !is_recording(path) && !is_hidden(path))?;
    paths.sort();
    Ok(paths)
}

/// Appends the selected files in a folder and its subfolders. `file_type` does not follow links, so loops are impossible.
fn walk(
    folder: &Path,
    paths: &mut Vec<PathBuf>,
    is_selected: &impl Fn(&Path) -> bool,
) -> Result<()> {
    let error = |source| Error::Folder { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(error)?);
        if kind.is_dir() {
            walk(&path, paths, is_selected)?;
        } else if is_selected(&path) {
            paths.push(path);
        }
    }
    Ok(())
}

/// Returns whether a file is a recording by its name and header; hidden files are not.
fn is_recording(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_lowercase().as_str())
        && !is_hidden(path)
        && !is_scoring(path, name)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Returns whether a file contains only annotations, as the hypnograms of Sleep-EDF and the scorings of HMC do.
///
/// The header decides; if it cannot be read, the name does, so that a broken scoring is not taken for a recording.
fn is_scoring(path: &Path, name: &str) -> bool {
    let has_suffix = SCORING_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    is_annotation_recording(path).unwrap_or(has_suffix)
}

/// Returns the id of a file: its path below `root`, after the cohort.
///
/// Only `.edf` is removed, so that `a.edf` and `a.bdf` have different ids.
pub(crate) fn name(
    root: &Path,
    path: &Path,
    cohort: Option<&str>,
) -> std::result::Result<RecordingId, RecordingError> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let joined = cohort.into_iter().map(str::to_owned).chain(parts).collect::<Vec<_>>().join("/");
    let is_edf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("edf"));
    let name = if is_edf { joined[..joined.len() - ".edf".len()].to_owned() } else { joined };
    RecordingId::new(name).map_err(|source| RecordingError::Name { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str], cohort: Option<&str>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = discover(folder.path(), cohort).unwrap();
        found.into_iter().map(|found| found.id.unwrap().to_string()).collect()
    }

    #[test]
    fn recordings_are_named_by_their_path() {
        let files = [
            "b/night.EDF",
            "a.edf",
            "a.bdf",
            "a-nsrr.xml",
            "x-Hypnogram.edf",
            "SN001_sleepscoring.edf",
            "truth.json",
            "b/c/n.rec",
        ];
        assert_eq!(names(&files, None), ["a.bdf", "a", "b/c/n.rec", "b/night"]);
        assert_eq!(names(&["a.edf"], Some("shhs")), ["shhs/a"]);
    }

    #[test]
    fn files_with_only_annotations_are_skipped_whatever_their_name() {
        use nocturne_psg::edf::{NewRecording, NewSignal};
        let folder = tempfile::tempdir().unwrap();
        let start = "2001-01-01T22:00:00".parse().unwrap();
        let signal = NewSignal {
            label: "C3-M2".to_owned(),
            unit: "uV".to_owned(),
            physical_range: (-1.0, 1.0),
            samples_per_record: 2,
        };
        let write = |name: &str, signals: Vec<NewSignal>| {
            let samples = vec![vec![0.0; 2]; signals.len()];
            let path = folder.path().join(name);
            let recording = NewRecording {
                start,
                equipment: None,
                n_records: 1,
                record_duration_s: 1.0,
                signals,
                annotations: Vec::new(),
            };
            recording.write_to(&path, &samples).unwrap();
        };
        write("a.edf", vec![signal.clone()]);
        write("a-scored-by-hand.edf", vec![]);
        write("b_sleepscoring.edf", vec![signal]);
        let found = discover(folder.path(), None).unwrap();
        let ids: Vec<String> =
            found.into_iter().map(|found| found.id.unwrap().to_string()).collect();
        assert_eq!(ids, ["a", "b_sleepscoring"]);
    }

    #[test]
    fn second_recording_with_the_same_id_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.EDF", "a.edf"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = discover(folder.path(), None).unwrap();
        assert!(found[0].id.is_ok());
        assert!(matches!(found[1].id, Err(RecordingError::NameTaken { .. })), "{found:?}");
    }

    #[test]
    fn folder_without_recordings_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = discover(folder.path(), None).unwrap_err();
        let expected = "expected files that end in `.edf`, `.bdf` or `.rec`";
        let message = format!("no recording in `{}`; {expected}", folder.path().display());
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn missing_folder_is_an_error() {
        let error = discover(Path::new("/nowhere"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot list `/nowhere`: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn single_file_is_taken_whatever_its_extension() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.dat");
        std::fs::write(&path, "").unwrap();
        let found = discover(&path, Some("x")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id.as_ref().unwrap().as_str(), "x/night.dat");
        assert_eq!((&found[0].annotations, found[0].metadata.len()), (&None, 0));
    }

    #[test]
    fn hidden_files_are_skipped() {
        assert_eq!(names(&["a.edf", "._a.edf"], None), ["a"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/night.edf"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
        assert_eq!(discover(folder.path(), None).unwrap().len(), 1);
    }

    #[test]
    fn each_recording_is_in_one_shard() {
        let folder = tempfile::tempdir().unwrap();
        let files = (0..20).map(|i| format!("night-{i}.edf"));
        files.for_each(|name| std::fs::write(folder.path().join(name), "").unwrap());
        let found = discover(folder.path(), None).unwrap();
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|it| it.parse().unwrap()).to_vec();
        for recording in &found {
            let n = shards.iter().filter(|shard| recording.is_in(**shard)).count();
            assert_eq!(n, 1, "{}", recording.path.display());
        }
    }

    #[test]
    fn file_without_an_id_is_reported_by_the_first_shard() {
        let error = RecordingError::OwnProfile {
            id: RecordingId::new("a").unwrap(),
            sha256: String::new(),
        };
        let found = FoundRecording::new(PathBuf::from("a.edf"), Err(error));
        assert!(found.is_in("1/2".parse().unwrap()) && !found.is_in("2/2".parse().unwrap()));
    }
}
