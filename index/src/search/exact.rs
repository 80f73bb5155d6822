//! The index that looks at every epoch: the default, and the oracle of every other.

use std::collections::{BTreeSet, BinaryHeap};
use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use crate::contract::expect_dim;
use crate::contract::{Found, Hit, Plan, SearchRequest, VectorIndex};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::filter::RowFilter;
use crate::folder::Collection;
use crate::recording::CaptionHit;
use crate::recording::cosine;
use crate::recording::{Recording, Space};
use crate::search::ScoreTable;
use crate::search::shortlist::{Promising, Shortlist};
use crate::search::threads;
use crate::storage::Handle;
use crate::storage::MissingRecording;
use crate::vector::Codes;
use crate::vector::kernel::Kernel;
use crate::vector::{Candidate, Place, TopK};

/// Rows that are ruled out at once where not one of them comes near the best; most do not.
const RULED_OUT: usize = 64;

/// Every epoch of a snapshot.
///
/// A search reads the 8-bit codes of every epoch, and then the vectors of those that may be among the best: the codes
/// say how far their score may be from the cosine, so that none is passed over and the hits are those of the vectors.
///
/// # What is in memory?
///
/// Opening opens the files and reads nothing of them. What a question needs is mapped and checked then, and stays checked:
/// for each epoch its codes (512 bytes of 512 numbers), 8 bytes beside them, and 25 bytes of columns where a recording had
/// hits. Vectors are copied where they come close to being a hit, and do not stay. Codes are memory that the system can
/// take back.
///
/// A recording that turns out to be damaged is left out from then on, and told of by [`missing`](Self::missing), which
/// every answer has to repeat **after** it was found: it would otherwise be wrong in silence.
#[derive(Debug)]
pub struct ExactIndex {
    space: Space,
    generation: u64,
    /// By ascending name.
    handles: Vec<Arc<Handle>>,
    n_epochs: usize,
    /// Those whose files are not there.
    lost: Vec<MissingRecording>,
}

impl ExactIndex {
    /// Opens every recording of a snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Outdated`] and [`Error::Io`].
    pub fn open(collection: &Collection) -> Result<Self> {
        let mut handles = Vec::with_capacity(collection.recordings().len());
        let mut lost = Vec::new();
        for entry in collection.recordings() {
            match collection.handle(&entry.id) {
                Ok(handle) => handles.push(Arc::clone(handle)),
                Err(Error::DamagedSegment { path, offset, problem }) => {
                    let recording = entry.id.clone();
                    lost.push(MissingRecording { recording, path, offset, problem }.told());
                }
                Err(error) => return Err(error),
            }
        }
        let space = collection.space().clone();
        let n_epochs = handles.iter().map(|handle| handle.entry().n_epochs).sum();
        Ok(Self { space, generation: collection.generation(), handles, n_epochs, lost })
    }

    /// Returns the recordings that no question reaches, as far as questions have found out that they are damaged.
    pub fn missing(&self) -> Vec<MissingRecording> {
        let damaged = self.handles.iter().filter_map(|handle| handle.damage());
        self.lost.iter().chain(damaged).cloned().collect()
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

    /// Returns the recordings that are not [missing](Self::missing), by ascending name, and reads their columns.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn recordings(&self) -> impl Iterator<Item = Result<&Arc<Recording>>> {
        let present = self.handles.iter().filter(|handle| handle.damage().is_none());
        present.filter_map(|handle| handle.unless_damaged(handle.recording()).transpose())
    }

