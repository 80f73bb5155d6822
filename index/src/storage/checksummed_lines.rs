//! Small text files of JSON lines whose last line is the checksum of all others.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::recording::SegmentHash;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    xxh3: SegmentHash,
}

/// Where something is wrong, in bytes, and what.
pub(crate) type Problem = (usize, String);

/// A line and its place, in bytes.
pub(crate) type Line<'a> = (usize, &'a [u8]);

/// Returns the checksum in the last line and every other line with its place, once it fits them.
pub(crate) fn checked_lines(bytes: &[u8]) -> Result<(SegmentHash, Vec<Line<'_>>), Problem> {
    let text = bytes
        .strip_suffix(b"\n")
        .ok_or_else(|| (bytes.len(), "it does not end with a line".to_owned()))?;
    let tail_at = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (content, tail) = text.split_at(tail_at);
    let Tail { xxh3 } = parse(tail_at, tail)?;
    let found = SegmentHash(xxh3_128(content));
    if found != xxh3 {
        return Err((0, format!("bytes 0 to {tail_at} have the checksum {found}, not {xxh3}")));
    }
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        lines.push((offset, line));
        offset += line.len();
    }
    Ok((xxh3, lines))
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(offset: usize, line: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(line).map_err(|error| (offset, error.to_string()))
}

/// Appends the line with the checksum of all before it.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> (SegmentHash, Vec<u8>) {
    let checksum = SegmentHash(xxh3_128(&bytes));
    bytes.extend(line(&Tail { xxh3: checksum }));
    (checksum, bytes)
}

pub(crate) fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec(value).expect("text keys and finite numbers always make JSON");
    bytes.push(b'\n');
    bytes
}
