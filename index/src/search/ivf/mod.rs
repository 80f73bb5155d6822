//! The approximate index of lists: epochs that point the same way lie side by side, and a search looks at a few lists.
//!
//! Texts and epochs lie in two cones, so that a graph of epochs is entered from outside and walked for long; lists do not
//! mind. The middles of the lists are found once by k-means. A recording that comes later is put into the same lists, in a
//! layer of its own; when much has come, the layers are merged, and when the lists no longer fit, they are made anew.
//!
//! The file of lists is a cache: whatever is odd about it, the exact index answers instead and the file is made anew.

mod lists;
pub(crate) mod nearest;
pub(crate) mod ranks;
mod remainders;

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nocturne_encoder::Embedding;

use crate::contract::{Found, Hit, Plan, SearchRequest, VectorIndex};
use crate::error::{Error, Result};
use crate::filter::RowFilter;
use crate::recording::SegmentHash;
use crate::recording::Space;
use crate::search::member::Member;
use crate::search::shortlist::{Promising, Shortlist};
use crate::search::{ExactIndex, threads};
use crate::storage::CacheFiles;
use crate::storage::envelope::Damage;
use crate::storage::{FileContent, Storage};
use crate::vector::Codes;
use crate::vector::{Place, TopK};
use lists::{Details, Lists};

/// Where the files are in a collection.
pub(crate) const FILES: CacheFiles = CacheFiles { folder: "partitions", suffix: ".lists" };

/// Rows that are ruled out at once where not one of them comes near the best.
const RULED_OUT: usize = 16;

/// Most lists.
const MAX_LISTS: usize = 65_536;

/// Most hits that lists are asked for; beyond, a scan is as fast and complete.
const MAX_K: usize = 200;

/// Lists over the epochs of a snapshot, with the exact index for what lists cannot do.
#[derive(Debug)]
pub struct PartitionIndex {
    exact: Arc<ExactIndex>,
    middles: Arc<Codes>,
    /// The one with the middles first; then what came later, the older the greater.
    layers: Vec<Layer>,
    /// Whether a file turned out to be damaged.
    is_damaged: AtomicBool,
}

/// Rows of some recordings, as a snapshot has them.
#[derive(Debug)]
struct Layer {
    lists: Arc<Lists>,
    /// For each member, its number in the exact index, unless it was removed, replaced or damaged.
    numbers: Vec<Option<usize>>,
}

/// A recording, and the list of each of its rows.
struct Assigned {
    number: usize,
    lists: Vec<u32>,
}

/// What ought to be done about the lists of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Much has come after the file was written: [`PartitionIndex::merged`] makes one of all layers.
    Merge,
    /// The lists no longer fit what is in them, or are damaged: they are to be [built](PartitionIndex::build) anew.
    Rebuild,
}

impl PartitionIndex {
    /// Finds lists for the epochs of a snapshot: `n_lists`, or four times the square root of their number.
    ///
    /// A million epochs of 512 numbers take about a minute of processor time, and 268 bytes each.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for no lists or more than 65,536, and [`Error::Format`].
    pub fn build(exact: Arc<ExactIndex>, n_lists: Option<usize>) -> Result<Self> {
        let n_rows = exact.n_epochs();
        let n_lists = n_lists.unwrap_or_else(|| (4 * n_rows.isqrt()).clamp(1, MAX_LISTS));
        if !(1..=MAX_LISTS).contains(&n_lists) {
            return Err(Error::Setting { name: "lists", value: n_lists, expected: "1 to 65536" });
        }
        let middles =
            Arc::new(nearest::middles(&sample(&exact, n_lists * nearest::SAMPLE)?, n_lists));
        let all: Vec<usize> = (0..exact.handles().len()).collect();
        let assigned = assign(&exact, &all, &middles)?;
        let ranks = ranks::of(&exact, &middles, &assigned)?;
        let n_rows = assigned.iter().map(|it| it.lists.len()).sum();
        let unevenness = unevenness(&lengths(&assigned, middles.len()));
        let training = Training { ranks, n_rows, unevenness };
        let layer = Layer::seal(&exact, &middles, &assigned, Some(training))?;
        Ok(Self { exact, middles, layers: vec![layer], is_damaged: AtomicBool::new(false) })
    }

