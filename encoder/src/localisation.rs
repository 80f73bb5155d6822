//! Localisation: where in an epoch a query matches, by exchanging seconds with other epochs of the night.
//!
//! Two seconds of all channels are exchanged between the epoch and a reference epoch: a neighbour that matches the query
//! less. If they contain what the query describes, the cosine of the epoch falls and that of the reference rises. Unlike
//! zeros, the seconds of a neighbour are signals that the encoder knows, so that their absence is all that changes; and
//! because the reference gains what the epoch loses, one of several equal events is found too. What is exchanged and
//! measured in both directions is known as deletion and insertion (Petsiuk et al., 2018), a replacement from another
//! item as a counterfactual (Goyal et al., 2019).

use std::ops::Range;

use nocturne_psg::montage::Channel;
use nocturne_psg::night::{INPUT_LEN, scale_within_epoch};
use nocturne_psg::{EPOCH_S, EPOCH_SAMPLES, EpochNumber, Night, RATE_HZ, ZScore};
use serde::Serialize;

use crate::embedding::Embedding;
use crate::error::Result;
use crate::signal::SignalEncoder;

/// Seconds in an epoch, the resolution of a localisation.
const SECONDS: usize = EPOCH_S as usize;
/// Samples in a second.
const SECOND: usize = RATE_HZ as usize;
/// Seconds that are exchanged together; the windows start at every second.
const WINDOW: usize = 2;
/// Seconds around a peak in which channels are exchanged one by one.
const CHANNEL_WINDOW: usize = 3;
/// Epochs on either side among which the references are chosen: five minutes, in which the signals differ little.
const NEIGHBOURS: usize = 10;
/// Number of reference epochs.
const REFERENCES: usize = 2;
/// Maximum number of spans.
const SPANS: usize = 3;

/// Where in an epoch a query matches.
///
/// A change is that of the cosine between epoch and query if seconds are exchanged with a reference epoch: the mean of
/// the fall in the epoch and the rise in the reference, over the references. It is positive where the query matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Localisation {
    /// The cosine of the epoch to the query.
    pub cosine: f32,
    /// The reference epochs, the one with the lowest cosine to the query first.
    pub references: Vec<ReferenceEpoch>,
    /// The change of each second: the mean over the windows of two seconds that contain it.
    pub seconds: Vec<f32>,
    /// Up to three spans, that with the largest change first; empty if no change is positive. A span is a run of seconds
    /// with at least half of the largest change; gaps of up to two seconds, the length of a window, do not end it.
    pub spans: Vec<MatchSpan>,
}

/// An epoch near the one in question that has the same channels and matches the query less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReferenceEpoch {
    /// Its number in the recording.
    pub epoch: EpochNumber,
    /// Its cosine to the query.
    pub cosine: f32,
}

/// Consecutive seconds in which a query matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchSpan {
    /// Start in seconds from the start of the epoch.
    pub from_s: u32,
    /// End in seconds from the start of the epoch, exclusive.
    pub to_s: u32,
    /// Start of the second with the largest change.
    pub peak_s: u32,
    /// The change of that second.
    pub change: f32,
    /// The change if one channel is exchanged in the three seconds around the peak, for each channel of the epoch but
    /// the position; the largest first.
    pub channels: Vec<ChannelChange>,
}

/// The change if one channel is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChannelChange {
    /// The channel.
    pub channel: Channel,
    /// The change.
    pub change: f32,
}

impl MatchSpan {
    /// Returns the channels with at least half of the change of the first; empty if no change is positive.
    pub fn main_channels(&self) -> impl Iterator<Item = Channel> {
        let half = self.channels.first().map_or(0.0, |first| first.change / 2.0);
        self.channels.iter().filter(move |it| half > 0.0 && it.change >= half).map(|it| it.channel)
    }
}

/// The input of an epoch, scaled over the recording, and its cosine to the query.
///
/// Signals are exchanged in a scale that both epochs share; a bundle that scales within epochs gets the result scaled so.
struct ScoredInput {
    input: Vec<f32>,
    cosine: f32,
}

