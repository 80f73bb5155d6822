//! A night as questions see it: its track, and which source answers for each concept.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use nocturne_concepts::track::EventSource;
use nocturne_concepts::{Calibration, Concept, Input, Kind, Registry, Source, Track};
use nocturne_psg::montage::Channel;
use nocturne_psg::sleep::Position;
use nocturne_psg::statistics::{EpochStages, NotMeasured, ScoredEvents};
use nocturne_psg::{EPOCH_S, Event, Stage};

use crate::question::nights::presence::Presence;
use crate::question::nights::unanswered::Unanswered;

/// What becomes of what the model finds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Estimates<'a> {
    /// It is turned into what a scorer would find. Without a calibration, the model answers for stages only.
    Calibrated(Option<&'a Calibration>),
    /// It stays as it is, to learn a calibration.
    AsFound,
}

/// A night and what is needed to measure it.
pub(crate) struct Night<'a> {
    pub(super) track: &'a Track,
    pub(super) registry: &'a Registry,
    pub(super) estimates: Estimates<'a>,
    /// The source that the user asks for; `None` for the best of each night.
    pub(super) source: Option<Source>,
    /// Whether each epoch counts at all, by the filter of the request; `None` for all.
    pub(super) allowed: Option<Vec<bool>>,
    scored_events: OnceCell<Vec<Event>>,
    /// How probable sleep is in each epoch, and its minutes: many measures need them.
    pub(super) sleep: OnceCell<Presence>,
    pub(super) sleep_minutes: OnceCell<f64>,
}

impl<'a> Night<'a> {
    pub(crate) fn new(
        track: &'a Track,
        registry: &'a Registry,
        estimates: Estimates<'a>,
        source: Option<Source>,
        allowed: Option<Vec<bool>>,
    ) -> Self {
        Self {
            track,
            registry,
            estimates,
            source,
            allowed,
            scored_events: OnceCell::new(),
            sleep: OnceCell::new(),
            sleep_minutes: OnceCell::new(),
        }
    }

    fn scored_events(&self) -> &[Event] {
        self.scored_events.get_or_init(|| self.track.scored_events().collect())
    }

    pub(super) fn n_epochs(&self) -> usize {
        self.track.n_epochs()
    }

    /// Returns where the stages come from: the scoring if there is one, unless the model is asked for.
    pub(super) fn stage_source(&self) -> Source {
        let is_scored = self.track.has_scored_stages();
        match self.source {
            Some(Source::Scored) => Source::Scored,
            Some(Source::Signal) | None if is_scored => Source::Scored,
            Some(Source::Signal | Source::Model) | None => Source::Model,
        }
    }

    /// Returns the probabilities of the stages of an epoch; 0 and 1 if they were scored.
    pub(super) fn stages(&self, epoch: usize) -> Option<[f32; 5]> {
        if self.allowed.as_ref().is_some_and(|allowed| !allowed[epoch]) {
            return None;
        }
        match self.stage_source() {
            Source::Model => self.track.posterior(epoch),
            Source::Scored | Source::Signal => self.track.scored_stage(epoch).map(|stage| {
                let mut certain = [0.0; 5];
                certain[stage.index()] = 1.0;
                certain
            }),
        }
    }

    /// Returns the stages of the night for the statistics of its hypnogram.
    pub(super) fn epoch_stages(&self) -> EpochStages {
        let is_allowed = |epoch: usize| self.allowed.as_ref().is_none_or(|allowed| allowed[epoch]);
        let onsets_s = self.track.onsets_s().enumerate();
        match self.stage_source() {
            Source::Model => EpochStages::posterior(
                onsets_s
                    .zip(self.track.posteriors())
                    .map(|((i, onset_s), stages)| (onset_s, is_allowed(i).then_some(stages))),
            ),
            Source::Scored | Source::Signal => EpochStages::scored(
                onsets_s
                    .zip(self.track.scored_stages())
                    .map(|((i, onset_s), stage)| (onset_s, stage.filter(|_| is_allowed(i)))),
            ),
        }
    }

