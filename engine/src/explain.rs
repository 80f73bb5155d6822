//! Where did the encoder look? Told of epochs whose recordings are still where they were indexed.
//!
//! A collection keeps vectors and no signals, so the recording is read again, and the epoch is encoded again; what
//! would explain another recording or another vector is not told.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::{AttentionSpan, SignalEncoder};
use nocturne_index::RecordingEntry;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{EpochNumber, EpochRef, Night, OpenOptions, Recording, RecordingId};
use serde::Serialize;

use crate::served::Served;
use crate::snapshot::Snapshot;
use crate::{Engine, Result};

/// Spans that are told of an epoch.
const SPANS: usize = 3;
/// Least cosine of the vector made now to the one that is kept, which f16 and other devices have rounded.
const SAME_VECTOR: f32 = 0.99;
/// Name under which the indexer keeps the profile of one's choice.
const PROFILE: &str = "profile";

/// Where the encoder looked in an epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The three spans of a channel that weigh most in the vector, the heaviest first.
    pub spans: Vec<AttentionSpan>,
    /// Why there are none.
    pub problem: Option<String>,
}

/// Tells where the encoder looked.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Explainer {
    signal: SignalEncoder,
}

impl Explainer {
    /// Takes the signal tower of the engine's bundle.
    ///
    /// # Errors
    ///
    /// [`nocturne_encoder::Error::NoAttention`] where the bundle does not tell.
    pub fn new(signal: SignalEncoder) -> Result<Self> {
        signal.expect_attention()?;
        Ok(Self { signal })
    }

    /// Tells of some epochs of the engine's collection, in their order. A recording that is gone, or that is no longer
    /// the one that was indexed, is a problem of its epochs and no error.
    ///
    /// # Errors
    ///
    /// Those of reading the collection, and [`nocturne_encoder::Error::Model`].
    pub fn explain(&mut self, engine: &Engine, epochs: &[EpochRef]) -> Result<Vec<Explanation>> {
        let served = engine.served()?;
        let snapshot = served.snapshot();
        let mut of_recording: BTreeMap<&RecordingId, Vec<usize>> = BTreeMap::new();
        for (place, epoch) in epochs.iter().enumerate() {
            of_recording.entry(&epoch.recording).or_default().push(place);
        }
        let unknown = Explanation { spans: Vec::new(), problem: None };
        let mut explanations = vec![unknown; epochs.len()];
        // One night is in memory at a time.
        for (id, places) in of_recording {
            match night(&served, id) {
                Err(problem) => {
                    for place in places {
                        explanations[place].problem = Some(problem.clone());
                    }
                }
                Ok(night) => {
                    for place in places {
                        explanations[place] = self.of_epoch(snapshot, &night, &epochs[place])?;
                    }
                }
            }
        }
        Ok(explanations)
    }

    fn of_epoch(
        &mut self,
        snapshot: &Snapshot,
        night: &Night,
        epoch: &EpochRef,
    ) -> Result<Explanation> {
        let problem = |problem: String| Explanation { spans: Vec::new(), problem: Some(problem) };
        let kept = snapshot.embedding(epoch)?;
        let Some(epoch_idx) = place(night, epoch.epoch) else {
            return Ok(problem(format!("the recording has no epoch {} any more", epoch.epoch)));
        };
        let reading = self.signal.read_epochs(night, &[epoch_idx])?.swap_remove(0);
        let cosine = reading.embedding.cosine(&kept);
        if cosine < SAME_VECTOR {
            return Ok(problem(format!(
                "the epoch is read differently now: its vector has a cosine of {cosine:.3} to the one that is kept"
            )));
        }
        let spans = reading.attention.map(|map| map.spans(SPANS)).unwrap_or_default();
        Ok(Explanation { spans, problem: None })
    }
}

/// Reads a recording as it was read when it was indexed; the error is a sentence.
fn night(served: &Served, id: &RecordingId) -> std::result::Result<Night, String> {
    let entry = served.snapshot().entry(id);
    let entry = entry.ok_or_else(|| format!("the collection has no recording `{id}`"))?;
    let path = Path::new(&entry.source);
    if !path.is_file() {
        return Err(format!("`{}` is not there any more", path.display()));
    }
    let sha256 = sha256_of_file(path).map_err(|error| error.to_string())?;
    if sha256 != entry.source_sha256 {
        return Err(format!("`{}` was changed since it was indexed", path.display()));
    }
    // Annotations change no sample.
    let options = OpenOptions { annotations: Some(Vec::new()), profile: profile(entry)? };
    let recording = Recording::open_by(path, &options).map_err(|error| error.to_string())?;
    let z_score = served.bundle.manifest.preprocessing.z_score;
    Night::read(&recording, z_score).map_err(|error| error.to_string())
}

/// Returns the profile that the recording was indexed by.
fn profile(entry: &RecordingEntry) -> std::result::Result<ProfileChoice, String> {
    let Some(name) = entry.metadata.get(PROFILE) else { return Ok(ProfileChoice::Auto) };
    let choice = ProfileChoice::Named(name.clone());
    // Of a file the indexer keeps the hash alone.
    let is_known = choice.profile().is_ok();
    is_known.then_some(choice).ok_or_else(|| "it was indexed by a profile of one's own".to_owned())
}

fn place(night: &Night, number: EpochNumber) -> Option<usize> {
    night.epochs().iter().position(|epoch| epoch.number == number)
}
