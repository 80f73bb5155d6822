//! Measures of a night: rates, counts, shares, times, runs and statistics, from the best source.

use nocturne_concepts::calibration::{MeasureModel, Origin};
use nocturne_concepts::{Concept, Kind, Source};
use nocturne_psg::statistics::{
    HypnogramMeasure, HypnogramStatistics, InBed, LEAST_STAGED_SHARE, NotMeasured, least_minutes,
};
use nocturne_psg::{EPOCH_S, EventSet, Stage};

use crate::grammar::{Aggregate, Expression, Measure, Quantity, Relation, Scope};
use crate::question::nights::night::{Estimates, Night};
use crate::question::nights::presence::scope_states;
use crate::question::nights::unanswered::Unanswered;
use crate::question::nights::value::{Measurement, NoInterval};

/// A collection does not store the time in bed: it is the whole recording, as far as that can be.
const IN_BED: InBed = InBed::WholeRecording;

/// A value with its source; the model's also with an interval or why there is none.
struct Value {
    #[expect(clippy::struct_field_names, reason = "the word of `Measurement`")]
    value: f64,
    /// Number of events of a rate, if they were counted one by one.
    events: Option<f64>,
    source: Source,
    interval: Result<(f64, f64), NoInterval>,
    minutes: f64,
}

impl Value {
    fn new(value: f64, source: Source, minutes: f64) -> Self {
        // A sum over nothing is −0.
        let interval = Err(NoInterval::NotCalibrated);
        Self { value: value + 0.0, events: None, source, interval, minutes }
    }

    /// Returns the number of events of a rate.
    fn count(&self) -> f64 {
        self.events.unwrap_or(self.value * self.minutes / 60.0)
    }
}

