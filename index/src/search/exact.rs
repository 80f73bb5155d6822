//! The exact index: scans every epoch. It is the default, and the oracle of every other index.

mod captions;
mod scan;

use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::{EpochRef, RecordingId};

use super::allowed::{AllowedRows, RowSet};
use crate::contract::{Hit, SearchAnswer, SearchPlan, SearchRequest, VectorIndex, expect_dim};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::recording::EmbeddingSpace;
use crate::storage::segment::{MissingRecording, OpenSegment, Recording, SegmentSet};
use crate::vector::kernel::Kernel;
use crate::vector::{Int8Codes, ScoreTable, ScoredRow, parallel};

/// Every epoch of a snapshot.
///
/// A search scores the 8-bit codes of every epoch, then the vectors of those that may be among the best. The codes bound
/// how far a score is from the cosine, so no epoch is missed, and the scores of hits are those of the vectors.
///
/// # What is in memory?
///
/// Opening reads nothing. What a question needs is mapped and verified then, and stays verified: for each epoch its codes
/// (512 bytes of 512 dimensions), 8 bytes beside them, and 25 bytes of columns if the recording had hits. Vectors are
/// copied when they come close to being a hit, and are not kept. Codes are memory that the system can take back.
///
/// A recording that turns out to be damaged is left out from then on and reported by [`missing`](Self::missing). Every
/// answer must repeat that **after** searching: it would otherwise be silently wrong.
#[derive(Debug)]
pub struct ExactIndex {
    set: SegmentSet,
    n_epochs: usize,
}

impl ExactIndex {
    /// Returns an index over the segments of a snapshot.
    pub fn new(set: SegmentSet) -> Self {
        let n_epochs = set.segments.iter().map(|segment| segment.entry().n_epochs).sum();
        Self { set, n_epochs }
    }

    /// Returns the recordings that no question reaches, as far as questions have found that they are damaged.
    pub fn missing(&self) -> Vec<MissingRecording> {
        let damaged = self.segments().iter().filter_map(|segment| segment.damage());
        self.set.lost.iter().chain(damaged).cloned().collect()
    }