/// Channels and seconds that are exchanged together.
struct Cells {
    channels: Range<usize>,
    seconds: Range<usize>,
}

impl SignalEncoder {
    /// Finds where in an epoch of a night a query matches, at the cost of encoding about 200 epochs.
    ///
    /// Returns `None` if no epoch within five minutes has the same channels.
    ///
    /// # Errors
    ///
    /// Those of [`encode_night`](Self::encode_night).
    ///
    /// # Panics
    ///
    /// Panics if the query does not have the length of this tower's embeddings.
    pub fn localise(
        &mut self,
        night: &Night,
        epoch_idx: usize,
        query: &Embedding,
    ) -> Result<Option<Localisation>> {
        let references = self.references(night, epoch_idx, query)?;
        if references.is_empty() {
            return Ok(None);
        }
        let cosine = self.encode_epochs(night, &[epoch_idx])?[0].cosine(query);
        let epoch = ScoredInput { input: input(night, epoch_idx), cosine };
        let inputs: Vec<ScoredInput> = references
            .iter()
            .map(|(idx, it)| ScoredInput { input: input(night, *idx), cosine: it.cosine })
            .collect();
        let windows: Vec<Cells> =
            windows().map(|seconds| Cells { channels: 0..Channel::COUNT, seconds }).collect();
        let seconds =
            of_seconds(&self.changes((&epoch, &inputs), &windows, (query, night.z_score()))?);
        let channels: Vec<Channel> = night.epochs()[epoch_idx]
            .mask
            .iter()
            .filter(|channel| *channel != Channel::Position)
            .collect();
        let mut spans = spans(&seconds);
        for span in &mut spans {
            let seconds = around(span.peak_s as usize);
            let one = |channel: &Channel| Cells {
                channels: channel.index()..channel.index() + 1,
                seconds: seconds.clone(),
            };
            let cells: Vec<Cells> = channels.iter().map(one).collect();
            let changes = self.changes((&epoch, &inputs), &cells, (query, night.z_score()))?;
            span.channels = channels
                .iter()
                .zip(changes)
                .map(|(channel, change)| ChannelChange { channel: *channel, change })
                .collect();
            span.channels.sort_by(|a, b| b.change.total_cmp(&a.change));
        }
        let references = references.into_iter().map(|(_, reference)| reference).collect();
        Ok(Some(Localisation { cosine, references, seconds, spans }))
    }

    /// Returns the neighbours with the same channels that match the query least, with their indices.
    fn references(
        &mut self,
        night: &Night,
        epoch_idx: usize,
        query: &Embedding,
    ) -> Result<Vec<(usize, ReferenceEpoch)>> {
        let epochs = night.epochs();
        let near =
            epoch_idx.saturating_sub(NEIGHBOURS)..(epoch_idx + NEIGHBOURS + 1).min(epochs.len());
        let near: Vec<usize> = near
            .filter(|idx| *idx != epoch_idx && epochs[*idx].mask == epochs[epoch_idx].mask)
            .collect();
        let embeddings = self.encode_some(night, &near)?;
        let reference = |(idx, embedding): (usize, Embedding)| {
            (idx, ReferenceEpoch { epoch: epochs[idx].number, cosine: embedding.cosine(query) })
        };
        let mut references: Vec<_> = near.into_iter().zip(embeddings).map(reference).collect();
        references.sort_by(|(_, a), (_, b)| a.cosine.total_cmp(&b.cosine));
        references.truncate(REFERENCES);
        Ok(references)
    }

