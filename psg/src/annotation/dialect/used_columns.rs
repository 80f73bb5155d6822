//! Says which columns of a table were used.

use crate::annotation::annotation_summary::TableColumns;
use crate::error::quoted;
use crate::warning::{Warning, WarningCode};

/// Splits the columns of a header into those that are used and those that are not; names without a meaning are neither.
pub(super) fn columns_of(
    written: &[String],
    is_used: impl Fn(usize) -> bool,
    has_no_meaning: impl Fn(usize) -> bool,
) -> TableColumns {
    let mut columns = TableColumns::default();
    for (at, name) in written.iter().enumerate() {
        let name = name.trim().to_owned();
        if is_used(at) {
            columns.used.push(name);
        } else if !has_no_meaning(at) {
            columns.unused.push(name);
        }
    }
    columns
}

/// Returns a warning that names the columns that are not used, if there are any.
pub(super) fn unused_columns(columns: &TableColumns) -> Option<Warning> {
    let names: Vec<String> = columns.unused.iter().map(|name| quoted(name)).collect();
    let message = match names.as_slice() {
        [] => return None,
        [one] => format!("the column {one} is not known and was not used"),
        several => format!("the columns {} are not known and were not used", several.join(", ")),
    };
    Some(Warning::new(WarningCode::Annotation, message))
}
