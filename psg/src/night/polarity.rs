//! Notices signals that are stored upside down.
//!
//! A warning is given where the evidence is strong, and nothing is turned. An epoch has a vote where it is clear; there
//! must be [`FEWEST_VOTES`] of them, and [`MAJORITY`] must say that the signal is upside down.

use nocturne_edf::EdfHeader;

use crate::montage::{Channel, ResolvedMontage};
use crate::{EPOCH_SAMPLES, Epoch, EventKind, Stage, Warning, WarningCode};

/// Ten minutes.
const FEWEST_VOTES: usize = 20;
/// Few epochs of REM sleep have many saccades, and they are not alone: NREM sleep must say the same.
const FEWEST_REM_VOTES: usize = 5;
/// Some epochs of any night are odd, and some leads show as much below the line as above it.
const MAJORITY: f64 = 0.8;

/// At 40 beats a minute there is one beat in so many samples.
const BEAT_SAMPLES: usize = 96;
/// The taller side of an ECG must be so many times the other.
const TALLER: f32 = 1.5;
/// An R wave is so many times the root mean square; waves and noise are less peaked.
const PEAKED: f32 = 2.8;
/// Belts that move together or against each other are correlated by at least this.
const TOGETHER: f64 = 0.5;
/// Eyes see the same slow waves by at least this correlation in deep sleep.
const SAME_WAVES: f64 = 0.3;
/// A saccade turns the eyes within so many samples, a tenth of a second.
const SACCADE_SAMPLES: usize = 6;
/// A saccade is so many times the median change over that time.
const SACCADE: f32 = 5.0;
/// Fewest samples within saccades, and the share of them that must go one way.
const SACCADES: (usize, f64) = (12, 0.75);

/// Returns a warning for each signal, or pair of signals, that seems to be upside down.
///
/// `traces` holds for each channel the samples of all epochs.
pub(super) fn warnings(
    montage: &ResolvedMontage,
    header: &EdfHeader,
    epochs: &[Epoch],
    traces: &[Vec<f32>],
) -> Vec<Warning> {
    let label = |channel: Channel| {
        let fed = montage.channels().iter().find(|resolved| resolved.channel == channel);
        fed.map_or("", |resolved| header.signals[resolved.plus].label.as_str())
    };
    let heart = Votes::of(epochs, |i, epoch| heart(samples(epoch, i, traces, Channel::Ecg)?));
    let breath = Votes::of(epochs, |i, epoch| {
        let of = |channel| samples(epoch, i, traces, channel);
        let (thorax, abdomen) = (of(Channel::Thorax)?, of(Channel::Abdomen)?);
        if epoch.events.iter().any(|event| hinders_breathing(event.kind)) {
            return None;
        }
        clear(-correlation(thorax, abdomen), TOGETHER)
    });
    let eyes = |in_stage: fn(Stage) -> bool, vote: fn(&[f32], &[f32]) -> Option<bool>| {
        Votes::of(epochs, |i, epoch| {
            let of = |channel| samples(epoch, i, traces, channel);
            let (left, right) = (of(Channel::EogLeft)?, of(Channel::EogRight)?);
            if epoch.stage.is_some_and(in_stage) { vote(left, right) } else { None }
        })
    };
    let mut warnings = Vec::new();
    let mut warn = |message: String| warnings.push(Warning::new(WarningCode::Polarity, message));
    if heart.is_upside_down(FEWEST_VOTES) {
        warn(format!(
            "`{}`, which feeds {}, seems to be upside down: the R waves point down in {heart}; read as it is",
            label(Channel::Ecg),
            Channel::Ecg
        ));
    }
    if breath.is_upside_down(FEWEST_VOTES) {
        warn(format!(
            "`{}` or `{}` seems to be upside down: thorax and abdomen move against each other in {breath} of free breathing; read as they are",
            label(Channel::Thorax),
            label(Channel::Abdomen)
        ));
    }
    let asleep = eyes(|stage| matches!(stage, Stage::N2 | Stage::N3), slow_waves);
    let dreaming = eyes(|stage| stage == Stage::Rem, saccades);
    // Blinks move both eyes alike, and some amplifiers take all that is alike away: either sign alone proves nothing.
    if asleep.is_upside_down(FEWEST_VOTES) && dreaming.is_upside_down(FEWEST_REM_VOTES) {
        warn(format!(
            "`{}` or `{}` seems to be upside down: the eyes move alike in {dreaming} of REM sleep, and slow waves are opposed in {asleep} of NREM sleep; read as they are",
            label(Channel::EogLeft),
            label(Channel::EogRight)
        ));
    }
    warnings
}

