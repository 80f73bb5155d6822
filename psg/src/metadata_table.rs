//! Reads a table of what is said of recordings, or of the persons whose nights they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::table::{Row, RowProblem, rows};
use crate::{Error, Result, subject_of};

const RECORDING: &str = "recording";
const SUBJECT: &str = "subject";

/// What is said of recordings: CSV with a header, JSON lines, or Parquet.
///
/// A column `recording` holds names of recordings; without it, a column `subject` holds persons, whose recordings are
/// those with that `subject`, or whose name is a person's after [`subject_of`]. Every other column is kept as text;
/// an empty cell says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataTable {
    is_by_subject: bool,
    rows: BTreeMap<String, Said>,
    problems: Vec<RowProblem>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    line: u64,
    values: BTreeMap<String, String>,
}

/// What a table says of some recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedMetadata<'a> {
    /// For each recording, in order, what is said of it.
    pub said: Vec<Option<&'a BTreeMap<String, String>>>,
    /// Rows that cannot be used, and those that are about none of the recordings, by line.
    pub problems: Vec<RowProblem>,
}

impl MetadataTable {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`Error::List`] where it cannot be read as a whole. A bad row is no error: it is told with what
    /// [`matched`](Self::matched) returns.
    pub fn read(path: &Path) -> Result<Self> {
        let rows = rows(path, &[RECORDING, SUBJECT])?;
        let has_recording = |row: &Row| row.fields.contains_key(RECORDING);
        let is_by_subject = !rows.iter().flatten().any(has_recording);
        let mut table = Self { is_by_subject, rows: BTreeMap::new(), problems: Vec::new() };
        for row in rows {
            if let Err(problem) = row.and_then(|row| table.take(row)) {
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

    fn take(&mut self, Row { line, mut fields }: Row) -> std::result::Result<(), RowProblem> {
        let key = if self.is_by_subject { SUBJECT } else { RECORDING };
        fields.retain(|_, value| !value.is_empty());
        let Some(name) = fields.remove(key) else {
            return Err(RowProblem { line, problem: format!("its `{key}` is empty") });
        };
        if let Some(before) = self.rows.get(&name) {
            let problem = format!("line {} is about `{name}` already", before.line);
            return Err(RowProblem { line, problem });
        }
        self.rows.insert(name, Said { line, values: fields });
        Ok(())
    }

    /// Returns what is said of recordings, each given by its name and the person that it is known to be of.
    pub fn matched<'b>(
        &self,
        recordings: impl IntoIterator<Item = (&'b str, Option<&'b str>)>,
    ) -> MatchedMetadata<'_> {
        let mut used = BTreeSet::new();
        let mut said = Vec::new();
        for (name, subject) in recordings {
            let subject = || subject.map(str::to_owned).or_else(|| subject_of(name));
            let key = if self.is_by_subject { subject() } else { Some(name.to_owned()) };
            let row = key.and_then(|key| self.rows.get_key_value(&key));
            said.push(row.map(|(_, row)| &row.values));
            used.extend(row.map(|(key, _)| key));
        }
        let what = if self.is_by_subject { "is of a person called" } else { "is called" };
        let unused = self.rows.iter().filter(|(key, _)| !used.contains(key));
        let unused = unused.map(|(key, row)| RowProblem {
            line: row.line,
            problem: format!("no recording {what} `{key}`"),
        });
        let mut problems: Vec<RowProblem> = self.problems.iter().cloned().chain(unused).collect();
        problems.sort_by_key(|problem| problem.line);
        MatchedMetadata { said, problems }
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

    fn said(table: &MetadataTable, names: &[(&str, Option<&str>)]) -> (Vec<String>, Vec<String>) {
        let MatchedMetadata { said, problems } = table.matched(names.iter().copied());
        let said = said.iter().map(|it| it.map_or("nothing".to_owned(), |it| format!("{it:?}")));
        let told = problems.iter().map(|it| format!("{}: {}", it.line, it.problem));
        (said.collect(), told.collect())
    }

    #[test]
    fn rows_are_about_recordings_by_name() {
        let table =
            table("recording,subject,age\na/n1,s1,61\nn2,,90+\nn9,s9,1\nn2,s2,5\n").unwrap();
        let (said, problems) = said(&table, &[("n2", Some("s9")), ("a/n1", None), ("n3", None)]);
        let expect = [r#"{"age": "90+"}"#, r#"{"age": "61", "subject": "s1"}"#, "nothing"];
        assert_eq!(said, expect);
        assert_eq!(problems, ["4: no recording is called `n9`", "5: line 3 is about `n2` already"]);
    }

    #[test]
    fn rows_are_about_the_nights_of_a_person_where_no_recording_is_named() {
        let table = table("subject,sex\nshhs-200001,F\nanna,M\n,F\n").unwrap();
        let names =
            [("shhs/shhs1-200001", None), ("x", Some("anna")), ("shhs2-200001", None), ("y", None)];
        let (said, problems) = said(&table, &names);
        assert_eq!(said, [r#"{"sex": "F"}"#, r#"{"sex": "M"}"#, r#"{"sex": "F"}"#, "nothing"]);
        assert_eq!(problems, ["4: its `subject` is empty"]);
    }

    #[test]
    fn table_without_a_key_is_refused() {
        let error = table("file,age\na,5\n").unwrap_err().to_string();
        let expect = "its columns are `file`, `age`; expected one called `recording` or `subject`";
        assert!(error.ends_with(expect), "{error}");
    }
}
