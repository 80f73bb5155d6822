//! Sends recordings again of which not every point is there.

use std::collections::BTreeSet;

use nocturne_psg::RecordingId;

use super::{QdrantSettings, QdrantWriter, Sent};
use crate::error::Result;
use crate::folder::Collection;

/// What became of a recording that was to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// It was sent, read back, and acknowledged.
    Sent(Sent),
    /// The folder does not have it.
    NotInFolder,
}

/// Sends recordings of a folder once more, whatever the list in Qdrant says of them, and calls `told` after each.
///
/// It is meant for recordings whose upload has not ended, and for those that [`QdrantCollection::verify`] names. What the
/// folder has now is what is there afterwards.
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
    told: &mut dyn FnMut(&RecordingId, Repaired),
) -> Result<()> {
    let mut writer = QdrantWriter::open_or_create(to, from.space())?;
    for id in broken {
        let repaired = match from.entry(id) {
            Some(_) => Repaired::Sent(writer.put_again(&*from.read_recording(id)?)?),
            None => Repaired::NotInFolder,
        };
        told(id, repaired);
    }
    Ok(())
}
