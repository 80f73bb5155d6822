//! The labels of one epoch, or why it was not judged.

use nocturne_encoder::Label;
use nocturne_psg::montage::ChannelMask;

use crate::question::skip_reason::SkipReason;

/// The labels assigned to an epoch, and how they were judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelVerdict {
    pub(crate) labels: Vec<&'static str>,
    pub(crate) probabilities: Vec<(&'static str, f32)>,
    pub(crate) skipped: Option<SkipReason>,
}

impl LabelVerdict {
    /// An epoch that has none of the channels that these labels need.
    pub(crate) fn skipped<'a>(labels: impl IntoIterator<Item = &'a Label>) -> Self {
        let needs: ChannelMask =
            labels.into_iter().flat_map(|it| it.needs.iter().copied()).collect();
        Self::without_channels(needs)
    }

    /// An epoch that has none of these channels.
    pub(crate) fn without_channels(needs: ChannelMask) -> Self {
        let skipped = Some(SkipReason::no_channels(needs));
        Self { labels: vec![], probabilities: vec![], skipped }
    }
}
