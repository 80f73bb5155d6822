//! How many of the numbers in a caption are right.

use super::reading::{Figures, SaidEvent, SaidNumber};
use super::{EpochFacts, NumberHead};
use crate::features::TrendStretch;

/// How far a number may be from what was measured; what rounding takes off is always granted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Of a measured number, as a share of it.
    pub relative: f64,
    /// Of the begin and end of an event or a trend, in seconds.
    pub time_s: f64,
}

impl Default for Tolerance {
    /// A tenth of the number, and a second.
    fn default() -> Self {
        Self { relative: 0.1, time_s: 1.0 }
    }
}

/// How many figures a caption gives and how many of them are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumbersRight {
    /// Figures that were read: numbers, trends, events with times, counts of events.
    pub counted: usize,
    /// Those among them that agree with the facts.
    pub right: usize,
}

impl NumbersRight {
    /// Returns the share that is right, or `None` where there was nothing to judge.
    pub fn share(self) -> Option<f64> {
        (self.counted > 0).then(|| self.right as f64 / self.counted as f64)
    }
}

impl std::ops::AddAssign for NumbersRight {
    fn add_assign(&mut self, other: Self) {
        self.counted += other.counted;
        self.right += other.right;
    }
}

/// Reads a caption's figures and compares them with what is known of the epoch.
///
/// A figure is right where the epoch has it: a number of that channel and name within the tolerance, an event of that
/// kind or a trend of that way with both times within the tolerance, or just that count of events.
/// A number that was not measured in the epoch is counted and is not right.
///
/// # How is this used in an evaluation?
///
/// Sum over epochs whose facts are known, a kind of caption at a time, and tell the share with its count:
///
/// ```
/// use nocturne_psg::caption::{CaptionKind, EpochFacts, NumbersRight, Tolerance, caption, numbers_right};
/// use nocturne_psg::features::{EegPowers, Features};
///
/// let eeg_c3 = Some(EegPowers { delta: 61.2, theta: 20.0, alpha: 13.8, beta: 5.0 });
/// let facts = EpochFacts { features: Features { eeg_c3, ..Features::default() }, ..EpochFacts::default() };
/// let mut sum = NumbersRight::default();
/// // In an evaluation, the text is the captioner's.
/// sum += numbers_right("EEG C3-A2: delta power of 63%, theta power of 35.00%.", &facts, Tolerance::default());
/// assert_eq!((sum.counted, sum.right), (2, 1));
/// // A caption that is made of the facts themselves is always right.
/// let made = caption(CaptionKind::Brain, &facts, 7).unwrap();
/// let made = numbers_right(&made.text, &facts, Tolerance { relative: 0.0, time_s: 0.0 });
/// assert_eq!(made.counted, made.right);
/// ```
pub fn numbers_right(text: &str, facts: &EpochFacts, tolerance: Tolerance) -> NumbersRight {
    let Figures { numbers, trends, events, counts } = Figures::read(text);
    let judged = (numbers.iter().map(|said| number_holds(said, facts, tolerance)))
        .chain(trends.iter().map(|(head, said)| trend_holds(*head, said, facts, tolerance)))
        .chain(events.iter().map(|said| event_holds(said, facts, tolerance)))
        .chain(counts.iter().map(|(kind, count)| {
            facts.events.iter().filter(|event| event.kind == *kind).count() == *count
        }));
    let mut sum = NumbersRight::default();
    for is_right in judged {
        sum += NumbersRight { counted: 1, right: usize::from(is_right) };
    }
    sum
}

fn number_holds(said: &SaidNumber, facts: &EpochFacts, tolerance: Tolerance) -> bool {
    let measured = said.head.measured(&facts.features);
    let rounding = 0.5 * 0.1_f64.powi(said.decimals as i32);
    measured.iter().any(|(name, value)| {
        let granted = rounding + tolerance.relative * value.abs();
        *name == said.name && is_near(said.value, *value, granted)
    })
}

/// What rounding to a decimal takes off a time.
const ROUNDING_S: f64 = 0.05;

fn trend_holds(
    head: NumberHead,
    said: &TrendStretch,
    facts: &EpochFacts,
    tolerance: Tolerance,
) -> bool {
    let granted_s = ROUNDING_S + tolerance.time_s;
    head.trends(&facts.features).iter().any(|trend| {
        trend.trend == said.trend
            && is_near(said.start_s, trend.start_s, granted_s)
            && is_near(said.end_s, trend.end_s, granted_s)
    })
}

fn event_holds(said: &SaidEvent, facts: &EpochFacts, tolerance: Tolerance) -> bool {
    let granted_s = ROUNDING_S + tolerance.time_s;
    facts.events.iter().any(|event| {
        event.kind == said.kind
            && is_near(said.onset_s, event.onset_s, granted_s)
            && is_near(said.end_s, event.end_s(), granted_s)
    })
}

fn is_near(said: f64, known: f64, granted: f64) -> bool {
    // A hair more, for numbers that lie half-way between two decimals.
    (said - known).abs() <= granted + 1e-9
}
