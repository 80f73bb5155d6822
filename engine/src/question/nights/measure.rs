//! Measures of a night: rates, counts, shares, times, runs and statistics, from the best source.

use nocturne_concepts::calibration::{MIN_CHANNELS, MeasureModel, Origin};
use nocturne_concepts::{Concept, Kind, Source};
use nocturne_psg::statistics::{
    HypnogramMeasure, HypnogramStatistics, InBed, NotMeasured, least_minutes,
};
use nocturne_psg::{EPOCH_S, EventSet};

use crate::grammar::{Aggregate, Expression, Measure, Quantity, Relation, Scope};
use crate::question::nights::night::Night;
use crate::question::nights::unanswered::Unanswered;
use crate::question::nights::value::{Measurement, NoInterval};

/// A collection does not store the time in bed: it is the whole recording, as far as that can be.
const IN_BED: InBed = InBed::WholeRecording;

/// A value with its source; the model's also with an interval or why there is none.
struct Value {
    #[expect(clippy::struct_field_names, reason = "the word of `Measurement`")]
    value: f64,
    source: Source,
    interval: Result<(f64, f64), NoInterval>,
    minutes: f64,
}

impl Night<'_> {
    /// Measures a quantity.
    ///
    /// # Errors
    ///
    /// Why the night does not have it.
    pub(super) fn measure(&self, quantity: &Quantity) -> Result<Measurement, Unanswered> {
        let value = match &quantity.over {
            None => self.value(&quantity.measure)?,
            Some(over) => self.ratio(&quantity.measure, over)?,
        };
        let Value { value, source, interval, minutes } = value;
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
            return Err(NotMeasured::NoEventsToCompareWith.into());
        }
        let source = here.source.max(there.source);
        let minutes = here.minutes + there.minutes;
        let interval = Err(NoInterval::NotCalibrated);
        Ok(Value { value: here.value / there.value, source, interval, minutes })
    }

    fn value(&self, measure: &Measure) -> Result<Value, Unanswered> {
        let scope = &measure.scope;
        match &measure.aggregate {
            Aggregate::Rate(of) => self.rate(of, scope),
            Aggregate::Count(of) => {
                let rate = self.rate(of, scope)?;
                let hours = rate.minutes / 60.0;
                let interval = rate.interval.map(|(low, high)| (low * hours, high * hours));
                Ok(Value { value: rate.value * hours, interval, ..rate })
            }
            Aggregate::Time(of) => self.time(of, scope),
            Aggregate::Share(of) => self.share(of, scope),
            Aggregate::LongestRun(of) => self.longest_run(of, scope),
            Aggregate::Statistic { id, .. } => self.statistic(id, scope),
        }
    }

    /// Returns events per hour of a scope, all sleep by default.
    fn rate(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let concepts = self.concepts_of(of)?;
        let sources = concepts.iter().map(|concept| self.source_of(concept));
        let source = sources.collect::<Result<Vec<_>, _>>()?.into_iter().max();
        let source = source.unwrap_or(Source::Model);
        let weights = self.weights(scope, &Expression::concept("sleep"))?;
        let minutes = weights.iter().map(|w| f64::from(*w)).sum::<f64>() * EPOCH_S / 60.0;
        if minutes <= 0.0 {
            return Err(NotMeasured::NoSleep.into());
        }
        let least =
            if *scope == Scope::default() { least_minutes::RATE } else { least_minutes::STRATUM };
        check_minutes(minutes, least)?;
        if source != Source::Model || concepts.iter().all(|concept| concept.id == "awakening") {
            let onsets = self.onsets(of)?;
            let n: f64 = onsets
                .iter()
                .filter_map(|s| self.epoch_at(*s))
                .map(|epoch| f64::from(weights[epoch]))
                .sum();
            let interval = Err(NoInterval::NotCalibrated);
            // A sum over nothing is −0.
            return Ok(Value { value: n / minutes * 60.0 + 0.0, source, interval, minutes });
        }
        self.modelled_rate(of, scope, &weights, minutes)
    }

    /// Returns the model's estimate of a rate.
    fn modelled_rate(
        &self,
        of: &Expression,
        scope: &Scope,
        weights: &[f32],
        minutes: f64,
    ) -> Result<Value, Unanswered> {
        if let Some((concept, model)) = self.model_of(of)? {
            let column =
                self.track.concept(&concept.id).expect("a calibrated concept has a column");
            let (mut found, mut shown) = (0.0, 0.0);
            for (epoch, weight) in weights.iter().enumerate() {
                let Some(p) = self.track.probability(column, epoch) else { continue };
                found += f64::from(p * weight);
                shown += f64::from(*weight);
            }
            if shown <= 0.0 {
                return Err(NotMeasured::NoSleep.into());
            }
            let value = model.estimate(found / shown);
            let is_whole = *scope == Scope::default() && self.allowed.is_none();
            let interval = self.interval(model, value, is_whole, minutes);
            return Ok(Value { value, source: Source::Model, interval, minutes });
        }
        // A compound of concepts: the expected number of epochs with it, with no more than one in each.
        let presence = self.presence(of)?;
        let pairs = presence.iter().zip(weights);
        let known = pairs.filter_map(|(p, w)| Some((f64::from((*p)?), f64::from(*w))));
        let (sum, shown) = known.fold((0.0, 0.0), |(sum, shown), (p, w)| (sum + p * w, shown + w));
        if shown <= 0.0 {
            return Err(NotMeasured::NoSleep.into());
        }
        let value = sum / shown * 3600.0 / EPOCH_S;
        Ok(Value {
            value,
            source: Source::Model,
            interval: Err(NoInterval::NotCalibrated),
            minutes,
        })
    }

    /// Returns the calibrated concept that covers exactly the events of an expression, and its model; `None` for an
    /// expression that no single concept covers.
    fn model_of(&self, of: &Expression) -> Result<Option<(&Concept, &MeasureModel)>, Unanswered> {
        let parts = if let Expression::Any(parts) = of { parts } else { std::slice::from_ref(of) };
        let mut ids = Vec::new();
        for part in parts {
            let Expression::Concept { id, .. } = part else { return Ok(None) };
            ids.push(id.as_str());
        }
        let covered = |ids: &[&str]| {
            ids.iter()
                .map(|id| self.registry.events_of(id))
                .flat_map(EventSet::iter)
                .collect::<EventSet>()
        };
        let kinds = covered(&ids);
        let concepts = self.registry.concepts().iter();
        let mut same = concepts.filter(|it| it.kind == Kind::Event && covered(&[&it.id]) == kinds);
        let refused = |measure: &str, why: &str| Unanswered::NotMeasurable {
            measure: measure.to_owned(),
            why: why.to_owned(),
        };
        let Some(concept) = same.find(|it| self.track.concept(&it.id).is_some()) else {
            let why = "it has no calibration";
            return if ids.len() == 1 {
                Err(refused(&format!("rate({})", ids[0]), why))
            } else {
                Ok(None)
            };
        };
        let measure = format!("rate({})", concept.id);
        let calibration = self.calibration.and_then(|it| it.measure(&measure));
        let model = calibration.ok_or_else(|| refused(&measure, "it has no calibration"))?;
        match &model.refused {
            Some(why) => Err(refused(&measure, why)),
            None => Ok(Some((concept, model))),
        }
    }

    /// Returns the interval of an estimate, or why there is none.
    fn interval(
        &self,
        model: &MeasureModel,
        estimate: f64,
        is_whole: bool,
        sleep_min: f64,
    ) -> Result<(f64, f64), NoInterval> {
        let origin = if self.track.is_simulated() { Origin::Simulated } else { Origin::Recorded };
        let population = self.calibration.map(|it| it.population.origin);
        if population != Some(origin) {
            return Err(NoInterval::OtherPopulation);
        }
        if self.usual_channels() < MIN_CHANNELS {
            return Err(NoInterval::FewChannels);
        }
        if !is_whole || self.stage_source() != Source::Model && model.measure.starts_with("time") {
            return Err(NoInterval::NotCalibrated);
        }
        if sleep_min < least_minutes::INTERVAL {
            return Err(NoInterval::LittleSleep);
        }
        Ok(model.interval(estimate))
    }

    /// Returns the minutes in a state, of the whole night by default.
    fn time(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (in_state, _, source) = self.state_minutes(of, scope)?;
        let sleep = self
            .state_minutes(&Expression::concept("sleep"), &Scope::default())
            .map_or(0.0, |it| it.0);
        if source == Source::Model
            && let Expression::Concept { id, .. } = of
            && let Some(model) = self.calibration.and_then(|it| it.measure(&format!("time({id})")))
            && *scope == Scope::default()
            && self.allowed.is_none()
        {
            if let Some(why) = &model.refused {
                return Err(Unanswered::NotMeasurable {
                    measure: model.measure.clone(),
                    why: why.clone(),
                });
            }
            let value = model.estimate(in_state);
            let interval = self.interval(model, value, true, sleep);
            return Ok(Value { value, source, interval, minutes: sleep });
        }
        Ok(Value {
            value: in_state,
            source,
            interval: Err(NoInterval::NotCalibrated),
            minutes: sleep,
        })
    }

    /// Returns the share of a scope in a state in per cent.
    fn share(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (in_state, minutes, source) = self.state_minutes(of, scope)?;
        check_minutes(minutes, least_minutes::STRATUM)?;
        let interval = Err(NoInterval::NotCalibrated);
        Ok(Value { value: 100.0 * in_state / minutes, source, interval, minutes })
    }

    /// Returns the minutes of a scope in a state, the minutes of the scope in which the state is known, and the source.
    fn state_minutes(
        &self,
        of: &Expression,
        scope: &Scope,
    ) -> Result<(f64, f64, Source), Unanswered> {
        let concepts = self.concepts_of(of)?;
        let sources = concepts.iter().map(|concept| self.source_of(concept));
        let source =
            sources.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(Source::Model);
        let presence = self.presence(of)?;
        let weights = self.weights(scope, &whole_night())?;
        let known = presence
            .iter()
            .zip(&weights)
            .filter_map(|(p, w)| Some((f64::from((*p)?), f64::from(*w))));
        let (sum, all) = known.fold((0.0, 0.0), |(sum, all), (p, w)| (sum + p * w, all + w));
        let minutes = EPOCH_S / 60.0;
        if all <= 0.0 {
            return Err(NotMeasured::NoStages.into());
        }
        Ok((sum * minutes, all * minutes, source))
    }

    /// Returns the longest run of epochs in which a state is more likely than not, in minutes.
    fn longest_run(&self, of: &Expression, scope: &Scope) -> Result<Value, Unanswered> {
        let (_, minutes, source) = self.state_minutes(of, scope)?;
        let presence = self.presence(of)?;
        let weights = self.weights(scope, &whole_night())?;
        let (mut longest, mut run) = (0usize, 0usize);
        for epoch in 0..self.n_epochs() {
            let holds = presence[epoch].is_some_and(|p| p > 0.5) && weights[epoch] > 0.5;
            let goes_on = epoch > 0 && self.is_joined(epoch - 1, epoch);
            run = match (holds, goes_on) {
                (false, _) => 0,
                (true, true) => run + 1,
                (true, false) => 1,
            };
            longest = longest.max(run);
        }
        let value = longest as f64 * EPOCH_S / 60.0;
        Ok(Value { value, source, interval: Err(NoInterval::NotCalibrated), minutes })
    }

    /// Returns a statistic of the registry.
    fn statistic(&self, id: &str, scope: &Scope) -> Result<Value, Unanswered> {
        let signal = |value: fn(&nocturne_concepts::track::EpochSignals) -> Option<f64>| {
            let values: Vec<f64> = self
                .in_sleep(scope)?
                .iter()
                .filter_map(|epoch| value(&self.track.signals(*epoch)))
                .collect();
            if values.is_empty() {
                Err(Unanswered::NoSignal { concept: id.to_owned() })
            } else {
                Ok(values)
            }
        };
        let of_signal = |value: f64, n: usize| Value {
            value,
            source: Source::Signal,
            interval: Err(NoInterval::NotCalibrated),
            minutes: n as f64 * EPOCH_S / 60.0,
        };
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
        self.source_of(self.concept("sleep")?)?;
        let statistics = HypnogramStatistics::of(&self.epoch_stages(), IN_BED);
        let value = statistics.value(measure)?;
        let minutes = statistics.value(HypnogramMeasure::TotalSleepTime).unwrap_or(0.0);
        let (source, interval) = (self.stage_source(), Err(NoInterval::NotCalibrated));
        Ok(Value { value, source, interval, minutes })
    }

    /// Returns the epochs of a scope, all sleep by default, that are more likely in it than not.
    fn in_sleep(&self, scope: &Scope) -> Result<Vec<usize>, Unanswered> {
        let weights = self.weights(scope, &Expression::concept("sleep"))?;
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
                Ok(self.events(concept, self.source_of(concept)?, *least_fall_percent))
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
                let is_event = |part: &&Expression| self.counts_events(part);
                let Some(event) = parts.iter().find(is_event) else {
                    return Ok(Vec::new());
                };
                let others: Vec<Expression> =
                    parts.iter().filter(|part| *part != event).cloned().collect();
                let presence = self.presence(&Expression::all(others))?;
                let holds = |(onset_s, _): &(f64, f64)| {
                    self.epoch_at(*onset_s)
                        .is_some_and(|epoch| presence[epoch].is_some_and(|p| p > 0.5))
                };
                Ok(self.intervals(event)?.into_iter().filter(holds).collect())
            }
            Expression::Not(_) => Ok(Vec::new()),
        }
    }

    fn counts_events(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Concept { id, .. } => {
                self.registry.get(id).is_some_and(|it| it.kind == Kind::Event)
            }
            Expression::Within { .. } | Expression::During { .. } => true,
            Expression::Any(parts) => parts.iter().all(|part| self.counts_events(part)),
            Expression::All(parts) => parts.iter().any(|part| self.counts_events(part)),
            Expression::Not(_) => false,
        }
    }

    fn concepts_of(&self, of: &Expression) -> Result<Vec<&Concept>, Unanswered> {
        of.concepts().into_iter().map(|id| self.concept(id)).collect()
    }
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
