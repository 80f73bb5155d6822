//! Reads a table of metadata of recordings or of their subjects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::row::{RowProblem, TableRow};
use super::rows::rows;
use crate::error::{Error, Result};
use crate::tables::subject_of;

const RECORDING: &str = "recording";
const SUBJECT: &str = "subject";

/// Metadata of recordings, from CSV with a header, JSON lines, or Parquet.
///
/// Rows refer to recordings by their id in the column `recording`. Without that column they refer to subjects in the
/// column `subject`: to all recordings with that subject, which is taken from the metadata or else from the name
/// ([`subject_of`]). Every other column is metadata, as text; empty cells are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataTable {
    is_by_subject: bool,
    rows: BTreeMap<String, MetadataRow>,
    problems: Vec<RowProblem>,
}

/// A row with its line number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MetadataRow {
    line: u64,
    values: BTreeMap<String, String>,
}

/// The rows of a table that match given recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedMetadata<'a> {
    /// The metadata of each recording, in the given order; `None` if no row matches.
    pub metadata: Vec<Option<&'a BTreeMap<String, String>>>,
    /// Rows that cannot be used and rows that match no recording, by line.
    pub problems: Vec<RowProblem>,
}

impl MetadataTable {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`Error::List`] if the table cannot be read or has no rows. Invalid rows are not errors but are reported by
    /// [`matched`](Self::matched).
    pub fn read(path: &Path) -> Result<Self> {
        let rows = rows(path, &[RECORDING, SUBJECT])?;
        let has_recording = |row: &TableRow| row.fields.contains_key(RECORDING);
        let is_by_subject = !rows.iter().flatten().any(has_recording);
        let mut table = Self { is_by_subject, rows: BTreeMap::new(), problems: Vec::new() };
        for row in rows {
            if let Err(problem) = row.and_then(|row| table.add(row)) {
                table.problems.push(problem);
            }
        }
        if table.rows.is_empty() && table.problems.is_empty() {
            return Err(Error::List {
                path: path.to_owned(),
                problem: "it has no rows".to_owned(),
            });
        }
        Ok(table)
    }

    fn add(
        &mut self,
        TableRow { line, mut fields }: TableRow,
    ) -> std::result::Result<(), RowProblem> {
        let key = if self.is_by_subject { SUBJECT } else { RECORDING };
        fields.retain(|_, value| !value.is_empty());
        let Some(name) = fields.remove(key) else {
            return Err(RowProblem { line, problem: format!("the field `{key}` is empty") });
        };
        if let Some(before) = self.rows.get(&name) {
            let problem = format!("`{name}` already has line {}", before.line);
            return Err(RowProblem { line, problem });
        }
        self.rows.insert(name, MetadataRow { line, values: fields });
        Ok(())
    }

    /// Returns the metadata of recordings, each given by its id and its subject, if known.
    pub fn matched<'b>(
        &self,
        recordings: impl IntoIterator<Item = (&'b str, Option<&'b str>)>,
    ) -> MatchedMetadata<'_> {
        let mut used = BTreeSet::new();
        let mut metadata = Vec::new();
        for (name, subject) in recordings {
            let subject = || subject.map(str::to_owned).or_else(|| subject_of(name));
            let key = if self.is_by_subject { subject() } else { Some(name.to_owned()) };
            let row = key.and_then(|key| self.rows.get_key_value(&key));
            metadata.push(row.map(|(_, row)| &row.values));
            used.extend(row.map(|(key, _)| key));
        }
        let what = if self.is_by_subject { "has the subject" } else { "has the id" };
        let unused = self.rows.iter().filter(|(key, _)| !used.contains(key));
        let unused = unused.map(|(key, row)| RowProblem {
            line: row.line,
            problem: format!("no recording {what} `{key}`"),
        });
        let mut problems: Vec<RowProblem> = self.problems.iter().cloned().chain(unused).collect();
        problems.sort_by_key(|problem| problem.line);
        MatchedMetadata { metadata, problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<MetadataTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        MetadataTable::read(&path)
    }

    fn matched(
        table: &MetadataTable,
        names: &[(&str, Option<&str>)],
    ) -> (Vec<String>, Vec<String>) {
        let MatchedMetadata { metadata, problems } = table.matched(names.iter().copied());
        let metadata =
            metadata.iter().map(|it| it.map_or("none".to_owned(), |it| format!("{it:?}")));
        let problems = problems.iter().map(|it| format!("{}: {}", it.line, it.problem));
        (metadata.collect(), problems.collect())
    }

    #[test]
    fn rows_match_recordings_by_id() {
        let table =
            table("recording,subject,age\na/n1,s1,61\nn2,,90+\nn9,s9,1\nn2,s2,5\n").unwrap();
        let (metadata, problems) =
            matched(&table, &[("n2", Some("s9")), ("a/n1", None), ("n3", None)]);
        let expect = [r#"{"age": "90+"}"#, r#"{"age": "61", "subject": "s1"}"#, "none"];
        assert_eq!(metadata, expect);
        assert_eq!(problems, ["4: no recording has the id `n9`", "5: `n2` already has line 3"]);
    }

    #[test]
    fn rows_match_subjects_without_a_recording_column() {
        let table = table("subject,sex\nshhs-200001,F\nanna,M\n,F\n").unwrap();
        let names =
            [("shhs/shhs1-200001", None), ("x", Some("anna")), ("shhs2-200001", None), ("y", None)];
        let (metadata, problems) = matched(&table, &names);
        assert_eq!(metadata, [r#"{"sex": "F"}"#, r#"{"sex": "M"}"#, r#"{"sex": "F"}"#, "none"]);
        assert_eq!(problems, ["4: the field `subject` is empty"]);
    }

    #[test]
    fn rejects_tables_without_a_key_column() {
        let error = table("file,age\na,5\n").unwrap_err().to_string();
        let expect = "the columns are `file`, `age`; expected `recording` or `subject`";
        assert!(error.ends_with(expect), "{error}");
    }
}
