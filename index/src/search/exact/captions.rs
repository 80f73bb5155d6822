//! Searches captions. There are far fewer of them than epochs and they have no codes, so every vector is scored.

use std::collections::BTreeSet;

use nocturne_encoder::Embedding;
use nocturne_psg::EpochRef;
use nocturne_psg::caption::CaptionKind;

use super::ExactIndex;
use crate::contract::{CaptionHit, SearchRequest};
use crate::error::Result;
use crate::vector::{RowId, ScoredRow, TopK, cosine};

/// A query for captions.
struct CaptionQuery<'a> {
    query: &'a Embedding,
    request: &'a SearchRequest,
    kinds: Option<&'a BTreeSet<CaptionKind>>,
}

impl ExactIndex {
    /// Returns the captions nearest to a query, such as an epoch's own embedding.
    ///
    /// The filter applies to the epochs that the captions describe; `kinds` selects kinds of caption, `None` all.
    /// Hits are ordered by descending score, then by recording id, epoch and position among the epoch's captions.
    ///
    /// # Errors
    ///
    /// Those of [`search`](crate::VectorIndex::search).
    pub fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        let caption_query = CaptionQuery { query, request, kinds };
        // Asked again after damage, like a scan of epochs.
        loop {
            self.check(query, &request.filter)?;
            if let Some(hits) = self.caption_hits(&caption_query)? {
                return Ok(hits);
            }
        }
    }

    /// Returns the nearest captions, or `None` if a recording turned out to be damaged.
    fn caption_hits(&self, query: &CaptionQuery<'_>) -> Result<Option<Vec<CaptionHit>>> {
        let mut top = TopK::new(query.request.k);
        for (recording, segment) in self.undamaged() {
            let scored = self.score_captions(recording, query, &mut top);
            if segment.unless_damaged(scored)?.is_none() {
                return Ok(None);
            }
        }
        let hits = top.into_sorted().into_iter().map(|row| self.caption_hit(row));
        hits.collect::<Result<_>>().map(Some)
    }

    fn score_captions(
        &self,
        recording: usize,
        CaptionQuery { query, request, kinds }: &CaptionQuery<'_>,
        top: &mut TopK,
    ) -> Result<()> {
        let segment = &self.segments()[recording];
        if segment.entry().n_captions == 0 {
            return Ok(());
        }
        let Some(filter) = segment.filter(&request.filter)? else { return Ok(()) };
        let captions = segment.recording()?.captions();
        let is_selected = |caption| {
            kinds.is_none_or(|kinds| kinds.contains(&captions.kind(caption)))
                && filter.allows(captions.row(caption))
        };
        captions.vectors().for_each(is_selected, |row, vector| {
            let score = cosine(query.as_slice(), vector);
            if request.accepts(score) {
                top.push(score, RowId { recording, row });
            }
        })
    }

    /// Returns the hit of a caption; the row is its position among the recording's captions.
    fn caption_hit(&self, ScoredRow { score, id }: ScoredRow) -> Result<CaptionHit> {
        let recording = self.segments()[id.recording].recording()?;
        let captions = recording.captions();
        let epoch = recording.numbers()[captions.row(id.row)];
        Ok(CaptionHit {
            epoch: EpochRef { recording: recording.id().clone(), epoch },
            score,
            kind: captions.kind(id.row),
            text: captions.text(id.row).to_owned(),
        })
    }
}
