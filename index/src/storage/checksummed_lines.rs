//! Small text files of JSON lines, the last of which is the checksum of the others.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::recording::ContentHash;

/// The last line: XXH3-128 of all bytes before it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChecksumLine {
    xxh3: ContentHash,
}

/// Byte offset of a problem, and its description.
pub(crate) type Problem = (usize, String);

/// A line and its byte offset.
pub(crate) type Line<'a> = (usize, &'a [u8]);

/// Verifies the checksum in the last line and returns it with the other lines.
pub(crate) fn checked_lines(bytes: &[u8]) -> Result<(ContentHash, Vec<Line<'_>>), Problem> {
    let text = bytes
        .strip_suffix(b"\n")
        .ok_or_else(|| (bytes.len(), "it does not end with a newline".to_owned()))?;
    let last_line_at = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (content, last_line) = text.split_at(last_line_at);
    let ChecksumLine { xxh3 } = parse(last_line_at, last_line)?;
    let found = ContentHash(xxh3_128(content));
    if found != xxh3 {
        return Err((
            0,
            format!("bytes 0 to {last_line_at} have the checksum {found}, not {xxh3}"),
        ));
    }
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        lines.push((offset, line));
        offset += line.len();
    }
    Ok((xxh3, lines))
}

/// Parses a line at a byte offset.
pub(crate) fn parse<'a, T: Deserialize<'a>>(offset: usize, line: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(line).map_err(|error| (offset, error.to_string()))
}

/// Appends the checksum line, and returns the checksum with all bytes.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> (ContentHash, Vec<u8>) {
    let checksum = ContentHash(xxh3_128(&bytes));
    bytes.extend(line(&ChecksumLine { xxh3: checksum }));
    (checksum, bytes)
}

/// Returns a value as a line of JSON.
pub(crate) fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec(value).expect("text keys and finite numbers always make JSON");
    bytes.push(b'\n');
    bytes
}
