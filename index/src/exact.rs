//! The index that looks at every epoch: the default, and the oracle of every other.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use crate::captions::CaptionHit;
use crate::search::expect_dim;
use crate::top_k::{Candidate, Place, TopK};
use crate::vectors::cosine;
use crate::{
    Collection, Error, Filter, Hit, Recording, Result, ScoreTable, SearchRequest, Space,
    VectorIndex,
};

/// Every epoch of a snapshot in memory, 2 bytes a number.
#[derive(Debug)]
pub struct ExactIndex {
    space: Space,
    generation: u64,
    /// By ascending name.
    recordings: Vec<Arc<Recording>>,
}

impl ExactIndex {
    /// Reads every recording of a snapshot that is not read yet.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::recording`]: one damaged segment refuses the whole,
    /// because an answer that leaves it out would be wrong in silence.
    pub fn open(collection: &Collection) -> Result<Self> {
        let recordings: Result<_> = collection
            .recordings()
            .map(|entry| collection.recording(&entry.id).map(Arc::clone))
            .collect();
        Ok(Self {
            space: collection.space().clone(),
            generation: collection.generation(),
            recordings: recordings?,
        })
    }

    /// Returns the snapshot's generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the recordings, by ascending name.
    pub fn recordings(&self) -> &[Arc<Recording>] {
        &self.recordings
    }

    /// Returns a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`].
    pub fn recording(&self, id: &RecordingId) -> Result<&Arc<Recording>> {
        match self.recordings.binary_search_by_key(&id, |recording| recording.id()) {
            Ok(found) => Ok(&self.recordings[found]),
            Err(_) => Err(Error::UnknownRecording { recording: id.clone() }),
        }
    }

    /// Returns the cosine of every epoch of a recording with every prompt.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`] and [`Error::Dimension`].
    pub fn scores(&self, recording: &RecordingId, prompts: &[Embedding]) -> Result<ScoreTable> {
        prompts.iter().try_for_each(|prompt| expect_dim(&self.space, prompt))?;
        Ok(ScoreTable::of(self.recording(recording)?.vectors(), prompts))
    }

    /// Returns the cosine of every epoch of every recording with a query, one recording at a time and by ascending name.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`].
    pub fn score_all<'a>(
        &'a self,
        query: &'a Embedding,
    ) -> Result<impl Iterator<Item = (&'a Recording, Vec<f32>)>> {
        expect_dim(&self.space, query)?;
        let scores = |recording: &Recording| {
            let mut scores = Vec::with_capacity(recording.n_epochs());
            let add = |_, vector: &[f32]| scores.push(cosine(query.as_slice(), vector));
            recording.vectors().for_each(|_| true, add);
            scores
        };
        Ok(self.recordings.iter().map(move |recording| (recording.as_ref(), scores(recording))))
    }

    /// Returns the captions nearest to a query, such as an epoch's own embedding.
    ///
    /// The filter is one on the epochs that the captions describe; `kinds` keeps captions of some kinds only.
    /// Hits come by descending score, then by recording name, epoch and place among the epoch's captions.
    ///
    /// # Errors
    ///
    /// Those of [`search`](VectorIndex::search).
    pub fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        self.check(query, &request.filter)?;
        let mut top = TopK::new(request.k);
        for (number, recording) in self.recordings.iter().enumerate() {
            let Some(filter) = request.filter.of(recording) else { continue };
            let captions = recording.captions();
            let wanted = |caption| {
                kinds.is_none_or(|kinds| kinds.contains(&captions.kind(caption)))
                    && filter.allows(captions.row(caption))
            };
            captions.vectors().for_each(wanted, |caption, vector| {
                let score = cosine(query.as_slice(), vector);
                if request.accepts(score) {
                    top.push(score, (number, caption));
                }
            });
        }
        Ok(top.into_sorted().into_iter().map(|kept| self.caption_hit(kept)).collect())
    }

    /// Refuses what cannot be searched for.
    pub(crate) fn check(&self, query: &Embedding, filter: &Filter) -> Result<()> {
        expect_dim(&self.space, query)?;
        filter.check(|id| self.recording(id).is_ok())
    }

    /// Returns how many epochs a filter allows.
    pub(crate) fn count(&self, filter: &Filter) -> usize {
        if filter.is_open() {
            return self.n_epochs();
        }
        let allowed = |recording: &Arc<Recording>| {
            let filter = filter.of(recording)?;
            Some((0..recording.n_epochs()).filter(|row| filter.allows(*row)).count())
        };
        self.recordings.iter().filter_map(allowed).sum()
    }

    pub(crate) fn hit(&self, Candidate { score, place: (number, row) }: Candidate) -> Hit {
        let recording = &self.recordings[number];
        let epoch = recording.row(row);
        Hit {
            epoch: EpochRef { recording: recording.id().clone(), epoch: epoch.number },
            score,
            onset_s: epoch.onset_s,
            stage: epoch.stage,
            mask: epoch.mask,
            events: epoch.events,
        }
    }

    fn caption_hit(&self, Candidate { score, place }: Candidate) -> CaptionHit {
        let (number, caption): Place = place;
        let recording = &self.recordings[number];
        let captions = recording.captions();
        let epoch = recording.numbers()[captions.row(caption)];
        CaptionHit {
            epoch: EpochRef { recording: recording.id().clone(), epoch },
            score,
            kind: captions.kind(caption),
            text: captions.text(caption).to_owned(),
        }
    }
}

impl VectorIndex for ExactIndex {
    fn space(&self) -> &Space {
        &self.space
    }

    fn n_epochs(&self) -> usize {
        self.recordings.iter().map(|recording| recording.n_epochs()).sum()
    }

    fn search(&self, query: &Embedding, request: &SearchRequest) -> Result<Vec<Hit>> {
        self.check(query, &request.filter)?;
        let mut top = TopK::new(request.k);
        for (number, recording) in self.recordings.iter().enumerate() {
            let Some(filter) = request.filter.of(recording) else { continue };
            recording.vectors().for_each(
                |row| filter.allows(row),
                |row, vector| {
                    let score = cosine(query.as_slice(), vector);
                    if request.accepts(score) {
                        top.push(score, (number, row));
                    }
                },
            );
        }
        Ok(top.into_sorted().into_iter().map(|kept| self.hit(kept)).collect())
    }
}
