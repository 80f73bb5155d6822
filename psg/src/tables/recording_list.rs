//! Reads a list of recordings with their annotation files and metadata.
//!
//! A list is CSV, JSON lines or Parquet. The column `recording` is required; `annotations` names one file, or several
//! separated by `;`; `stage_map`, `annotations_format` and `scorer` say how they are read; every other column, such as
//! `subject`, is metadata. A list may come from an untrusted source, so
//! paths must be below the data root and name plain files.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::row::{RowProblem, TableRow};
use super::rows::rows;
use crate::annotation::ScoringOptions;
use crate::error::{Error, Result};

const RECORDING: &str = "recording";
const ANNOTATIONS: &str = "annotations";
const STAGE_MAP: &str = "stage_map";
const FORMAT: &str = "annotations_format";
const SCORER: &str = "scorer";
const SUBJECT: &str = "subject";

/// A list of recordings and the rows that could not be used.
#[derive(Debug)]
pub struct RecordingList {
    /// The folder that contains all recordings, canonicalised.
    pub root: PathBuf,
    /// Recordings, in the order of the list.
    pub recordings: Vec<ListedRecording>,
    /// Rows that cannot be used, by line.
    pub problems: Vec<RowProblem>,
}

/// A recording in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRecording {
    /// The file.
    pub path: PathBuf,
    /// Its annotation files, or `None` if the list names none.
    pub annotations: Option<Vec<PathBuf>>,
    /// What the columns `stage_map`, `annotations_format` and `scorer` say about its annotations.
    pub scoring: ScoringOptions,
    /// All other columns with a value, such as `subject`.
    pub metadata: BTreeMap<String, String>,
}

impl ListedRecording {
    /// Returns the subject, or `None` if the list gives none.
    pub fn subject(&self) -> Option<&str> {
        self.metadata.get(SUBJECT).map(String::as_str)
    }
}

impl RecordingList {
    /// Reads a list. The data root defaults to the folder of the list.
    ///
    /// # Errors
    ///
    /// [`Error::List`] if the list cannot be read or has no rows. Invalid rows are not errors but
    /// [`problems`](Self::problems).
    pub fn read(path: &Path, root: Option<&Path>) -> Result<Self> {
        let error = |problem: String| Error::List { path: path.to_owned(), problem };
        let rows = rows(path, &[RECORDING])?;
        let beside = || path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let root = root.or_else(beside).unwrap_or(Path::new("."));
        let root = root.canonicalize().map_err(|source| {
            error(format!("cannot open the data root `{}`: {source}", root.display()))
        })?;
        let (mut recordings, mut problems) = (Vec::new(), Vec::new());
        let mut seen: BTreeMap<PathBuf, u64> = BTreeMap::new();
        for row in rows {
            let listed = row.and_then(|row| {
                let line = row.line;
                checked_row(&root, row, &mut seen).map_err(|problem| RowProblem { line, problem })
            });
            match listed {
                Ok(recording) => recordings.push(recording),
                Err(problem) => problems.push(problem),
            }
        }
        if recordings.is_empty() && problems.is_empty() {
            return Err(error("it has no rows".to_owned()));
        }
        Ok(Self { root, recordings, problems })
    }
}

/// Checks that the files of a row exist below the root and that no earlier row names them.
fn checked_row(
    root: &Path,
    row: TableRow,
    seen: &mut BTreeMap<PathBuf, u64>,
) -> std::result::Result<ListedRecording, String> {
    let TableRow { line, mut fields } = row;
    let recording = fields.remove(RECORDING).unwrap_or_default();
    let annotations = fields.remove(ANNOTATIONS).unwrap_or_default();
    let path = plain_file_below(root, &recording)?;
    let annotations: Vec<PathBuf> = annotations
        .split(';')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| plain_file_below(root, name))
        .collect::<std::result::Result<_, _>>()?;
    for file in std::iter::once(&path).chain(&annotations) {
        if let Some(before) = seen.get(file) {
            return Err(format!("`{}` is already listed in line {before}", file.display()));
        }
    }
    let files: Vec<PathBuf> = std::iter::once(&path).chain(&annotations).cloned().collect();
    seen.extend(files.into_iter().map(|file| (file, line)));
    fields.retain(|_, value| !value.is_empty());
    let scoring = scoring_options(&mut fields)?;
    Ok(ListedRecording {
        path,
        annotations: (!annotations.is_empty()).then_some(annotations),
        scoring,
        metadata: fields,
    })
}

