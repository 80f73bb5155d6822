//! Notes: small files with one value, as a line of JSON and a line with its checksum.
//!
//! ```text
//! {"format":1,"number":3,"space":"v2","previous":"main"}      for example, in `serving.jsonl`
//! {"xxh3":"…"}                                                XXH3-128 of all bytes before this line
//! ```

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, LocationName, Result, StoredFile};
use crate::storage::checksummed_lines::{Problem, checked_lines, line, parse, sealed};
use crate::storage::{Storage, write_atomically};

/// Version of the format that this build reads and writes.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Note<T> {
    format: u32,
    #[serde(flatten)]
    value: T,
}

/// The part that every format has.
#[derive(Deserialize)]
struct AnyNote {
    format: u32,
}

/// Reads a note, or returns `None` if the file does not exist.
///
/// # Errors
///
/// [`Error::Damaged`], [`Error::Format`] and [`Error::Io`].
pub(super) fn read<T: DeserializeOwned>(storage: &dyn Storage, name: &str) -> Result<Option<T>> {
    let path = storage.path(name);
    let bytes = match storage.read(name) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        other => other.map_err(Error::io(&path, "read"))?,
    };
    let damaged = |problem| damaged(&path, problem);
    let (_, lines) = checked_lines(&bytes).map_err(damaged)?;
    let [(offset, note)] = lines.as_slice() else {
        return Err(damaged((0, format!("it has {} values; expected 1", lines.len()))));
    };
    let AnyNote { format } = parse(*offset, note).map_err(damaged)?;
    if format != FORMAT {
        let location = LocationName::Path(path);
        return Err(Error::Format { location, found: format, supported: FORMAT });
    }
    let Note { value, .. }: Note<T> = parse(*offset, note).map_err(damaged)?;
    Ok(Some(value))
}

/// Replaces a note in one step, durably.
///
/// # Errors
///
/// [`Error::Io`]. The previous note is then still there, or the new one, if only its name was not made durable.
pub(super) fn write(storage: &dyn Storage, name: &str, value: &impl Serialize) -> Result<()> {
    let (_, bytes) = sealed(line(&Note { format: FORMAT, value }));
    write_atomically(storage, "", name, &bytes).map_err(|error| error.into_error(storage))
}

fn damaged(path: &Path, (offset, problem): Problem) -> Error {
    Error::Damaged { file: StoredFile::Note, path: path.to_owned(), offset: offset as u64, problem }
}
