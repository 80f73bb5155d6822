//! How probable it is that an expression over concepts holds in each epoch of a night.

use nocturne_concepts::{Concept, Kind, Source};
use nocturne_psg::statistics::NotMeasured;
use nocturne_psg::{EPOCH_S, Stage};

use crate::grammar::{Expression, Part, Relation, Scope};
use crate::question::nights::night::Night;
use crate::question::nights::unanswered::Unanswered;

/// Chin tone over the lowest of the night, the fifth percentile, above which it is raised.
const RAISED_TONE: f64 = 2.0;

/// A probability for each epoch, NaN where it is not known: arithmetic keeps it so.
pub(crate) type Presence = Vec<f32>;

impl Night<'_> {
    /// Returns the concept with an id. The grammar only writes ids of the registry.
    pub(super) fn concept(&self, id: &str) -> Result<&Concept, Unanswered> {
        self.registry.get(id).ok_or_else(|| Unanswered::NotScored { concept: id.to_owned() })
    }

    /// Returns the probability of an expression in each epoch. Stages exclude each other; other concepts are taken as
    /// independent given the epoch.
    ///
    /// # Errors
    ///
    /// Why a concept of it is not known in this night.
    pub(crate) fn presence(&self, expression: &Expression) -> Result<Presence, Unanswered> {
        if let Some(stages) = self.stage_set(expression) {
            return self.stage_presence(expression, &stages);
        }
        Ok(match expression {
            Expression::Concept { id, least_fall_percent } => {
                self.concept_presence(self.concept(id)?, *least_fall_percent)?
            }
            Expression::Not(inner) => self.presence(inner)?.into_iter().map(|p| 1.0 - p).collect(),
            Expression::All(parts) => {
                // The stages of several parts are one set, so `N2 & sleep` is as probable as `N2`.
                let (stages, rest): (Vec<_>, Vec<_>) =
                    parts.iter().cloned().partition(|part| self.stage_set(part).is_some());
                let stages = (!stages.is_empty()).then(|| Expression::all(stages));
                // What occurs only within a stage implies it.
                let implied = |stages: &Expression| {
                    rest.iter().any(|part| {
                        self.stage_within(part).is_some_and(|within| {
                            let set = self.stage_set(stages).unwrap_or_default();
                            within.iter().all(|stage| set.contains(stage))
                        })
                    })
                };
                let stages = stages.filter(|stages| !implied(stages));
                let parts: Vec<Expression> = stages.into_iter().chain(rest).collect();
                self.combined(&parts, |a, b| a * b)?
            }
            Expression::Any(parts) => self.combined(parts, |a, b| a + b - a * b)?,
            Expression::Within { event, relation, window_s, anchor } => {
                let (event, anchor) = (self.presence(event)?, self.presence(anchor)?);
                self.near(&event, &anchor, *relation, *window_s)
            }
            Expression::During { event, other } => {
                let (event, other) = (self.presence(event)?, self.presence(other)?);
                event.into_iter().zip(other).map(|(a, b)| a * b).collect()
            }
        })
    }

    /// Returns the stages in which an expression over stages alone holds; `None` for other expressions.
    pub(super) fn stage_set(&self, expression: &Expression) -> Option<Vec<Stage>> {
        let sets = |parts: &[Expression]| {
            parts.iter().map(|part| self.stage_set(part)).collect::<Option<Vec<_>>>()
        };
        let stages_where = |holds: &dyn Fn(&Stage) -> bool| {
            Stage::ALL.into_iter().filter(holds).collect::<Vec<Stage>>()
        };
        match expression {
            Expression::Concept { id, .. } => {
                let is_stage = self.registry.get(id).is_some_and(|it| it.kind == Kind::Stage);
                is_stage.then(|| self.registry.stages_of(id).to_vec())
            }
            Expression::Not(inner) => {
                let inner = self.stage_set(inner)?;
                Some(stages_where(&|stage| !inner.contains(stage)))
            }
            Expression::All(parts) => {
                let sets = sets(parts)?;
                Some(stages_where(&|stage| sets.iter().all(|set| set.contains(stage))))
            }
            Expression::Any(parts) => {
                let sets = sets(parts)?;
                Some(stages_where(&|stage| sets.iter().any(|set| set.contains(stage))))
            }
            Expression::Within { .. } | Expression::During { .. } => None,
        }
    }

    /// Returns the stages within which a single concept occurs; `None` if it may occur in any.
    fn stage_within(&self, expression: &Expression) -> Option<Vec<Stage>> {
        let Expression::Concept { id, .. } = expression else { return None };
        let concept = self.registry.get(id).filter(|it| it.id != "atonia")?;
        Some(vec![concept.within?])
    }

    fn stage_presence(
        &self,
        expression: &Expression,
        stages: &[Stage],
    ) -> Result<Presence, Unanswered> {
        for id in expression.concepts() {
            self.source_of(self.concept(id)?, None)?;
        }
        let is_sleep = Stage::ALL.iter().all(|stage| stage.is_sleep() == stages.contains(stage));
        if is_sleep {
            return Ok(self.sleep.get_or_init(|| self.stage_probabilities(stages)).clone());
        }
        Ok(self.stage_probabilities(stages))
    }

    fn stage_probabilities(&self, stages: &[Stage]) -> Presence {
        let mut presence = match self.stage_source() {
            Source::Model => self.track.stage_probabilities(stages),
            Source::Scored | Source::Signal => self.track.scored_as(stages),
        };
        if let Some(allowed) = &self.allowed {
            keep(&mut presence, allowed, f32::NAN);
        }
        presence
    }

    fn combined(
        &self,
        parts: &[Expression],
        join: impl Fn(f32, f32) -> f32,
    ) -> Result<Presence, Unanswered> {
        let mut parts = parts.iter().map(|part| self.presence(part));
        let first = parts.next().expect("an expression has parts")?;
        parts.try_fold(first, |so_far, part| {
            Ok(so_far.into_iter().zip(part?).map(|(a, b)| join(a, b)).collect())
        })
    }

    fn concept_presence(
        &self,
        concept: &Concept,
        least_fall_percent: Option<f64>,
    ) -> Result<Presence, Unanswered> {
        let n = self.n_epochs();
        match concept.kind {
            Kind::Stage => {
                let stages = self.registry.stages_of(&concept.id);
                self.stage_presence(&Expression::concept(&concept.id), stages)
            }
            Kind::State if self.positions_of(concept).is_empty() => {
                self.source_of(concept, None)?;
                self.tone_presence(concept)
            }
            Kind::State => {
                self.source_of(concept, None)?;
                let positions = self.positions_of(concept);
                let is_in = |epoch| Some(positions.contains(&self.position(epoch)?));
                Ok((0..n).map(|epoch| certain(is_in(epoch))).collect())
            }
            Kind::Event if concept.id == "awakening" => {
                self.source_of(concept, None)?;
                Ok(self.in_epochs(&self.awakenings()))
            }
            Kind::Event | Kind::Measure => match self.source_of(concept, least_fall_percent)? {
                Source::Model => {
                    let column = self.track.concept(&concept.id).expect("the source was checked");
                    Ok(self.track.probabilities(column))
                }
                source @ (Source::Scored | Source::Signal) => {
                    Ok(self.in_epochs(&self.events(concept, source, least_fall_percent)))
                }
            },
        }
    }

    /// Returns 1 in epochs with low chin tone for `atonia`, and in those of its stage with raised tone for
    /// `rem_without_atonia`. Tone is raised if it is more than twice the lowest of the night.
    fn tone_presence(&self, concept: &Concept) -> Result<Presence, Unanswered> {
        let tones: Vec<Option<f64>> =
            (0..self.n_epochs()).map(|epoch| self.track.signals(epoch).chin_tone).collect();
        let mut known: Vec<f64> = tones.iter().flatten().copied().collect();
        known.sort_by(f64::total_cmp);
        let Some(lowest) = known.get(known.len() / 20) else {
            return Err(Unanswered::NoSignal { concept: concept.id.clone() });
        };
        let is_raised = |tone: Option<f64>| certain(tone.map(|tone| tone > RAISED_TONE * lowest));
        if concept.id == "atonia" {
            return Ok(tones.into_iter().map(|tone| 1.0 - is_raised(tone)).collect());
        }
        let Some(stage) = concept.within else {
            return Err(Unanswered::NoSignal { concept: concept.id.clone() });
        };
        let stage = self.stage_presence(&Expression::concept(stage.code()), &[stage])?;
        Ok(tones.into_iter().zip(stage).map(|(tone, p)| is_raised(tone) * p).collect())
    }

    pub(super) fn positions_of(&self, concept: &Concept) -> Vec<nocturne_psg::sleep::Position> {
        let members = self.registry.members(&concept.id);
        members.iter().flat_map(|member| member.positions.iter().copied()).collect()
    }

    /// Returns 1 for epochs that events lie in, even if only in part.
    fn in_epochs(&self, events: &[(f64, f64)]) -> Presence {
        let mut presence = vec![0.0; self.n_epochs()];
        for (onset_s, end_s) in events {
            let Some(first) = self.track.epoch_at(*onset_s) else { continue };
            presence[first] = 1.0;
            for (epoch, present) in presence.iter_mut().enumerate().skip(first + 1) {
                if self.track.onset_s(epoch) >= *end_s {
                    break;
                }
                *present = 1.0;
            }
        }
        presence
    }

    /// Returns the probability of an event with an anchor within a window of whole epochs, which never crosses a gap. Where
    /// the anchor is not known in the window, it is not known.
    fn near(
        &self,
        event: &Presence,
        anchor: &Presence,
        relation: Relation,
        window_s: f64,
    ) -> Presence {
        let reach = (window_s / EPOCH_S).ceil().max(1.0) as usize;
        let (back, ahead) = match relation {
            Relation::After => (reach, 0),
            Relation::Before => (0, reach),
            Relation::Of => (reach, reach),
        };
        let p = |epoch: usize| {
            let mut absent = 1.0 - anchor[epoch];
            let first = epoch.saturating_sub(back);
            for near in (first..epoch).rev().take_while(|near| self.track.is_joined_to_next(*near))
            {
                absent *= 1.0 - anchor[near];
            }
            let last = (epoch + ahead).min(self.n_epochs() - 1);
            for near in
                (epoch + 1..=last).take_while(|near| self.track.is_joined_to_next(*near - 1))
            {
                absent *= 1.0 - anchor[near];
            }
            event[epoch] * (1.0 - absent)
        };
        (0..self.n_epochs()).map(p).collect()
    }

    /// Returns the states of a scope of sleep: all sleep, its stages, or the sleep in a position, which wake has too.
    pub(super) fn states_of_sleep(&self, scope: &Scope) -> Expression {
        let sleep = Expression::concept("sleep");
        let states = scope_states(scope, &sleep);
        let is_stage = |id: &&str| self.registry.get(id).is_some_and(|it| it.kind == Kind::Stage);
        if states.concepts().iter().any(is_stage) {
            return states;
        }
        Expression::all([sleep, states])
    }

    /// Returns how far each epoch belongs to states in the part of the night of a scope, 0 to 1.
    ///
    /// # Errors
    ///
    /// Those of [`presence`](Self::presence), and [`Unanswered::NoClock`].
    pub(super) fn weights(
        &self,
        scope: &Scope,
        states: &Expression,
    ) -> Result<Vec<f32>, Unanswered> {
        let mut weights = self.presence(states)?;
        weights.iter_mut().for_each(|weight| *weight = if weight.is_nan() { 0.0 } else { *weight });
        if let Some(is_in_part) = self.is_in_part(scope)? {
            keep(&mut weights, &is_in_part, 0.0);
        }
        Ok(weights)
    }

    /// Returns which epochs lie in the part of the night of a scope and are allowed by the filter; `None` for all.
    ///
    /// # Errors
    ///
    /// [`Unanswered::NoClock`].
    pub(super) fn is_in_part(&self, scope: &Scope) -> Result<Option<Vec<bool>>, Unanswered> {
        let part = scope.part.map(|part| self.part(part)).transpose()?;
        Ok(match (part, &self.allowed) {
            (Some(part), Some(allowed)) => {
                Some(part.iter().zip(allowed).map(|(a, b)| *a && *b).collect())
            }
            (part, allowed) => part.or_else(|| allowed.clone()),
        })
    }

    /// Returns the times in seconds at which the first epoch of sleep starts and the last one ends.
    fn sleep_period_s(&self) -> Option<(f64, f64)> {
        let is_asleep = |epoch: &usize| self.likely_stage(*epoch).is_some_and(Stage::is_sleep);
        let first = (0..self.n_epochs()).find(is_asleep)?;
        let last = (0..self.n_epochs()).rfind(is_asleep)?;
        Some((self.track.onset_s(first), self.track.onset_s(last) + EPOCH_S))
    }

    /// Returns which epochs lie in a part of the sleep period or between two times of the clock, by the middle of each.
    fn part(&self, part: Part) -> Result<Vec<bool>, Unanswered> {
        let n = self.n_epochs();
        let middle_s = |epoch: usize| self.track.onset_s(epoch) + EPOCH_S / 2.0;
        let (start_s, end_s) = match part {
            Part::Clock { .. } => (0.0, 0.0),
            Part::Fraction { .. } | Part::First { .. } | Part::Last { .. } => {
                self.sleep_period_s().ok_or(NotMeasured::NoSleep)?
            }
        };
        let middles_s = self.track.onsets_s().map(|onset_s| onset_s + EPOCH_S / 2.0);
        let between = |from_s: f64, to_s: f64| {
            middles_s.map(|middle_s| (from_s..to_s).contains(&middle_s)).collect::<Vec<bool>>()
        };
        Ok(match part {
            Part::Fraction { number, of } => {
                let length_s = (end_s - start_s) / f64::from(of);
                between(
                    start_s + f64::from(number - 1) * length_s,
                    start_s + f64::from(number) * length_s,
                )
            }
            Part::First { minutes } => between(start_s, start_s + minutes * 60.0),
            Part::Last { minutes } => between(end_s - minutes * 60.0, end_s),
            Part::Clock { from, to } => {
                let start = self.track.start().ok_or(Unanswered::NoClock)?;
                let start_min = f64::from(start.hour()) * 60.0
                    + f64::from(start.minute())
                    + f64::from(start.second()) / 60.0;
                let is_in = |epoch: usize| {
                    let minute = (start_min + middle_s(epoch) / 60.0) % 1440.0;
                    let (from, to) = (from.map(f64::from), to.map(f64::from));
                    match (from, to) {
                        (Some(from), Some(to)) if from <= to => (from..to).contains(&minute),
                        (Some(from), Some(to)) => minute >= from || minute < to,
                        // From a time to the end of the night, or from its start: the night turns at noon.
                        (Some(from), None) => after_noon(minute) >= after_noon(from),
                        (None, Some(to)) => after_noon(minute) < after_noon(to),
                        (None, None) => true,
                    }
                };
                (0..n).map(is_in).collect()
            }
        })
    }
}

/// Returns the states of a scope; without states, `default`. "Outside REM" is the rest of the sleep.
pub(super) fn scope_states(scope: &Scope, default: &Expression) -> Expression {
    match &scope.states {
        Some(rest @ Expression::Not(_)) => {
            Expression::all([Expression::concept("sleep"), rest.clone()])
        }
        Some(states) => states.clone(),
        None => default.clone(),
    }
}

/// Replaces the values of other epochs than the allowed ones.
fn keep(values: &mut [f32], is_allowed: &[bool], other: f32) {
    for (value, is_allowed) in values.iter_mut().zip(is_allowed) {
        *value = if *is_allowed { *value } else { other };
    }
}

/// Returns the probability of what is certain; NaN if it is not known.
fn certain(holds: Option<bool>) -> f32 {
    holds.map_or(f32::NAN, |holds| f32::from(u8::from(holds)))
}

/// Returns the minutes since noon of a minute after midnight.
fn after_noon(minute: f64) -> f64 {
    (minute + 720.0) % 1440.0
}
