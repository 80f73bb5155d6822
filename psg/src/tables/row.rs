//! A row of a table as text, and why a row cannot be used.

use std::collections::BTreeMap;

use serde::Serialize;

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Line in the table, from 1; for Parquet, the row.
    pub line: u64,
    /// Why it cannot be used, as a sentence.
    pub problem: String,
}

/// A row of a table.
#[derive(Debug)]
pub(super) struct TableRow {
    pub(super) line: u64,
    pub(super) fields: BTreeMap<String, String>,
}

/// The rows of a table, or why a row cannot be read.
pub(super) type ReadRows = Vec<Result<TableRow, RowProblem>>;

/// Checks that a table has one of the columns `keys`.
pub(super) fn expect_one_of(columns: &[&str], keys: &[&str]) -> Result<(), String> {
    if columns.iter().any(|column| keys.contains(column)) {
        return Ok(());
    }
    Err(format!("the columns are `{}`; expected `{}`", columns.join("`, `"), keys.join("` or `")))
}
