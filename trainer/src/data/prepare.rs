//! Converts recordings into shards.

use std::path::{Path, PathBuf};

use nocturne_psg::caption::EpochFacts;
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::{ListedRecording, Night, OpenOptions, Recording, RecordingId, hash};
use nocturne_simulator::Truth;

use super::shard::EXTENSION;
use super::{EPOCH_LEN, SetInfo, Shard, ShardWriter, TrainingEpoch};
use crate::error::{Error, Result};

/// A recording to prepare, with the metadata of a recording list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingInput {
    /// The file.
    pub recording: PathBuf,
    /// The files with its annotations, or `None` for those beside it.
    pub annotations: Option<Vec<PathBuf>>,
    /// The subject, if the list names one.
    pub subject: Option<String>,
}

impl From<PathBuf> for RecordingInput {
    /// Takes a file without metadata.
    fn from(recording: PathBuf) -> Self {
        Self { recording, annotations: None, subject: None }
    }
}

impl From<ListedRecording> for RecordingInput {
    fn from(listed: ListedRecording) -> Self {
        let subject = listed.subject().map(str::to_owned);
        Self { recording: listed.path, annotations: listed.annotations, subject }
    }
}

/// The outcome of preparing a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareOutcome {
    /// A shard with this number of epochs was written.
    Written(usize),
    /// The shard of this recording already existed.
    Existing,
}

/// Writes the shard of a recording into the folder of a set.
///
/// Events come from the truth file beside a simulated recording, else from the annotations.
///
/// # Errors
///
/// [`Error::Recording`] if the recording cannot be read, [`Error::Io`], and [`Error::Format`] if the set has a shard of
/// that name from another recording.
pub fn prepare(input: &RecordingInput, folder: &Path, info: &SetInfo) -> Result<PrepareOutcome> {
    let recording_name = recording_name(&input.recording)?;
    let shard = folder.join(format!("{recording_name}.{EXTENSION}"));
    let source = hash::sha256_of_file(&input.recording)?;
    if shard.exists() {
        return check_existing(&shard, &source, input, info);
    }
    let recording = open(input)?;
    let events_scored = !recording.scoring().events.is_empty();
    let night = Night::read(&recording, info.z_score)?;
    let mut extractor = FeatureExtractor::default();
    let mut writer = ShardWriter::create(&shard, recording_name.as_str(), &source, info.z_score)?;
    if let Some(subject) = &input.subject {
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
    writer.commit().map(PrepareOutcome::Written)
}

fn recording_name(recording: &Path) -> Result<RecordingId> {
    let stem = recording.file_stem().unwrap_or_default().to_string_lossy();
    RecordingId::new(stem).map_err(Error::parse(recording))
}

fn check_existing(
    shard: &Path,
    source: &str,
    input: &RecordingInput,
    info: &SetInfo,
) -> Result<PrepareOutcome> {
    let found = Shard::open(shard)?;
    if found.source() != source {
        let problem = "it is the shard of another recording with the same name";
        return Err(Error::format(shard, problem));
    }
    if found.z_score() != info.z_score {
        return Err(Error::format(shard, "its samples were scaled over another span"));
    }
    if input.subject.is_some() && found.listed_subject() != input.subject.as_deref() {
        let problem = "it was prepared without this subject; remove it to prepare it again";
        return Err(Error::format(shard, problem));
    }
    Ok(PrepareOutcome::Existing)
}

fn open(input: &RecordingInput) -> Result<Recording> {
    let annotations = input.annotations.clone();
    let options = OpenOptions { annotations, ..OpenOptions::default() };
    let mut recording = Recording::open_with(&input.recording, &options)?;
    let truth: PathBuf = input.recording.with_extension("truth.json");
    if truth.is_file() {
        recording.set_events(Truth::read(&truth)?.events);
    }
    Ok(recording)
}
