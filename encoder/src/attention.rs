//! Where the signal tower looked: how much each moment of each channel weighs in an epoch's embedding.

use nocturne_psg::EPOCH_S;
use nocturne_psg::montage::Channel;
use serde::Serialize;

/// Seconds into which an epoch is cut for people.
const SECONDS: usize = EPOCH_S as usize;

/// The weights of an epoch's patches in its embedding, `[10, patches]`.
///
/// They are the product of the two attentions by which the tower pools its patches, averaged over heads; they sum to 1.
/// Each patch has seen others before it is pooled, so a weight says what was read off there, not what it was due to.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMap {
    weights: Vec<f32>,
}

/// Seconds of one channel that weigh much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AttentionSpan {
    /// The channel.
    #[serde(serialize_with = "name")]
    pub channel: Channel,
    /// Begin in seconds from the start of the epoch.
    pub from_s: u32,
    /// End in seconds from the start of the epoch, excluded.
    pub to_s: u32,
    /// Share of the whole weight, in `[0, 1]`.
    pub share: f32,
}

impl AttentionSpan {
    /// Returns how many times the share is what it would be if every second of every channel weighed the same.
    ///
    /// Near 1 the encoder looked at nothing in particular.
    pub fn lift(&self) -> f32 {
        let cells = (Channel::COUNT * SECONDS) as f32;
        self.share * cells / (self.to_s - self.from_s) as f32
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn name<S: serde::Serializer>(channel: &Channel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(channel.name())
}

impl AttentionMap {
    /// Takes the weights of an epoch, ten channels one after the other; `None` where they do not fill ten channels or
    /// do not fall into whole seconds.
    pub fn new(weights: Vec<f32>) -> Option<Self> {
        let cells = Channel::COUNT * SECONDS;
        let is_whole = !weights.is_empty() && weights.len().is_multiple_of(cells);
        is_whole.then_some(Self { weights })
    }

    /// Returns the number of patches of a channel.
    pub fn patches(&self) -> usize {
        self.weights.len() / Channel::COUNT
    }

    /// Returns the weights of a channel's patches, in order of time.
    pub fn channel(&self, channel: Channel) -> &[f32] {
        let patches = self.patches();
        &self.weights[channel.index() * patches..][..patches]
    }

    /// Returns the weight of each second of each channel, `[10, 30]`.
    pub fn seconds(&self) -> Vec<f32> {
        let in_a_second = self.patches() / SECONDS;
        self.weights.chunks_exact(in_a_second).map(|patches| patches.iter().sum()).collect()
    }

    /// Returns up to `n` spans that weigh most, the heaviest first.
    ///
    /// A span begins with the second that weighs most and takes in its neighbours of the same channel that weigh at
    /// least half as much.
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

    /// A map of four patches a second, all of one weight but for some seconds.
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
        let told: Vec<_> = spans
            .iter()
            .map(|it| (it.channel.name(), it.from_s, it.to_s, (it.share * 100.0).round()))
            .collect();
        assert_eq!(spans[1].lift().round(), 60.0);
        assert_eq!(told, [("EEG_C3_A2", 11, 13, 29.0), ("ECG", 29, 30, 20.0), ("AF", 0, 1, 8.0)]);
    }

    #[test]
    fn map_without_weight_has_no_spans() {
        let map = AttentionMap::new(vec![0.0; Channel::COUNT * SECONDS]).unwrap();
        assert!(map.spans(3).is_empty());
        assert_eq!(AttentionMap::new(vec![0.1; 300 + 10]), None);
    }

    #[test]
    fn weights_of_a_channel_are_its_own() {
        let map = map(&[(Channel::Position, 3, 0.4)]);
        assert_eq!(map.patches(), 120);
        assert_eq!(map.channel(Channel::Position)[12..16], [0.1; 4]);
        assert!((map.seconds()[9 * SECONDS + 3] - 0.4).abs() < 1e-6);
    }
}