    /// Returns the most probable stage of an epoch.
    pub(super) fn likely_stage(&self, epoch: usize) -> Option<Stage> {
        let stages = self.stages(epoch)?;
        let best = (0..5).max_by(|a, b| stages[*a].total_cmp(&stages[*b]))?;
        Some(Stage::ALL[best])
    }

    /// Returns the body position of an epoch by its channel.
    pub(super) fn position(&self, epoch: usize) -> Option<Position> {
        let code = self.track.signals(epoch).position?;
        Position::ALL.get(usize::from(code)).copied()
    }

    /// Returns which source answers for a concept in this night; for desaturations, also of a least fall in per cent.
    ///
    /// # Errors
    ///
    /// Why none does.
    pub(super) fn source_of(
        &self,
        concept: &Concept,
        least_fall_percent: Option<f64>,
    ) -> Result<Source, Unanswered> {
        if matches!(concept.kind, Kind::Stage) || concept.id == "awakening" {
            return self.source_of_stages(concept);
        }
        let mut refusal = None;
        for source in Source::ALL {
            let is_asked = self.source.is_none_or(|asked| asked == source);
            if !is_asked || !concept.has_source(source) {
                continue;
            }
            let checked = match (source, least_fall_percent) {
                (Source::Scored, Some(_)) => {
                    Err(Unanswered::DepthNotScored { concept: concept.id.clone() })
                }
                (Source::Scored, None) | (Source::Signal | Source::Model, _) => {
                    self.check(concept, source)
                }
            };
            match checked {
                Ok(()) => return Ok(source),
                // The reason of the last source is reported: the model comes last.
                Err(reason) => refusal = Some(reason),
            }
        }
        Err(refusal.unwrap_or_else(|| Unanswered::NotFromSource {
            concept: concept.id.clone(),
            source: self.source.unwrap_or(Source::Scored),
            sources: concept.sources.clone(),
        }))
    }

    fn source_of_stages(&self, concept: &Concept) -> Result<Source, Unanswered> {
        let source = self.stage_source();
        let has_stages = match (source, &self.allowed) {
            (Source::Scored | Source::Signal, None) => self.track.has_scored_stages(),
            _ => (0..self.n_epochs()).any(|epoch| self.stages(epoch).is_some()),
        };
        if has_stages {
            return Ok(source);
        }
        Err(match source {
            Source::Model => no_channels(concept),
            Source::Scored | Source::Signal => {
                Unanswered::NotScored { concept: concept.id.clone() }
            }
        })
    }

    /// Returns why a source does not answer for a concept.
    fn check(&self, concept: &Concept, source: Source) -> Result<(), Unanswered> {
        let id = || concept.id.clone();
        match source {
            Source::Scored => {
                let kinds = self.registry.events_of(&concept.id);
                let declared = self.track.declared_events();
                match ScoredEvents::new(self.scored_events(), declared).check(kinds) {
                    Ok(()) => Ok(()),
                    Err(NotMeasured::EventsNotScored { .. }) => {
                        Err(Unanswered::NotScored { concept: id() })
                    }
                    Err(why) => Err(why.into()),
                }
            }
            Source::Signal => {
                if self.has_signal(concept) {
                    Ok(())
                } else {
                    let concept = id();
                    let is_position = !self.positions_of(self.concept(&concept)?).is_empty();
                    Err(if is_position {
                        Unanswered::NoPosition { concept }
                    } else {
                        Unanswered::NoSignal { concept }
                    })
                }
            }
            Source::Model => {
                let position =
                    self.track.concept(&concept.id).ok_or_else(|| Unanswered::NotMeasurable {
                        measure: id(),
                        why: "the bundle has no calibration of it".to_owned(),
                    })?;
                let is_shown =
                    (0..self.n_epochs()).any(|i| self.track.probability(position, i).is_some());
                if is_shown { Ok(()) } else { Err(no_channels(concept)) }
            }
        }
    }

