//! Lists of recordings, read from a table.

use std::path::Path;

use nocturne_psg::RowProblem;

use crate::discover::name;
use crate::{Error, FoundRecording, Result};

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
}
