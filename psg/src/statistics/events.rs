//! Counts and rates of scored events.

use crate::sleep::{Event, EventFamily, EventKind, EventSet};
use crate::statistics::index::EventIndex;
use crate::statistics::not_measured::NotMeasured;
use crate::statistics::rate::EventRate;
use crate::statistics::scope::Scope;

/// Returns the kinds of events that were scored: those of each family with at least one event, and the declared ones.
pub fn scored_kinds(events: &[Event], declared: EventSet) -> EventSet {
    let found = events.iter().flat_map(|event| EventFamily::of(event.kind).kinds().iter());
    found.chain(declared.iter()).collect()
}

/// The scored events of a night, and what was scored at all: zero events of a kind that was scored are 0, a kind that
/// was not scored has no number.
#[derive(Debug, Clone, Copy)]
pub struct ScoredEvents<'a> {
    events: &'a [Event],
    scored: EventSet,
    declared: EventSet,
}

impl<'a> ScoredEvents<'a> {
    /// Takes the events of a night, in any order.
    ///
    /// `declared` are the kinds that were scored even if there is no such event.
    pub fn new(events: &'a [Event], declared: EventSet) -> Self {
        Self { events, scored: scored_kinds(events, declared), declared }
    }

    /// Returns whether a kind of event was scored.
    pub fn is_scored(&self, kind: EventKind) -> bool {
        self.scored.contains(kind)
    }

    /// Counts the events of these kinds with their onset in the scope; an event across two epochs counts once.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::EventsNotScored`], [`NotMeasured::UntypedApneas`], [`NotMeasured::PeriodicityNotScored`] or
    /// [`NotMeasured::RerasNotScored`] if the scoring does not say.
    pub fn count(&self, kinds: EventSet, scope: &Scope) -> Result<usize, NotMeasured> {
        self.check(kinds)?;
        Ok(self.onsets_s(kinds).filter(|onset_s| scope.contains(*onset_s)).count())
    }