    /// Opens the lists that were saved beside a collection, and adds what came after them; nothing where there are none
    /// that can be trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`].
    pub fn open(exact: Arc<ExactIndex>, storage: &dyn Storage) -> Result<Option<Self>> {
        let candidates = FILES.list(storage)?.into_iter().filter_map(|(name, hash)| {
            let lists = Lists::open(storage.map(&name).ok()?).ok()?;
            let fits = lists.hash() == hash
                && lists.dim() == exact.space().dim
                && lists.details.fingerprint == exact.space().fingerprint;
            let middles = lists.middles().ok().filter(|_| fits)?;
            let layer = Layer::over(&exact, Arc::new(lists));
            Some((layer.n_live(), layer, middles))
        });
        let Some((_, layer, middles)) = candidates.max_by_key(|(n_live, ..)| *n_live) else {
            return Ok(None);
        };
        let before = Self {
            exact: Arc::clone(&exact),
            middles: Arc::new(middles),
            layers: vec![layer],
            is_damaged: AtomicBool::new(false),
        };
        before.followed_by(exact).map(Some)
    }

    /// Writes the lists beside a collection, in place of others; what came after they were merged is not written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn save(&self, storage: &dyn Storage) -> Result<()> {
        let lists = &self.layers[0].lists;
        FILES.publish(storage, lists.hash(), lists.bytes())
    }

    /// Returns the same lists over a later snapshot, with the recordings that came in a layer of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn followed_by(&self, exact: Arc<ExactIndex>) -> Result<Self> {
        let layers = self.layers.iter();
        let mut layers: Vec<_> =
            layers.map(|layer| Layer::over(&exact, Arc::clone(&layer.lists))).collect();
        let covered: BTreeSet<usize> =
            layers.iter().flat_map(|layer| layer.numbers.iter().flatten().copied()).collect();
        let new = exact.present().map(|(number, _)| number).filter(|it| !covered.contains(it));
        let mut assigned = assign(&exact, &new.collect::<Vec<_>>(), &self.middles)?;
        let mut is_damaged = self.is_damaged.load(Ordering::Relaxed);
        if !assigned.is_empty() {
            // Each layer stays twice as great as the next, so that there are few of them and each row moves seldom.
            let n_rows =
                |assigned: &[Assigned]| -> usize { assigned.iter().map(|it| it.lists.len()).sum() };
            while layers.len() > 1
                && let Some(last) = layers.pop_if(|last| last.n_live() < 2 * n_rows(&assigned))
            {
                match last.assigned() {
                    Ok(more) => assigned.extend(more),
                    Err(_) => is_damaged = true,
                }
            }
            layers.push(Layer::seal(&exact, &self.middles, &assigned, None)?);
        }
        let (middles, is_damaged) = (Arc::clone(&self.middles), AtomicBool::new(is_damaged));
        Ok(Self { exact, middles, layers, is_damaged })
    }

    /// Returns an index with one layer of all that is in the layers of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Format`].
    pub fn merged(&self) -> Result<Self> {
        let mut assigned = Vec::new();
        for layer in &self.layers {
            match layer.assigned() {
                Ok(more) => assigned.extend(more),
                Err(_) => return Self::build(Arc::clone(&self.exact), Some(self.middles.len())),
            }
        }
        let details = self.layers[0].lists.details.clone();
        let (ranks, n_rows) = (details.ranks, details.n_rows_at_training);
        let unevenness = details.unevenness_at_training;
        let training = Training { ranks, n_rows, unevenness };
        let layer = Layer::seal(&self.exact, &self.middles, &assigned, Some(training))?;
        Ok(Self {
            exact: Arc::clone(&self.exact),
            middles: Arc::clone(&self.middles),
            layers: vec![layer],
            is_damaged: AtomicBool::new(false),
        })
    }

    /// Returns what ought to be done about the lists.
    pub fn due(&self) -> Due {
        let details = &self.layers[0].lists.details;
        let n_live: usize = self.layers.iter().map(Layer::n_live).sum();
        let mut lengths = vec![0; self.n_lists()];
        for layer in &self.layers {
            lengths.iter_mut().zip(layer.lists.lengths()).for_each(|(sum, more)| *sum += more);
        }
        let has_outgrown = n_live > 2 * details.n_rows_at_training
            || unevenness(&lengths) > 2.0 * details.unevenness_at_training;
        let first = self.layers[0].n_live();
        let is_apart = n_live - first + (self.layers[0].lists.n_rows() - first) > n_live / 8;
        match (self.is_damaged.load(Ordering::Relaxed) || has_outgrown, is_apart) {
            (true, _) => Due::Rebuild,
            (false, true) => Due::Merge,
            (false, false) => Due::Nothing,
        }
    }

    /// Returns how many lists there are.
    pub fn n_lists(&self) -> usize {
        self.middles.len()
    }

    /// Returns the exact index over the same snapshot.
    pub fn exact(&self) -> &Arc<ExactIndex> {
        &self.exact
    }

    /// Returns how many lists hold a share of the nearest epochs, as it was when the lists were found; all of them for 1.
    pub fn lists_for(&self, recall: f32) -> usize {
        let ranks = &self.layers[0].lists.details.ranks;
        ranks::lists_for(ranks, recall).map_or(self.n_lists(), |n| n.min(self.n_lists()))
    }

    /// Returns how many lists hold a share of the nearest of the epochs that a filter allows: the fewer a list has of them,
    /// the more lists.
    pub(crate) fn lists_for_some(&self, recall: f32, n_allowed: usize) -> usize {
        let n_lists = self.lists_for(recall) * self.n_epochs();
        n_lists.div_ceil(n_allowed.max(1)).min(self.n_lists())
    }

    /// Looks at the nearest lists for the nearest epochs; nothing where that is not complete, for one reason or another.
    pub(crate) fn probe(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        n_lists: usize,
    ) -> Result<Option<Vec<Hit>>> {
        let is_for_lists = request.min_score.is_none()
            && request.k <= MAX_K
            && !self.is_damaged.load(Ordering::Relaxed);
        if !is_for_lists {
            return Ok(None);
        }
        let prompt = Codes::of(self.exact.space().dim, [query]);
        // Where every list is looked at, nothing is to be missed.
        let is_complete = n_lists >= self.n_lists();
        let mut gathered = Gathered {
            filters: self.filters(request)?,
            prompt: remainders::Prompt::of(&prompt, is_complete),
            scores: Vec::new(),
            shortlist: Shortlist::new(request.k, None),
        };
        let lists = self.nearest_lists(&prompt, n_lists);
        let mut later = lists.iter().skip(1);
        for (list, score) in lists.iter().copied() {
            if let Some((later, _)) = later.next() {
                self.layers.iter().for_each(|layer| layer.lists.ask_for(*later));
            }
            for layer in &self.layers {
                if layer.offer(list, score, &mut gathered).is_err() {
                    self.is_damaged.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
            }
        }
        let Some(promising) = self.scored(request.k, &prompt, gathered.shortlist, is_complete)?
        else {
            return Ok(None);
        };
        self.exact.rescored(query, request, promising)
    }

    /// Scores a shortlist by 8-bit codes, the most promising first, until the others cannot reach the `k` best; nothing
    /// where a recording turned out to be damaged.
    fn scored(
        &self,
        k: usize,
        prompt: &Codes,
        shortlist: Shortlist,
        is_complete: bool,
    ) -> Result<Option<Vec<Promising>>> {
        // Only as many are brought into order as are looked at.
        let mut promising = BinaryHeap::from(shortlist.into_promising());
        let (mut top, mut scored) = (TopK::new(k), Vec::new());
        while let Some(Promising { most, place }) = promising.pop() {
            if most < top.least() {
                break;
            }
            let (number, row) = place;
            let handle = &self.exact.handles()[number];
            let Some(codes) = handle.unless_damaged(handle.codes())? else { return Ok(None) };
            let mut score = [0.0];
            codes.score(row..row + 1, prompt, &mut score);
            let bound = if is_complete {
                codes.bound(prompt.errors()[0]) + codes.errors()[row]
            } else {
                prompt.likely_bound()
            };
            top.push(score[0] - bound, place);
            scored.push(Promising { most: score[0] + bound, place });
        }
        Ok(Some(scored))
    }

    /// Returns the lists whose middles are nearest, the nearest first, with their scores.
    fn nearest_lists(&self, prompt: &Codes, n: usize) -> Vec<(usize, f32)> {
        let mut scores = vec![0.0; self.middles.len()];
        self.middles.score(0..self.middles.len(), prompt, &mut scores);
        // Whole numbers are sorted several times as fast as pairs.
        let mut keys: Vec<u64> =
            (0..).zip(&scores).map(|(list, score)| key(*score, list)).collect();
        if n < keys.len() {
            keys.select_nth_unstable(n);
            keys.truncate(n);
        }
        keys.sort_unstable();
        let lists = keys.into_iter().map(|key| key as u32 as usize);
        lists.map(|list| (list, scores[list])).collect()
    }

    /// Returns the conditions on the epochs of each recording; nothing where there is none on any.
    fn filters(&self, request: &SearchRequest) -> Result<Option<Vec<Option<RowFilter<'_>>>>> {
        if request.filter.is_open() {
            return Ok(None);
        }
        let all = 0..self.exact.handles().len();
        let filters = all.map(|number| self.exact.filter_of(number, &request.filter));
        filters.collect::<Result<_>>().map(Some)
    }
}