/// Takes what a row says about annotations out of its fields.
fn scoring_options(
    fields: &mut BTreeMap<String, String>,
) -> std::result::Result<ScoringOptions, String> {
    let in_field = |field: &'static str| move |problem| format!("the field `{field}`: {problem}");
    let stage_map = fields.remove(STAGE_MAP).map(|text| text.parse()).transpose();
    let format = fields.remove(FORMAT).map(|text| text.parse()).transpose();
    Ok(ScoringOptions {
        stage_map: stage_map.map_err(in_field(STAGE_MAP))?.unwrap_or_default(),
        format: format.map_err(in_field(FORMAT))?,
        scorer: fields.remove(SCORER),
    })
}

/// Returns the path of a plain file below the root; no component may be a symbolic link.
fn plain_file_below(root: &Path, name: &str) -> std::result::Result<PathBuf, String> {
    if name.is_empty() {
        return Err(format!(
            "the field `{RECORDING}` is empty; expected a path below the data root"
        ));
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
            .map_err(|source| format!("cannot read `{name}`: {source}"))?;
        if metadata.is_symlink() {
            return Err(format!("`{}` is a symbolic link; expected a plain file", path.display()));
        }
    }
    let is_file = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(path) } else { Err(format!("`{name}` is not a plain file")) }
}

fn outside(name: &str, root: &Path) -> String {
    format!("`{name}` is outside the data root `{}`", root.display())
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
    fn reads_files_annotations_and_metadata() {
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
            let expected = [("age", "50"), ("subject", "s1")];
            let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(recordings[0].metadata, BTreeMap::from(expected));
            assert_eq!(recordings[1].annotations, None);
            assert_eq!(recordings[1].subject(), Some("s2"));
        }
    }

    #[test]
    fn invalid_rows_are_reported_by_line() {
        let folder = folder();
        let text = "recording,annotations\nedf/a.edf,\n../x.edf,\n/etc/passwd,\nedf,\nedf/c.edf,\n,\nedf/a.edf,a.xml\nedf/b.edf\n";
        let RecordingList { recordings, problems, .. } = read(folder.path(), "list.csv", text);
        assert_eq!(recordings.len(), 1);
        let expected = [
            (3, "is outside the data root"),
            (4, "is outside the data root"),
            (5, "`edf` is not a plain file"),
            (6, "cannot read `edf/c.edf`"),
            (7, "the field `recording` is empty"),
            (8, "is already listed in line 2"),
            (9, "found record with 1 fields"),
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (found, (line, part)) in problems.iter().zip(expected) {
            assert!(found.line == line && found.problem.contains(part), "{found:?}, {part}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn rejects_links_and_sockets() {
        let folder = folder();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.edf")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("edf"), folder.path().join("linked"))
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.edf")).unwrap();
        let text = "recording\nlink.edf\nlinked/a.edf\ns.edf\n";
        let RecordingList { recordings, problems, .. } = read(folder.path(), "list.csv", text);
        assert!(recordings.is_empty());
        let parts = ["is a symbolic link", "is a symbolic link", "is not a plain file"];
        for (found, part) in problems.iter().zip(parts) {
            assert!(found.problem.contains(part), "{found:?}");
        }
    }

    #[test]
    fn rejects_lists_without_a_recording_column() {
        let folder = folder();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, "file,age\na.edf,5\n").unwrap();
        let error = RecordingList::read(&path, None).unwrap_err().to_string();
        assert!(error.ends_with("the columns are `file`, `age`; expected `recording`"));
    }
}
