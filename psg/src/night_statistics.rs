//! All statistics of one night, each with its source or the reason why the night has none.

use serde::Serialize;

use crate::night::Night;
use crate::recording::Recording;
use crate::signal_rules::{EpochColumn, NoSignal, SignalMeasures};
use crate::sleep::{Position, Stage};
use crate::statistics::{
    EpochStages, EventIndex, EventRate, HypnogramStatistics, InBed, NotMeasured, Scope,
    ScoredEvents, Unit,
};

/// Whose work a statistic rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatisticSource {
    /// A scoring by a person.
    Scored,
    /// The stages are those of a program.
    Automatic,
    /// A rule on the signals, in the sleep that was scored.
    Measured,
}

/// Parts of a night into which indices are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stratum {
    /// N1, N2, N3, R, and N1 to N3 together.
    Stage,
    /// Supine, and every other known position.
    Position,
    /// Thirds of the sleep period.
    Third,
}

/// A statistic of a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightStatistic {
    /// The name in `docs/measures.md`, such as `tst` or `ahi`.
    pub name: &'static str,
    /// The part of the night, such as `supine` or `third_1`; all sleep if `None`.
    pub scope: Option<&'static str>,
    /// The value in its unit; `None` if the night has none.
    pub value: Option<f64>,
    /// The unit.
    pub unit: &'static str,
    /// Whose work it rests on.
    pub source: StatisticSource,
    /// Number of events of an index.
    pub n_events: Option<usize>,
    /// Minutes over which an index is computed.
    pub minutes: Option<f64>,
    /// The reason why there is no value.
    pub why_not: Option<String>,
}

impl NightStatistic {
    /// Returns the name with its part of the night, as a column of a table: `ahi_supine`.
    pub fn column(&self) -> String {
        self.scope.map_or_else(|| self.name.to_owned(), |scope| format!("{}_{scope}", self.name))
    }
}

/// The statistics of a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightStatistics {
    /// The time in bed.
    pub in_bed: InBed,
    /// The statistics: of the hypnogram, of scored events, of signals.
    pub statistics: Vec<NightStatistic>,
}