    /// Returns the rate of the events of these kinds in the scope.
    ///
    /// How many minutes the scope needs depends on the use; see [`EventRate::over_at_least`].
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count), and [`NotMeasured::TooShort`] if the scope has no epoch.
    pub fn rate(&self, kinds: EventSet, scope: &Scope) -> Result<EventRate, NotMeasured> {
        let n_events = self.count(kinds, scope)?;
        let minutes = scope.minutes();
        if minutes == 0.0 {
            return Err(NotMeasured::TooShort { minutes, least_min: 0.5 });
        }
        Ok(EventRate { n_events, minutes })
    }

    /// Returns a clinical index in the scope.
    ///
    /// # Errors
    ///
    /// Those of [`rate`](Self::rate).
    pub fn index(&self, index: EventIndex, scope: &Scope) -> Result<EventRate, NotMeasured> {
        self.rate(index.kinds(), scope)
    }

    fn onsets_s(&self, kinds: EventSet) -> impl Iterator<Item = f64> + '_ {
        self.events.iter().filter(move |event| kinds.contains(event.kind)).map(|it| it.onset_s)
    }

    /// Checks that the scoring says how many events of these kinds there are.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub fn check(&self, kinds: EventSet) -> Result<(), NotMeasured> {
        if let Some(kind) = kinds.iter().find(|kind| !self.scored.contains(*kind)) {
            return Err(NotMeasured::EventsNotScored { family: EventFamily::of(kind) });
        }
        let has = |kind| self.events.iter().any(|event| event.kind == kind);
        let is_typed =
            [EventKind::ObstructiveApnea, EventKind::CentralApnea, EventKind::MixedApnea]
                .iter()
                .any(|kind| kinds.contains(*kind));
        let n_untyped = self.onsets_s(EventSet::from_iter([EventKind::Apnea])).count();
        if is_typed && !kinds.contains(EventKind::Apnea) && n_untyped > 0 {
            return Err(NotMeasured::UntypedApneas { n_untyped });
        }
        let (isolated, periodic) = (EventKind::LimbMovement, EventKind::PeriodicLimbMovement);
        if kinds.contains(periodic) && !kinds.contains(isolated) && has(isolated) && !has(periodic)
        {
            return Err(NotMeasured::PeriodicityNotScored);
        }
        // Many laboratories score apneas and hypopneas and leave RERAs out.
        if kinds.contains(EventKind::Rera)
            && !has(EventKind::Rera)
            && !self.declared.contains(EventKind::Rera)
        {
            return Err(NotMeasured::RerasNotScored);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::Stage;
    use crate::statistics::epoch_stages::EpochStages;
    use crate::statistics::least_minutes;

    /// 30 min of wake, 60 min of N2, 30 min of REM.
    fn night() -> EpochStages {
        let stages = [(Stage::Wake, 60), (Stage::N2, 120), (Stage::Rem, 60)];
        let stages: Vec<Option<Stage>> =
            stages.into_iter().flat_map(|(stage, n)| std::iter::repeat_n(Some(stage), n)).collect();
        EpochStages::consecutive(&stages)
    }

    fn events(found: &[(EventKind, f64)]) -> Vec<Event> {
        found.iter().map(|(kind, onset_s)| Event::new(*kind, *onset_s, 12.0)).collect()
    }

    #[test]
    fn event_belongs_to_the_epoch_of_its_onset() {
        let events = events(&[
            (EventKind::Arousal, 1799.9),
            (EventKind::Arousal, 1800.0),
            (EventKind::Arousal, 5399.9),
            (EventKind::Arousal, 5400.0),
        ]);
        let scored = ScoredEvents::new(&events, EventSet::EMPTY);
        let index = |scope: &Scope| scored.index(EventIndex::Arousal, scope).unwrap();
        let sleep = index(&Scope::sleep(&night()));
        assert_eq!(sleep, EventRate { n_events: 3, minutes: 90.0 });
        assert_eq!(sleep.per_hour(), 2.0);
        let rem = Scope::of_stages(&night(), |stage| stage == Stage::Rem);
        assert_eq!(index(&rem), EventRate { n_events: 1, minutes: 30.0 });
        assert!(index(&rem).over_at_least(least_minutes::STRATUM).is_ok());
        let too_short = NotMeasured::TooShort { minutes: 30.0, least_min: 60.0 };
        assert_eq!(index(&rem).over_at_least(least_minutes::RATE), Err(too_short));
    }

    #[test]
    fn zero_events_of_a_scored_family_are_zero() {
        let hypopnea = events(&[(EventKind::Hypopnea, 2000.0)]);
        let scored = ScoredEvents::new(&hypopnea, EventSet::EMPTY);
        let index = |index| scored.index(index, &Scope::sleep(&night())).map(|rate| rate.n_events);
        assert_eq!(index(EventIndex::ApneaHypopnea), Ok(1));
        assert_eq!(index(EventIndex::CentralApnea), Ok(0));
        let family = EventFamily::Arousal;
        assert_eq!(index(EventIndex::Arousal), Err(NotMeasured::EventsNotScored { family }));
    }

    #[test]
    fn family_that_the_profile_declares_is_scored() {
        let scored = ScoredEvents::new(&[], EventSet::from_iter([EventKind::Arousal]));
        let sleep = Scope::sleep(&night());
        assert_eq!(scored.index(EventIndex::Arousal, &sleep).unwrap().per_hour(), 0.0);
        assert!(scored.is_scored(EventKind::Arousal) && !scored.is_scored(EventKind::Hypopnea));
    }

    #[test]
    fn apneas_without_a_type_leave_the_types_unknown() {
        let apneas = events(&[(EventKind::Apnea, 2000.0), (EventKind::ObstructiveApnea, 3000.0)]);
        let scored = ScoredEvents::new(&apneas, EventSet::EMPTY);
        let index = |index| scored.index(index, &Scope::sleep(&night())).map(|rate| rate.n_events);
        assert_eq!(index(EventIndex::Apnea), Ok(2));
        let untyped = NotMeasured::UntypedApneas { n_untyped: 1 };
        assert_eq!(index(EventIndex::CentralApnea), Err(untyped));
        assert_eq!(index(EventIndex::ObstructiveApnea), Err(untyped));
    }

    #[test]
    fn respiratory_disturbance_index_needs_scored_reras() {
        let sleep = Scope::sleep(&night());
        let without = events(&[(EventKind::Hypopnea, 2000.0)]);
        let with = events(&[(EventKind::Hypopnea, 2000.0), (EventKind::Rera, 3000.0)]);
        let rdi = |events: &[Event], declared: EventSet| {
            let scored = ScoredEvents::new(events, declared);
            scored.index(EventIndex::RespiratoryDisturbance, &sleep).map(|rate| rate.n_events)
        };
        assert_eq!(rdi(&without, EventSet::EMPTY), Err(NotMeasured::RerasNotScored));
        assert_eq!(rdi(&without, EventFamily::Respiratory.kinds()), Ok(1));
        assert_eq!(rdi(&with, EventSet::EMPTY), Ok(2));
    }

    #[test]
    fn periodic_index_needs_movements_scored_as_periodic() {
        let movements = events(&[(EventKind::LimbMovement, 2000.0)]);
        let scored = ScoredEvents::new(&movements, EventSet::EMPTY);
        let plmi = scored.index(EventIndex::PeriodicLimbMovement, &Scope::sleep(&night()));
        assert_eq!(plmi, Err(NotMeasured::PeriodicityNotScored));
    }

    #[test]
    fn night_without_sleep_has_no_rate() {
        let arousal = events(&[(EventKind::Arousal, 10.0)]);
        let scored = ScoredEvents::new(&arousal, EventSet::EMPTY);
        let rate = scored.index(EventIndex::Arousal, &Scope::default());
        assert_eq!(rate, Err(NotMeasured::TooShort { minutes: 0.0, least_min: 0.5 }));
    }
}