    /// Returns the change of each of `cells`, averaged over the references.
    fn changes(
        &mut self,
        (epoch, references): (&ScoredInput, &[ScoredInput]),
        cells: &[Cells],
        (query, z_score): (&Embedding, ZScore),
    ) -> Result<Vec<f32>> {
        let mut sums = vec![0.0; cells.len()];
        let pairs = (self.batch_size() / 2).max(1);
        let mut batch = Vec::new();
        for reference in references {
            for (cells, sums) in cells.chunks(pairs).zip(sums.chunks_mut(pairs)) {
                batch.clear();
                for cells in cells {
                    push_exchanged(&mut batch, (&epoch.input, &reference.input), cells);
                }
                if z_score == ZScore::Epoch {
                    batch.chunks_exact_mut(INPUT_LEN).for_each(scale_within_epoch);
                }
                let embeddings = self.encode_inputs(&batch)?;
                for (pair, sum) in embeddings.chunks_exact(2).zip(sums) {
                    let fall = epoch.cosine - pair[0].cosine(query);
                    let rise = pair[1].cosine(query) - reference.cosine;
                    *sum += f32::midpoint(fall, rise) / references.len() as f32;
                }
            }
        }
        Ok(sums)
    }
}

fn input(night: &Night, epoch_idx: usize) -> Vec<f32> {
    let mut input = vec![0.0; INPUT_LEN];
    night.write_scaled_input(epoch_idx, ZScore::Recording, &mut input);
    input
}

/// Appends both inputs with `cells` exchanged.
fn push_exchanged(batch: &mut Vec<f32>, (one, other): (&[f32], &[f32]), cells: &Cells) {
    for (kept, given) in [(one, other), (other, one)] {
        let start = batch.len();
        batch.extend_from_slice(kept);
        for channel in cells.channels.clone() {
            let row = channel * EPOCH_SAMPLES;
            let samples = row + cells.seconds.start * SECOND..row + cells.seconds.end * SECOND;
            batch[start..][samples.clone()].copy_from_slice(&given[samples]);
        }
    }
}

/// Returns the windows of an epoch in order.
fn windows() -> impl Iterator<Item = Range<usize>> {
    (0..=SECONDS - WINDOW).map(|start| start..start + WINDOW)
}

/// Returns the mean change of the windows that contain each second.
fn of_seconds(changes: &[f32]) -> Vec<f32> {
    let mean = |second: usize| {
        let covering = windows().zip(changes).filter(|(window, _)| window.contains(&second));
        let (sum, n) = covering.fold((0.0, 0), |(sum, n), (_, change)| (sum + change, n + 1));
        sum / n as f32
    };
    (0..SECONDS).map(mean).collect()
}

/// Returns the seconds around a peak, as many at the edges of the epoch.
fn around(peak: usize) -> Range<usize> {
    let start = peak.saturating_sub(CHANNEL_WINDOW / 2).min(SECONDS - CHANNEL_WINDOW);
    start..start + CHANNEL_WINDOW
}