impl VectorIndex for PartitionIndex {
    fn space(&self) -> &Space {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        self.exact.check(query, &request.filter)?;
        if let Some(recall) = request.recall {
            let n_allowed = self.exact.count(&request.filter)?;
            let n_lists = self.lists_for_some(recall, n_allowed);
            let hits = self.probe(query, request, n_lists)?;
            if let Some(hits) = hits.filter(|hits| hits.len() == request.k.min(n_allowed)) {
                let plan = Plan::Partitions { lists: n_lists, of: self.n_lists() };
                return Ok(Found { hits, plan });
            }
        }
        self.exact.find(query, request)
    }
}

/// What was found so far, and what is allowed to be.
struct Gathered<'a> {
    /// Conditions by recording; nothing where there is none on any.
    filters: Option<Vec<Option<RowFilter<'a>>>>,
    prompt: remainders::Prompt<'a>,
    /// Room for the scores of a list.
    scores: Vec<f32>,
    shortlist: Shortlist,
}

/// What is known of the lists since their middles were found.
struct Training {
    ranks: [Vec<u32>; 2],
    n_rows: usize,
    unevenness: f64,
}

impl Layer {
    /// Puts recordings into lists; with what is known of the lists, they are worth a file.
    fn seal(
        exact: &ExactIndex,
        middles: &Codes,
        assigned: &[Assigned],
        training: Option<Training>,
    ) -> Result<Self> {
        let handles = exact.handles();
        let mut members = Vec::with_capacity(assigned.len());
        for Assigned { number, lists } in assigned {
            let handle = &handles[*number];
            if let Some(codes) = handle.unless_damaged(handle.codes())? {
                members.push((*number, codes, lists.as_slice()));
            }
        }
        let is_whole = training.is_some();
        let training =
            training.unwrap_or(Training { ranks: [vec![], vec![]], n_rows: 0, unevenness: 1.0 });
        let details = Details {
            fingerprint: exact.space().fingerprint.clone(),
            recordings: members.iter().map(|(number, ..)| Member::of(&handles[*number])).collect(),
            n_rows_at_training: training.n_rows,
            unevenness_at_training: training.unevenness,
            ranks: training.ranks,
        };
        let numbers = members.iter().map(|(number, ..)| Some(*number)).collect();
        let rows: Vec<_> = members.iter().map(|(_, codes, lists)| (*codes, *lists)).collect();
        let content = Lists::seal(&details, middles, is_whole, &rows);
        let lists = Lists::open(content).expect("what was just sealed is whole");
        Ok(Self { lists: Arc::new(lists), numbers })
    }

