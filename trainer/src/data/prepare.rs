//! Turns recordings into shards.

use std::path::{Path, PathBuf};

use nocturne_psg::caption::EpochFacts;
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::{ListedRecording, Night, OpenOptions, Recording, RecordingId, hash};
use nocturne_simulator::Truth;

use super::shard::EXTENSION;
use super::{EPOCH_LEN, SetInfo, Shard, ShardWriter, TrainingEpoch};
use crate::{Error, Result};

/// A recording, and what a list of recordings tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub recording: PathBuf,
    /// The files with its annotations; those that lie beside it where it is `None`.
    pub annotations: Option<Vec<PathBuf>>,
    /// The person that it is of, where that is told.
    pub subject: Option<String>,
}

impl From<PathBuf> for Source {
    /// Takes a file of which nothing more is told.
    fn from(recording: PathBuf) -> Self {
        Self { recording, annotations: None, subject: None }
    }
}

impl From<ListedRecording> for Source {
    fn from(listed: ListedRecording) -> Self {
        let subject = listed.subject().map(str::to_owned);
        Self { recording: listed.path, annotations: listed.annotations, subject }
    }
}

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// A shard of so many epochs was written.
    Written(usize),
    /// The shard of this recording was there already.
    Kept,
}

/// Writes the shard of a recording into the folder of a set.
///
/// Events are those of the truth beside a simulated recording, else those that were scored.
///
/// # Errors
///
/// [`Error::Recording`] where it cannot be read, [`Error::Io`], and
/// [`Error::Format`] where the set has a shard of that name from another recording.
pub fn prepare(from: &Source, folder: &Path, info: &SetInfo) -> Result<Prepared> {
    let name = name(&from.recording)?;
    let shard = folder.join(format!("{name}.{EXTENSION}"));
    let source = hash::sha256_of_file(&from.recording)?;
    if shard.exists() {
        return kept(&shard, &source, from, info);
    }
    let recording = open(from)?;
    let events_scored = !recording.scoring().events.is_empty();
    let night = Night::read(&recording, info.z_score)?;
    let mut extractor = FeatureExtractor::default();
    let mut writer = ShardWriter::create(&shard, name.as_str(), &source, info.z_score)?;
    if let Some(subject) = &from.subject {
        writer = writer.of_subject(subject);
    }
    for (epoch_idx, epoch) in night.epochs().iter().enumerate() {
        if epoch.mask.is_empty() {
            continue;
        }
        let mut samples = vec![0.0; EPOCH_LEN];
        night.write_input(epoch_idx, &mut samples);
        let facts = EpochFacts::gather(&mut extractor, &night, epoch_idx, events_scored);
        writer.push(&TrainingEpoch { number: epoch.number.0, mask: epoch.mask, samples, facts })?;
    }
    writer.commit().map(Prepared::Written)
}

fn name(recording: &Path) -> Result<RecordingId> {
    let stem = recording.file_stem().unwrap_or_default().to_string_lossy();
    RecordingId::new(stem).map_err(|error| Error::format(recording, error.to_string()))
}

fn kept(shard: &Path, source: &str, from: &Source, info: &SetInfo) -> Result<Prepared> {
    let found = Shard::open(shard)?;
    if found.source() != source {
        let problem = "it is the shard of another recording of the same name";
        return Err(Error::format(shard, problem));
    }
    if found.z_score() != info.z_score {
        return Err(Error::format(shard, "its samples were scaled in another way"));
    }
    if from.subject.is_some() && found.listed_subject() != from.subject.as_deref() {
        let problem = "it was prepared without this subject; remove it to have it prepared anew";
        return Err(Error::format(shard, problem));
    }
    Ok(Prepared::Kept)
}

fn open(from: &Source) -> Result<Recording> {
    let annotations = from.annotations.clone();
    let options = OpenOptions { annotations, ..OpenOptions::default() };
    let mut recording = Recording::open_by(&from.recording, &options)?;
    let truth: PathBuf = from.recording.with_extension("truth.json");
    if truth.is_file() {
        recording.set_events(Truth::read(&truth)?.events);
    }
    Ok(recording)
}
