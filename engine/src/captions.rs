//! Epochs to captions: what would a scorer say of it?

use std::collections::BTreeSet;

use nocturne_index::{Filter, SearchRequest};
use nocturne_psg::EpochRef;
use nocturne_psg::caption::CaptionKind;
use serde::Serialize;

use crate::Result;
use crate::limits::{MOST_HITS, check_k};
use crate::served::Served;

/// A caption that is near to an epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptionAnswer {
    /// The words.
    pub text: String,
    /// What it speaks of.
    pub kind: CaptionKind,
    /// Its cosine to the epoch.
    pub score: f32,
    /// Name of the recording of the epoch that it was made for.
    pub recording: String,
    /// The epoch that it was made for.
    pub epoch: u32,
}

/// Which captions are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptionRequest {
    /// Most captions.
    pub k: usize,
    /// Kinds of caption; all where it is empty.
    pub kinds: BTreeSet<CaptionKind>,
    /// Whether captions of the same recording are left out.
    pub other_recordings_only: bool,
}

impl Served {
    /// See [`Engine::search_captions`](crate::Engine::search_captions).
    pub(crate) fn search_captions(
        &self,
        epoch: &EpochRef,
        request: &CaptionRequest,
    ) -> Result<Vec<CaptionAnswer>> {
        let k = check_k("top_k", request.k)?;
        let snapshot = self.snapshot();
        let query = snapshot.embedding(epoch)?;
        let mut filter = Filter::default();
        if request.other_recordings_only {
            filter.excluded_recordings.insert(epoch.recording.clone());
        }
        let kinds = (!request.kinds.is_empty()).then_some(&request.kinds);
        // Many epochs share a caption, so more are fetched than are wanted.
        let wide = SearchRequest { filter, ..SearchRequest::nearest((20 * k).max(MOST_HITS)) };
        let mut seen = BTreeSet::new();
        let hits = snapshot.search_captions(&query, &wide, kinds)?;
        let unique = hits.into_iter().filter(|hit| seen.insert(hit.text.clone())).take(k);
        Ok(unique
            .map(|hit| CaptionAnswer {
                text: hit.text,
                kind: hit.kind,
                score: hit.score,
                recording: hit.epoch.recording.to_string(),
                epoch: hit.epoch.epoch.0,
            })
            .collect())
    }
}
