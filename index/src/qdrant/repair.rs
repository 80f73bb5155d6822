//! Sends recordings again whose points are incomplete.

use std::collections::BTreeSet;

use nocturne_psg::RecordingId;

use super::{QdrantSettings, QdrantWriter, Sent};
use crate::error::Result;
use crate::folder::Collection;

/// The result of repairing a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// It was sent, read back, and acknowledged.
    Sent(Sent),
    /// The folder does not have it.
    NotInFolder,
}

/// Sends recordings of a folder again, whatever the manifest says of them, and calls `report` after each.
///
/// It is for recordings whose upload has not ended, and for those that [`QdrantCollection::verify`] returns.
///
/// # Errors
///
/// Those of [`QdrantWriter::open_or_create`] and [`QdrantWriter::put_again`].
///
/// [`QdrantCollection::verify`]: super::QdrantCollection::verify
pub fn repair(
    from: &Collection,
    to: QdrantSettings,
    broken: &BTreeSet<RecordingId>,
    report: &mut dyn FnMut(&RecordingId, Repaired),
) -> Result<()> {
    let mut writer = QdrantWriter::open_or_create(to, from.space())?;
    for id in broken {
        let repaired = match from.entry(id) {
            Some(_) => Repaired::Sent(writer.put_again(&*from.read_recording(id)?)?),
            None => Repaired::NotInFolder,
        };
        report(id, repaired);
    }
    Ok(())
}
