//! Decides whether a night fits a question.

use std::sync::Arc;

use nocturne_concepts::{Calibration, Direction, Registry, Source, Track, Unit};
use nocturne_index::RecordingEntry;
use nocturne_psg::EPOCH_S;

use crate::error::{Error, Result};
use crate::grammar::{Bound, Condition, Quantity, Question};
use crate::question::epochs::EpochHit;
use crate::question::nights::NightRequest;
use crate::question::nights::answer::NightHit;
use crate::question::nights::evidence::evidence;
use crate::question::nights::night::{Estimates, Night};
use crate::question::nights::unanswered::Unanswered;
use crate::question::nights::value::{Measurement, Verdict};

/// A question, ready to be put to nights.
pub(super) struct NightJudge<'a> {
    question: &'a Question,
    registry: &'a Registry,
    calibration: Option<&'a Calibration>,
    request: &'a NightRequest,
    /// The quantity that orders the nights comes first.
    quantities: Vec<Quantity>,
    direction: Direction,
}

/// A night and what the question says of it.
pub(super) struct JudgedNight {
    pub(super) hit: NightHit,
    pub(super) track: Arc<Track>,
    /// Whether each epoch counts at all, by the filter of the request; `None` for all.
    allowed: Option<Vec<bool>>,
    verdict: Verdict,
}

impl<'a> NightJudge<'a> {
    /// # Errors
    ///
    /// [`Error::Field`] if the question has neither a condition nor an order.
    pub(super) fn new(
        question: &'a Question,
        registry: &'a Registry,
        calibration: Option<&'a Calibration>,
        request: &'a NightRequest,
    ) -> Result<Self> {
        let order = question.ordering();
        let order =
            order.ok_or_else(|| Error::field("question", "empty", "a condition or an order"))?;
        let mut quantities = vec![order.by.clone()];
        for quantity in question.quantities() {
            if !quantities.contains(quantity) {
                quantities.push(quantity.clone());
            }
        }
        Ok(Self {
            question,
            registry,
            calibration,
            request,
            quantities,
            direction: order.direction,
        })
    }

    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// Measures a night and decides.
    ///
    /// # Errors
    ///
    /// Why the night has no answer.
    pub(super) fn judge(
        &self,
        entry: &RecordingEntry,
        track: &Arc<Track>,
        allowed: Option<Vec<bool>>,
    ) -> std::result::Result<JudgedNight, Unanswered> {
        let allowed_rows = allowed.clone();
        let NightRequest { source, .. } = *self.request;
        let estimates = Estimates::Calibrated(self.calibration);
        let night = Night::new(track, self.registry, estimates, source, allowed);
        let values = self.quantities.iter().map(|quantity| night.measure(quantity));
        let values: Vec<Measurement> = values.collect::<std::result::Result<_, _>>()?;
        let verdict = match &self.question.condition {
            Some(condition) => self.verdict(condition, &values),
            None => Verdict::Holds,
        };
        let hit = NightHit {
            recording: entry.id.to_string(),
            uncertain: verdict == Verdict::Uncertain,
            values,
            stage_source: night.stage_source(),
            evidence: Vec::new(),
            same_night: Vec::new(),
        };
        Ok(JudgedNight { hit, track: Arc::clone(track), allowed: allowed_rows, verdict })
    }

    /// Returns the epochs that show what was asked in a night that is listed.
    pub(super) fn evidence(&self, night: &JudgedNight, entry: &RecordingEntry) -> Vec<EpochHit> {
        let NightRequest { source, evidence: n, .. } = *self.request;
        let estimates = Estimates::Calibrated(self.calibration);
        let seen =
            Night::new(&night.track, self.registry, estimates, source, night.allowed.clone());
        evidence(&seen, &self.quantities[0], entry, n)
    }

    /// Returns whether a night is not listed only because it is uncertain.
    pub(super) fn leaves_out(&self, night: &JudgedNight) -> bool {
        self.request.certain
            && (night.verdict == Verdict::Uncertain
                || (night.verdict == Verdict::Holds && lacks_interval(night)))
    }

    /// Returns whether a night is listed.
    pub(super) fn is_listed(&self, night: &JudgedNight) -> bool {
        match night.verdict {
            Verdict::Holds => !(self.request.certain && lacks_interval(night)),
            Verdict::Uncertain => !self.request.certain,
            Verdict::Fails => false,
        }
    }

    fn verdict(&self, condition: &Condition, values: &[Measurement]) -> Verdict {
        match condition {
            Condition::Bound(bound) => self.verdict_of(bound, values),
            Condition::All(parts) => parts
                .iter()
                .map(|part| self.verdict(part, values))
                .fold(Verdict::Holds, Verdict::and),
            Condition::Any(parts) => parts
                .iter()
                .map(|part| self.verdict(part, values))
                .fold(Verdict::Fails, Verdict::or),
        }
    }

    fn verdict_of(&self, Bound { quantity, range }: &Bound, values: &[Measurement]) -> Verdict {
        let at = self.quantities.iter().position(|it| it == quantity);
        let value = &values[at.expect("every quantity of the question is measured")];
        let is_zero =
            |limit: Option<crate::grammar::Limit>| limit.is_some_and(|it| it.value == 0.0);
        if value.source == Source::Model && is_zero(range.upper) {
            // An estimate is never exactly 0: none means that not even one event is likely.
            return match value.interval {
                Some((_, high)) if events_at(value, high) < 1.0 => Verdict::Holds,
                None if events_at(value, value.value) < 1.0 => Verdict::Uncertain,
                Some(_) | None => Verdict::Fails,
            };
        }
        let holds = range.contains(value.value);
        let is_certain = match (value.source, value.interval) {
            (Source::Model, Some((low, high))) => {
                range.contains(low) == holds && range.contains(high) == holds
            }
            (Source::Model, None) => false,
            (Source::Scored | Source::Signal, _) => true,
        };
        match (holds, is_certain) {
            (true, true) => Verdict::Holds,
            (true, false) => Verdict::Uncertain,
            (false, _) => Verdict::Fails,
        }
    }
}

/// Returns whether a number of the model has no interval.
fn lacks_interval(night: &JudgedNight) -> bool {
    let values = night.hit.values.iter();
    values.clone().any(|value| value.source == Source::Model && value.interval.is_none())
}

/// Returns the number of events, or of epochs, in a night with this value.
fn events_at(measured: &Measurement, value: f64) -> f64 {
    let epochs_per_min = 60.0 / EPOCH_S;
    match measured.unit {
        Unit::PerHour => value * measured.hours,
        Unit::Percent => value / 100.0 * measured.hours * 60.0 * epochs_per_min,
        Unit::Minutes => value * epochs_per_min,
        Unit::Number | Unit::BeatsPerMinute => value,
    }
}