/// Returns the spans of seconds with at least half of the largest change, without their channels.
fn spans(seconds: &[f32]) -> Vec<MatchSpan> {
    let largest = seconds.iter().copied().fold(0.0, f32::max);
    if largest <= 0.0 {
        return Vec::new();
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for second in (0..SECONDS).filter(|second| seconds[*second] >= largest / 2.0) {
        match runs.last_mut().filter(|run| second - run.end <= WINDOW) {
            Some(run) => run.end = second + 1,
            None => runs.push(second..second + 1),
        }
    }
    let mut spans: Vec<MatchSpan> = runs.into_iter().map(|run| span(run, seconds)).collect();
    spans.sort_by(|a, b| b.change.total_cmp(&a.change));
    spans.truncate(SPANS);
    spans
}

/// Returns the span of a run of seconds; the first of equal seconds is the peak.
fn span(run: Range<usize>, seconds: &[f32]) -> MatchSpan {
    let later_first = run.clone().rev();
    let peak = later_first.max_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(run.start);
    MatchSpan {
        from_s: run.start as u32,
        to_s: run.end as u32,
        peak_s: peak as u32,
        change: seconds[peak],
        channels: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_exchanged_in_both_directions() {
        let (one, other) = (vec![1.0; INPUT_LEN], vec![2.0; INPUT_LEN]);
        let mut batch = Vec::new();
        let cells = Cells { channels: 3..5, seconds: 28..30 };
        push_exchanged(&mut batch, (&one, &other), &cells);
        let (first, second) = batch.split_at(INPUT_LEN);
        assert_eq!(first.iter().filter(|sample| **sample == 2.0).count(), 2 * 2 * SECOND);
        assert!(first.iter().zip(second).all(|(a, b)| a + b == 3.0));
        for channel in [3, 4] {
            let row = &first[channel * EPOCH_SAMPLES..][..EPOCH_SAMPLES];
            assert_eq!((row[28 * SECOND - 1], row[28 * SECOND], row[1919]), (1.0, 2.0, 2.0));
        }
    }

    #[test]
    fn input_is_scaled_within_the_epoch_after_the_exchange() {
        let wave = |amplitude: f32| -> Vec<f32> {
            (0..INPUT_LEN).map(|i| amplitude * (0.7 * i as f32).sin()).collect()
        };
        let mut batch = Vec::new();
        let cells = Cells { channels: 0..Channel::COUNT, seconds: 0..15 };
        push_exchanged(&mut batch, (&wave(1.0), &wave(3.0)), &cells);
        batch.chunks_exact_mut(INPUT_LEN).for_each(scale_within_epoch);
        let power = |samples: &[f32]| samples.iter().map(|x| x * x).sum::<f32>();
        let (loud, quiet) = batch[..EPOCH_SAMPLES].split_at(EPOCH_SAMPLES / 2);
        let ratio = power(loud) / power(quiet);
        assert!((8.5..9.5).contains(&ratio), "the halves keep their ratio of 9: {ratio}");
        let all = (power(loud) + power(quiet)) / EPOCH_SAMPLES as f32;
        assert!((all - 1.0).abs() < 1e-3, "{all}");
    }

    #[test]
    fn change_of_a_second_is_the_mean_of_its_windows() {
        let changes: Vec<f32> = (0..29).map(|i| i as f32).collect();
        let seconds = of_seconds(&changes);
        assert_eq!(seconds.len(), 30);
        assert_eq!((seconds[0], seconds[1], seconds[28], seconds[29]), (0.0, 0.5, 27.5, 28.0));
    }

    #[test]
    fn spans_have_at_least_half_of_the_largest_change() {
        let mut seconds = vec![0.01; SECONDS];
        seconds[0] = 0.12;
        seconds[11..14].copy_from_slice(&[0.1, 0.2, 0.19]);
        seconds[20] = 0.099;
        seconds[26] = 0.13;
        seconds[29] = 0.15;
        let found: Vec<_> =
            spans(&seconds).iter().map(|it| (it.from_s, it.to_s, it.peak_s, it.change)).collect();
        assert_eq!(found, [(11, 14, 12, 0.2), (26, 30, 29, 0.15), (0, 1, 0, 0.12)]);
    }

    #[test]
    fn query_that_matches_nowhere_has_no_spans() {
        assert!(spans(&[-0.01; SECONDS]).is_empty());
        assert!(spans(&[0.0; SECONDS]).is_empty());
    }

    #[test]
    fn channels_are_exchanged_within_the_epoch() {
        assert_eq!([0, 1, 15, 29].map(around), [0..3, 0..3, 14..17, 27..30]);
    }

    #[test]
    fn main_channels_have_at_least_half_of_the_largest_change() {
        let span = |changes: &[f32]| MatchSpan {
            from_s: 0,
            to_s: 1,
            peak_s: 0,
            change: 0.2,
            channels: Channel::ALL
                .into_iter()
                .zip(changes)
                .map(|(channel, change)| ChannelChange { channel, change: *change })
                .collect(),
        };
        let main = |changes: &[f32]| span(changes).main_channels().collect::<Vec<_>>();
        assert_eq!(main(&[0.1, 0.05, 0.04]), [Channel::Ecg, Channel::Abdomen]);
        assert!(main(&[-0.01, -0.02]).is_empty() && main(&[]).is_empty());
    }
}
