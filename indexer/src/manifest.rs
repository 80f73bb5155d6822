//! Names the recordings of a list.

use std::path::Path;

use nocturne_psg::{RecordingList, RowProblem};

use crate::discover::name;
use crate::{Error, FoundRecording, Result};

/// The rows of a list that can be used, and what is wrong with the others.
#[derive(Debug)]
pub struct Manifest {
    /// Recordings, in the order of the list.
    pub recordings: Vec<FoundRecording>,
    /// Rows that cannot be used.
    pub problems: Vec<RowProblem>,
}

impl Manifest {
    /// Reads a list, whose form [`RecordingList`] tells; `root` is the folder of the list where none is given.
    ///
    /// # Errors
    ///
    /// [`Error::List`] where the list cannot be read as a whole. A bad row is no error: it is named, and the
    /// others are used.
    pub fn read(path: &Path, root: Option<&Path>) -> Result<Self> {
        let RecordingList { root, recordings, problems } =
            RecordingList::read(path, root).map_err(Error::List)?;
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
        let Manifest { recordings, problems } = Manifest::read(&path, None).unwrap();
        assert_eq!((recordings.len(), problems.len()), (1, 1));
        assert_eq!(recordings[0].id.as_ref().unwrap().as_str(), "edf/a");
        assert_eq!(recordings[0].metadata["subject"], "s1");
    }
}
