//! From the bytes of a file to lines, fields and times, whatever the dialect.

pub(super) mod clock;
pub(super) mod column_name;
pub(super) mod delimited;
pub(super) mod encoding;
pub(super) mod line_reader;
pub(super) mod parse_error;
pub(super) mod row_faults;
pub(super) mod timestamp;
