//! Measures whether attention maps are faithful, by hiding the most attended seconds of an epoch or as many random ones.
//!
//! If the seconds with the largest weight are the ones that determine an epoch's vector, hiding them moves the vector
//! further from the epoch's caption than hiding random ones does.

use std::path::Path;

use nocturne_encoder::{AttentionMap, Embedding, SignalEncoder, TextEncoder};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night, RATE_HZ, Recording, ZScore};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::error::Result;
use crate::scored_night::ScoredNight;

/// Channel seconds that are hidden: a tenth of the 300 of ten channels.
const HIDDEN: usize = 30;
/// Samples of a second.
const SECOND: usize = RATE_HZ as usize;
/// Seed of the random channel seconds.
const SEED: u64 = 20_260_102;

/// The effect of hiding a tenth of an epoch's channel seconds on its similarity to its caption.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Occlusion {
    /// Number of epochs.
    pub epochs: usize,
    /// Channel seconds hidden in each.
    pub hidden: usize,
    /// Mean cosine of the unchanged epoch to its caption.
    pub similarity: f64,
    /// Mean change of the cosine if the most attended seconds are hidden.
    pub attended: f64,
    /// Mean change of the cosine if random seconds of channels with a signal are hidden.
    pub random: f64,
    /// Share of the epochs in which hiding the most attended seconds lowered the cosine more.
    pub attended_cost_more: f64,
}

/// The cosines of one epoch.
struct OcclusionTrial {
    similarity: f64,
    attended: f64,
    random: f64,
}

/// Compares up to `n` epochs with a caption, spread evenly over the nights. Each night is read again.
pub(crate) fn evaluate(
    nights: &[(&Path, &ScoredNight)],
    n: usize,
    encoders: (&mut SignalEncoder, &mut TextEncoder),
    z_score: ZScore,
) -> Result<Option<Occlusion>> {
    let (signal, text) = encoders;
    let mut random = Pcg64Mcg::seed_from_u64(SEED);
    let mut trials = Vec::new();
    for (i, (path, scored)) in nights.iter().enumerate() {
        let captioned: Vec<(usize, &String)> = scored
            .epochs
            .iter()
            .enumerate()
            .filter_map(|(epoch_idx, epoch)| Some((epoch_idx, epoch.caption.as_ref()?)))
            .collect();
        let share = ((i + 1) * n / nights.len() - i * n / nights.len()).min(captioned.len());
        if share == 0 {
            continue;
        }
        let night = Night::read(&Recording::open(path)?, z_score)?;
        for i in 0..share {
            let (epoch_idx, caption) = captioned[i * captioned.len() / share];
            let caption = text.encode(caption)?.embedding;
            trials.extend(try_epoch(signal, &night, epoch_idx, &caption, &mut random)?);
        }
    }
    Ok(mean(&trials))
}

/// Hides seconds of one epoch; `None` without attention or with too few channel seconds.
fn try_epoch(
    signal: &mut SignalEncoder,
    night: &Night,
    epoch_idx: usize,
    caption: &Embedding,
    random: &mut Pcg64Mcg,
) -> Result<Option<OcclusionTrial>> {
    let reading = signal.read_epochs(night, &[epoch_idx])?.swap_remove(0);
    let Some(map) = reading.attention else { return Ok(None) };
    let mask = night.epochs()[epoch_idx].mask;
    let attended = cells(mask, &map);
    // With too few channel seconds, both choices would hide mostly the same ones.
    if attended.len() < 2 * HIDDEN {
        return Ok(None);
    }
    let mut others = attended.clone();
    others.shuffle(random);
    let mut input = vec![0.0; INPUT_LEN];
    night.write_input(epoch_idx, &mut input);
    let mut inputs = input.repeat(2);
    let (without_attended, without_others) = inputs.split_at_mut(INPUT_LEN);
    hide(without_attended, &attended[..HIDDEN]);
    hide(without_others, &others[..HIDDEN]);
    let embeddings = signal.encode_inputs(&inputs)?;
    let similarity = f64::from(reading.embedding.cosine(caption));
    let change = |embedding: &Embedding| f64::from(embedding.cosine(caption)) - similarity;
    Ok(Some(OcclusionTrial {
        similarity,
        attended: change(&embeddings[0]),
        random: change(&embeddings[1]),
    }))
}

/// Returns every second of each channel with a signal, the most attended first.
fn cells(mask: ChannelMask, map: &AttentionMap) -> Vec<(Channel, usize)> {
    let seconds = map.seconds();
    let in_epoch = EPOCH_SAMPLES / SECOND;
    let weight =
        |(channel, second): &(Channel, usize)| seconds[channel.index() * in_epoch + second];
    let mut cells: Vec<(Channel, usize)> = mask
        .iter()
        .flat_map(|channel| (0..in_epoch).map(move |second| (channel, second)))
        .collect();
    cells.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    cells
}

/// Sets seconds of channels to the mean of a z-scored channel, 0, or to an unknown position.
fn hide(input: &mut [f32], cells: &[(Channel, usize)]) {
    for (channel, second) in cells {
        let nothing = if *channel == Channel::Position { -1.0 } else { 0.0 };
        let start = channel.index() * EPOCH_SAMPLES + second * SECOND;
        input[start..start + SECOND].fill(nothing);
    }
}

fn mean(trials: &[OcclusionTrial]) -> Option<Occlusion> {
    if trials.is_empty() {
        return None;
    }
    let n = trials.len() as f64;
    let of = |value: fn(&OcclusionTrial) -> f64| trials.iter().map(value).sum::<f64>() / n;
    Some(Occlusion {
        epochs: trials.len(),
        hidden: HIDDEN,
        similarity: of(|trial| trial.similarity),
        attended: of(|trial| trial.attended),
        random: of(|trial| trial.random),
        attended_cost_more: of(|trial| f64::from(u8::from(trial.attended < trial.random))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_attended_second_of_a_channel_with_signal_comes_first() {
        let mut weights = vec![1e-4; Channel::COUNT * 120];
        weights[Channel::Abdomen.index() * 120 + 4 * 7 + 1] = 0.5;
        weights[Channel::Ecg.index() * 120] = 0.9;
        let map = AttentionMap::new(weights).unwrap();
        let mask: ChannelMask = [Channel::Abdomen, Channel::Position].into_iter().collect();
        let cells = cells(mask, &map);
        assert_eq!((cells.len(), cells[0]), (60, (Channel::Abdomen, 7)));
    }

    #[test]
    fn hidden_seconds_have_no_signal() {
        let mut input = vec![2.0; INPUT_LEN];
        hide(&mut input, &[(Channel::Ecg, 29), (Channel::Position, 0)]);
        let nothing: Vec<f32> = input.iter().copied().filter(|sample| *sample != 2.0).collect();
        assert_eq!(nothing, [[0.0; 64], [-1.0; 64]].concat());
        assert_eq!((input[29 * 64 - 1], input[29 * 64], input[1920]), (2.0, 0.0, 2.0));
    }

    #[test]
    fn trials_are_averaged() {
        let trial = |attended, random| OcclusionTrial { similarity: 0.5, attended, random };
        let occlusion = mean(&[trial(-0.3, -0.1), trial(-0.1, -0.1)]).unwrap();
        assert!((occlusion.attended + 0.2).abs() < 1e-12 && (occlusion.random + 0.1).abs() < 1e-12);
        assert_eq!((occlusion.epochs, occlusion.attended_cost_more), (2, 0.5));
        assert_eq!(mean(&[]), None);
    }
}
