//! Small files that tell one thing of a collection or a space: a line of JSON and its checksum.

use std::io::ErrorKind;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, StoredFile};
use crate::storage::checksummed_lines::{checked_lines, line, parse, sealed};
use crate::storage::{Storage, write_atomically};

/// Version of these files that this build reads and writes.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Note<T> {
    format: u32,
    #[serde(flatten)]
    told: T,
}

/// The part that every version has.
#[derive(Deserialize)]
struct AnyNote {
    format: u32,
}

/// Reads what a file tells; nothing where it is not there.
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
    let damaged = |(offset, problem): (usize, String)| Error::Damaged {
        file: StoredFile::Note,
        path: path.clone(),
        offset: offset as u64,
        problem,
    };
    let (_, lines) = checked_lines(&bytes).map_err(damaged)?;
    let [(offset, told)] = lines.as_slice() else {
        let problem = format!("it tells {} things; expected 1", lines.len());
        return Err(damaged((0, problem)));
    };
    let AnyNote { format } = parse(*offset, told).map_err(damaged)?;
    if format != FORMAT {
        return Err(Error::Format { path, found: format, supported: FORMAT });
    }
    let Note { told, .. }: Note<T> = parse(*offset, told).map_err(damaged)?;
    Ok(Some(told))
}

/// Puts a file in the place of the one before, in one step and durably.
///
/// # Errors
///
/// [`Error::Io`]; whoever reads then finds the one before, or the new one where only its name was not made durable.
pub(super) fn write(storage: &dyn Storage, name: &str, told: &impl Serialize) -> Result<()> {
    let (_, bytes) = sealed(line(&Note { format: FORMAT, told }));
    write_atomically(storage, "", name, &bytes).map_err(|error| error.into_error(storage))
}
