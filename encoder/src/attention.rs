//! Attention maps: the weight of each moment of each channel in the embedding of an epoch.

use nocturne_psg::EPOCH_S;
use nocturne_psg::montage::Channel;

/// Seconds in an epoch, the resolution of [`AttentionSpan`].
const SECONDS: usize = EPOCH_S as usize;

/// The weights of an epoch's patches in its embedding, `[10, patches]`; their sum is 1.
///
/// A weight is the product of the two attentions with which the tower pools its patches, averaged over heads.
/// Before pooling, each patch attends to others, so a high weight shows where the tower read a feature, which may
/// originate elsewhere; and it does not depend on any words. [`Localisation`](crate::Localisation) shows where words match.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    weights: Vec<f32>,
}

/// Consecutive seconds of one channel with a high weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionSpan {
    /// The channel.
    pub channel: Channel,
    /// Start in seconds from the start of the epoch.
    pub from_s: u32,
    /// End in seconds from the start of the epoch, exclusive.
    pub to_s: u32,
    /// Share of the total weight, in `[0, 1]`.
    pub share: f32,
}

impl AttentionMap {
    /// Creates a map from the weights of an epoch, channel by channel; `None` if they do not fill ten channels of whole
    /// seconds.
    pub fn new(weights: Vec<f32>) -> Option<Self> {
        let cells = Channel::COUNT * SECONDS;
        let is_whole = !weights.is_empty() && weights.len().is_multiple_of(cells);
        is_whole.then_some(Self { weights })
    }

    /// Returns the number of patches of a channel.
    pub fn patches(&self) -> usize {
        self.weights.len() / Channel::COUNT
    }

    /// Returns the weights of a channel's patches in order of time.
    pub fn channel(&self, channel: Channel) -> &[f32] {
        let patches = self.patches();
        &self.weights[channel.index() * patches..][..patches]
    }

    /// Returns the weight of each second of each channel, `[10, 30]`.
    pub fn seconds(&self) -> Vec<f32> {
        let patches_per_second = self.patches() / SECONDS;
        self.weights.chunks_exact(patches_per_second).map(|patches| patches.iter().sum()).collect()
    }

    /// Returns up to `n` spans with the highest weights, highest first.
    ///
    /// A span grows from the second with the highest weight to its neighbours in the same channel that have at least
    /// half of it.
    pub fn spans(&self, n: usize) -> Vec<AttentionSpan> {
        let mut seconds = self.seconds();
        let mut spans = Vec::with_capacity(n);
        for _ in 0..n {
            let peak = (0..seconds.len())
                .max_by(|a, b| seconds[*a].total_cmp(&seconds[*b]).then(b.cmp(a)))
                .filter(|peak| seconds[*peak] > 0.0);
            let Some(peak) = peak else { break };
            let row = &mut seconds[peak / SECONDS * SECONDS..][..SECONDS];
            let (at, half) = (peak % SECONDS, row[peak % SECONDS] / 2.0);
            let from = (0..at).rev().take_while(|i| row[*i] >= half).last().unwrap_or(at);
            let to = (at + 1..SECONDS).take_while(|i| row[*i] >= half).last().unwrap_or(at) + 1;
            let share = row[from..to].iter().sum();
            // The next peak is then outside of this span.
            row[from..to].fill(0.0);
            let channel = Channel::ALL[peak / SECONDS];
            spans.push(AttentionSpan { channel, from_s: from as u32, to_s: to as u32, share });
        }
        spans.sort_by(|a, b| b.share.total_cmp(&a.share));
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of four patches per second with a uniform weight except in some seconds.
    fn map(heavy: &[(Channel, usize, f32)]) -> AttentionMap {
        let mut weights = vec![1e-5; Channel::COUNT * SECONDS * 4];
        for (channel, second, weight) in heavy {
            let start = (channel.index() * SECONDS + second) * 4;
            weights[start..start + 4].fill(weight / 4.0);
        }
        AttentionMap::new(weights).unwrap()
    }

    #[test]
    fn spans_join_neighbouring_seconds() {
        let map = map(&[
            (Channel::Ecg, 29, 0.2),
            (Channel::EegC3A2, 11, 0.1),
            (Channel::EegC3A2, 12, 0.19),
            (Channel::EegC3A2, 13, 0.05),
            (Channel::Airflow, 0, 0.08),
        ]);
        let spans = map.spans(3);
        let found: Vec<_> = spans
            .iter()
            .map(|it| (it.channel.name(), it.from_s, it.to_s, (it.share * 100.0).round()))
            .collect();
        assert_eq!(found, [("EEG_C3_A2", 11, 13, 29.0), ("ECG", 29, 30, 20.0), ("AF", 0, 1, 8.0)]);
    }

    #[test]
    fn map_of_zeros_has_no_spans() {
        let map = AttentionMap::new(vec![0.0; Channel::COUNT * SECONDS]).unwrap();
        assert!(map.spans(3).is_empty());
        assert_eq!(AttentionMap::new(vec![0.1; 300 + 10]), None);
    }

    #[test]
    fn weights_are_stored_channel_by_channel() {
        let map = map(&[(Channel::Position, 3, 0.4)]);
        assert_eq!(map.patches(), 120);
        assert_eq!(map.channel(Channel::Position)[12..16], [0.1; 4]);
        assert!((map.seconds()[9 * SECONDS + 3] - 0.4).abs() < 1e-6);
    }
}
