//! Where in epochs of the collection a query matches.
//!
//! A collection stores vectors, not signals, so the recording is read again and the epoch is encoded again. If the file
//! or the vector is no longer the one that was indexed, the epoch is not explained.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::{Embedding, Localisation, SignalEncoder};
use nocturne_index::RecordingEntry;
use nocturne_psg::hash::sha256_of_file;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{EpochNumber, EpochRef, Night, OpenOptions, Recording, RecordingId};
use serde::Serialize;

use crate::error::Result;
use crate::live::live_collection::PinnedSpace;
use crate::live::snapshot::Snapshot;
use crate::question::epochs::{EpochQuery, QueryAnswer, query_vector};

/// Minimum cosine of the new vector to the stored one, which f16 and other devices have rounded.
const SAME_VECTOR: f32 = 0.99;
/// Metadata column in which the indexer stores the profile that was chosen for a recording.
const PROFILE: &str = "profile";

/// Where in an epoch a query matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The seconds and channels.
    pub localisation: Option<Localisation>,
    /// Why there are none.
    pub problem: Option<String>,
}

/// The signal tower that explains epochs.
#[expect(missing_debug_implementations, reason = "a session of ONNX Runtime has no Debug")]
pub struct Explainer {
    signal: SignalEncoder,
}

impl Explainer {
    /// Takes the signal tower of the engine's bundle.
    pub fn new(signal: SignalEncoder) -> Self {
        Self { signal }
    }

    fn explain_epoch(
        &mut self,
        snapshot: &Snapshot,
        (night, epoch): (&Night, &EpochRef),
        query: &Embedding,
    ) -> Result<Explanation> {
        let stored = snapshot.embedding(epoch)?;
        let Some(epoch_idx) = index_of(night, epoch.epoch) else {
            let problem = format!("the recording no longer has an epoch {}", epoch.epoch);
            return Ok(Explanation::problem(problem));
        };
        let cosine = self.signal.encode_epochs(night, &[epoch_idx])?[0].cosine(&stored);
        if cosine < SAME_VECTOR {
            let problem = format!(
                "the epoch is encoded differently now: its vector has a cosine of {cosine:.3} to the stored one"
            );
            return Ok(Explanation::problem(problem));
        }
        Ok(self.signal.localise(night, epoch_idx, query)?.map_or_else(
            || {
                Explanation::problem(
                    "no epoch within five minutes has the same channels".to_owned(),
                )
            },
            |localisation| Explanation { localisation: Some(localisation), problem: None },
        ))
    }
}

impl Explanation {
    fn problem(problem: String) -> Self {
        Self { localisation: None, problem: Some(problem) }
    }
}

/// See [`Engine::explain`](crate::Engine::explain).
pub(crate) fn explain(
    space: &PinnedSpace,
    explainer: &mut Explainer,
    query: &EpochQuery,
    epochs: &[EpochRef],
) -> Result<Vec<Explanation>> {
    let query = match query_vector(space, query)? {
        QueryAnswer::Nearest(vector) => vector.embedding,
        QueryAnswer::FromTracks(expression) => {
            let problem = format!(
                "`{expression}` is answered from probabilities of whole epochs; only free words are localised"
            );
            return Ok(vec![Explanation::problem(problem); epochs.len()]);
        }
    };
    let mut of_recording: BTreeMap<&RecordingId, Vec<usize>> = BTreeMap::new();
    for (i, epoch) in epochs.iter().enumerate() {
        of_recording.entry(&epoch.recording).or_default().push(i);
    }
    let mut explanations = vec![Explanation { localisation: None, problem: None }; epochs.len()];
    // Grouped by recording, so that one night is in memory at a time.
    for (id, indices) in of_recording {
        let night = read_night(space, id);
        for i in indices {
            explanations[i] = match &night {
                Ok(night) => {
                    explainer.explain_epoch(space.snapshot(), (night, &epochs[i]), &query)?
                }
                Err(problem) => Explanation::problem(problem.clone()),
            };
        }
    }
    Ok(explanations)
}

/// Reads a recording as it was read when it was indexed; the error is a sentence.
fn read_night(space: &PinnedSpace, id: &RecordingId) -> std::result::Result<Night, String> {
    let entry = space.snapshot().entry(id);
    let entry = entry.ok_or_else(|| format!("the collection has no recording `{id}`"))?;
    let path = Path::new(&entry.source);
    if !path.is_file() {
        return Err(format!("`{}` no longer exists", path.display()));
    }
    let sha256 = sha256_of_file(path).map_err(|error| error.to_string())?;
    if sha256 != entry.source_sha256 {
        return Err(format!("`{}` has changed since it was indexed", path.display()));
    }
    // Annotations change no sample, so none are read.
    let options = OpenOptions {
        annotations: Some(Vec::new()),
        profile: profile(entry)?,
        ..OpenOptions::default()
    };
    let recording = Recording::open_with(path, &options).map_err(|error| error.to_string())?;
    let z_score = space.bundle.manifest.preprocessing.z_score;
    Night::read(&recording, z_score).map_err(|error| error.to_string())
}

/// Returns the profile that the recording was indexed with.
fn profile(entry: &RecordingEntry) -> std::result::Result<ProfileChoice, String> {
    let Some(name) = entry.metadata.get(PROFILE) else { return Ok(ProfileChoice::Auto) };
    let choice = ProfileChoice::Named(name.clone());
    // Of a profile file the indexer stores the hash only.
    let is_known = choice.profile().is_ok();
    is_known.then_some(choice).ok_or_else(|| "it was indexed with a profile file".to_owned())
}

fn index_of(night: &Night, number: EpochNumber) -> Option<usize> {
    night.epochs().iter().position(|epoch| epoch.number == number)
}
