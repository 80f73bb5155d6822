//! Writes a shard.

use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_psg::ZScore;
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::edf::durable::AtomicFile;
use nocturne_psg::montage::ChannelMask;

use super::EPOCH_LEN;
use super::shard::{EpochEntry, MAGIC, ShardIndex};
use crate::error::{Error, Result};

/// An epoch for training: scaled samples and the facts about them.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingEpoch {
    /// Number of the epoch in the recording.
    pub number: u32,
    /// Channels that carry a signal.
    pub mask: ChannelMask,
    /// `[10, 1920]`, as the encoder expects them.
    pub samples: Vec<f32>,
    /// All facts about the epoch.
    pub facts: EpochFacts,
}

/// A shard being written; it gets its final name with [`commit`](Self::commit).
#[derive(Debug)]
pub struct ShardWriter {
    path: PathBuf,
    file: AtomicFile,
    index: ShardIndex,
}

impl ShardWriter {
    /// Starts the shard of a recording whose file has the SHA-256 `source`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn create(path: &Path, recording: &str, source: &str, z_score: ZScore) -> Result<Self> {
        let mut file = AtomicFile::create(path).map_err(Error::io(path, "create"))?;
        file.write_all(&MAGIC).map_err(Error::io(path, "write"))?;
        let (recording, source) = (recording.to_owned(), source.to_owned());
        let index = ShardIndex { recording, subject: None, source, z_score, epochs: Vec::new() };
        Ok(Self { path: path.to_owned(), file, index })
    }

    /// Sets the subject of the recording.
    #[must_use]
    pub fn of_subject(mut self, subject: &str) -> Self {
        self.index.subject = Some(subject.to_owned());
        self
    }

    /// Appends an epoch. Samples outside the range of 16-bit floats are clamped.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    ///
    /// # Panics
    ///
    /// If the epoch does not have 19,200 samples.
    pub fn push(&mut self, epoch: &TrainingEpoch) -> Result<()> {
        assert_eq!(epoch.samples.len(), EPOCH_LEN, "an epoch has ten channels of 1920 samples");
        let limit = f16::MAX.to_f32();
        let bounded: Vec<f32> =
            epoch.samples.iter().map(|sample| sample.clamp(-limit, limit)).collect();
        let mut halves = vec![f16::ZERO; EPOCH_LEN];
        halves.convert_from_f32_slice(&bounded);
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(Error::io(&self.path, "write"))?;
        self.index.epochs.push(EpochEntry {
            number: epoch.number,
            mask: epoch.mask.bits(),
            crc: crc32fast::hash(&bytes),
            facts: epoch.facts.clone(),
        });
        Ok(())
    }

    /// Writes the index, flushes the file to disk and renames it to its final name; returns the number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn commit(mut self) -> Result<usize> {
        let index = serde_json::to_vec(&self.index).expect("an index of numbers and names");
        let mut end = (index.len() as u64).to_le_bytes().to_vec();
        end.extend(crc32fast::hash(&index).to_le_bytes());
        end.extend(MAGIC);
        let write = || Error::io(&self.path, "write");
        self.file.write_all(&index).map_err(write())?;
        self.file.write_all(&end).map_err(write())?;
        self.file.commit().map_err(write())?;
        Ok(self.index.epochs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shard;
    use nocturne_psg::Stage;

    fn epoch(number: u32) -> TrainingEpoch {
        TrainingEpoch {
            number,
            mask: ChannelMask::ALL,
            samples: (0..EPOCH_LEN).map(|i| (i % 97) as f32 / 8.0 - number as f32).collect(),
            facts: EpochFacts { stage: Some(Stage::N2), ..EpochFacts::default() },
        }
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.epochs");
        let mut writer = ShardWriter::create(&path, "night", "abc", ZScore::Recording).unwrap();
        for number in [0, 1, 5] {
            writer.push(&epoch(number)).unwrap();
        }
        assert_eq!(writer.commit().unwrap(), 3);
        (folder, path)
    }

    #[test]
    fn a_shard_round_trips() {
        let (_folder, path) = written();
        let shard = Shard::open(&path).unwrap();
        assert_eq!((shard.recording(), shard.source()), ("night", "abc"));
        for (epoch_idx, entry) in shard.epochs().iter().enumerate() {
            let expected = epoch(entry.number);
            assert_eq!((&entry.facts, entry.mask), (&expected.facts, expected.mask.bits()));
            let mut samples = vec![0.0; EPOCH_LEN];
            shard.read_samples(epoch_idx, &mut samples).unwrap();
            assert_eq!(samples, expected.samples, "these numbers are exact in 16 bits");
        }
    }

    #[test]
    fn large_samples_stay_finite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.epochs");
        let mut writer = ShardWriter::create(&path, "night", "abc", ZScore::Recording).unwrap();
        writer.push(&TrainingEpoch { samples: vec![-1e9; EPOCH_LEN], ..epoch(0) }).unwrap();
        writer.commit().unwrap();
        let mut samples = vec![0.0; EPOCH_LEN];
        Shard::open(&path).unwrap().read_samples(0, &mut samples).unwrap();
        assert_eq!(samples[0], -65_504.0);
    }

    #[test]
    fn the_file_does_not_exist_before_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.epochs");
        let mut writer = ShardWriter::create(&path, "night", "abc", ZScore::Recording).unwrap();
        writer.push(&epoch(0)).unwrap();
        drop(writer);
        assert!(!path.exists());
    }

    fn check_damage(change: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let (folder, path) = written();
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let message = Shard::open(&path)
            .and_then(|shard| shard.read_samples(1, &mut vec![0.0; EPOCH_LEN]))
            .unwrap_err()
            .to_string();
        let name = format!("{}/", folder.path().display());
        assert_eq!(message.replace(&name, ""), expected);
    }

    #[test]
    fn damage_is_reported() {
        check_damage(
            |bytes| bytes[8 + 38_400 + 7] ^= 1,
            "`night.epochs` is invalid: the samples of epoch 1 are damaged",
        );
        check_damage(
            |bytes| bytes[8 + 3 * 38_400 + 20] ^= 1,
            "`night.epochs` is invalid: its index is damaged",
        );
        check_damage(
            |bytes| bytes.truncate(60_000),
            "`night.epochs` is invalid: \
             it does not end with the trailer of a shard: it is truncated or damaged",
        );
        check_damage(
            |bytes| bytes.truncate(9),
            "`night.epochs` is invalid: it has 9 bytes; a shard has at least 28",
        );
        check_damage(
            |bytes| bytes[0] = b'X',
            "`night.epochs` is invalid: it does not start with the magic bytes of a shard",
        );
    }
}
