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

#[cfg(test)]
mod tests {
    use nocturne_encoder::Embedding;
    use nocturne_index::{CaptionPoint, RecordingDraft};
    use nocturne_psg::{EpochNumber, Stage};

    use super::*;
    use crate::live::live_collection::PinnedSpace;
    use crate::tests::collections::{night, pinned};
    use crate::tests::models::vector;

    /// A night with a caption of each epoch, near to the epochs of its stage.
    fn captioned(name: &str, epochs: &str, kind: CaptionKind) -> RecordingDraft {
        let mut draft = night(name, epochs);
        let caption = |number: u32, stage: Stage| CaptionPoint {
            epoch: EpochNumber(number),
            kind,
            text: format!("{kind}: {stage}"),
            vector: Embedding::new(vector(&[(stage.index(), 1.0)])).unwrap(),
        };
        draft.captions =
            draft.epochs.iter().map(|it| caption(it.number.0, it.stage.unwrap())).collect();
        draft
    }

    fn texts(space: &PinnedSpace, request: &CaptionRequest) -> Vec<String> {
        let epoch = EpochRef { recording: "a".parse().unwrap(), epoch: EpochNumber(0) };
        let answers = search_captions(space, &epoch, request).unwrap();
        answers.into_iter().map(|answer| answer.text).collect()
    }

    fn space() -> (tempfile::TempDir, PinnedSpace) {
        pinned([
            captioned("a", "3333W", CaptionKind::StageEvent),
            captioned("b", "3W", CaptionKind::Brain),
        ])
    }

    #[test]
    fn each_text_is_returned_once_best_first() {
        let (_folder, space) = space();
        let request = CaptionRequest { k: 10, ..CaptionRequest::default() };
        let texts = texts(&space, &request);
        assert_eq!(texts.len(), 4);
        assert!(texts[..2].iter().all(|text| text.ends_with("N3")), "{texts:?}");
    }

    #[test]
    fn captions_are_restricted_to_kinds_and_to_other_recordings() {
        let (_folder, space) = space();
        let kinds = [CaptionKind::Brain].into();
        let request = CaptionRequest { k: 10, kinds, ..CaptionRequest::default() };
        assert_eq!(texts(&space, &request), ["brain: N3", "brain: W"]);
        let request =
            CaptionRequest { k: 1, other_recordings_only: true, ..CaptionRequest::default() };
        assert_eq!(texts(&space, &request), ["brain: N3"]);
    }

    #[test]
    fn number_of_captions_is_limited() {
        let (_folder, space) = space();
        let epoch = EpochRef { recording: "a".parse().unwrap(), epoch: EpochNumber(0) };
        let error = search_captions(&space, &epoch, &CaptionRequest::default()).unwrap_err();
        assert_eq!(error.to_string(), "`top_k` is 0; expected 1 to 1000");
    }
}
