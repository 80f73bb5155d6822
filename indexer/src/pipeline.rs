//! The indexing run: a thread that reads, a thread that encodes, and the caller's thread, which writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nocturne_concepts::TrackBuilder;
use nocturne_encoder::{SignalEncoder, TextEncoder};
use nocturne_index::{CollectionWriter, Recording, RecordingEntry};
use nocturne_psg::RecordingId;
use nocturne_psg::annotation::{Companions, FolderListing, companions_in};
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;

use crate::discover::FoundRecording;
use crate::encode::{EncodedRecording, Encoder};
use crate::error::{Error, RecordingError, Result, is_of_one_recording};
use crate::identical_files::IdenticalFiles;
use crate::options::IndexOptions;
use crate::read_recording::{NamedRecording, PROFILE, ReadOutcome, ReadRecording, read};
use crate::report::{Acknowledged, Failed, Progress, Report};
use crate::reporter::Reporter;

/// Fills a collection with recordings.
#[expect(missing_debug_implementations, reason = "a session of ONNX Runtime has none")]
pub struct Indexer {
    encoder: Encoder,
    writer: Box<dyn CollectionWriter>,
    options: IndexOptions,
    tracks: Option<TrackBuilder>,
}

/// A recording on its way through the threads; `T` is what the previous thread made of it.
enum PipelineItem<T> {
    Ready { named: NamedRecording, item: Box<T> },
    Unchanged(RecordingId),
    NewMetadata { named: NamedRecording, metadata: BTreeMap<String, String> },
    Failed(Failed),
}

impl Indexer {
    /// Creates an indexer from both towers of a bundle and a writer of a collection with vectors of that bundle.
    pub fn new(
        signal: SignalEncoder,
        text: TextEncoder,
        writer: Box<dyn CollectionWriter>,
        options: IndexOptions,
    ) -> Self {
        Self { encoder: Encoder { signal, text }, writer, options, tracks: None }
    }

    /// Also stores the concept track of each recording. Without it, the first question about nights computes them.
    #[must_use]
    pub fn with_tracks(self, tracks: TrackBuilder) -> Self {
        Self { tracks: Some(tracks), ..self }
    }

    /// Indexes recordings, and calls `progress` for each when it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] if the collection cannot be written; acknowledged recordings are safe.
    /// A recording that cannot be read, or that another indexer writes at the same time, does not end the run: it is in the
    /// report.
    pub fn run(
        self,
        found: Vec<FoundRecording>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Report> {
        let Self { mut encoder, mut writer, mut options, tracks } = self;
        if let Some(profile) = stored_profile(&options.profile)? {
            options.metadata.insert(PROFILE.to_owned(), profile);
        }
        let mut reporter = Reporter::new(&mut progress);
        reporter.found(found.len());
        let mut entries: BTreeMap<RecordingId, RecordingEntry> =
            writer.entries().into_iter().map(|entry| (entry.id.clone(), entry.clone())).collect();
        for (recording, error) in writer.damaged()? {
            reporter.damaged(&recording, &error);
            entries.remove(&recording);
        }
        reporter.identical_files = IdenticalFiles::new(entries.values());
        let reading = Reading { entries, options };
        // Channels without capacity: a night waits in the thread that made it, so there are two at most.
        let (read_sender, read_receiver) = sync_channel(0);
        let (encoded_sender, encoded_receiver) = sync_channel(0);
        thread::scope(|scope| {
            let reader =
                thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || {
                    read_all(found, &reading, &read_sender);
                });
            let encoding =
                thread::Builder::new().name("encode".to_owned()).spawn_scoped(scope, move || {
                    encode_all(&mut encoder, read_receiver, &encoded_sender);
                });
            if reader.is_err() || encoding.is_err() {
                return Err(Error::ThreadLost { thread: "reading or encoding" });
            }
            write_all(writer.as_mut(), tracks.as_ref(), encoded_receiver, &mut reporter)
        })?;
        Ok(reporter.report)
    }
}

/// What the reading thread compares recordings with.
struct Reading {
    /// The recordings of the collection, except damaged ones.
    entries: BTreeMap<RecordingId, RecordingEntry>,
    options: IndexOptions,
}

/// Returns what is stored of a profile that the caller has chosen: its name, or the hash of its file.
fn stored_profile(profile: &ProfileChoice) -> Result<Option<String>> {
    match profile {
        ProfileChoice::Auto => Ok(None),
        ProfileChoice::Named(name) => Ok(Some(name.clone())),
        ProfileChoice::File(path) => Ok(Some(sha256_of_file(path).map_err(Error::Profile)?)),
    }
}