impl Night<'_> {
    /// Measures a quantity.
    ///
    /// # Errors
    ///
    /// Why the night does not have it.
    pub(crate) fn measure(&self, quantity: &Quantity) -> Result<Measurement, Unanswered> {
        let value = match &quantity.over {
            None => self.value(&quantity.measure)?,
            Some(over) => self.ratio(&quantity.measure, over)?,
        };
        let Value { value, source, interval, minutes, events: _ } = value;
        let is_model = source == Source::Model;
        Ok(Measurement {
            quantity: quantity.to_string(),
            value,
            unit: quantity.unit(),
            source,
            interval: interval.ok().filter(|_| is_model),
            no_interval: interval.err().filter(|_| is_model),
            hours: minutes / 60.0,
        })
    }

    /// Divides two measures of the same kind; each needs enough time of its own.
    fn ratio(&self, measure: &Measure, over: &Measure) -> Result<Value, Unanswered> {
        let (here, there) = (self.value(measure)?, self.value(over)?);
        for minutes in [here.minutes, there.minutes] {
            check_minutes(minutes, least_minutes::COMPARED_SIDE)?;
        }
        if there.value <= 0.0 {
            return Err(NotMeasured::NothingToCompareWith.into());
        }
        let source = here.source.max(there.source);
        let minutes = here.minutes.min(there.minutes);
        Ok(Value::new(here.value / there.value, source, minutes))
    }

    /// Returns a measure; what the model finds is turned into what a scorer would find.
    fn value(&self, measure: &Measure) -> Result<Value, Unanswered> {
        if let Aggregate::Count(of) = &measure.aggregate
            && !self.counts_awakenings(of)
        {
            let aggregate = Aggregate::Rate(of.clone());
            let rate = self.value(&Measure { aggregate, scope: measure.scope.clone() })?;
            let hours = rate.minutes / 60.0;
            let interval = rate.interval.map(|(low, high)| (low * hours, high * hours));
            return Ok(Value { value: rate.count(), interval, ..rate });
        }
        if let Aggregate::Rate(of) = &measure.aggregate
            && let Some((awakenings, others)) = self.awakenings_apart(of)
            && !self.is_calibrated(measure)
        {
            let rate = |of| {
                let aggregate = Aggregate::Rate(of);
                self.value(&Measure { aggregate, scope: measure.scope.clone() })
            };
            return Ok(sum(&rate(awakenings)?, &rate(others)?));
        }
        let found = self.found(measure)?;
        match self.estimates {
            Estimates::Calibrated(_) if found.source == Source::Model => {
                self.calibrated(measure, found)
            }
            Estimates::Calibrated(_) | Estimates::AsFound => Ok(found),
        }
    }

    /// Returns a measure as the scoring, a signal or the model has it.
    fn found(&self, measure: &Measure) -> Result<Value, Unanswered> {
        let scope = &measure.scope;
        match &measure.aggregate {
            Aggregate::Rate(of) => self.rate(of, scope),
            Aggregate::Count(of) => {
                let rate = self.rate(of, scope)?;
                Ok(Value { value: rate.count(), ..rate })
            }
            Aggregate::Time(of) => self.time(of, scope),
            Aggregate::Share(of) => self.share(of, scope),
            Aggregate::LongestRun(of) => self.longest_run(of, scope),
            Aggregate::Statistic { id, .. } => self.statistic(id, scope),
        }
    }

    /// Turns what the model finds into an estimate of what a scorer would find, with an interval where there is one.
    ///
    /// The calibration of a measure of the whole night also serves for its parts, without an interval.
    fn calibrated(&self, measure: &Measure, found: Value) -> Result<Value, Unanswered> {
        let Estimates::Calibrated(calibration) = self.estimates else { return Ok(found) };
        let (name, is_whole) = self.calibrated_name(measure);
        let refused =
            |why: &str| Unanswered::NotMeasurable { measure: name.clone(), why: why.to_owned() };
        let Some(model) = calibration.and_then(|it| it.measure(&name)) else {
            let is_rate_of_one = matches!(
                &measure.aggregate,
                Aggregate::Rate(Expression::Concept { id, .. }) if id != "awakening"
            );
            return if is_rate_of_one {
                Err(refused("the bundle has no calibration of it"))
            } else {
                Ok(found)
            };
        };
        if let Some(why) = &model.refused {
            return Err(refused(why));
        }
        let value = model.estimate(found.value);
        let interval = self.interval(model, value, is_whole);
        Ok(Value { value, interval, ..found })
    }

    /// Returns under which name a measure is calibrated, and whether that is the measure itself. Kinds of event that one
    /// concept covers are that concept; a rate in a part of the night is calibrated as that of the night.
    fn calibrated_name(&self, measure: &Measure) -> (String, bool) {
        let (Aggregate::Rate(of), true) = (&measure.aggregate, self.allowed.is_none()) else {
            return (measure.to_string(), self.allowed.is_none());
        };
        let of = self.covering(of).map_or_else(|| of.clone(), |it| Expression::concept(&it.id));
        let whole = Measure { aggregate: Aggregate::Rate(of), scope: Scope::default() };
        (whole.to_string(), measure.scope == Scope::default())
    }

    /// Returns events per hour of a scope, all sleep by default.
    fn rate(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        if let Some((awakenings, others)) = self.awakenings_apart(of) {
            return Ok(sum(&self.rate(&awakenings, scope)?, &self.rate(&others, scope)?));
        }
        let source = self.source_of_all(of)?;
        let weights = self.weights(scope, &self.states_of_sleep(scope))?;
        let minutes = weights.iter().map(|w| f64::from(*w)).sum::<f64>() * EPOCH_S / 60.0;
        if minutes <= 0.0 {
            return Err(self.empty(scope));
        }
        let least =
            if *scope == Scope::default() { least_minutes::RATE } else { least_minutes::STRATUM };
        check_minutes(minutes, least)?;
        let counts_awakenings = self.counts_awakenings(of);
        if source == Source::Model && !counts_awakenings {
            return Ok(Value::new(self.epochs_per_hour(of, scope, &weights)?, source, minutes));
        }
        // Awakenings interrupt the state before them.
        let back_s = if counts_awakenings { EPOCH_S } else { 0.0 };
        let onsets = self.onsets(of)?;
        let epochs = onsets.iter().filter_map(|onset_s| self.track.epoch_at(*onset_s - back_s));
        let n: f64 = epochs.map(|epoch| f64::from(weights[epoch])).sum();
        Ok(Value { events: Some(n), ..Value::new(n / minutes * 60.0, source, minutes) })
    }

    /// Returns whether an expression counts awakenings, which come from the hypnogram whatever the source of the others.
    fn counts_awakenings(&self, of: &Expression) -> bool {
        match of {
            Expression::Concept { id, .. } => id == "awakening",
            Expression::Any(parts) => parts.iter().all(|part| self.counts_awakenings(part)),
            Expression::All(parts) => parts
                .iter()
                .find(|part| part.counts_events(self.registry))
                .is_some_and(|event| self.counts_awakenings(event)),
            Expression::Within { event, .. } | Expression::During { event, .. } => {
                self.counts_awakenings(event)
            }
            Expression::Not(_) => false,
        }
    }

    /// Splits a sum of awakenings and other events.
    fn awakenings_apart(&self, of: &Expression) -> Option<(Expression, Expression)> {
        let Expression::Any(parts) = of else { return None };
        let (awakenings, others): (Vec<_>, Vec<_>) =
            parts.iter().cloned().partition(|part| self.counts_awakenings(part));
        let is_mixed = !awakenings.is_empty() && !others.is_empty();
        is_mixed.then(|| (Expression::any(awakenings), Expression::any(others)))
    }

    /// Returns whether the calibration has a measure.
    fn is_calibrated(&self, measure: &Measure) -> bool {
        let Estimates::Calibrated(Some(calibration)) = self.estimates else { return false };
        calibration.measure(&self.calibrated_name(measure).0).is_some()
    }

    /// Returns the expected number of epochs with an expression per hour of a scope, by the model.
    fn epochs_per_hour(
        &self,
        of: &Expression,
        scope: &Scope,
        weights: &[f32],
    ) -> Result<f64, Unanswered> {
        let presence = match self.covering(of) {
            Some(concept) => self.presence(&Expression::concept(&concept.id))?,
            None => self.presence(of)?,
        };
        let known = presence.iter().zip(weights).filter(|(p, _)| !p.is_nan());
        let (sum, shown) = known.fold((0.0, 0.0), |(sum, shown), (p, w)| {
            (sum + f64::from(*p) * f64::from(*w), shown + f64::from(*w))
        });
        if shown <= 0.0 {
            return Err(self.empty(scope));
        }
        Ok(sum / shown * 3600.0 / EPOCH_S)
    }

    /// Returns the concept with probabilities that covers exactly the events of an expression; `None` if there is none.
    fn covering(&self, of: &Expression) -> Option<&Concept> {
        let parts = if let Expression::Any(parts) = of { parts } else { std::slice::from_ref(of) };
        let kinds_of = |part: &Expression| {
            let Expression::Concept { id, .. } = part else { return None };
            Some(self.registry.events_of(id))
        };
        let kinds: Vec<EventSet> = parts.iter().map(kinds_of).collect::<Option<_>>()?;
        if kinds.iter().any(|kinds| kinds.is_empty()) {
            return None;
        }
        let kinds: EventSet = kinds.into_iter().flat_map(EventSet::iter).collect();
        let concepts = self.registry.concepts().iter();
        let mut events = concepts.filter(|it| it.kind == Kind::Event);
        events.find(|it| {
            self.registry.events_of(&it.id) == kinds && self.track.concept(&it.id).is_some()
        })
    }

    /// Returns the interval of an estimate, or why there is none.
    fn interval(
        &self,
        model: &MeasureModel,
        estimate: f64,
        is_whole: bool,
    ) -> Result<(f64, f64), NoInterval> {
        let Estimates::Calibrated(Some(calibration)) = self.estimates else {
            return Err(NoInterval::NotCalibrated);
        };
        let origin = if self.track.is_simulated() { Origin::Simulated } else { Origin::Recorded };
        if calibration.population.origin != origin {
            return Err(NoInterval::OtherPopulation);
        }
        if self.usual_channels() < calibration.population.min_channels {
            return Err(NoInterval::FewChannels);
        }
        if !is_whole {
            return Err(NoInterval::NotCalibrated);
        }
        if self.sleep_minutes() < least_minutes::INTERVAL {
            return Err(NoInterval::LittleSleep);
        }
        Ok(model.interval(estimate))
    }

    /// Returns the minutes of sleep in the whole night.
    pub(super) fn sleep_minutes(&self) -> f64 {
        *self.sleep_minutes.get_or_init(|| {
            let sleep = self.presence(&Expression::concept("sleep")).unwrap_or_default();
            let known = sleep.into_iter().filter(|p| !p.is_nan());
            known.map(f64::from).sum::<f64>() * EPOCH_S / 60.0
        })
    }

    /// Refuses a night most of which has no stage, and the model's word on a recording that is shorter than a night.
    fn check_staged(&self, source: Source) -> Result<(), Unanswered> {
        if self.allowed.is_some() {
            // The user chose the epochs.
            return Ok(());
        }
        let staged = self.weights(&Scope::default(), &whole_night())?;
        let staged_min = staged.into_iter().map(f64::from).sum::<f64>() * EPOCH_S / 60.0;
        let least_min = least_minutes::RATE;
        if source == Source::Model && staged_min < least_min {
            return Err(NotMeasured::FewStaged { staged_min, least_min }.into());
        }
        let last = self.n_epochs().saturating_sub(1);
        let in_bed_min = (self.track.onset_s(last) + EPOCH_S - self.track.onset_s(0)) / 60.0;
        if staged_min < LEAST_STAGED_SHARE * in_bed_min {
            return Err(NotMeasured::MostlyUnstaged { staged_min, in_bed_min }.into());
        }
        Ok(())
    }

    /// Returns the minutes in a state, of the whole night by default.
    fn time(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (in_state, _, source) = self.state_minutes(of, scope)?;
        self.check_staged(source)?;
        Ok(Value::new(in_state, source, self.sleep_minutes()))
    }

    /// Returns the share of a scope in a state in per cent.
    fn share(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (in_state, minutes, source) = self.state_minutes(of, scope)?;
        check_minutes(minutes, least_minutes::STRATUM)?;
        Ok(Value::new(100.0 * in_state / minutes, source, minutes))
    }

    /// Returns the minutes of a scope in a state, the minutes of the scope in which the state is known, and the source.
    fn state_minutes(
        &self,
        of: &Expression,
        scope: &Scope,
    ) -> Result<(f64, f64, Source), Unanswered> {
        let source = self.source_of_all(of)?;
        // Wake in a position is asked for by name; else a position is that of sleep.
        let is_asleep = |stages: &[Stage]| !stages.contains(&Stage::Wake);
        let is_of_sleep = self.stage_set(of).is_some_and(|stages| is_asleep(&stages));
        let states = if scope.states.is_some() && is_of_sleep {
            self.states_of_sleep(scope)
        } else {
            scope_states(scope, &whole_night())
        };
        // Outside of its part of the night, the weights of a scope are 0.
        let weights = self.weights(scope, &states)?;
        let joint = Expression::all([of.clone(), states]);
        let joint = self.presence(&joint)?;
        let known = joint.iter().zip(&weights).filter(|(p, weight)| !p.is_nan() && **weight > 0.0);
        let (sum, all) = known.fold((0.0, 0.0), |(sum, all), (p, weight)| {
            (sum + f64::from(*p), all + f64::from(*weight))
        });
        let minutes = EPOCH_S / 60.0;
        if all <= 0.0 {
            return Err(if *scope == Scope::default() {
                NotMeasured::NoStages.into()
            } else {
                self.empty(scope)
            });
        }
        Ok((sum * minutes, all * minutes, source))
    }

    /// Returns the longest run of epochs in which a state is more likely than not, in minutes.
    fn longest_run(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (_, minutes, source) = self.state_minutes(of, scope)?;
        let presence = self.presence(of)?;
        let weights = self.weights(scope, &scope_states(scope, &whole_night()))?;
        let (mut longest, mut run) = (0usize, 0usize);
        for epoch in 0..self.n_epochs() {
            let holds = presence[epoch] > 0.5 && weights[epoch] > 0.5;
            let goes_on = epoch > 0 && self.track.is_joined_to_next(epoch - 1);
            run = match (holds, goes_on) {
                (false, _) => 0,
                (true, true) => run + 1,
                (true, false) => 1,
            };
            longest = longest.max(run);
        }
        Ok(Value::new(longest as f64 * EPOCH_S / 60.0, source, minutes))
    }

    /// Returns a statistic of the registry.
    fn statistic(&self, id: &str, scope: &Scope) -> Result<Value, Unanswered> {
        let signal = |value: fn(&nocturne_concepts::track::EpochSignals) -> Option<f64>| {
            self.check_asked(id, &[Source::Signal])?;
            let values: Vec<f64> = self
                .in_sleep(scope)?
                .iter()
                .filter_map(|epoch| value(&self.track.signals(*epoch)))
                .collect();
            if values.is_empty() {
                return Err(Unanswered::NoSignal { concept: id.to_owned() });
            }
            if *scope != Scope::default() {
                check_minutes(values.len() as f64 * EPOCH_S / 60.0, least_minutes::STRATUM)?;
            }
            Ok(values)
        };
        let of_signal =
            |value: f64, n: usize| Value::new(value, Source::Signal, n as f64 * EPOCH_S / 60.0);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        match id {
            "mean_spo2" => signal(|it| it.mean_spo2).map(|it| of_signal(mean(&it), it.len())),
            "mean_heart_rate" => {
                signal(|it| it.heart_rate).map(|it| of_signal(mean(&it), it.len()))
            }
            "lowest_spo2" => signal(|it| it.lowest_spo2)
                .map(|it| of_signal(it.iter().copied().fold(f64::INFINITY, f64::min), it.len())),
            "t90" => signal(|it| it.below_90_s)
                .map(|it| of_signal(100.0 * mean(&it) / EPOCH_S, it.len())),
            "tst" => self.time(&Expression::concept("sleep"), scope),
            _ => self.hypnogram_statistic(id),
        }
    }

    fn hypnogram_statistic(&self, id: &str) -> Result<Value, Unanswered> {
        let measure = HypnogramMeasure::from_name(id)
            .ok_or_else(|| Unanswered::NotScored { concept: id.to_owned() })?;
        self.check_asked(id, &[Source::Scored, Source::Model])?;
        self.source_of(self.concept("sleep")?, None)?;
        self.check_staged(self.stage_source())?;
        let statistics = HypnogramStatistics::of(self.epoch_stages(), IN_BED);
        Ok(Value::new(statistics.value(measure)?, self.stage_source(), self.sleep_minutes()))
    }

    /// Returns the epochs of a scope, all sleep by default, that are more likely in it than not.
    fn in_sleep(&self, scope: &Scope) -> Result<Vec<usize>, Unanswered> {
        let weights = self.weights(scope, &self.states_of_sleep(scope))?;
        Ok((0..self.n_epochs()).filter(|epoch| weights[*epoch] > 0.5).collect())
    }

    /// Returns the onsets in seconds of what an expression counts, from scored events, signals and the hypnogram.
    fn onsets(&self, of: &Expression) -> Result<Vec<f64>, Unanswered> {
        Ok(self.intervals(of)?.into_iter().map(|(onset_s, _)| onset_s).collect())
    }

    fn intervals(&self, of: &Expression) -> Result<Vec<(f64, f64)>, Unanswered> {
        match of {
            Expression::Concept { id, least_fall_percent } => {
                let concept = self.concept(id)?;
                if id == "awakening" {
                    return Ok(self.awakenings());
                }
                let source = self.source_of(concept, *least_fall_percent)?;
                Ok(self.events(concept, source, *least_fall_percent))
            }
            Expression::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.intervals(part)?);
                }
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                Ok(all)
            }
            Expression::Within { event, relation, window_s, anchor } => {
                let (events, anchors) = (self.intervals(event)?, self.intervals(anchor)?);
                let is_near = |(onset_s, _): &(f64, f64)| {
                    anchors.iter().any(|(start_s, end_s)| match relation {
                        Relation::After => (*end_s..=end_s + window_s).contains(onset_s),
                        Relation::Before => (start_s - window_s..=*start_s).contains(onset_s),
                        Relation::Of => (start_s - window_s..=end_s + window_s).contains(onset_s),
                    })
                };
                Ok(events.into_iter().filter(is_near).collect())
            }
            Expression::During { event, other } => {
                let (events, others) = (self.intervals(event)?, self.intervals(other)?);
                let is_during = |(onset_s, _): &(f64, f64)| {
                    others.iter().any(|(start_s, end_s)| (*start_s..*end_s).contains(onset_s))
                };
                Ok(events.into_iter().filter(is_during).collect())
            }
            Expression::All(parts) => {
                // Events in epochs in which everything else holds.
                let is_event = |part: &&Expression| part.counts_events(self.registry);
                let Some(event) = parts.iter().find(is_event) else {
                    return Ok(Vec::new());
                };
                let others: Vec<Expression> =
                    parts.iter().filter(|part| *part != event).cloned().collect();
                let presence = self.presence(&Expression::all(others))?;
                let holds = |(onset_s, _): &(f64, f64)| {
                    self.track.epoch_at(*onset_s).is_some_and(|epoch| presence[epoch] > 0.5)
                };
                Ok(self.intervals(event)?.into_iter().filter(holds).collect())
            }
            Expression::Not(_) => Ok(Vec::new()),
        }
    }

    /// Returns the source of a measure of several concepts: the least direct of theirs.
    fn source_of_all(&self, of: &Expression) -> Result<Source, Unanswered> {
        let mut source = Source::Scored;
        for (id, least_fall_percent) in of.leaves() {
            let concept = self.concept(id)?;
            let is_staged = concept.kind == Kind::Stage || id == "awakening";
            if is_staged {
                self.check_asked(id, &[Source::Scored, Source::Model])?;
            }
            source = source.max(self.source_of(concept, least_fall_percent)?);
        }
        Ok(source)
    }

    /// Refuses a source that never answers.
    fn check_asked(&self, id: &str, sources: &[Source]) -> Result<(), Unanswered> {
        match self.source {
            Some(asked) if !sources.contains(&asked) => Err(Unanswered::NotFromSource {
                concept: id.to_owned(),
                source: asked,
                sources: sources.to_vec(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns why a scope has no time.
    fn empty(&self, scope: &Scope) -> Unanswered {
        match &scope.states {
            Some(states) if self.sleep_minutes() > 0.0 => {
                Unanswered::EmptyScope { scope: states.to_string() }
            }
            Some(_) | None => NotMeasured::NoSleep.into(),
        }
    }
}

/// Adds two rates of one scope.
fn sum(a: &Value, b: &Value) -> Value {
    let events = a.events.zip(b.events).map(|(a, b)| a + b);
    let minutes = a.minutes.min(b.minutes);
    Value { events, ..Value::new(a.value + b.value, a.source.max(b.source), minutes) }
}

/// Returns the whole night: sleep and wake.
fn whole_night() -> Expression {
    Expression::any([Expression::concept("W"), Expression::concept("sleep")])
}

fn check_minutes(minutes: f64, least_min: f64) -> Result<(), Unanswered> {
    if minutes < least_min {
        return Err(NotMeasured::TooShort { minutes, least_min }.into());
    }
    Ok(())
}