    /// Finds the members in a snapshot.
    fn over(exact: &ExactIndex, lists: Arc<Lists>) -> Self {
        let number = |member: &Member| member.number_in(exact);
        let numbers = lists.details.recordings.iter().map(number).collect();
        Self { lists, numbers }
    }

    /// Returns how many rows are in the snapshot as they are in the lists.
    fn n_live(&self) -> usize {
        let members = self.lists.details.recordings.iter().zip(&self.numbers);
        members.filter(|(_, number)| number.is_some()).map(|(member, _)| member.n_epochs).sum()
    }

    /// Returns the lists of all rows that are in the snapshot.
    fn assigned(&self) -> Result<Vec<Assigned>, Damage> {
        let assigned = self.numbers.iter().zip(self.lists.assigned()?);
        let live =
            assigned.filter_map(|(number, lists)| Some(Assigned { number: (*number)?, lists }));
        Ok(live.collect())
    }

    /// Offers the rows of a list, given the score of its middle.
    fn offer(
        &self,
        list: usize,
        of_middle: f32,
        gathered: &mut Gathered<'_>,
    ) -> Result<(), Damage> {
        let Gathered { filters, prompt, scores, shortlist } = gathered;
        let list = self.lists.list(list)?;
        prompt.score(list.nibbles, of_middle, list.steps, scores);
        let bound = |step: &[u8; 4]| prompt.bound(*step);
        let parts = scores.chunks(RULED_OUT).zip(list.steps.chunks(RULED_OUT));
        for (start, (scores, steps)) in (0..).step_by(RULED_OUT).zip(parts) {
            // Without branches, so that the compiler compares several at a time.
            let pairs = || scores.iter().zip(steps);
            let needs = |any, (score, step): (&f32, &[u8; 4])| {
                any | shortlist.may_need(*score, bound(step))
            };
            if !pairs().fold(false, needs) {
                continue;
            }
            for (row, (score, step)) in (start..).zip(pairs()) {
                if shortlist.may_need(*score, bound(step))
                    && let Some(place) = self.place(list.place(row))?
                    && filters.as_ref().is_none_or(|filters| allows(filters, place))
                {
                    shortlist.push(*score, bound(step), place);
                }
            }
        }
        Ok(())
    }

