//! Finds the parts of a file that were never written: an interrupted copy may leave a long file that reads as zeros.
//!
//! Zeros are valid samples, so only the file system knows, by the holes of a sparse file. If it does not report holes,
//! there is no warning.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};
use crate::header::EdfHeader;
use crate::warning::EdfWarning;

/// Unwritten bytes that are not reported: a file system may store a short run of zeros as a hole.
const MIN_BYTES: u64 = 1 << 16;
/// A file is refused if more than this share of its data was never written.
const MAX_SHARE: f64 = 0.5;
/// Maximum number of holes that are counted; an interrupted copy leaves few.
const MAX_HOLES: usize = 4096;

/// Returns a warning if a part of the data records was never written.
///
/// # Errors
///
/// [`Error::Unwritten`] if it is more than half of them.
pub(crate) fn check(path: &Path, file: &File, header: &EdfHeader) -> Result<Option<EdfWarning>> {
    let bytes = header.n_records * header.record_bytes();
    let unwritten = unwritten_bytes(file, header.data_offset, header.data_offset + bytes);
    if unwritten <= MIN_BYTES {
        return Ok(None);
    }
    if unwritten as f64 > MAX_SHARE * bytes as f64 {
        return Err(Error::Unwritten { path: path.to_owned(), unwritten, bytes });
    }
    Ok(Some(EdfWarning::Unwritten { unwritten, bytes }))
}

/// Returns the bytes in holes between two offsets.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
fn unwritten_bytes(file: &File, start: u64, end: u64) -> u64 {
    use rustix::fs::{SeekFrom, seek};
    let (mut offset, mut unwritten) = (start, 0);
    for _ in 0..MAX_HOLES {
        let Ok(hole) = seek(file, SeekFrom::Hole(offset)) else { break };
        if hole >= end {
            break;
        }
        // Seeking data fails in a hole at the end of the file.
        offset = seek(file, SeekFrom::Data(hole)).map_or(end, |data| data.min(end));
        unwritten += offset - hole;
        if offset >= end {
            break;
        }
    }
    unwritten
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
fn unwritten_bytes(_: &File, _: u64, _: u64) -> u64 {
    0
}
