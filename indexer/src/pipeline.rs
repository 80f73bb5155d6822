//! The run: a reading thread, an encoding thread, and the caller's thread that writes.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use nocturne_encoder::{SignalEncoder, TextEncoder};
use nocturne_index::{Claims, Destination, RecordingEntry};
use nocturne_psg::annotation::companions;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{RecordingId, ZScore};

use crate::captions::CaptionKinds;
use crate::encode::{EncodedRecording, Encoder};
use crate::read::{Named, Outcome, PROFILE, ReadRecording, read};
use crate::report::{Acknowledged, Failed, Progress};
use crate::tally::Tally;
use crate::twins::Twins;
use crate::{Error, FoundRecording, RecordingError, Report, Result};

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
    writer: Box<dyn Destination>,
    options: Options,
}

/// A recording on its way, or what became of it.
enum Step<T> {
    Ready {
        named: Named,
        item: Box<T>,
    },
    Unchanged(RecordingId),
    ByOthers(RecordingId),
    Held {
        named: Named,
        holder: String,
        look_again: Duration,
    },
    Said {
        named: Named,
        metadata: BTreeMap<String, String>,
    },
    Failed(Failed),
    /// The collection can no longer be asked who is at work on what.
    Stopped(nocturne_index::Error),
}

impl Indexer {
    /// Makes an indexer of both towers of a bundle and a writer of a collection that belongs to it.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        writer: Box<dyn Destination>,
        options: Options,
    ) -> Self {
        Self { encoder: Encoder { signal, text }, writer, options }
    }

    /// Indexes recordings, and tells `progress` of each as it is done.
    ///
    /// What another indexer is at work on is looked at again at the end, until it is done by one of them.
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
        let Self { mut encoder, mut writer, mut options } = self;
        if let Some(profile) = chosen(&options.profile)? {
            options.metadata.insert(PROFILE.to_owned(), profile);
        }
        progress(Progress::Found { n_recordings: found.len() });
        let mut listed: BTreeMap<RecordingId, RecordingEntry> =
            writer.recordings().map(|entry| (entry.id.clone(), entry.clone())).collect();
        for (recording, error) in writer.damaged()? {
            progress(Progress::Damaged { recording: &recording, error: &error });
            listed.remove(&recording);
        }
        let claims = writer.claims();
        let mut tally = Tally::new(&mut progress);
        tally.twins = Twins::among(listed.values());
        let reading = Reading { listed, claims: claims.as_ref(), options };
        let mut left = found;
        while !left.is_empty() {
            let held = round(left, &reading, &mut encoder, writer.as_mut(), &mut tally)?;
            held.iter().map(|held| held.look_again).min().into_iter().for_each(pause);
            left = held.into_iter().map(|held| held.named.into()).collect();
        }
        Ok(tally.report)
    }
}

/// What recordings are read with.
struct Reading<'a> {
    /// What the collection held at the beginning, less what is damaged.
    listed: BTreeMap<RecordingId, RecordingEntry>,
    claims: &'a dyn Claims,
    options: Options,
}

/// A recording that another writer is at work on.
struct Held {
    named: Named,
    look_again: Duration,
}

/// Goes once through recordings, and returns those that others are at work on.
fn round(
    found: Vec<FoundRecording>,
    reading: &Reading<'_>,
    encoder: &mut Encoder,
    writer: &mut dyn Destination,
    tally: &mut Tally<'_>,
) -> Result<Vec<Held>> {
    // The queues hold nothing: a night waits in the hands of the thread that made it, and there are two at most.
    let (read_sender, read_receiver) = sync_channel(0);
    let (encoded_sender, encoded_receiver) = sync_channel(0);
    thread::scope(|scope| {
        let reader =
            thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || {
                read_all(found, reading, &read_sender);
            });
        let encoding =
            thread::Builder::new().name("encode".to_owned()).spawn_scoped(scope, move || {
                encode_all(encoder, reading.claims, read_receiver, &encoded_sender);
            });
        if reader.is_err() || encoding.is_err() {
            return Err(Error::ThreadLost { thread: "reading or encoding" });
        }
        write_all(writer, encoded_receiver, tally)
    })
}

