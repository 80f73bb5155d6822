//! Measures how many numbers in a caption agree with the facts.

use super::parse_numbers::{CaptionNumbers, WrittenEvent, WrittenNumber};
use super::{EpochFacts, NumberHeading};
use crate::features::TrendSpan;

/// Tolerance for differences from the facts, in addition to rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberTolerance {
    /// For measures, relative to the measured value.
    pub relative: f64,
    /// For onset and end of events and trends, in seconds.
    pub time_s: f64,
}

impl Default for NumberTolerance {
    /// 10 % and one second.
    fn default() -> Self {
        Self { relative: 0.1, time_s: 1.0 }
    }
}

/// Number of figures in a caption and of correct ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumberAccuracy {
    /// Figures found: measures, trends, events with times, counts of events.
    pub counted: usize,
    /// Figures that agree with the facts.
    pub right: usize,
}

impl NumberAccuracy {
    /// Returns the share of correct figures, or `None` without figures.
    pub fn share(self) -> Option<f64> {
        (self.counted > 0).then(|| self.right as f64 / self.counted as f64)
    }
}

impl std::ops::AddAssign for NumberAccuracy {
    fn add_assign(&mut self, other: Self) {
        self.counted += other.counted;
        self.right += other.right;
    }
}

/// Parses the figures of a caption and compares them with the facts about an epoch.
///
/// A figure is correct if the epoch has a measure of that channel and name within the tolerance, an event of that kind or
/// a trend of that direction with both times within the tolerance, or exactly that count of events. A figure without a
/// measure in the epoch counts as wrong.
///
/// # How is this used in an evaluation?
///
/// Sum over epochs with known facts, separately for each kind of caption, and report the share with its count:
///
/// ```
/// use nocturne_psg::caption::{CaptionKind, EpochFacts, NumberAccuracy, NumberTolerance, caption, number_accuracy};
/// use nocturne_psg::features::{EegPowers, Features};
///
/// let eeg_c3 = Some(EegPowers { delta: 61.2, theta: 20.0, alpha: 13.8, beta: 5.0 });
/// let facts = EpochFacts { features: Features { eeg_c3, ..Features::default() }, ..EpochFacts::default() };
/// let mut sum = NumberAccuracy::default();
/// // In an evaluation, the captioner generates the text.
/// sum += number_accuracy("EEG C3-A2: delta power of 63%, theta power of 35.00%.", &facts, NumberTolerance::default());
/// assert_eq!((sum.counted, sum.right), (2, 1));
/// // A caption generated from the facts is always correct.
/// let exact = caption(CaptionKind::Brain, &facts, 7).unwrap();
/// let exact = number_accuracy(&exact.text, &facts, NumberTolerance { relative: 0.0, time_s: 0.0 });
/// assert_eq!(exact.counted, exact.right);
/// ```
pub fn number_accuracy(
    text: &str,
    facts: &EpochFacts,
    tolerance: NumberTolerance,
) -> NumberAccuracy {
    let CaptionNumbers { numbers, trends, events, counts } = CaptionNumbers::parse(text);
    let results = (numbers.iter().map(|written| is_number_right(written, facts, tolerance)))
        .chain(
            trends
                .iter()
                .map(|(heading, written)| is_trend_right(*heading, written, facts, tolerance)),
        )
        .chain(events.iter().map(|written| is_event_right(written, facts, tolerance)))
        .chain(counts.iter().map(|(kind, count)| {
            facts.events.iter().filter(|event| event.kind == *kind).count() == *count
        }));
    let mut sum = NumberAccuracy::default();
    for is_right in results {
        sum += NumberAccuracy { counted: 1, right: usize::from(is_right) };
    }
    sum
}

fn is_number_right(
    written: &WrittenNumber,
    facts: &EpochFacts,
    tolerance: NumberTolerance,
) -> bool {
    let measured = written.heading.measured(&facts.features);
    let rounding = 0.5 * 0.1_f64.powi(written.decimals as i32);
    measured.iter().any(|(name, value)| {
        let allowed = rounding + tolerance.relative * value.abs();
        *name == written.name && is_near(written.value, *value, allowed)
    })
}

/// Maximum rounding error of a time with one decimal.
const ROUNDING_S: f64 = 0.05;

fn is_trend_right(
    heading: NumberHeading,
    written: &TrendSpan,
    facts: &EpochFacts,
    tolerance: NumberTolerance,
) -> bool {
    let allowed_s = ROUNDING_S + tolerance.time_s;
    heading.trends(&facts.features).iter().any(|trend| {
        trend.trend == written.trend
            && is_near(written.start_s, trend.start_s, allowed_s)
            && is_near(written.end_s, trend.end_s, allowed_s)
    })
}

fn is_event_right(written: &WrittenEvent, facts: &EpochFacts, tolerance: NumberTolerance) -> bool {
    let allowed_s = ROUNDING_S + tolerance.time_s;
    facts.events.iter().any(|event| {
        event.kind == written.kind
            && is_near(written.onset_s, event.onset_s, allowed_s)
            && is_near(written.end_s, event.end_s(), allowed_s)
    })
}

fn is_near(written: f64, known: f64, allowed: f64) -> bool {
    // Slightly more, for numbers half-way between two decimals.
    (written - known).abs() <= allowed + 1e-9
}
