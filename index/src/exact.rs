//! The index that looks at every epoch: the default, and the oracle of every other.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use crate::blocks::{Blocks, Filling};
use crate::captions::CaptionHit;
use crate::codes::Codes;
use crate::kernel::Kernel;
use crate::search::expect_dim;
use crate::shortlist::Shortlist;
use crate::threads;
use crate::top_k::{Candidate, Place, TopK};
use crate::vectors::cosine;
use crate::{
    Collection, Error, Filter, Hit, MissingRecording, Recording, RecordingEntry, Result,
    ScoreTable, SearchRequest, Space, VectorIndex,
};

/// Every epoch of a snapshot in memory.
///
/// A search reads the 8-bit codes of every epoch, and then the vectors of those that may be among the best: the codes
/// say how far their score may be from the cosine, so that none is passed over and the hits are those of the vectors.
#[derive(Debug)]
pub struct ExactIndex {
    space: Space,
    generation: u64,
    /// By ascending name.
    recordings: Vec<Arc<Recording>>,
    blocks: Blocks,
    missing: Vec<MissingRecording>,
}

impl ExactIndex {
    /// Reads every recording of a snapshot.
    ///
    /// A recording whose segment is damaged is left out and told of by [`missing`](Self::missing), which every answer
    /// has to repeat: it would otherwise be wrong in silence.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::recording`], but for [`Error::DamagedSegment`].
    pub fn open(collection: &Collection) -> Result<Self> {
        let nothing = Self {
            space: collection.space().clone(),
            generation: 0,
            recordings: Vec::new(),
            blocks: Blocks::default(),
            missing: Vec::new(),
        };
        nothing.followed_by(collection)
    }

    /// Reads what a later snapshot of the same collection has more, like [`open`](Self::open).
    pub fn followed_by(&self, collection: &Collection) -> Result<Self> {
        let known = |entry: &RecordingEntry| {
            let found = self.recordings.binary_search_by_key(&&entry.id, |known| known.id()).ok();
            found.filter(|number| self.recordings[*number].entry() == entry)
        };
        let stay = collection.recordings().filter_map(known);
        let dim = collection.space().dim;
        let mut filling = Filling::new(dim, collection.n_epochs(), &self.blocks, stay);
        let (mut recordings, mut missing) = (Vec::new(), Vec::new());
        for entry in collection.recordings() {
            if let Some(number) = known(entry) {
                filling.keep(number);
                recordings.push(Arc::clone(&self.recordings[number]));
                continue;
            }
            match collection.recording_with_codes(&entry.id) {
                Ok((recording, codes)) => {
                    filling.add(&codes, 0..codes.len());
                    recordings.push(recording);
                }
                Err(Error::DamagedSegment { path, offset, problem }) => {
                    let recording = entry.id.clone();
                    missing.push(MissingRecording { recording, path, offset, problem });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            space: collection.space().clone(),
            generation: collection.generation(),
            recordings,
            blocks: filling.finish(),
            missing,
        })
    }

    /// Returns the recordings that no question reaches, because their segments are damaged.
    pub fn missing(&self) -> &[MissingRecording] {
        &self.missing
    }

    /// Returns the name of the instructions that scan: `avx512_vnni`, `avx2`, `neon` or `scalar`.
    pub fn kernel(&self) -> &'static str {
        Kernel::best().name()
    }

    /// Returns how many threads a scan of every epoch takes.
    pub fn threads(&self) -> usize {
        self.parts().len()
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
    /// [`Error::UnknownRecording`], and [`Error::DamagedSegment`] where it is [missing](Self::missing).
    pub fn recording(&self, id: &RecordingId) -> Result<&Arc<Recording>> {
        match self.recordings.binary_search_by_key(&id, |recording| recording.id()) {
            Ok(found) => Ok(&self.recordings[found]),
            Err(_) => match self.missing.iter().find(|missing| missing.recording == *id) {
                Some(missing) => Err(missing.error()),
                None => Err(Error::UnknownRecording { recording: id.clone() }),
            },
        }
    }

    /// Scores every epoch of the recordings that are wanted with every prompt, and returns what `visit` makes of each
    /// recording, by ascending name.
    ///
    /// Several recordings are scored and visited at once.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`].
    pub fn score_all<'a, T: Send>(
        &'a self,
        prompts: &[Embedding],
        is_wanted: impl Fn(&RecordingId) -> bool + Sync,
        visit: impl Fn(&'a Recording, &ScoreTable) -> T + Sync,
    ) -> Result<Vec<T>> {
        let prompts = self.codes_of(prompts)?;
        let visited = threads::in_parts(self.parts(), |part| {
            let wanted = part.filter(|number| is_wanted(self.recordings[*number].id()));
            let visit = |number| {
                let (codes, rows) = self.blocks.rows(number);
                visit(&self.recordings[number], &ScoreTable::of(codes, rows, &prompts))
            };
            wanted.map(visit).collect::<Vec<T>>()
        });
        Ok(visited.into_iter().flatten().collect())
    }

    /// Reads the codes of every epoch and returns a sum of them: the least that a scan has to do, for comparison.
    pub fn read_codes(&self) -> u64 {
        let sums = threads::in_parts(self.parts(), |part| {
            let sum = |number| {
                let (codes, rows) = self.blocks.rows(number);
                codes.read(rows)
            };
            part.map(sum).fold(0, u64::wrapping_add)
        });
        sums.into_iter().fold(0, u64::wrapping_add)
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
        if let Some(missing) = self.missing.iter().find(|it| filter.names(&it.recording)) {
            return Err(missing.error());
        }
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

    fn codes_of(&self, prompts: &[Embedding]) -> Result<Codes> {
        prompts.iter().try_for_each(|prompt| expect_dim(&self.space, prompt))?;
        Ok(Codes::of(self.space.dim, prompts))
    }

    /// Returns the recordings that each thread scans.
    fn parts(&self) -> Vec<Range<usize>> {
        threads::parts(self.recordings.iter().map(|recording| recording.n_epochs()))
    }

    /// Returns the places of the epochs that may be among the best of some recordings.
    fn shortlist(&self, part: Range<usize>, prompt: &Codes, request: &SearchRequest) -> Shortlist {
        let mut shortlist = Shortlist::new(request.k, request.min_score);
        let mut scores = Vec::new();
        for number in part {
            let Some(filter) = request.filter.of(&self.recordings[number]) else { continue };
            let (codes, rows) = self.blocks.rows(number);
            scores.resize(rows.len(), 0.0);
            codes.score(rows.clone(), prompt, &mut scores);
            let bound = codes.bound(prompt.errors()[0]);
            let errors = &codes.errors()[rows];
            for (row, (score, error)) in scores.iter().zip(errors).enumerate() {
                if shortlist.may_need(*score, bound + error) && filter.allows(row) {
                    shortlist.push(*score, bound + error, (number, row));
                }
            }
        }
        shortlist
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
        let prompt = self.codes_of(std::slice::from_ref(query))?;
        let parts = self.parts();
        let mut shortlist = Shortlist::new(request.k, request.min_score);
        threads::in_parts(parts, |part| self.shortlist(part, &prompt, request))
            .into_iter()
            .for_each(|part| shortlist.merge(part));
        let mut top = TopK::new(request.k);
        let mut vector = vec![0.0; self.space.dim];
        for (number, row) in shortlist.into_places() {
            self.recordings[number].vectors().copy_row(row, &mut vector);
            let score = cosine(query.as_slice(), &vector);
            if request.accepts(score) {
                top.push(score, (number, row));
            }
        }
        Ok(top.into_sorted().into_iter().map(|kept| self.hit(kept)).collect())
    }
}
