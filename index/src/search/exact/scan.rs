//! The scan: a shortlist by 8-bit codes, then the hits by the vectors.

use std::collections::BinaryHeap;
use std::ops::Range;

use nocturne_encoder::Embedding;

use super::ExactIndex;
use crate::contract::{Hit, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::search::allowed::AllowedRows;
use crate::search::shortlist::{Shortlist, ShortlistedRow};
use crate::vector::{Int8Codes, RowId, TopK, cosine, parallel};

/// Rows that are dismissed with one comparison if none of them comes near the best; most of them are.
const BLOCK: usize = 64;

impl ExactIndex {
    /// Returns the nearest of the allowed epochs, or `None` if a recording turned out to be damaged.
    pub(super) fn scan(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        allowed: &AllowedRows,
    ) -> Result<Option<Vec<Hit>>> {
        let codes = self.codes_of(std::slice::from_ref(query))?;
        let mut shortlist = Shortlist::new(request.k, request.min_score);
        let parts =
            parallel::map(self.ranges(), |range| self.scan_range(range, &codes, request, allowed));
        for part in parts {
            let Some(part) = part? else { return Ok(None) };
            shortlist.merge(part);
        }
        self.rescore(query, request, shortlist.into_rows())
    }

    /// Returns the shortlist of a range of recordings, or `None` if one of them turned out to be damaged.
    fn scan_range(
        &self,
        range: Range<usize>,
        query: &Int8Codes,
        request: &SearchRequest,
        allowed: &AllowedRows,
    ) -> Result<Option<Shortlist>> {
        let mut shortlist = Shortlist::new(request.k, request.min_score);
        for recording in range {
            let segment = &self.segments()[recording];
            if segment.damage().is_some() {
                continue;
            }
            let scanned = self.scan_recording(recording, query, allowed, &mut shortlist);
            if segment.unless_damaged(scanned)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(shortlist))
    }

    /// Adds the allowed epochs of a recording to a shortlist.
    pub(in crate::search) fn scan_recording(
        &self,
        recording: usize,
        query: &Int8Codes,
        allowed: &AllowedRows,
        shortlist: &mut Shortlist,
    ) -> Result<()> {
        let rows = allowed.rows_of(recording);
        // The codes of a recording without allowed epochs are not even opened.
        if rows.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let codes = self.segments()[recording].codes()?;
        let bound = codes.bound(query.errors()[0]);
        let Some(rows) = rows else {
            scan_all(recording, codes, query, bound, shortlist);
            return Ok(());
        };
        let scores = codes.score_rows(&rows, query);
        for (row, score) in rows.into_iter().zip(scores) {
            let row = row as usize;
            shortlist.push(score, bound + codes.errors()[row], RowId { recording, row });
        }
        Ok(())
    }

    /// Returns the hits among shortlisted rows, by their vectors, or `None` if a recording turned out to be damaged.
    ///
    /// Rows are rescored by descending upper bound, until the next one cannot reach what has been found: usually a few more
    /// than `k`. A heap orders only the rows that are rescored.
    pub(in crate::search) fn rescore(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        rows: Vec<ShortlistedRow>,
    ) -> Result<Option<Vec<Hit>>> {
        let mut rows = BinaryHeap::from(rows);
        let mut top = TopK::new(request.k);
        let mut vector = vec![0.0; self.space().dim];
        while let Some(ShortlistedRow { upper_bound, id }) = rows.pop() {
            if upper_bound < top.threshold() {
                break;
            }
            let segment = &self.segments()[id.recording];
            let read = segment
                .recording()
                .and_then(|recording| recording.vectors().copy_row(id.row, &mut vector));
            if segment.unless_damaged(read)?.is_none() {
                return Ok(None);
            }
            let score = cosine(query.as_slice(), &vector);
            if request.accepts(score) {
                top.push(score, id);
            }
        }
        let hits = top.into_sorted().into_iter().map(|row| self.hit(row));
        hits.collect::<Result<_>>().map(Some)
    }
}

/// Adds all epochs of a recording to a shortlist; `bound` is the part of the error bound that its rows share.
fn scan_all(
    recording: usize,
    codes: &Int8Codes,
    query: &Int8Codes,
    bound: f32,
    shortlist: &mut Shortlist,
) {
    let mut scores = vec![0.0; codes.len()];
    codes.score(0..codes.len(), query, &mut scores);
    // A block is first judged with the largest error of the recording, which is safe for each of its rows.
    let max_bound = bound + codes.max_error();
    let blocks = scores.chunks(BLOCK).zip(codes.errors().chunks(BLOCK));
    for (start, (scores, errors)) in (0..).step_by(BLOCK).zip(blocks) {
        if !shortlist.may_need_any(scores, max_bound) {
            continue;
        }
        for (row, (score, error)) in (start..).zip(scores.iter().zip(errors)) {
            shortlist.push(*score, bound + error, RowId { recording, row });
        }
    }
}
