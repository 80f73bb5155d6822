//! Reads a list of recordings: which files, whose night, and what else is said of it.
//!
//! A [table](crate::table) as CSV, JSON lines or Parquet. `recording` is needed; `annotations` names a file, or several with `;` between
//! them; every other column, such as `subject`, is kept with the recording. A list may come from elsewhere, so paths
//! stay below the data root and name plain files only.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::table::{Row, RowProblem, rows};
use crate::{Error, Result};

const RECORDING: &str = "recording";
const ANNOTATIONS: &str = "annotations";
const SUBJECT: &str = "subject";

/// The rows of a list that can be used, and what is wrong with the others.
#[derive(Debug)]
pub struct RecordingList {
    /// The folder below which all recordings lie, without links.
    pub root: PathBuf,
    /// Recordings, in the order of the list.
    pub recordings: Vec<ListedRecording>,
    /// Rows that cannot be used.
    pub problems: Vec<RowProblem>,
}

/// A recording in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRecording {
    /// The file.
    pub path: PathBuf,
    /// The files with its annotations, where the list names any.
    pub annotations: Option<Vec<PathBuf>>,
    /// What else is said of it, such as its subject.
    pub metadata: BTreeMap<String, String>,
}

impl ListedRecording {
    /// Returns the person that the recording is of, where the list tells.
    pub fn subject(&self) -> Option<&str> {
        self.metadata.get(SUBJECT).map(String::as_str)
    }
}

impl RecordingList {
    /// Reads a list; `root` is the folder of the list where none is given.
    ///
    /// # Errors
    ///
    /// [`Error::List`] where the list cannot be read as a whole. A bad row is no error: it is named, and the
    /// others are used.
    pub fn read(path: &Path, root: Option<&Path>) -> Result<Self> {
        let error = |problem: String| Error::List { path: path.to_owned(), problem };
        let rows = rows(path, &[RECORDING])?;
        let beside = || path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let root = root.or_else(beside).unwrap_or(Path::new("."));
        let root = root
            .canonicalize()
            .map_err(|source| error(format!("its data root `{}`: {source}", root.display())))?;
        let (mut recordings, mut problems) = (Vec::new(), Vec::new());
        let mut seen: BTreeMap<PathBuf, u64> = BTreeMap::new();
        for row in rows {
            let found = row.and_then(|row| {
                let line = row.line;
                use_row(&root, row, &mut seen).map_err(|problem| RowProblem { line, problem })
            });
            match found {
                Ok(found) => recordings.push(found),
                Err(problem) => problems.push(problem),
            }
        }
        if recordings.is_empty() && problems.is_empty() {
            return Err(error("it has no rows".to_owned()));
        }
        Ok(Self { root, recordings, problems })
    }
}

/// Checks a row against the disk and the rows before it.
fn use_row(
    root: &Path,
    row: Row,
    seen: &mut BTreeMap<PathBuf, u64>,
) -> std::result::Result<ListedRecording, String> {
    let Row { line, mut fields } = row;
    let recording = fields.remove(RECORDING).unwrap_or_default();
    let annotations = fields.remove(ANNOTATIONS).unwrap_or_default();
    let path = inside(root, &recording)?;
    let annotations: Vec<PathBuf> = annotations
        .split(';')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| inside(root, name))
        .collect::<std::result::Result<_, _>>()?;
    for file in std::iter::once(&path).chain(&annotations) {
        if let Some(before) = seen.get(file) {
            return Err(format!("line {before} names `{}` already", file.display()));
        }
    }
    let files: Vec<PathBuf> = std::iter::once(&path).chain(&annotations).cloned().collect();
    seen.extend(files.into_iter().map(|file| (file, line)));
    fields.retain(|_, value| !value.is_empty());
    Ok(ListedRecording {
        path,
        annotations: (!annotations.is_empty()).then_some(annotations),
        metadata: fields,
    })
}

