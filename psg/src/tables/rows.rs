//! Reads the rows of a table as text: CSV with a header (commas, semicolons or tabs), JSON lines, or Parquet.
//!
//! Values are converted to text as they would appear in CSV; missing values (also `n/a`, as BIDS writes them) are empty.

use std::collections::BTreeMap;
use std::path::Path;

use super::parquet;
use super::row::{ReadRows, RowProblem, TableRow, expect_one_of};
use crate::error::{Error, Result};

/// Reads the rows of a table that must have one of the columns `keys`.
///
/// # Errors
///
/// [`Error::List`] if the table cannot be read or has none of the columns.
pub(super) fn rows(path: &Path, keys: &[&str]) -> Result<ReadRows> {
    let error = |problem: String| Error::List { path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|source| error(source.to_string()))?;
    if bytes.starts_with(parquet::MAGIC) {
        return parquet::rows(bytes, keys).map_err(error);
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| error("the file is neither Parquet nor UTF-8 text".to_owned()))?;
    let is_json = text.trim_start().starts_with('{');
    if is_json { Ok(json_rows(&text)) } else { csv_rows(&text, keys).map_err(error) }
}

fn csv_rows(text: &str, keys: &[&str]) -> std::result::Result<ReadRows, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|problem| problem.to_string())?.clone();
    expect_one_of(&header.iter().collect::<Vec<_>>(), keys)?;
    let rows = reader.records().map(|record| {
        let record = record.map_err(|problem| RowProblem {
            line: problem.position().map_or(0, csv::Position::line),
            problem: problem.to_string(),
        })?;
        let fields = header
            .iter()
            .zip(&record)
            .map(|(key, value)| (key.to_owned(), present(value).to_owned()));
        let line = record.position().map_or(0, csv::Position::line);
        Ok(TableRow { line, fields: fields.collect() })
    });
    Ok(rows.collect())
}

/// Returns the delimiter that occurs most often in the header; a comma if none does.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Returns a value, empty if it is missing.
fn present(value: &str) -> &str {
    if value.eq_ignore_ascii_case("n/a") { "" } else { value }
}

fn json_rows(text: &str) -> ReadRows {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(i, line): (usize, &str)| {
        let line_number = i as u64 + 1;
        let object: BTreeMap<String, serde_json::Value> = serde_json::from_str(line)
            .map_err(|problem| RowProblem { line: line_number, problem: problem.to_string() })?;
        let text = |value: serde_json::Value| match &value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => value.to_string(),
        };
        let fields = object.into_iter().map(|(key, value)| (key, text(value))).collect();
        Ok(TableRow { line: line_number, fields })
    };
    lines.map(row).collect()
}
