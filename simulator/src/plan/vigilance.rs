//! Draws the course of the night: bouts of wake, N1, NREM and REM sleep, as a semi-Markov chain with a REM clock.

use crate::random::Random;
use crate::subject::SleepTraits;

/// State of vigilance; the depth of NREM sleep is drawn separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vigilance {
    Wake,
    N1,
    /// N2 and N3.
    Nrem,
    Rem,
}

/// A time span in one state, `[start_s, end_s)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bout {
    pub(crate) vigilance: Vigilance,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// The bouts of a night; they cover it without gaps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SleepCourse {
    pub(crate) bouts: Vec<Bout>,
    pub(crate) lights_off_s: f64,
    pub(crate) lights_on_s: f64,
}

/// Shortest bout in seconds: half an epoch, because shorter ones would not be scored.
const SHORTEST_S: f64 = 15.0;

/// Transition probabilities after each state, counted over the 128 consensus hypnograms of `OpenNeuro` ds005555 (CC0) and
/// rounded. NREM sleep ends at rates that differ between sleepers instead.
const AFTER_WAKE: [(Vigilance, f64); 3] =
    [(Vigilance::N1, 0.84), (Vigilance::Nrem, 0.11), (Vigilance::Rem, 0.05)];
const AFTER_N1: [(Vigilance, f64); 2] = [(Vigilance::Wake, 0.20), (Vigilance::Nrem, 0.80)];
const AFTER_REM: [(Vigilance, f64); 3] =
    [(Vigilance::Wake, 0.50), (Vigilance::N1, 0.11), (Vigilance::Nrem, 0.39)];

/// Median in seconds and logarithmic spread of bouts, from the same hypnograms; most awakenings last one epoch.
const BRIEF_WAKE_S: (f64, f64) = (38.0, 0.85);
const N1_S: (f64, f64) = (33.0, 0.6);
/// Falling asleep takes longer than returning to sleep.
const FIRST_N1_S: (f64, f64) = (110.0, 0.7);
const LONG_WAKE_S: (f64, f64) = (420.0, 0.9);

impl SleepCourse {
    /// Draws the course of a recording of `duration_s`.
    pub(super) fn draw(traits: &SleepTraits, duration_s: f64, random: &mut Random) -> Self {
        // In short recordings (naps) the wake at both ends shrinks in proportion.
        let lights_off_s = traits.settling_s.min(0.06 * duration_s);
        let latency_s = traits.sleep_latency_s.min(0.2 * duration_s);
        let sleep_onset_s = lights_off_s + latency_s;
        let lights_on_s = duration_s - traits.final_wake_s.min(0.1 * duration_s);
        let mut chain = StageChain {
            traits,
            random,
            bouts: vec![Bout { vigilance: Vigilance::Wake, start_s: 0.0, end_s: sleep_onset_s }],
            time_s: sleep_onset_s,
            lights_on_s,
            long_wakes: Vec::new(),
            nrem_left_s: traits.rem_latency_s,
            rem_left_s: 0.0,
            n_rem_periods: 0,
        };
        chain.plan_long_wakes(
            (1.0 - traits.sleep_efficiency) * (lights_on_s - lights_off_s) - latency_s,
        );
        chain.run();
        let mut bouts = chain.bouts;
        bouts.push(Bout { vigilance: Vigilance::Wake, start_s: lights_on_s, end_s: duration_s });
        bouts.retain(|bout| bout.end_s > bout.start_s);
        Self { bouts: merged(bouts), lights_off_s, lights_on_s }
    }

    /// Returns the state at a time.
    pub(crate) fn at(&self, time_s: f64) -> Vigilance {
        self.bout_at(time_s).vigilance
    }

    /// Returns the bout at a time; the first and last bouts extend beyond the ends.
    pub(crate) fn bout_at(&self, time_s: f64) -> &Bout {
        let i = self.bouts.partition_point(|bout| bout.end_s <= time_s);
        &self.bouts[i.min(self.bouts.len() - 1)]
    }

    /// Returns the uninterrupted spans of sleep, start and end in seconds.
    pub(super) fn sleeps(&self) -> Vec<(f64, f64)> {
        let mut sleeps: Vec<(f64, f64)> = Vec::new();
        for bout in self.bouts.iter().filter(|bout| bout.vigilance != Vigilance::Wake) {
            match sleeps.last_mut() {
                Some(last) if last.1 == bout.start_s => last.1 = bout.end_s,
                Some(_) | None => sleeps.push((bout.start_s, bout.end_s)),
            }
        }
        sleeps
    }
}