/// Returns the path of a plain file below the root; no part of it may be a link.
fn inside(root: &Path, name: &str) -> std::result::Result<PathBuf, String> {
    if name.is_empty() {
        return Err(format!("its `{RECORDING}` is empty; expected a path below the data root"));
    }
    let given = Path::new(name);
    let below = if given.is_absolute() {
        given.strip_prefix(root).map_err(|_| outside(name, root))?
    } else {
        given
    };
    let mut path = root.to_owned();
    for part in below.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => continue,
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => {
                return Err(outside(name, root));
            }
        }
        let metadata = std::fs::symlink_metadata(&path)
            .map_err(|source| format!("`{name}` cannot be read: {source}"))?;
        if metadata.is_symlink() {
            return Err(format!("`{}` is a link; expected the file itself", path.display()));
        }
    }
    let is_file = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(path) } else { Err(format!("`{name}` is no plain file")) }
}

fn outside(name: &str, root: &Path) -> String {
    format!("`{name}` lies outside the data root `{}`", root.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("edf")).unwrap();
        for name in ["edf/a.edf", "edf/b.edf", "a.xml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn read(folder: &Path, name: &str, text: &str) -> RecordingList {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        RecordingList::read(&path, None).unwrap()
    }

    #[test]
    fn rows_name_files_and_what_is_said_of_them() {
        let folder = folder();
        let csv = "recording,annotations,subject,age\nedf/a.edf,a.xml,s1,50\nedf/b.edf,,s2,\n";
        let json = "{\"recording\":\"edf/a.edf\",\"annotations\":\"a.xml\",\"subject\":\"s1\",\"age\":50}\n\
                    {\"recording\":\"edf/b.edf\",\"subject\":\"s2\"}\n";
        for (name, text) in [("list.csv", csv), ("list.jsonl", json)] {
            let RecordingList { recordings, problems, .. } = read(folder.path(), name, text);
            assert_eq!(problems, []);
            let root = folder.path().canonicalize().unwrap();
            assert_eq!(recordings[0].path, root.join("edf/a.edf"));
            assert_eq!(recordings[0].annotations, Some(vec![root.join("a.xml")]));
            let said = [("age", "50"), ("subject", "s1")];
            let said = said.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(recordings[0].metadata, BTreeMap::from(said));
            assert_eq!(recordings[1].annotations, None);
            assert_eq!(recordings[1].subject(), Some("s2"));
        }
    }

    #[test]
    fn rows_that_cannot_be_used_are_named_by_line() {
        let folder = folder();
        let text = "recording,annotations\nedf/a.edf,\n../x.edf,\n/etc/passwd,\nedf,\nedf/c.edf,\n,\nedf/a.edf,a.xml\nedf/b.edf\n";
        let RecordingList { recordings, problems, .. } = read(folder.path(), "list.csv", text);
        assert_eq!(recordings.len(), 1);
        let expected = [
            (3, "lies outside the data root"),
            (4, "lies outside the data root"),
            (5, "`edf` is no plain file"),
            (6, "`edf/c.edf` cannot be read"),
            (7, "its `recording` is empty"),
            (8, "line 2 names"),
            (9, "found record with 1 fields"),
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (found, (line, part)) in problems.iter().zip(expected) {
            assert!(found.line == line && found.problem.contains(part), "{found:?}, {part}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_refused() {
        let folder = folder();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.edf")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("edf"), folder.path().join("linked"))
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.edf")).unwrap();
        let text = "recording\nlink.edf\nlinked/a.edf\ns.edf\n";
        let RecordingList { recordings, problems, .. } = read(folder.path(), "list.csv", text);
        assert!(recordings.is_empty());
        let parts = ["is a link", "is a link", "is no plain file"];
        for (found, part) in problems.iter().zip(parts) {
            assert!(found.problem.contains(part), "{found:?}");
        }
    }

    #[test]
    fn list_without_the_column_is_refused() {
        let folder = folder();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, "file,age\na.edf,5\n").unwrap();
        let error = RecordingList::read(&path, None).unwrap_err().to_string();
        assert!(error.ends_with("its columns are `file`, `age`; expected one called `recording`"));
    }
}