    /// Returns where a row is in the snapshot, if it is.
    fn place(&self, place: lists::Place) -> Result<Option<Place>, Damage> {
        let [member, row] = place.map(|number| number as usize);
        let members = &self.lists.details.recordings;
        match members.get(member).filter(|member| row < member.n_epochs) {
            Some(_) => Ok(self.numbers[member].map(|number| (number, row))),
            None => Err(self.lists.strange(place)),
        }
    }
}

/// Returns a number that is the less, the greater the score, and of equal scores the less, the less the list.
fn key(score: f32, list: u32) -> u64 {
    let bits = score.to_bits();
    let descending = if score.is_sign_negative() { bits } else { !bits & (u32::MAX >> 1) };
    u64::from(descending) << 32 | u64::from(list)
}

fn allows(filters: &[Option<RowFilter<'_>>], (number, row): Place) -> bool {
    filters[number].as_ref().is_some_and(|filter| filter.allows(row))
}

/// Checks a file of lists against the segments, and returns the hash of its content.
pub(crate) fn check(content: FileContent, exact: &ExactIndex) -> Result<SegmentHash, Damage> {
    Lists::open(content)?.check(exact)
}

/// Returns about `n` rows, evenly spread over all recordings.
pub(crate) fn sample(exact: &ExactIndex, n: usize) -> Result<Codes> {
    let step = (exact.n_epochs() / n.max(1)).max(1);
    let mut sample = Codes::with_room(exact.space().dim, exact.n_epochs() / step + 1);
    let mut next = 0;
    for (_, handle) in exact.present() {
        let n_epochs = handle.entry().n_epochs;
        if next < n_epochs
            && let Some(codes) = handle.unless_damaged(handle.codes())?
        {
            while next < n_epochs {
                sample.push_row_of(codes, next);
                next += step;
            }
        }
        next = next.saturating_sub(n_epochs);
    }
    Ok(sample)
}

/// Finds the list of each row of some recordings; damaged ones are left out.
fn assign(exact: &ExactIndex, numbers: &[usize], middles: &Codes) -> Result<Vec<Assigned>> {
    let handles = exact.handles();
    let parts = threads::parts(numbers.iter().map(|number| handles[*number].entry().n_epochs));
    let found = threads::in_parts(parts, |part| {
        let assign = |number: &usize| -> Result<Option<Assigned>> {
            let handle = &handles[*number];
            let codes = handle.unless_damaged(handle.codes())?;
            Ok(codes
                .map(|codes| Assigned { number: *number, lists: nearest::nearest(codes, middles) }))
        };
        numbers[part].iter().map(assign).filter_map(Result::transpose).collect::<Result<Vec<_>>>()
    });
    Ok(found.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Returns how many rows each list has.
fn lengths(assigned: &[Assigned], n_lists: usize) -> Vec<usize> {
    let mut lengths = vec![0; n_lists];
    assigned.iter().flat_map(|it| &it.lists).for_each(|list| lengths[*list as usize] += 1);
    lengths
}

/// Returns how long the list of a row is on average, over the average of lists; 1 at least.
fn unevenness(lengths: &[usize]) -> f64 {
    let rows: f64 = lengths.iter().map(|length| *length as f64).sum();
    let squares: f64 = lengths.iter().map(|length| (*length as f64).powi(2)).sum();
    if rows > 0.0 { squares * lengths.len() as f64 / (rows * rows) } else { 1.0 }
}

#[cfg(test)]
mod tests;