/// The running semi-Markov chain.
struct StageChain<'a> {
    traits: &'a SleepTraits,
    random: &'a mut Random,
    bouts: Vec<Bout>,
    time_s: f64,
    lights_on_s: f64,
    /// Onset and length of the long awakenings still to come, latest first.
    long_wakes: Vec<(f64, f64)>,
    /// NREM sleep in seconds until the next REM period is due.
    nrem_left_s: f64,
    /// Remaining seconds of the current REM period; awakenings interrupt it.
    rem_left_s: f64,
    n_rem_periods: usize,
}

impl StageChain<'_> {
    /// Spreads long awakenings over the night until long and brief ones together give `wake_s` of wake.
    fn plan_long_wakes(&mut self, wake_s: f64) {
        let night_s = self.lights_on_s - self.time_s;
        // 55 s is the mean of `BRIEF_WAKE_S`.
        let brief_s = self.traits.brief_wakes_per_h * night_s / 3600.0 * 55.0;
        let mut left_s = wake_s - brief_s;
        while left_s > LONG_WAKE_S.0 / 2.0 {
            let length_s = self.random.log_normal_within(LONG_WAKE_S, (120.0, 5400.0)).min(left_s);
            // Sleep is more consolidated in the first half of the night.
            let share = self.random.uniform().powf(0.7);
            self.long_wakes.push((self.time_s + share * night_s, length_s));
            left_s -= length_s;
        }
        self.long_wakes.sort_by(|a, b| b.0.total_cmp(&a.0));
    }

    /// Appends bouts until the lights are on. Sleep starts with N1.
    fn run(&mut self) {
        let mut vigilance = Vigilance::N1;
        while self.time_s < self.lights_on_s {
            let (length_s, next) = match vigilance {
                Vigilance::Wake => self.wake(),
                Vigilance::N1 => self.n1(),
                Vigilance::Nrem => self.nrem(),
                Vigilance::Rem => self.rem(),
            };
            let (length_s, next) = self.cut_by_long_wake(vigilance, length_s, next);
            self.add_bout(vigilance, length_s);
            vigilance = next;
        }
    }

    /// Appends a bout and subtracts it from the time left until or in the REM period.
    fn add_bout(&mut self, vigilance: Vigilance, length_s: f64) {
        match vigilance {
            Vigilance::Nrem => self.nrem_left_s -= length_s,
            Vigilance::Rem => self.rem_left_s -= length_s,
            Vigilance::Wake | Vigilance::N1 => {}
        }
        let end_s = (self.time_s + length_s).min(self.lights_on_s);
        self.bouts.push(Bout { vigilance, start_s: self.time_s, end_s });
        self.time_s = end_s;
    }

    /// Shortens a bout of sleep if a long awakening is due before its end.
    fn cut_by_long_wake(
        &self,
        vigilance: Vigilance,
        length_s: f64,
        next: Vigilance,
    ) -> (f64, Vigilance) {
        match self.long_wakes.last() {
            Some((onset_s, _))
                if vigilance != Vigilance::Wake && *onset_s < self.time_s + length_s =>
            {
                ((onset_s - self.time_s).max(SHORTEST_S), Vigilance::Wake)
            }
            Some(_) | None => (length_s, next),
        }
    }

    /// Draws the length of a bout of wake and the state after it; the same holds for the other states.
    fn wake(&mut self) -> (f64, Vigilance) {
        let brief_s = self.random.log_normal(BRIEF_WAKE_S.0, BRIEF_WAKE_S.1).max(SHORTEST_S);
        let time_s = self.time_s;
        let long = self.long_wakes.pop_if(|(onset_s, _)| *onset_s <= time_s);
        let length_s = long.map_or(brief_s, |(_, length_s)| length_s);
        let next = self.random.pick(&AFTER_WAKE);
        let rem_is_due = self.rem_left_s > 0.0;
        (length_s, if next == Vigilance::Rem && !rem_is_due { Vigilance::N1 } else { next })
    }

    fn n1(&mut self) -> (f64, Vigilance) {
        let is_first = self.bouts.len() == 1;
        let (median_s, spread) = if is_first { FIRST_N1_S } else { N1_S };
        let length_s = self.random.log_normal(median_s, spread).clamp(SHORTEST_S, 900.0);
        let next = self.random.pick(&AFTER_N1);
        let returns_to_rem = self.rem_left_s > 0.0 && self.random.chance(0.7);
        let is_deeper = next == Vigilance::Nrem;
        (length_s, if is_deeper && returns_to_rem { Vigilance::Rem } else { next })
    }

    fn nrem(&mut self) -> (f64, Vigilance) {
        let until_interruption_s = self.until_interruption_s(1.0);
        // Within an interrupted REM period, NREM sleep is brief.
        let until_rem_s = if self.rem_left_s > 0.0 {
            self.random.exponential(150.0).max(SHORTEST_S)
        } else {
            self.nrem_left_s.max(SHORTEST_S)
        };
        if until_interruption_s < until_rem_s {
            return (until_interruption_s.max(SHORTEST_S), self.interruption());
        }
        if self.rem_left_s <= 0.0 {
            self.start_rem_period();
        }
        (until_rem_s, Vigilance::Rem)
    }

    fn rem(&mut self) -> (f64, Vigilance) {
        let until_interruption_s = self.until_interruption_s(1.3);
        let left_s = self.rem_left_s.max(SHORTEST_S);
        let length_s = until_interruption_s.clamp(SHORTEST_S, left_s);
        (length_s, self.random.pick(&AFTER_REM))
    }

    fn until_interruption_s(&mut self, factor: f64) -> f64 {
        let per_h = (self.traits.brief_wakes_per_h + self.traits.lightenings_per_h) * factor;
        self.random.exponential(3600.0 / per_h)
    }

    fn interruption(&mut self) -> Vigilance {
        let weighted = [
            (Vigilance::Wake, self.traits.brief_wakes_per_h),
            (Vigilance::N1, self.traits.lightenings_per_h),
        ];
        self.random.pick(&weighted)
    }

    /// Draws the length of a REM period and of the NREM sleep after it; REM periods lengthen over the night (Dement and
    /// Kleitman 1957).
    fn start_rem_period(&mut self) {
        let growth = [0.4, 0.75, 1.0, 1.15, 1.2][self.n_rem_periods.min(4)];
        self.rem_left_s = self.traits.rem_period_s * growth * self.random.log_normal(1.0, 0.3);
        self.nrem_left_s = self.traits.nrem_period_s * self.random.log_normal(1.0, 0.15);
        self.n_rem_periods += 1;
    }
}