fn pause(length: Duration) {
    let (_sender, nobody_sends) = channel::<()>();
    // It ends when the time is over, as is wanted.
    let _ = nobody_sends.recv_timeout(length);
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
    reading: &Reading<'_>,
    sender: &SyncSender<Step<ReadRecording>>,
) {
    for FoundRecording { path, id, annotations, metadata } in found {
        let step = match id {
            Ok(id) => {
                let annotations = annotations.unwrap_or_else(|| companions(&path));
                let named = Named { path, id, annotations, metadata };
                read_one(named, reading).unwrap_or_else(Step::Stopped)
            }
            Err(error) => Step::Failed(Failed { path, error }),
        };
        if sender.send(step).is_err() {
            return;
        }
    }
}

fn read_one(named: Named, reading: &Reading<'_>) -> nocturne_index::Result<Step<ReadRecording>> {
    let Reading { listed, claims, options } = reading;
    Ok(match read(&named, listed.get(&named.id), *claims, options)? {
        Outcome::Read(item) => Step::Ready { named, item },
        Outcome::Unchanged => Step::Unchanged(named.id),
        Outcome::ByOthers => Step::ByOthers(named.id),
        Outcome::Said(metadata) => Step::Said { named, metadata },
        Outcome::Held { holder, look_again } => Step::Held { named, holder, look_again },
        Outcome::Failed(error) => Step::Failed(Failed { path: named.path, error }),
    })
}

/// Encodes recordings until there are no more or nobody wants them.
fn encode_all(
    encoder: &mut Encoder,
    claims: &dyn Claims,
    receiver: Receiver<Step<ReadRecording>>,
    sender: &SyncSender<Step<EncodedRecording>>,
) {
    for step in receiver {
        let step = match step {
            Step::Ready { named, item } => match encoder.encode(*item) {
                Ok(encoded) => Step::Ready { named, item: Box::new(encoded) },
                Err(error) => {
                    claims.give_back(&named.id);
                    Step::Failed(Failed { path: named.path, error })
                }
            },
            Step::Unchanged(id) => Step::Unchanged(id),
            Step::ByOthers(id) => Step::ByOthers(id),
            Step::Held { named, holder, look_again } => Step::Held { named, holder, look_again },
            Step::Said { named, metadata } => Step::Said { named, metadata },
            Step::Failed(failed) => Step::Failed(failed),
            Step::Stopped(error) => Step::Stopped(error),
        };
        if sender.send(step).is_err() {
            return;
        }
    }
}

fn write_all(
    writer: &mut dyn Destination,
    receiver: Receiver<Step<EncodedRecording>>,
    tally: &mut Tally<'_>,
) -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for step in receiver {
        let (named, written) = match step {
            Step::Ready { named, item } => {
                let EncodedRecording { draft, warnings } = *item;
                (named, writer.commit(draft).map(|entry| (entry, warnings)))
            }
            Step::Said { named, metadata } => {
                let written = writer.set_metadata(&named.id, metadata);
                (named, written.map(|entry| (entry, Vec::new())))
            }
            Step::Held { named, holder, look_again } => {
                tally.held(&named.id, &holder);
                held.push(Held { named, look_again });
                continue;
            }
            Step::Unchanged(id) => {
                tally.unchanged(id);
                continue;
            }
            Step::ByOthers(id) => {
                tally.by_others(id);
                continue;
            }
            Step::Failed(failed) => {
                tally.failed(failed);
                continue;
            }
            Step::Stopped(error) => return Err(Error::Index(error)),
        };
        match written {
            Ok((entry, mut warnings)) => {
                warnings.extend(tally.twins.meet(&entry));
                let RecordingEntry { id: recording, n_epochs, .. } = entry;
                tally.acknowledged(Acknowledged { recording, n_epochs, warnings });
            }
            // It was taken over, and the next look tells what became of it.
            Err(error) if error.is_held() => held.push(Held { named, look_again: Duration::ZERO }),
            // What the recording is to blame for does not end the run; what the disk is to blame for does.
            Err(
                error @ (nocturne_index::Error::Draft { .. }
                | nocturne_index::Error::Dimension { .. }),
            ) => tally.failed(Failed { path: named.path, error: RecordingError::Index(error) }),
            Err(error) => return Err(Error::Index(error)),
        }
    }
    Ok(held)
}