    /// Returns the instruction set that scans: `avx512_vnni`, `avx2`, `neon` or `scalar`.
    pub fn kernel(&self) -> &'static str {
        Kernel::best().name()
    }

    /// Returns the number of threads of a scan of every epoch.
    pub fn threads(&self) -> usize {
        self.ranges().len()
    }

    /// Returns the generation of the snapshot.
    pub fn generation(&self) -> u64 {
        self.set.generation
    }

    /// Returns the recordings that are not [missing](Self::missing), by ascending id, and reads their columns.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn recordings(&self) -> impl Iterator<Item = Result<&Arc<Recording>>> {
        let undamaged = self.undamaged().map(|(_, segment)| segment);
        undamaged.filter_map(|segment| segment.unless_damaged(segment.recording()).transpose())
    }

    /// Returns a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and [`Error::Damaged`] if it is [missing](Self::missing).
    pub fn recording(&self, id: &RecordingId) -> Result<&Arc<Recording>> {
        let segment = &self.segments()[self.expect_recording(id)?];
        match segment.unless_damaged(segment.recording())? {
            Some(recording) => Ok(recording),
            None => Err(segment.damage().expect("it has just been recorded").error()),
        }
    }

    /// Scores every epoch of the selected recordings with every query, and returns what `visit` returns for each recording,
    /// by ascending id.
    ///
    /// Several recordings are scored and visited in parallel.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`].
    pub fn score_all<'a, T: Send>(
        &'a self,
        queries: &[Embedding],
        is_selected: impl Fn(&RecordingId) -> bool + Sync,
        visit: impl Fn(&'a Recording, &ScoreTable) -> T + Sync,
    ) -> Result<Vec<T>> {
        let queries = self.codes_of(queries)?;
        let score = |segment: &'a Arc<OpenSegment>| -> Result<T> {
            // Scored and visited while the scores are in the cache.
            let scores = ScoreTable::of(segment.codes()?, &queries);
            Ok(visit(segment.recording()?, &scores))
        };
        let visited = parallel::map(self.ranges(), |range| {
            let undamaged = self.segments()[range].iter().filter(|it| it.damage().is_none());
            let selected = undamaged.filter(|segment| is_selected(&segment.entry().id));
            let visited = selected.map(|segment| segment.unless_damaged(score(segment)));
            visited.filter_map(Result::transpose).collect::<Result<Vec<T>>>()
        });
        Ok(visited.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Reads the codes of every epoch and returns a sum: the least work a scan can do, for comparison in benchmarks.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] and [`Error::Format`].
    pub fn read_codes(&self) -> Result<u64> {
        let sums = parallel::map(self.ranges(), |range| {
            let mut sums = self.segments()[range].iter().map(|it| Ok(it.codes()?.checksum()));
            sums.try_fold(0, |all: u64, sum: Result<u64>| Ok(all.wrapping_add(sum?)))
        });
        sums.into_iter().try_fold(0, |all: u64, sum: Result<u64>| Ok(all.wrapping_add(sum?)))
    }

    /// Returns the segments by position, damaged or not.
    pub(super) fn segments(&self) -> &[Arc<OpenSegment>] {
        &self.set.segments
    }

    /// Returns the position of a recording, damaged or not.
    pub(super) fn position(&self, id: &RecordingId) -> Option<usize> {
        self.segments().binary_search_by_key(&id, |segment| &segment.entry().id).ok()
    }

    /// Returns the segments that are not known to be damaged, with their positions.
    pub(super) fn undamaged(&self) -> impl Iterator<Item = (usize, &Arc<OpenSegment>)> {
        self.segments().iter().enumerate().filter(|(_, segment)| segment.damage().is_none())
    }

    /// Checks the query and the filter of a request.
    pub(super) fn check(&self, query: &Embedding, filter: &Filter) -> Result<()> {
        expect_dim(self.space(), query)?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.expect_recording(id).map(|_| ()))?;
        Ok(filter.check(&self.segments().iter().map(|segment| segment.entry()))?)
    }

    /// Returns the position of a recording that is not known to be damaged.
    fn expect_recording(&self, id: &RecordingId) -> Result<usize> {
        if let Some(position) = self.position(id) {
            let damage = self.segments()[position].damage();
            return damage.map_or(Ok(position), |damage| Err(damage.error()));
        }
        match self.set.lost.iter().find(|lost| lost.recording == *id) {
            Some(lost) => Err(lost.error()),
            None => Err(Error::UnknownRecording { recording: id.clone() }),
        }
    }

    /// Evaluates a filter for every epoch. Epochs of damaged recordings are not allowed by any filter.
    pub(super) fn allowed(&self, filter: &Filter) -> Result<AllowedRows> {
        if filter.is_open() {
            return Ok(AllowedRows::all(self.n_epochs));
        }
        let allowed = |segment: &Arc<OpenSegment>| -> Result<RowSet> {
            if segment.damage().is_some() {
                return Ok(RowSet::Empty);
            }
            let Some(Some(filter)) = segment.unless_damaged(segment.filter(filter))? else {
                return Ok(RowSet::Empty);
            };
            let all = RowSet::All(segment.entry().n_epochs);
            Ok(filter.evaluate().map_or(all, |is_allowed| RowSet::of(&is_allowed)))
        };
        let recordings = parallel::map(self.ranges(), |range| {
            self.segments()[range].iter().map(allowed).collect::<Result<Vec<_>>>()
        });
        let recordings = recordings.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(AllowedRows::of(recordings.into_iter().flatten().collect()))
    }

    /// Returns the nearest of the allowed epochs of a request that has passed [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// Those of [`find`](VectorIndex::find).
    pub(super) fn find_among(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        allowed: &AllowedRows,
    ) -> Result<SearchAnswer> {
        loop {
            if let Some(hits) = self.scan(query, request, allowed)? {
                return Ok(SearchAnswer { hits, plan: SearchPlan::Scan });
            }
            // A recording turned out to be damaged, and may have kept others out of the hits. Each round has at least one
            // recording less, so this ends. The filter may name the recording, which is an error then.
            self.check(query, &request.filter)?;
        }
    }

    fn codes_of(&self, queries: &[Embedding]) -> Result<Int8Codes> {
        queries.iter().try_for_each(|query| expect_dim(self.space(), query))?;
        Ok(Int8Codes::of(self.space().dim, queries))
    }

    /// Returns the recordings that each thread scans.
    fn ranges(&self) -> Vec<Range<usize>> {
        parallel::ranges(self.segments().iter().map(|segment| segment.entry().n_epochs))
    }

    fn hit(&self, ScoredRow { score, id }: ScoredRow) -> Result<Hit> {
        let recording = self.segments()[id.recording].recording()?;
        let epoch = recording.row(id.row);
        Ok(Hit {
            epoch: EpochRef { recording: recording.id().clone(), epoch: epoch.number },
            score,
            onset_s: epoch.onset_s,
            stage: epoch.stage,
            mask: epoch.mask,
            events: epoch.events,
        })
    }
}

impl VectorIndex for ExactIndex {
    fn space(&self) -> &EmbeddingSpace {
        &self.set.space
    }

    fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        self.check(query, &request.filter)?;
        self.find_among(query, request, &self.allowed(&request.filter)?)
    }
}
