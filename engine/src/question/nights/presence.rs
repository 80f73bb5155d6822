//! How probable it is that an expression over concepts holds in each epoch of a night.

use nocturne_concepts::{Concept, Kind, Source};
use nocturne_psg::EPOCH_S;

use crate::grammar::{Expression, Part, Relation, Scope};
use crate::question::nights::night::Night;
use crate::question::nights::unanswered::Unanswered;

/// A probability for each epoch; `None` where it is not known.
pub(super) type Presence = Vec<Option<f32>>;

impl Night<'_> {
    /// Returns the concept with an id. The grammar only writes ids of the registry.
    pub(super) fn concept(&self, id: &str) -> Result<&Concept, Unanswered> {
        self.registry.get(id).ok_or_else(|| Unanswered::NotScored { concept: id.to_owned() })
    }

    /// Returns the probability of an expression in each epoch. Concepts are taken as independent given the epoch, stages
    /// as exclusive.
    ///
    /// # Errors
    ///
    /// Why a concept of it is not known in this night.
    pub(super) fn presence(&self, expression: &Expression) -> Result<Presence, Unanswered> {
        Ok(match expression {
            Expression::Concept { id, least_fall_percent } => {
                self.concept_presence(self.concept(id)?, *least_fall_percent)?
            }
            Expression::Not(inner) => {
                self.presence(inner)?.into_iter().map(|p| p.map(|p| 1.0 - p)).collect()
            }
            Expression::All(parts) => self.combined(parts, |a, b| a * b)?,
            Expression::Any(parts) => {
                let are_stages = parts.iter().all(|part| self.is_stage(part));
                if are_stages {
                    self.combined(parts, |a, b| (a + b).min(1.0))?
                } else {
                    self.combined(parts, |a, b| a + b - a * b)?
                }
            }
            Expression::Within { event, relation, window_s, anchor } => {
                let (event, anchor) = (self.presence(event)?, self.presence(anchor)?);
                self.near(&event, &anchor, *relation, *window_s)
            }
            Expression::During { event, other } => {
                let (event, other) = (self.presence(event)?, self.presence(other)?);
                event.into_iter().zip(other).map(|(a, b)| Some(a? * b?)).collect()
            }
        })
    }

    fn is_stage(&self, expression: &Expression) -> bool {
        let Expression::Concept { id, .. } = expression else { return false };
        self.registry.get(id).is_some_and(|concept| concept.kind == Kind::Stage)
    }

    fn combined(
        &self,
        parts: &[Expression],
        join: impl Fn(f32, f32) -> f32,
    ) -> Result<Presence, Unanswered> {
        let mut parts = parts.iter().map(|part| self.presence(part));
        let first = parts.next().expect("an expression has parts")?;
        parts.try_fold(first, |so_far, part| {
            let both = so_far.into_iter().zip(part?);
            Ok(both.map(|(a, b)| Some(join(a?, b?))).collect())
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
                self.source_of(concept)?;
                let stages = self.registry.stages_of(&concept.id);
                let p = |epoch| {
                    let probabilities = self.stages(epoch)?;
                    Some(stages.iter().map(|stage| probabilities[stage.index()]).sum())
                };
                Ok((0..n).map(p).collect())
            }
            Kind::State if self.positions_of(concept).is_empty() => {
                Err(Unanswered::NoSignal { concept: concept.id.clone() })
            }
            Kind::State => {
                self.source_of(concept)?;
                let positions = self.positions_of(concept);
                let p =
                    |epoch| Some(f32::from(u8::from(positions.contains(&self.position(epoch)?))));
                Ok((0..n).map(p).collect())
            }
            Kind::Event if concept.id == "awakening" => {
                self.source_of(concept)?;
                Ok(self.in_epochs(&self.awakenings()))
            }
            Kind::Event | Kind::Measure => match self.source_of(concept)? {
                Source::Model => {
                    let column = self.track.concept(&concept.id).expect("the source was checked");
                    Ok((0..n).map(|epoch| self.track.probability(column, epoch)).collect())
                }
                source @ (Source::Scored | Source::Signal) => {
                    Ok(self.in_epochs(&self.events(concept, source, least_fall_percent)))
                }
            },
        }
    }

    fn positions_of(&self, concept: &Concept) -> Vec<nocturne_psg::sleep::Position> {
        let members = self.registry.members(&concept.id);
        members.iter().flat_map(|member| member.positions.iter().copied()).collect()
    }

    /// Returns 1 for epochs that events lie in, even if only in part.
    fn in_epochs(&self, events: &[(f64, f64)]) -> Presence {
        let mut presence = vec![Some(0.0); self.n_epochs()];
        for (onset_s, end_s) in events {
            let Some(first) = self.epoch_at(*onset_s) else { continue };
            presence[first] = Some(1.0);
            for (epoch, present) in presence.iter_mut().enumerate().skip(first + 1) {
                if self.track.onset_s(epoch) >= *end_s {
                    break;
                }
                *present = Some(1.0);
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
            let mut absent = 1.0 - anchor[epoch]?;
            let first = epoch.saturating_sub(back);
            for near in (first..epoch).rev().take_while(|near| self.is_joined(*near, *near + 1)) {
                absent *= 1.0 - anchor[near]?;
            }
            let last = (epoch + ahead).min(self.n_epochs() - 1);
            for near in (epoch + 1..=last).take_while(|near| self.is_joined(*near - 1, *near)) {
                absent *= 1.0 - anchor[near]?;
            }
            Some(event[epoch]? * (1.0 - absent))
        };
        (0..self.n_epochs()).map(p).collect()
    }

    /// Returns whether two epochs follow each other without a gap.
    pub(super) fn is_joined(&self, epoch: usize, next: usize) -> bool {
        self.track.number(next) == self.track.number(epoch) + 1
    }

    /// Returns how far each epoch belongs to a scope, 0 to 1. Without states, `default` is the scope.
    ///
    /// # Errors
    ///
    /// Those of [`presence`](Self::presence), and [`Unanswered::NoClock`].
    pub(super) fn weights(
        &self,
        scope: &Scope,
        default: &Expression,
    ) -> Result<Vec<f32>, Unanswered> {
        let states = match &scope.states {
            // "Outside REM" is the rest of the sleep.
            Some(rest @ Expression::Not(_)) => {
                self.presence(&Expression::all([Expression::concept("sleep"), rest.clone()]))?
            }
            Some(states) => self.presence(states)?,
            None => self.presence(default)?,
        };
        let part = match scope.part {
            Some(part) => Some(self.part(part)?),
            None => None,
        };
        let is_in = |epoch: usize| part.as_ref().is_none_or(|part| part[epoch]);
        let allowed = |epoch: usize| self.allowed.as_ref().is_none_or(|allowed| allowed[epoch]);
        let weight = |(epoch, p): (usize, Option<f32>)| {
            if is_in(epoch) && allowed(epoch) { p.unwrap_or(0.0) } else { 0.0 }
        };
        Ok(states.into_iter().enumerate().map(weight).collect())
    }

    /// Returns which epochs lie in a part of the night, by the middle of each.
    fn part(&self, part: Part) -> Result<Vec<bool>, Unanswered> {
        let n = self.n_epochs();
        let middle_s = |epoch: usize| self.track.onset_s(epoch) + EPOCH_S / 2.0;
        if n == 0 {
            return Ok(Vec::new());
        }
        let (start_s, end_s) = (self.track.onset_s(0), self.track.onset_s(n - 1) + EPOCH_S);
        let between = |from_s: f64, to_s: f64| {
            (0..n).map(|epoch| (from_s..to_s).contains(&middle_s(epoch))).collect::<Vec<bool>>()
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

/// Returns the minutes since noon of a minute after midnight.
fn after_noon(minute: f64) -> f64 {
    (minute + 720.0) % 1440.0
}
