//! The run: a reading thread, an encoding thread, and the caller's thread that writes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nocturne_encoder::{SignalEncoder, TextEncoder};
use nocturne_index::{CollectionWriter, RecordingEntry};
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{RecordingId, ZScore};

use crate::captions::CaptionKinds;
use crate::encode::{EncodedRecording, Encoder};
use crate::read::{Outcome, PROFILE, ReadRecording, read};
use crate::report::{Acknowledged, Failed, Progress, Report};
use crate::{Error, FoundRecording, RecordingError, Result};

/// How recordings are read and what is kept of them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Span over which channels are scaled, as the bundle demands.
    pub z_score: ZScore,
    /// Captions to make.
    pub captions: CaptionKinds,
    /// Profile by which labels are read.
    pub profile: ProfileChoice,
    /// Whether recordings that are read with a warning are passed over.
    pub strict: bool,
    /// What is said of every recording, such as its cohort.
    pub metadata: BTreeMap<String, String>,
}

/// Fills a collection.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Indexer {
    encoder: Encoder,
    writer: CollectionWriter,
    options: Options,
}

/// A recording on its way, or what became of it.
enum Step<T> {
    Ready { path: PathBuf, item: Box<T> },
    Unchanged(RecordingId),
    Said(RecordingId, BTreeMap<String, String>),
    Failed(Failed),
}

impl Indexer {
    /// Makes an indexer of both towers of a bundle and a writer of a collection that belongs to it.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        writer: CollectionWriter,
        options: Options,
    ) -> Self {
        Self { encoder: Encoder { signal, text }, writer, options }
    }

    /// Indexes recordings, and tells `progress` of each as it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] where the collection can no longer be written; what was acknowledged is safe.
    /// A recording that cannot be read is no error of the run: it is in the report.
    pub fn run(
        self,
        found: Vec<FoundRecording>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Report> {
        let Self { encoder, mut writer, mut options } = self;
        if let Some(profile) = chosen(&options.profile)? {
            options.metadata.insert(PROFILE.to_owned(), profile);
        }
        progress(Progress::Found { n_recordings: found.len() });
        // The queues hold nothing: a night waits in the hands of the thread that made it, and there are two at most.
        let (read_sender, read_receiver) = sync_channel(0);
        let (encoded_sender, encoded_receiver) = sync_channel(0);
        let mut entries: BTreeMap<RecordingId, RecordingEntry> =
            writer.recordings().map(|entry| (entry.id.clone(), entry.clone())).collect();
        for (recording, error) in writer.damaged()? {
            progress(Progress::Damaged { recording: &recording, error: &error });
            entries.remove(&recording);
        }
        thread::scope(|scope| {
            let reader =
                thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || {
                    read_all(found, &entries, &options, &read_sender);
                });
            let encoding =
                thread::Builder::new().name("encode".to_owned()).spawn_scoped(scope, move || {
                    encode_all(encoder, read_receiver, &encoded_sender);
                });
            if reader.is_err() || encoding.is_err() {
                return Err(Error::ThreadLost { thread: "reading or encoding" });
            }
            write_all(&mut writer, encoded_receiver, &mut progress)
        })
    }
}

/// Returns what is kept of a profile of one's choice: its name, or the hash of its file.
fn chosen(profile: &ProfileChoice) -> Result<Option<String>> {
    match profile {
        ProfileChoice::Auto => Ok(None),
        ProfileChoice::Named(name) => Ok(Some(name.clone())),
        ProfileChoice::File(path) => Ok(Some(sha256_of_file(path).map_err(Error::Profile)?)),
    }
}

/// Reads recordings until there are no more or nobody wants them.
fn read_all(
    found: Vec<FoundRecording>,
    entries: &BTreeMap<RecordingId, RecordingEntry>,
    options: &Options,
    sender: &SyncSender<Step<ReadRecording>>,
) {
    for recording in found {
        let path = recording.path.clone();
        let entry = |id: &RecordingId| entries.get(id).cloned();
        let step = match read(recording, entry, options) {
            Outcome::Read(item) => Step::Ready { path, item },
            Outcome::Unchanged(id) => Step::Unchanged(id),
            Outcome::Said(id, metadata) => Step::Said(id, metadata),
            Outcome::Failed(error) => Step::Failed(Failed { path, error }),
        };
        if sender.send(step).is_err() {
            return;
        }
    }
}

/// Encodes recordings until there are no more or nobody wants them.
fn encode_all(
    mut encoder: Encoder,
    receiver: Receiver<Step<ReadRecording>>,
    sender: &SyncSender<Step<EncodedRecording>>,
) {
    for step in receiver {
        let step = match step {
            Step::Ready { path, item } => match encoder.encode(*item) {
                Ok(encoded) => Step::Ready { path, item: Box::new(encoded) },
                Err(error) => Step::Failed(Failed { path, error }),
            },
            Step::Unchanged(id) => Step::Unchanged(id),
            Step::Said(id, metadata) => Step::Said(id, metadata),
            Step::Failed(failed) => Step::Failed(failed),
        };
        if sender.send(step).is_err() {
            return;
        }
    }
}

fn write_all(
    writer: &mut CollectionWriter,
    receiver: Receiver<Step<EncodedRecording>>,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<Report> {
    let mut report = Report::default();
    for step in receiver {
        match step {
            Step::Ready { path, item } => match write(writer, *item) {
                Ok(acknowledged) => {
                    progress(Progress::Acknowledged(&acknowledged));
                    report.acknowledged.push(acknowledged);
                }
                // What the recording is to blame for does not end the run; what the disk is to blame for does.
                Err(
                    error @ (nocturne_index::Error::Draft { .. }
                    | nocturne_index::Error::Dimension { .. }),
                ) => {
                    fail(
                        &mut report,
                        progress,
                        Failed { path, error: RecordingError::Index(error) },
                    );
                }
                Err(error) => return Err(Error::Index(error)),
            },
            Step::Unchanged(id) => {
                progress(Progress::Unchanged(&id));
                report.unchanged.push(id);
            }
            Step::Said(id, metadata) => {
                writer.set_metadata([(id.clone(), metadata)].into())?;
                let n_epochs = writer.entry(&id).map_or(0, |entry| entry.n_epochs);
                let acknowledged = Acknowledged { recording: id, n_epochs, warnings: Vec::new() };
                progress(Progress::Acknowledged(&acknowledged));
                report.acknowledged.push(acknowledged);
            }
            Step::Failed(failed) => fail(&mut report, progress, failed),
        }
    }
    Ok(report)
}

fn fail(report: &mut Report, progress: &mut impl FnMut(Progress<'_>), failed: Failed) {
    progress(Progress::Failed(&failed));
    report.failed.push(failed);
}

fn write(
    writer: &mut CollectionWriter,
    encoded: EncodedRecording,
) -> nocturne_index::Result<Acknowledged> {
    let EncodedRecording { draft, warnings } = encoded;
    let entry = writer.commit(draft)?;
    Ok(Acknowledged { recording: entry.id.clone(), n_epochs: entry.n_epochs, warnings })
}
