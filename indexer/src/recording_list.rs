//! Lists of recordings, read from a table.

use std::path::Path;

use nocturne_psg::RowProblem;

use crate::discover::{FoundRecording, name};
use crate::error::{Error, Result};

/// The recordings of a list, and the rows that cannot be used.
#[derive(Debug)]
pub struct RecordingList {
    /// Recordings, in the order of the list.
    pub recordings: Vec<FoundRecording>,
    /// Rows that cannot be used, and why.
    pub problems: Vec<RowProblem>,
}

impl RecordingList {
    /// Reads a list in the format of [`nocturne_psg::RecordingList`]. Paths are relative to `root`, or to the folder of the
    /// list if it is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::List`] if the list cannot be read. A bad row is not an error: it is in `problems`, and the others are used.
    pub fn read(path: &Path, root: Option<&Path>) -> Result<Self> {
        let nocturne_psg::RecordingList { root, recordings, problems } =
            nocturne_psg::RecordingList::read(path, root).map_err(Error::List)?;
        let recordings = recordings.into_iter().map(|listed| FoundRecording {
            id: name(&root, &listed.path, None),
            path: listed.path,
            annotations: listed.annotations,
            scoring: listed.scoring,
            metadata: listed.metadata,
        });
        Ok(Self { recordings: recordings.collect(), problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_named_by_their_path_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("edf")).unwrap();
        std::fs::write(folder.path().join("edf/a.edf"), "").unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, "recording,subject\nedf/a.edf,s1\nedf/b.edf,s2\n").unwrap();
        let RecordingList { recordings, problems } = RecordingList::read(&path, None).unwrap();
        assert_eq!((recordings.len(), problems.len()), (1, 1));
        assert_eq!(recordings[0].id.as_ref().unwrap().as_str(), "edf/a");
        assert_eq!(recordings[0].metadata["subject"], "s1");
    }

    /// A folder with empty files and a list, which is read with a root.
    fn read(files: &[&str], list: &str, root: Option<&str>) -> Result<RecordingList> {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let path = folder.path().join("list.csv");
        std::fs::write(&path, list).unwrap();
        RecordingList::read(&path, root.map(|root| folder.path().join(root)).as_deref())
    }

    #[test]
    fn recordings_keep_the_order_of_the_list() {
        let list = read(&["a.edf", "b.edf"], "recording\nb.edf\na.edf\n", None).unwrap();
        let names: Vec<_> =
            list.recordings.iter().map(|found| found.id.as_ref().unwrap().as_str()).collect();
        assert_eq!(names, ["b", "a"]);
    }

    #[test]
    fn root_replaces_the_folder_of_the_list() {
        let list = read(&["data/a.edf"], "recording\na.edf\n", Some("data")).unwrap();
        assert_eq!(list.recordings[0].id.as_ref().unwrap().as_str(), "a");
        assert!(list.recordings[0].path.ends_with("data/a.edf"));
    }

    #[test]
    fn bad_row_is_a_problem_and_not_an_error() {
        let list = read(&["a.edf"], "recording\nmissing.edf\na.edf\n", None).unwrap();
        assert_eq!((list.recordings.len(), list.problems.len()), (1, 1));
    }

    #[test]
    fn list_that_cannot_be_read_is_an_error() {
        let error = RecordingList::read(Path::new("/nowhere/list.csv"), None).unwrap_err();
        assert!(matches!(error, Error::List(_)), "{error}");
    }
}