/// Merges adjacent bouts in the same state.
fn merged(bouts: Vec<Bout>) -> Vec<Bout> {
    let mut merged: Vec<Bout> = Vec::with_capacity(bouts.len());
    for bout in bouts {
        match merged.last_mut() {
            Some(last) if last.vigilance == bout.vigilance => last.end_s = bout.end_s,
            Some(_) | None => merged.push(bout),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    fn course(night: u32) -> SleepCourse {
        let subject = Subject::draw(&mut Random::new(3, night, "subject"));
        SleepCourse::draw(&subject.sleep, 8.0 * 3600.0, &mut Random::new(3, night, "course"))
    }

    #[test]
    fn bouts_cover_the_night_without_gaps() {
        for night in 0..20 {
            let course = course(night);
            assert_eq!(course.bouts[0].start_s, 0.0);
            assert_eq!(course.bouts.last().unwrap().end_s, 8.0 * 3600.0);
            for pair in course.bouts.windows(2) {
                assert_eq!(pair[0].end_s, pair[1].start_s);
                assert_ne!(pair[0].vigilance, pair[1].vigilance);
            }
        }
    }

    #[test]
    fn median_share_of_rem_sleep_is_plausible() {
        let mut shares = Vec::new();
        for night in 0..60 {
            let course = course(night);
            let rem = course.bouts.iter().filter(|bout| bout.vigilance == Vigilance::Rem);
            let rem_s: f64 = rem.map(|bout| bout.end_s - bout.start_s).sum();
            let asleep_s: f64 =
                course.sleeps().iter().map(|(start_s, end_s)| end_s - start_s).sum();
            shares.push(rem_s / asleep_s);
        }
        shares.sort_by(f64::total_cmp);
        assert!((0.12..0.27).contains(&shares[30]), "{shares:?}");
    }
}