    /// Returns whether a signal of the recording shows a concept.
    fn has_signal(&self, concept: &Concept) -> bool {
        let epochs = || (0..self.n_epochs()).map(|epoch| self.track.signals(epoch));
        let has_input = |input: &Input| match input.name() {
            "SPO2" => epochs().any(|it| it.mean_spo2.is_some()),
            "ECG" => epochs().any(|it| it.heart_rate.is_some()),
            "POS" => epochs().any(|it| it.position.is_some()),
            "EMG_LEG" => self.track.has_leg_emg(),
            "EMG_CHIN" => epochs().any(|it| it.chin_tone.is_some()),
            name => {
                let is_there = |channel| self.track.masks().any(|mask| mask.contains(channel));
                Channel::from_name(name).is_some_and(is_there)
            }
        };
        let has_events = || {
            let kinds = self.registry.events_of(&concept.id);
            self.track
                .events()
                .any(|it| it.source == EventSource::Signal && kinds.contains(it.kind))
        };
        has_events()
            || (!concept.needs.is_empty()
                && concept.needs.iter().all(|group| group.iter().any(has_input)))
    }

    /// Returns onset and end in seconds of the events of a concept, by a scorer or a rule on a signal.
    pub(super) fn events(
        &self,
        concept: &Concept,
        source: Source,
        least_fall_percent: Option<f64>,
    ) -> Vec<(f64, f64)> {
        let kinds = self.registry.events_of(&concept.id);
        let interval = |onset_s: f64, duration_s: f64| (onset_s, onset_s + duration_s);
        match source {
            Source::Scored => {
                let events = self.scored_events().iter().filter(|event| kinds.contains(event.kind));
                events.map(|event| interval(event.onset_s, event.duration_s)).collect()
            }
            Source::Signal | Source::Model => {
                let deep = |depth: Option<f64>| {
                    least_fall_percent.is_none_or(|least| depth.is_some_and(|it| it >= least))
                };
                let events = self.track.events().filter(|event| {
                    event.source == EventSource::Signal
                        && kinds.contains(event.kind)
                        && deep(event.depth)
                });
                events.map(|event| interval(event.onset_s, event.duration_s)).collect()
            }
        }
    }

    /// Returns the awakenings: the first epoch of each run of wake after sleep onset and before the last sleep.
    pub(super) fn awakenings(&self) -> Vec<(f64, f64)> {
        let stages: Vec<Option<Stage>> =
            (0..self.n_epochs()).map(|i| self.likely_stage(i)).collect();
        let is_asleep = |stage: &Option<Stage>| stage.is_some_and(Stage::is_sleep);
        let Some(last) = stages.iter().rposition(is_asleep) else { return Vec::new() };
        let starts = |i: &usize| stages[*i] == Some(Stage::Wake) && is_asleep(&stages[i - 1]);
        let onset_s = |i: usize| self.track.onset_s(i);
        (1..last).filter(starts).map(|i| (onset_s(i), onset_s(i) + EPOCH_S)).collect()
    }

    /// Returns the median of the number of channels of the epochs.
    pub(super) fn usual_channels(&self) -> usize {
        let mut n_epochs_with = [0; u16::BITS as usize + 1];
        for mask in self.track.masks() {
            n_epochs_with[mask.bits().count_ones() as usize] += 1;
        }
        let mut n_so_far = 0;
        let is_median = |n: &usize| {
            n_so_far += n;
            n_so_far > self.n_epochs() / 2
        };
        n_epochs_with.iter().position(is_median).unwrap_or(0)
    }
}

/// Returns that a recording has none of the channels that show a concept.
fn no_channels(concept: &Concept) -> Unanswered {
    let group = |group: &Vec<Input>| {
        group.iter().map(|input| input.name()).collect::<Vec<_>>().join(" or ")
    };
    let groups: BTreeSet<String> = concept.needs.iter().map(group).collect();
    let needs = groups.into_iter().collect::<Vec<_>>().join(" and ");
    Unanswered::NoChannels { concept: concept.id.clone(), needs }
}
