//! Detects signals that are stored with inverted sign.
//!
//! Each epoch with clear evidence has a vote. With at least [`MIN_VOTES`] votes and a share of [`MAJORITY`] for inversion
//! there is a warning; no signal is inverted.

use nocturne_edf::EdfHeader;

use crate::montage::ResolvedMontage;
use crate::sleep::{Channel, EPOCH_SAMPLES, Epoch, EventKind, Stage};
use crate::warning::{Warning, WarningCode};

/// Minimum number of votes: ten minutes of epochs.
const MIN_VOTES: usize = 20;
/// Minimum number of votes in REM sleep: fewer, because few epochs have many saccades and NREM sleep must agree anyway.
const MIN_REM_VOTES: usize = 5;
/// Minimum share of votes for inversion; some epochs of any night are atypical, and some leads are nearly symmetric.
const MAJORITY: f64 = 0.8;

/// Length in samples of a window that contains at least one beat at 40 beats a minute.
const BEAT_SAMPLES: usize = 96;
/// Minimum ratio of the larger to the smaller deflection of an ECG.
const MIN_ASYMMETRY: f32 = 1.5;
/// Minimum ratio of an R wave to the root mean square; other waves and noise are less peaked.
const MIN_PEAK: f32 = 2.8;
/// Minimum absolute correlation of the belts.
const MIN_BELT_CORRELATION: f64 = 0.5;
/// Minimum absolute correlation of slow waves at both eyes in NREM sleep.
const MIN_WAVE_CORRELATION: f64 = 0.3;
/// Duration of a saccade in samples, a tenth of a second.
const SACCADE_SAMPLES: usize = 6;
/// Minimum ratio of a saccade to the median change over that time.
const MIN_SACCADE: f32 = 5.0;
/// Minimum number of samples within saccades, and the minimum share of them with one direction.
const MIN_SACCADES: (usize, f64) = (12, 0.75);

/// Returns a warning for each signal, or pair of signals, that seems to be inverted.
///
/// `traces` contains the samples of all epochs for each channel.
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
        if epoch.events.iter().any(|event| disturbs_breathing(event.kind)) {
            return None;
        }
        sign_if_clear(-correlation(thorax, abdomen), MIN_BELT_CORRELATION)
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
    if heart.is_inverted(MIN_VOTES) {
        warn(format!(
            "`{}`, which feeds {}, seems to be inverted: R waves are negative in {heart}; read as stored",
            label(Channel::Ecg),
            Channel::Ecg
        ));
    }
    if breath.is_inverted(MIN_VOTES) {
        warn(format!(
            "`{}` or `{}` seems to be inverted: thorax and abdomen are in antiphase in {breath} without respiratory events; read as stored",
            label(Channel::Thorax),
            label(Channel::Abdomen)
        ));
    }
    let nrem = eyes(|stage| matches!(stage, Stage::N2 | Stage::N3), slow_waves);
    let rem = eyes(|stage| stage == Stage::Rem, saccades);
    // Blinks are in phase at both eyes, and some amplifiers remove all common activity, so neither sign suffices alone.
    if nrem.is_inverted(MIN_VOTES) && rem.is_inverted(MIN_REM_VOTES) {
        warn(format!(
            "`{}` or `{}` seems to be inverted: eye movements are in phase in {rem} of REM sleep, and slow waves are in antiphase in {nrem} of NREM sleep; read as stored",
            label(Channel::EogLeft),
            label(Channel::EogRight)
        ));
    }
    warnings
}

/// The votes of the epochs with clear evidence.
#[derive(Debug, Default)]
struct Votes {
    n: usize,
    n_inverted: usize,
}

impl Votes {
    /// Collects the votes of the epochs: `Some(true)` for inverted, `None` if unclear.
    fn of(epochs: &[Epoch], mut vote: impl FnMut(usize, &Epoch) -> Option<bool>) -> Self {
        let mut votes = Self::default();
        for is_inverted in epochs.iter().enumerate().filter_map(|(i, epoch)| vote(i, epoch)) {
            votes.n += 1;
            votes.n_inverted += usize::from(is_inverted);
        }
        votes
    }

    fn is_inverted(&self, min_votes: usize) -> bool {
        self.n >= min_votes && self.n_inverted as f64 >= MAJORITY * self.n as f64
    }
}

impl std::fmt::Display for Votes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} clear epochs", self.n_inverted, self.n)
    }
}

/// Returns the samples of a channel in an epoch, or `None` if it is not usable or clipped.
fn samples<'a>(
    epoch: &Epoch,
    epoch_idx: usize,
    traces: &'a [Vec<f32>],
    channel: Channel,
) -> Option<&'a [f32]> {
    let is_good = epoch.mask.contains(channel) && !epoch.quality.clipped.contains(channel);
    is_good.then(|| &traces[channel.index()][epoch_idx * EPOCH_SAMPLES..][..EPOCH_SAMPLES])
}

/// Returns whether R waves are negative, or `None` if unclear.
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
    let is_peaked = up.max(down) >= MIN_PEAK * n_beats * deviation;
    (is_peaked && up.max(down) >= MIN_ASYMMETRY * up.min(down)).then_some(down > up)
}

/// Returns whether slow waves are in antiphase at the two eyes, or `None` if unclear.
fn slow_waves(left: &[f32], right: &[f32]) -> Option<bool> {
    sign_if_clear(-correlation(left, right), MIN_WAVE_CORRELATION)
}

/// Returns whether saccades have the same sign at both eyes, or `None` if unclear.
///
/// Conjugate eye movements turn one cornea towards its electrode and the other away, so signs should be opposite.
fn saccades(left: &[f32], right: &[f32]) -> Option<bool> {
    let steps = |eye: &[f32]| -> Vec<f32> {
        eye.iter().zip(&eye[SACCADE_SAMPLES..]).map(|(before, after)| after - before).collect()
    };
    let threshold =
        |steps: &[f32]| MIN_SACCADE * median(steps.iter().map(|step| step.abs()).collect());
    let (left, right) = (steps(left), steps(right));
    let (left_threshold, right_threshold) = (threshold(&left), threshold(&right));
    let large = left
        .iter()
        .zip(&right)
        .filter(|(left, right)| left.abs() > left_threshold && right.abs() > right_threshold);
    let (n, n_equal) = large.fold((0, 0), |(n, n_equal), (left, right)| {
        (n + 1, n_equal + usize::from((*left > 0.0) == (*right > 0.0)))
    });
    let (min_n, share) = MIN_SACCADES;
    if n < min_n {
        return None;
    }
    sign_if_clear(2.0 * n_equal as f64 / n as f64 - 1.0, 2.0 * share - 1.0)
}

/// Returns whether a value is positive, or `None` if it is closer to zero than `min`.
fn sign_if_clear(value: f64, min: f64) -> Option<bool> {
    (value.abs() >= min).then_some(value > 0.0)
}

/// Returns the correlation of two signals, 0 if one is constant.
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

/// Returns whether belts may be in antiphase during an event.
fn disturbs_breathing(kind: EventKind) -> bool {
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
