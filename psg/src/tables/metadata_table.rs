//! Reads a table of metadata of recordings or of their subjects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::row::{RowProblem, TableRow};
use super::rows::rows;
use crate::error::{Error, Result};
use crate::tables::subject_of;

const RECORDING: &str = "recording";
const NSRR_ID: &str = "nsrrid";
/// The columns that may name the recording or the subject; the first in the table is used.
const KEYS: [&str; 5] = [RECORDING, "subject", "participant_id", "subject_id", NSRR_ID];

/// Metadata of recordings, from CSV with a header, JSON lines, or Parquet.
///
/// Rows refer to recordings by their id in the column `recording`. Without that column they refer to subjects in the
/// column `subject`: to all recordings with that subject, which is taken from the metadata or else from the name
/// ([`subject_of`]). The column of subjects may also be `participant_id` (BIDS), `subject_id`, or `nsrrid`, the number of a
/// subject of the National Sleep Research Resource without its cohort. Every other column is metadata, as text; empty cells
/// and `n/a` are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataTable {
    /// The column that names the recording or the subject.
    key: &'static str,
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
        let rows = rows(path, &KEYS)?;
        let has = |key: &&str| rows.iter().flatten().any(|row| row.fields.contains_key(*key));
        let key = KEYS.into_iter().find(has).unwrap_or(RECORDING);
        let mut table = Self { key, rows: BTreeMap::new(), problems: Vec::new() };
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
        let key = self.key;
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
            let key = match self.key {
                RECORDING => Some(name.to_owned()),
                NSRR_ID => subject().map(|subject| number_of(&subject).to_owned()),
                _ => subject(),
            };
            let row = key.and_then(|key| self.rows.get_key_value(&key));
            metadata.push(row.map(|(_, row)| &row.values));
            used.extend(row.map(|(key, _)| key));
        }
        let what = if self.key == RECORDING { "has the id" } else { "has the subject" };
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

/// Returns the number of a subject: `200001` of `shhs-200001`.
fn number_of(subject: &str) -> &str {
    subject.rsplit_once('-').map_or(subject, |(_, number)| number)
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
    fn tables_of_bids_and_nsrr_are_used_as_they_are() {
        let table = |text| table(text).unwrap();
        let bids = table("participant_id\tage\tsex\nsub-01\t61\tn/a\n");
        let (metadata, problems) = matched(&bids, &[("sub-01/sub-01_task-sleep_eeg", None)]);
        assert_eq!((&metadata[..], &problems[..]), (&[r#"{"age": "61"}"#.to_owned()][..], &[][..]));
        let nsrr = table("nsrrid;age\n200001;61\n");
        let (metadata, _) = matched(&nsrr, &[("shhs1-200001", None), ("shhs2-200002", None)]);
        assert_eq!(metadata, [r#"{"age": "61"}"#, "none"]);
    }

    #[test]
    fn rejects_tables_without_a_key_column() {
        let error = table("file,age\na,5\n").unwrap_err().to_string();
        let expect = "the columns are `file`, `age`; expected `recording` or `subject` or `participant_id` or `subject_id` \
                      or `nsrrid`";
        assert!(error.ends_with(expect), "{error}");
    }
}