/// Reads recordings until there are no more, or until the receiver is gone.
fn read_all(
    found: Vec<FoundRecording>,
    reading: &Reading,
    sender: &SyncSender<PipelineItem<ReadRecording>>,
) {
    // Recordings come folder by folder.
    let mut listed: Option<(PathBuf, FolderListing)> = None;
    for FoundRecording { path, id, annotations, scoring, metadata } in found {
        let item = match id {
            Ok(id) => {
                let format = reading.options.scoring.format.or(scoring.format);
                let Companions { annotations, unknown } = if let Some(annotations) = annotations {
                    Companions { annotations, unknown: Vec::new() }
                } else {
                    companions_of(&path, &mut listed).of_format(format)
                };
                let named = NamedRecording { path, id, annotations, unknown, scoring, metadata };
                read_one(named, reading)
            }
            Err(error) => PipelineItem::Failed(Failed { path, error }),
        };
        if sender.send(item).is_err() {
            return;
        }
    }
}

/// Returns the files that belong to a recording; `listed` is the folder that was listed last.
fn companions_of(path: &Path, listed: &mut Option<(PathBuf, FolderListing)>) -> Companions {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    if listed.as_ref().is_none_or(|(known, _)| *known != folder) {
        *listed = Some((folder.clone(), FolderListing::of(&folder)));
    }
    listed.as_ref().map(|(_, listing)| companions_in(path, listing)).unwrap_or_default()
}

fn read_one(named: NamedRecording, reading: &Reading) -> PipelineItem<ReadRecording> {
    let Reading { entries, options } = reading;
    match read(&named, entries.get(&named.id), options) {
        Ok(ReadOutcome::Read(item)) => PipelineItem::Ready { named, item },
        Ok(ReadOutcome::Unchanged) => PipelineItem::Unchanged(named.id),
        Ok(ReadOutcome::NewMetadata(metadata)) => PipelineItem::NewMetadata { named, metadata },
        Err(error) => PipelineItem::Failed(Failed { path: named.path, error }),
    }
}

/// Encodes recordings until there are no more, or until the receiver is gone.
fn encode_all(
    encoder: &mut Encoder,
    receiver: Receiver<PipelineItem<ReadRecording>>,
    sender: &SyncSender<PipelineItem<EncodedRecording>>,
) {
    for item in receiver {
        let item = match item {
            PipelineItem::Ready { named, item } => match encoder.encode(*item) {
                Ok(encoded) => PipelineItem::Ready { named, item: Box::new(encoded) },
                Err(error) => PipelineItem::Failed(Failed { path: named.path, error }),
            },
            PipelineItem::Unchanged(id) => PipelineItem::Unchanged(id),
            PipelineItem::NewMetadata { named, metadata } => {
                PipelineItem::NewMetadata { named, metadata }
            }
            PipelineItem::Failed(failed) => PipelineItem::Failed(failed),
        };
        if sender.send(item).is_err() {
            return;
        }
    }
}

fn write_all(
    writer: &mut dyn CollectionWriter,
    tracks: Option<&TrackBuilder>,
    receiver: Receiver<PipelineItem<EncodedRecording>>,
    reporter: &mut Reporter<'_>,
) -> Result<()> {
    for item in receiver {
        let (named, written) = match item {
            PipelineItem::Ready { named, item } => {
                let EncodedRecording { draft, warnings } = *item;
                let mut track = |recording: &Recording| tracks?.draft(recording);
                let written = writer.commit_with_track(draft, &mut track);
                (named, written.map(|entry| (entry, warnings)))
            }
            PipelineItem::NewMetadata { named, metadata } => {
                let written = writer.set_metadata_of(&named.id, metadata);
                (named, written.map(|entry| (entry, Vec::new())))
            }
            PipelineItem::Unchanged(id) => {
                reporter.unchanged(id);
                continue;
            }
            PipelineItem::Failed(failed) => {
                reporter.failed(failed);
                continue;
            }
        };
        match written {
            Ok((entry, mut warnings)) => {
                warnings.extend(reporter.identical_files.add(&entry));
                let RecordingEntry { id: recording, n_epochs, .. } = entry;
                reporter.acknowledged(Acknowledged { recording, n_epochs, warnings });
            }
            Err(error) if is_of_one_recording(&error) => {
                reporter.failed(Failed { path: named.path, error: RecordingError::Index(error) });
            }
            Err(error) => return Err(Error::Index(error)),
        }
    }
    Ok(())
}