    /// Returns a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and [`Error::DamagedSegment`] where it is [missing](Self::missing).
    pub fn recording(&self, id: &RecordingId) -> Result<&Arc<Recording>> {
        let handle = &self.handles[self.expect_recording(id)?];
        match handle.unless_damaged(handle.recording())? {
            Some(recording) => Ok(recording),
            None => Err(handle.damage().expect("it has just been noted").error()),
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
        let score = |handle: &'a Arc<Handle>| -> Result<T> {
            let scores = ScoreTable::of(handle.codes()?, &prompts);
            Ok(visit(handle.recording()?, &scores))
        };
        let visited = threads::in_parts(self.parts(), |part| {
            let present = self.handles[part].iter().filter(|handle| handle.damage().is_none());
            let wanted = present.filter(|handle| is_wanted(&handle.entry().id));
            let visited = wanted.map(|handle| handle.unless_damaged(score(handle)));
            visited.filter_map(Result::transpose).collect::<Result<Vec<T>>>()
        });
        Ok(visited.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Reads the codes of every epoch and returns a sum of them: the least that a scan has to do, for comparison.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`] and [`Error::Format`].
    pub fn read_codes(&self) -> Result<u64> {
        let sums = threads::in_parts(self.parts(), |part| {
            let mut sums = self.handles[part].iter().map(|handle| Ok(handle.codes()?.read()));
            sums.try_fold(0, |all: u64, sum: Result<u64>| Ok(all.wrapping_add(sum?)))
        });
        sums.into_iter().try_fold(0, |all: u64, sum: Result<u64>| Ok(all.wrapping_add(sum?)))
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
        let wanted = WantedCaptions { query, request, kinds };
        self.until_all_is_well(query, &request.filter, || {
            let mut top = TopK::new(request.k);
            for (number, handle) in self.present() {
                let offered = self.offer_captions(number, &wanted, &mut top);
                if handle.unless_damaged(offered)?.is_none() {
                    return Ok(None);
                }
            }
            let hits = top.into_sorted().into_iter().map(|kept| self.caption_hit(kept));
            hits.collect::<Result<_>>().map(Some)
        })
    }

    /// Offers the captions of a recording that are wanted.
    fn offer_captions(
        &self,
        number: usize,
        WantedCaptions { query, request, kinds }: &WantedCaptions<'_>,
        top: &mut TopK,
    ) -> Result<()> {
        let handle = &self.handles[number];
        if handle.entry().n_captions == 0 {
            return Ok(());
        }
        let Some(filter) = request.filter.of(handle)? else { return Ok(()) };
        let captions = handle.recording()?.captions();
        let wanted = |caption| {
            kinds.is_none_or(|kinds| kinds.contains(&captions.kind(caption)))
                && filter.allows(captions.row(caption))
        };
        captions.vectors().for_each(wanted, |caption, vector| {
            let score = cosine(query.as_slice(), vector);
            if request.accepts(score) {
                top.push(score, (number, caption));
            }
        })
    }

    /// Asks until an answer is found in which no recording turned out to be damaged on the way: what such a one had
    /// before may have kept others out. Each time there is one recording less.
    fn until_all_is_well<T>(
        &self,
        query: &Embedding,
        filter: &Filter,
        ask: impl Fn() -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            self.check(query, filter)?;
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
        }
    }

    /// Returns a recording's number, damaged or not.
    pub(crate) fn number_of(&self, id: &RecordingId) -> Option<usize> {
        self.handles.binary_search_by_key(&id, |handle| &handle.entry().id).ok()
    }

    /// Returns the recordings that are not known to be damaged, with their numbers.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, &Arc<Handle>)> {
        self.handles.iter().enumerate().filter(|(_, handle)| handle.damage().is_none())
    }

    /// Returns the recordings by number, damaged or not.
    pub(crate) fn handles(&self) -> &[Arc<Handle>] {
        &self.handles
    }

    /// Refuses what cannot be searched for.
    pub(crate) fn check(&self, query: &Embedding, filter: &Filter) -> Result<()> {
        expect_dim(&self.space, query)?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.expect_recording(id).map(|_| ()))?;
        filter.check(&self.handles.iter().map(|handle| handle.entry()))
    }

    /// Returns a recording's number, unless it is not there or known to be damaged.
    fn expect_recording(&self, id: &RecordingId) -> Result<usize> {
        if let Some(number) = self.number_of(id) {
            let damage = self.handles[number].damage();
            return damage.map_or(Ok(number), |damage| Err(damage.error()));
        }
        match self.lost.iter().find(|lost| lost.recording == *id) {
            Some(lost) => Err(lost.error()),
            None => Err(Error::UnknownRecording { recording: id.clone() }),
        }
    }

    /// Returns how many epochs a filter allows.
    pub(crate) fn count(&self, filter: &Filter) -> Result<usize> {
        if filter.is_open() {
            return Ok(self.n_epochs);
        }
        let mut n_allowed = 0;
        for (_, handle) in self.present() {
            if let Some(Some(filter)) = handle.unless_damaged(filter.of(handle))? {
                n_allowed += filter.count(handle.entry().n_epochs);
            }
        }
        Ok(n_allowed)
    }

    /// Returns the conditions on the epochs of a recording; nothing where none is allowed, or it is damaged.
    pub(crate) fn filter_of(
        &self,
        number: usize,
        filter: &Filter,
    ) -> Result<Option<RowFilter<'_>>> {
        let handle = &self.handles[number];
        if handle.damage().is_some() {
            return Ok(None);
        }
        Ok(handle.unless_damaged(filter.of(handle))?.flatten())
    }

    /// Returns the hits among some epochs, by their vectors; nothing where one of them turned out to be damaged.
    ///
    /// The most promising are looked at first, until the others cannot reach what has been found.
    pub(crate) fn rescored(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        promising: Vec<Promising>,
    ) -> Result<Option<Vec<Hit>>> {
        let mut promising = BinaryHeap::from(promising);
        let mut top = TopK::new(request.k);
        let mut vector = vec![0.0; self.space.dim];
        while let Some(Promising { most, place: (number, row) }) = promising.pop() {
            if most < top.least() {
                break;
            }
            let handle = &self.handles[number];
            let read = handle
                .recording()
                .and_then(|recording| recording.vectors().copy_row(row, &mut vector));
            if handle.unless_damaged(read)?.is_none() {
                return Ok(None);
            }
            let score = cosine(query.as_slice(), &vector);
            if request.accepts(score) {
                top.push(score, (number, row));
            }
        }
        let hits = top.into_sorted().into_iter().map(|kept| self.hit(kept));
        hits.collect::<Result<_>>().map(Some)
    }

    fn codes_of(&self, prompts: &[Embedding]) -> Result<Codes> {
        prompts.iter().try_for_each(|prompt| expect_dim(&self.space, prompt))?;
        Ok(Codes::of(self.space.dim, prompts))
    }

    /// Returns the recordings that each thread scans.
    fn parts(&self) -> Vec<Range<usize>> {
        threads::parts(self.handles.iter().map(|handle| handle.entry().n_epochs))
    }

    /// Returns the places of the epochs that may be among the best of some recordings; nothing where one of these turned
    /// out to be damaged.
    fn shortlist(
        &self,
        part: Range<usize>,
        prompt: &Codes,
        request: &SearchRequest,
    ) -> Result<Option<Shortlist>> {
        let mut shortlist = Shortlist::new(request.k, request.min_score);
        for number in part {
            let handle = &self.handles[number];
            if handle.damage().is_some() {
                continue;
            }
            let scanned = self.scan(number, prompt, request, &mut shortlist);
            if handle.unless_damaged(scanned)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(shortlist))
    }

    /// Offers the epochs of one recording to a shortlist.
    pub(crate) fn scan(
        &self,
        number: usize,
        prompt: &Codes,
        request: &SearchRequest,
        shortlist: &mut Shortlist,
    ) -> Result<()> {
        let handle = &self.handles[number];
        let Some(filter) = request.filter.of(handle)? else { return Ok(()) };
        let codes = handle.codes()?;
        let bound = codes.bound(prompt.errors()[0]);
        if let Some(rows) = filter.rows() {
            let scores = codes.score_some(&rows, prompt);
            for (row, score) in rows.into_iter().zip(scores) {
                let row = row as usize;
                shortlist.push(score, bound + codes.errors()[row], (number, row));
            }
            return Ok(());
        }
        let mut scores = vec![0.0; codes.len()];
        codes.score(0..codes.len(), prompt, &mut scores);
        let most = bound + codes.greatest_error();
        let parts = scores.chunks(RULED_OUT).zip(codes.errors().chunks(RULED_OUT));
        for (start, (scores, errors)) in (0..).step_by(RULED_OUT).zip(parts) {
            if !shortlist.may_need_any(scores, most) {
                continue;
            }
            for (row, (score, error)) in (start..).zip(scores.iter().zip(errors)) {
                shortlist.push(*score, bound + error, (number, row));
            }
        }
        Ok(())
    }

    fn hit(&self, Candidate { score, place: (number, row) }: Candidate) -> Result<Hit> {
        let recording = self.handles[number].recording()?;
        let epoch = recording.row(row);
        Ok(Hit {
            epoch: EpochRef { recording: recording.id().clone(), epoch: epoch.number },
            score,
            onset_s: epoch.onset_s,
            stage: epoch.stage,
            mask: epoch.mask,
            events: epoch.events,
        })
    }

    fn caption_hit(&self, Candidate { score, place }: Candidate) -> Result<CaptionHit> {
        let (number, caption): Place = place;
        let recording = self.handles[number].recording()?;
        let captions = recording.captions();
        let epoch = recording.numbers()[captions.row(caption)];
        Ok(CaptionHit {
            epoch: EpochRef { recording: recording.id().clone(), epoch },
            score,
            kind: captions.kind(caption),
            text: captions.text(caption).to_owned(),
        })
    }
}

/// What is asked of captions.
struct WantedCaptions<'a> {
    query: &'a Embedding,
    request: &'a SearchRequest,
    kinds: Option<&'a BTreeSet<CaptionKind>>,
}

impl VectorIndex for ExactIndex {
    fn space(&self) -> &Space {
        &self.space
    }

    fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        let hits = self.until_all_is_well(query, &request.filter, || {
            let prompt = self.codes_of(std::slice::from_ref(query))?;
            let mut shortlist = Shortlist::new(request.k, request.min_score);
            for part in
                threads::in_parts(self.parts(), |part| self.shortlist(part, &prompt, request))
            {
                let Some(part) = part? else { return Ok(None) };
                shortlist.merge(part);
            }
            self.rescored(query, request, shortlist.into_promising())
        })?;
        Ok(Found { hits, plan: Plan::Scan })
    }
}