impl NightStatistics {
    /// Computes the statistics of a recording whose signals were read, with indices in all sleep and in each stratum.
    pub fn of(recording: &Recording, night: &Night, in_bed: InBed, strata: &[Stratum]) -> Self {
        let scoring = recording.scoring();
        let onsets_s = night.epochs().iter().map(|epoch| epoch.onset_s);
        let stage = |onset_s| (onset_s, scoring.hypnogram.stage_of_epoch(onset_s));
        let stages = EpochStages::scored(onsets_s.map(stage));
        let by_scoring = if scoring.has_automatic_stages {
            StatisticSource::Automatic
        } else {
            StatisticSource::Scored
        };
        let hypnogram = HypnogramStatistics::of(stages.clone(), in_bed);
        let of_hypnogram = hypnogram.values().map(|(measure, value)| {
            statistic(measure.name(), unit_name(measure.unit()), by_scoring, value)
        });
        let mut statistics: Vec<NightStatistic> = of_hypnogram.collect();
        let sleep = hypnogram.sleep_scope();
        let scopes = std::iter::once((None, sleep.clone()))
            .chain(strata.iter().flat_map(|stratum| scopes(*stratum, &stages, &sleep, night)));
        let scopes: Vec<(Option<&'static str>, Scope)> = scopes.collect();
        let events = ScoredEvents::new(&scoring.events, recording.declared_events());
        for (name, scope) in &scopes {
            for index in EventIndex::ALL {
                let rate = checked(&stages, events.index(index, scope));
                statistics.push(of_rate(index.name(), *name, by_scoring, rate));
            }
        }
        let signals = SignalMeasures::measure(recording, night);
        for (name, scope) in &scopes {
            statistics.extend(of_signals(&signals, night, &stages, (*name, scope)));
        }
        Self { in_bed, statistics }
    }
}

/// Refuses an index of a night without stages, whatever its events.
fn checked(
    stages: &EpochStages,
    rate: Result<EventRate, NotMeasured>,
) -> Result<EventRate, NotMeasured> {
    if stages.iter().next().is_none() { Err(NotMeasured::NoStages) } else { rate }
}

/// Returns the epochs of each part of a stratum, as far as they are sleep within the time in bed.
fn scopes(
    stratum: Stratum,
    stages: &EpochStages,
    sleep: &Scope,
    night: &Night,
) -> Vec<(Option<&'static str>, Scope)> {
    let of_stage = |stage| Scope::of_stages(stages, |it| it == stage);
    let in_position = |is_chosen: &dyn Fn(Position) -> bool| {
        let epochs = night.epochs().iter().enumerate();
        let onsets_s = epochs
            .filter(|(i, _)| night.position(*i).is_some_and(is_chosen))
            .map(|(_, epoch)| epoch.onset_s);
        Scope::of_onsets(onsets_s)
    };
    let parts = match stratum {
        Stratum::Stage => vec![
            ("n1", of_stage(Stage::N1)),
            ("n2", of_stage(Stage::N2)),
            ("n3", of_stage(Stage::N3)),
            ("r", of_stage(Stage::Rem)),
            ("nrem", Scope::of_stages(stages, |it| it.is_sleep() && it != Stage::Rem)),
        ],
        Stratum::Position => vec![
            ("supine", in_position(&|it| it == Position::Supine)),
            ("not_supine", in_position(&|it| it != Position::Supine)),
        ],
        Stratum::Third => vec![
            ("third_1", Scope::part(stages, 1, 3)),
            ("third_2", Scope::part(stages, 2, 3)),
            ("third_3", Scope::part(stages, 3, 3)),
        ],
    };
    parts.into_iter().map(|(name, scope)| (Some(name), scope.and(sleep))).collect()
}

/// Returns the statistics of the oximeter and the leg EMGs in a scope.
fn of_signals(
    signals: &SignalMeasures,
    night: &Night,
    stages: &EpochStages,
    (name, scope): (Option<&'static str>, &Scope),
) -> Vec<NightStatistic> {
    let rate = |onsets_s: &mut dyn Iterator<Item = f64>| {
        let minutes = scope.minutes();
        if stages.iter().next().is_none() {
            return Err(NotMeasured::NoStages.to_string());
        }
        if minutes == 0.0 {
            return Err(NotMeasured::TooShort { minutes, least_min: 0.5 }.to_string());
        }
        let n_events = onsets_s.filter(|onset_s| scope.contains(*onset_s)).count();
        Ok(EventRate { n_events, minutes })
    };
    let epochs: Vec<usize> =
        (0..night.epochs().len()).filter(|i| scope.contains(night.epochs()[*i].onset_s)).collect();
    let values = |column: &EpochColumn| -> Vec<f64> {
        epochs.iter().filter_map(|i| column.get(*i)).map(f64::from).collect()
    };
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let saturation = signals.saturation.as_ref();
    let mut found = Vec::new();
    for (index, least_percent) in [("odi_3", 3.0), ("odi_4", 4.0)] {
        let odi = of_measure(saturation, |it| {
            let deep =
                it.desaturations.iter().filter(|it| f64::from(it.depth_percent) >= least_percent);
            rate(&mut deep.map(|it| it.onset_s))
        });
        found.push(of_rate(index, name, StatisticSource::Measured, odi));
    }
    let plmi = of_measure(signals.legs.as_ref(), |legs| {
        let periodic = legs.movements.iter().filter(|it| it.is_periodic);
        rate(&mut periodic.map(|it| it.onset_s))
    });
    found.push(of_rate("plmi_measured", name, StatisticSource::Measured, plmi));
    if name.is_some() {
        return found;
    }
    let no_valid = || "no valid second in sleep".to_owned();
    let of_saturation = [
        ("spo2_mean", saturation.map(|it| mean(&values(&it.mean)))),
        ("spo2_lowest", saturation.map(|it| values(&it.lowest).into_iter().reduce(f64::min))),
        (
            "t90",
            saturation.map(|it| {
                let shares = epochs.iter().filter_map(|i| {
                    let valid_s = f64::from(it.valid_s.get(*i)?);
                    (valid_s > 0.0).then_some(100.0 * f64::from(it.below_90_s.get(*i)?) / valid_s)
                });
                mean(&shares.collect::<Vec<f64>>())
            }),
        ),
    ];
    for (name, value) in of_saturation {
        let value = value.map_err(NoSignal::to_string).and_then(|it| it.ok_or_else(no_valid));
        let statistic = statistic(name, "%", StatisticSource::Measured, value);
        found.push(statistic);
    }
    found
}

/// Returns a measure of a signal, or why there is none.
fn of_measure<T, V>(
    measured: Result<&T, &NoSignal>,
    value: impl FnOnce(&T) -> Result<V, String>,
) -> Result<V, String> {
    measured.map_err(NoSignal::to_string).and_then(value)
}

fn statistic(
    name: &'static str,
    unit: &'static str,
    source: StatisticSource,
    value: Result<f64, impl ToString>,
) -> NightStatistic {
    let why_not = value.as_ref().err().map(ToString::to_string);
    let (scope, n_events, minutes) = (None, None, None);
    NightStatistic { name, scope, value: value.ok(), unit, source, n_events, minutes, why_not }
}

fn of_rate(
    name: &'static str,
    scope: Option<&'static str>,
    source: StatisticSource,
    rate: Result<EventRate, impl ToString>,
) -> NightStatistic {
    let (n_events, minutes) =
        rate.as_ref().map_or((None, None), |it| (Some(it.n_events), Some(it.minutes)));
    let value = rate.map(EventRate::per_hour);
    NightStatistic { scope, n_events, minutes, ..statistic(name, "/h", source, value) }
}

const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Minutes => "min",
        Unit::Percent => "%",
        Unit::Count => "",
        Unit::PerHour => "/h",
    }
}
