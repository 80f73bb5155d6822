//! A training set: a folder of shards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nocturne_psg::ZScore;
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::edf::durable;
use nocturne_psg::montage::ChannelMask;
use serde::{Deserialize, Serialize};

use super::shard::{EXTENSION, Shard};
use crate::error::{Error, Result};

/// Name of the file that describes a set.
const INFO: &str = "set.json";
/// Version of that file's format.
const FORMAT: u32 = 1;

/// The description of a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetInfo {
    /// Version of this format.
    format: u32,
    /// Name of the montage.
    pub montage: String,
    /// Span over which the samples were scaled.
    pub z_score: ZScore,
    /// Source of the recordings, in a sentence.
    pub data: String,
    /// Licence of the data and of what is trained on it.
    pub licence: String,
}

impl SetInfo {
    /// Describes a set with the montage of this build.
    pub fn new(z_score: ZScore, data: String, licence: String) -> Self {
        Self {
            format: FORMAT,
            montage: nocturne_psg::montage::NAME.to_owned(),
            z_score,
            data,
            licence,
        }
    }

    /// Reads the description of a set.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`] and [`Error::Format`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(INFO);
        let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
        let info: Self = serde_json::from_slice(&bytes).map_err(Error::parse(&path))?;
        if info.format != FORMAT {
            let problem = format!("its format is {}; this build reads {FORMAT}", info.format);
            return Err(Error::format(&path, problem));
        }
        Ok(info)
    }

    /// Writes the description, or checks that the set already has the same one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] if the set has another description.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(INFO);
        if !path.exists() {
            let bytes = serde_json::to_vec_pretty(self).expect("names and numbers");
            return durable::write(&path, &bytes).map_err(Error::io(&path, "write"));
        }
        if Self::read(folder)? == *self {
            return Ok(());
        }
        Err(Error::format(&path, "it describes a set that was prepared with other settings"))
    }
}

/// Shards that are open for reading.
#[derive(Debug)]
pub struct TrainingSet {
    folder: PathBuf,
    info: SetInfo,
    shards: Vec<Shard>,
    /// Shard index and index within the shard of each epoch.
    epochs: Vec<(u32, u32)>,
}

impl TrainingSet {
    /// Opens a folder of shards, ordered by name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`], [`Error::Format`], and [`Error::NoEpochs`] if the set is empty.
    pub fn open(folder: &Path) -> Result<Self> {
        let info = SetInfo::read(folder)?;
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder, "read"))? {
            let path = entry.map_err(Error::io(folder, "read"))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        let shards = paths.iter().map(|path| Shard::open(path)).collect::<Result<Vec<_>>>()?;
        Self::new(folder, info, shards)
    }

    /// Moves the recordings of about `share` of the subjects, but never of all, to a set of their own.
    ///
    /// All recordings of a subject are in the same set, so a model is not validated on a person it was trained on. The
    /// subjects are chosen by the hash of their names: a growing set keeps most of its choice.
    ///
    /// # Errors
    ///
    /// [`Error::NoEpochs`] if no recording is left to train on.
    pub fn split(self, share: f64) -> Result<(Self, Option<Self>)> {
        let mut subjects: Vec<String> = self.subjects().into_iter().collect();
        subjects.sort_by_cached_key(|subject| nocturne_psg::hash::sha256(subject));
        let n = ((subjects.len() as f64 * share).round() as usize)
            .min(subjects.len().saturating_sub(1));
        let held_out: BTreeSet<String> = subjects.into_iter().take(n).collect();
        let is_held_out = |shard: &Shard| held_out.contains(&shard.subject());
        let (held_out, rest) = self.shards.into_iter().partition::<Vec<_>, _>(is_held_out);
        let held_out = (!held_out.is_empty())
            .then(|| Self::new(&self.folder, self.info.clone(), held_out))
            .transpose()?;
        Ok((Self::new(&self.folder, self.info, rest)?, held_out))
    }

    /// Returns the subjects of the recordings; see [`Shard::subject`].
    pub fn subjects(&self) -> BTreeSet<String> {
        self.shards.iter().map(Shard::subject).collect()
    }

    /// Returns the names of the recordings, in order.
    pub fn recordings(&self) -> BTreeSet<String> {
        self.shards.iter().map(|shard| shard.recording().to_owned()).collect()
    }

    /// Returns the description of the set.
    pub fn info(&self) -> &SetInfo {
        &self.info
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the number of recordings.
    pub fn n_recordings(&self) -> usize {
        self.shards.len()
    }

    /// Returns the number of epochs.
    pub fn len(&self) -> usize {
        self.epochs.len()
    }

    /// Returns whether the set has no epochs; an open set always has one.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Returns the subject of an epoch; see [`Shard::subject`].
    pub fn subject(&self, epoch_idx: usize) -> String {
        self.shards[self.epochs[epoch_idx].0 as usize].subject()
    }

    /// Returns the facts about an epoch.
    pub fn facts(&self, epoch_idx: usize) -> &EpochFacts {
        let (shard, place) = self.epochs[epoch_idx];
        &self.shards[shard as usize].epochs()[place as usize].facts
    }

    /// Returns the channels that carry a signal in an epoch.
    pub fn mask(&self, epoch_idx: usize) -> ChannelMask {
        let (shard, place) = self.epochs[epoch_idx];
        ChannelMask::from_bits(self.shards[shard as usize].epochs()[place as usize].mask)
    }

    /// Reads the samples of an epoch, `[10, 1920]`.
    ///
    /// # Errors
    ///
    /// Those of [`Shard::read_samples`].
    pub fn read_samples(&self, epoch_idx: usize, samples: &mut [f32]) -> Result<()> {
        let (shard, place) = self.epochs[epoch_idx];
        self.shards[shard as usize].read_samples(place as usize, samples)
    }

    fn new(folder: &Path, info: SetInfo, shards: Vec<Shard>) -> Result<Self> {
        let places = |(shard, of): (usize, &Shard)| {
            (0..of.epochs().len())
                .map(move |place| (shard as u32, place as u32))
                .collect::<Vec<_>>()
        };
        let epochs: Vec<_> = shards.iter().enumerate().flat_map(places).collect();
        if epochs.is_empty() {
            return Err(Error::NoEpochs { path: folder.to_owned() });
        }
        Ok(Self { folder: folder.to_owned(), info, shards, epochs })
    }
}
