//! Finds the parts of a file that were never written: an interrupted copy leaves a long file that reads as zeros.
//!
//! Zeros are samples like others, so nothing but the file system can tell. Where it cannot, nothing is said.

use std::fs::File;
use std::path::Path;

use super::Header;
use crate::{Error, Result, Warning, WarningCode};

/// Unwritten bytes that are not worth a word: a file system may keep a run of zeros as a hole.
const FEW_BYTES: u64 = 1 << 16;
/// A file of which more than this share of the data was never written is refused.
const MOST_SHARE: f64 = 0.5;
/// Holes that are looked at; a file with more is not what a copy leaves.
const MOST_HOLES: usize = 4096;

/// Returns a warning where a part of the data records was never written.
///
/// # Errors
///
/// [`Error::Unwritten`] where it is more than half of them.
pub(super) fn check(path: &Path, file: &File, header: &Header) -> Result<Option<Warning>> {
    let bytes = header.n_records * header.record_bytes();
    let unwritten = unwritten(file, header.data_offset, header.data_offset + bytes);
    if unwritten <= FEW_BYTES {
        return Ok(None);
    }
    if unwritten as f64 > MOST_SHARE * bytes as f64 {
        return Err(Error::Unwritten { path: path.to_owned(), unwritten, bytes });
    }
    let message = format!(
        "{unwritten} of {bytes} bytes of data were never written to the disk, as an unfinished copy leaves them; they read as zeros"
    );
    Ok(Some(Warning::new(WarningCode::Unwritten, message)))
}

/// Returns the bytes from `start` to `end` that lie in holes.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
fn unwritten(file: &File, start: u64, end: u64) -> u64 {
    use rustix::fs::{SeekFrom, seek};
    let (mut place, mut unwritten) = (start, 0);
    for _ in 0..MOST_HOLES {
        let Ok(hole) = seek(file, SeekFrom::Hole(place)) else { break };
        if hole >= end {
            break;
        }
        // Behind the last data there is only the end of the file, and the search fails.
        place = seek(file, SeekFrom::Data(hole)).map_or(end, |data| data.min(end));
        unwritten += place - hole;
        if place >= end {
            break;
        }
    }
    unwritten
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
fn unwritten(_: &File, _: u64, _: u64) -> u64 {
    0
}