/// What the epochs say that say something.
#[derive(Debug, Default)]
struct Votes {
    n: usize,
    n_upside_down: usize,
}

impl Votes {
    /// Asks every epoch whether it is upside down.
    fn of(epochs: &[Epoch], mut vote: impl FnMut(usize, &Epoch) -> Option<bool>) -> Self {
        let mut votes = Self::default();
        for is_upside_down in epochs.iter().enumerate().filter_map(|(i, epoch)| vote(i, epoch)) {
            votes.n += 1;
            votes.n_upside_down += usize::from(is_upside_down);
        }
        votes
    }

    fn is_upside_down(&self, fewest_votes: usize) -> bool {
        self.n >= fewest_votes && self.n_upside_down as f64 >= MAJORITY * self.n as f64
    }
}

impl std::fmt::Display for Votes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} clear epochs", self.n_upside_down, self.n)
    }
}

/// Returns a channel's samples of an epoch, if it carries something and is not clipped.
fn samples<'a>(
    epoch: &Epoch,
    epoch_idx: usize,
    traces: &'a [Vec<f32>],
    channel: Channel,
) -> Option<&'a [f32]> {
    let is_good = epoch.mask.contains(channel) && !epoch.quality.clipped.contains(channel);
    is_good.then(|| &traces[channel.index()][epoch_idx * EPOCH_SAMPLES..][..EPOCH_SAMPLES])
}

/// Returns whether R waves point down.
fn heart(ecg: &[f32]) -> Option<bool> {
    let (mut up, mut down, mut square) = (0.0, 0.0, 0.0);
    for beat in ecg.chunks_exact(BEAT_SAMPLES) {
        let middle = median(beat.to_vec());
        let (low, high) =
            beat.iter().fold((middle, middle), |(low, high), x| (x.min(low), x.max(high)));
        up += high - middle;
        down += middle - low;
        square += beat.iter().map(|x| (x - middle).powi(2)).sum::<f32>();
    }
    let n_beats = (ecg.len() / BEAT_SAMPLES) as f32;
    let deviation = (square / ecg.len() as f32).sqrt();
    let is_peaked = up.max(down) >= PEAKED * n_beats * deviation;
    (is_peaked && up.max(down) >= TALLER * up.min(down)).then_some(down > up)
}

/// Returns whether the slow waves of sleep are opposed at the two eyes.
fn slow_waves(left: &[f32], right: &[f32]) -> Option<bool> {
    clear(-correlation(left, right), SAME_WAVES)
}

/// Returns whether the eyes go opposite ways by their potentials: conjugate eyes turn one cornea to its electrode and
/// the other away.
fn saccades(left: &[f32], right: &[f32]) -> Option<bool> {
    let steps = |eye: &[f32]| -> Vec<f32> {
        eye.iter().zip(&eye[SACCADE_SAMPLES..]).map(|(before, after)| after - before).collect()
    };
    let least = |steps: &[f32]| SACCADE * median(steps.iter().map(|step| step.abs()).collect());
    let (left, right) = (steps(left), steps(right));
    let (least_left, least_right) = (least(&left), least(&right));
    let large = left
        .iter()
        .zip(&right)
        .filter(|(left, right)| left.abs() > least_left && right.abs() > least_right);
    let (n, n_alike) = large.fold((0, 0), |(n, n_alike), (left, right)| {
        (n + 1, n_alike + usize::from((*left > 0.0) == (*right > 0.0)))
    });
    let (fewest, share) = SACCADES;
    if n < fewest { None } else { clear(2.0 * n_alike as f64 / n as f64 - 1.0, 2.0 * share - 1.0) }
}

/// Returns whether a value is positive, if it is far enough from zero.
fn clear(value: f64, least: f64) -> Option<bool> {
    (value.abs() >= least).then_some(value > 0.0)
}

/// Returns the correlation of two signals, 0 where one does not move.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |x: &[f32]| x.iter().map(|x| f64::from(*x)).sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Returns whether belts may move against each other with it.
fn hinders_breathing(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::ObstructiveApnea
            | EventKind::CentralApnea
            | EventKind::MixedApnea
            | EventKind::Apnea
            | EventKind::Hypopnea
            | EventKind::Rera
            | EventKind::Arousal
            | EventKind::PeriodicBreathing
            | EventKind::Artifact
    )
}
