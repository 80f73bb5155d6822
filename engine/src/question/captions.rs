//! An epoch to the nearest captions.

use std::collections::BTreeSet;

use nocturne_index::{Filter, SearchRequest};
use nocturne_psg::EpochRef;
use nocturne_psg::caption::CaptionKind;
use serde::Serialize;

use crate::error::Result;
use crate::live::live_collection::PinnedSpace;
use crate::question::limits::{MAX_HITS, check_hits};

/// A caption near to an epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptionAnswer {
    /// The text.
    pub text: String,
    /// Kind of the caption.
    pub kind: CaptionKind,
    /// Cosine to the epoch.
    pub score: f32,
    /// Recording of the epoch that the caption describes.
    pub recording: String,
    /// Number of the epoch that the caption describes.
    pub epoch: u32,
}

/// Which captions to find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptionRequest {
    /// Maximum number of captions (1–1000).
    pub k: usize,
    /// Kinds of caption; all if empty.
    pub kinds: BTreeSet<CaptionKind>,
    /// Whether captions of the same recording are left out.
    pub other_recordings_only: bool,
}

/// See [`Engine::search_captions`](crate::Engine::search_captions).
pub(crate) fn search_captions(
    space: &PinnedSpace,
    epoch: &EpochRef,
    request: &CaptionRequest,
) -> Result<Vec<CaptionAnswer>> {
    let k = check_hits("top_k", request.k)?;
    let snapshot = space.snapshot();
    let query = snapshot.embedding(epoch)?;
    let mut filter = Filter::default();
    if request.other_recordings_only {
        filter.excluded_recordings.insert(epoch.recording.clone());
    }
    let kinds = (!request.kinds.is_empty()).then_some(&request.kinds);
    // Many epochs share a caption text, so more are fetched than are returned.
    let wide = SearchRequest { filter, ..SearchRequest::nearest((20 * k).max(MAX_HITS)) };
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
