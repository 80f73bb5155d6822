//! Brings whole collections into Qdrant and back.

use super::{QdrantCollection, QdrantError, QdrantSettings, QdrantWriter, Sent};
use crate::error::Result;
use crate::folder::{Collection, CollectionWriter, SpaceRecord};
use crate::recording::RecordingEntry;

/// What a copy has, and what it took to make it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QdrantCopied {
    /// Recordings that are the same in both places now.
    pub n_recordings: usize,
    /// Their epochs.
    pub n_epochs: usize,
    /// Recordings that were written; the others were there, the same, before.
    pub n_written: usize,
    /// Recordings that only the place of the copy has; they are left alone.
    pub n_others: usize,
}

impl QdrantCopied {
    fn add(&mut self, entry: &RecordingEntry, sent: Sent) {
        self.n_recordings += 1;
        self.n_epochs += entry.n_epochs;
        self.n_written += usize::from(matches!(sent, Sent::Written | Sent::WrittenTwice));
    }
}

/// Copies every recording of a folder into Qdrant, and calls `told` after each.
///
/// Each was read back and had the checksum of what was sent, or had been acknowledged so before. A copy that was stopped goes
/// on where it was. The points have the numbers of the folder, bit by bit; its 8-bit codes stay behind, and so do damaged
/// recordings: they end the copy.
///
/// # Errors
///
/// Those of [`QdrantWriter::open_or_create`] and [`QdrantWriter::put`].
pub fn copy_to_qdrant(
    from: &Collection,
    to: QdrantSettings,
    told: &mut dyn FnMut(&RecordingEntry, Sent),
) -> Result<QdrantCopied> {
    let mut writer = QdrantWriter::open_or_create(to, from.space())?;
    if let Some(record) = SpaceRecord::read(from.storage().as_ref())? {
        writer.set_record_of_copy(record)?;
    }
    let others = writer.recordings().filter(|there| from.entry(&there.id).is_none());
    let mut copied = QdrantCopied { n_others: others.count(), ..QdrantCopied::default() };
    for entry in from.recordings() {
        let sent = writer.put(&*from.read_recording(&entry.id)?)?;
        copied.add(entry, sent);
        told(entry, sent);
    }
    Ok(copied)
}

/// Copies every acknowledged recording of Qdrant into a folder, and calls `told` after each.
///
/// Each was read with the checksum that was acknowledged, and its segment in the folder is, byte for byte, the one that had
/// been sent: it bears the same hash. A copy that was stopped goes on where it was.
///
/// # Errors
///
/// Those of [`QdrantCollection::draft`] and [`CollectionWriter::commit`];
/// [`Error::OtherBundle`](crate::Error::OtherBundle) where the folder is of another space, and [`QdrantError::DamagedRecording`] where a
/// segment becomes another: the recording is in the folder then, and named by the error.
pub fn copy_from_qdrant(
    from: &QdrantCollection,
    to: &mut CollectionWriter,
    told: &mut dyn FnMut(&RecordingEntry, Sent),
) -> Result<QdrantCopied> {
    crate::folder::expect_space(from.address().as_ref(), from.space(), to.space())?;
    if let Some(record) = from.record()? {
        to.set_record_of_copy(record)?;
    }
    let others = to.recordings().filter(|there| from.entry(&there.id).is_none());
    let mut copied = QdrantCopied { n_others: others.count(), ..QdrantCopied::default() };
    for entry in from.recordings() {
        let sent = if to.entry(&entry.id) == Some(entry) {
            Sent::Unchanged
        } else {
            let draft = from.draft(&entry.id)?;
            let is_said_anew = draft.metadata != entry.metadata;
            let mut written = to.commit(draft)?;
            if is_said_anew {
                to.set_metadata([(entry.id.clone(), entry.metadata.clone())].into())?;
                written.metadata.clone_from(&entry.metadata);
            }
            expect_same(from, entry, &written)?;
            Sent::Written
        };
        copied.add(entry, sent);
        told(entry, sent);
    }
    Ok(copied)
}

fn expect_same(
    from: &QdrantCollection,
    expected: &RecordingEntry,
    written: &RecordingEntry,
) -> Result<()> {
    if written == expected {
        return Ok(());
    }
    let (found, expect) = (written.segment.hash, expected.segment.hash);
    let problem = format!("its segment became `{found}`; expected `{expect}`");
    let recording = expected.id.clone();
    Err(QdrantError::DamagedRecording { address: from.address(), recording, problem }.into())
}
