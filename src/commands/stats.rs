//! `nocturne stats`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_indexer::{FoundRecording, RecordingList, RowProblem, discover};
use nocturne_psg::statistics::InBed;
use nocturne_psg::{
    Night, NightStatistic, NightStatistics, OpenOptions, Recording, StatisticSource, Stratum,
    ZScore,
};
use serde_json::json;

use crate::args::{InBedChoice, Stats, StatsFormat};
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

pub(super) fn run(arguments: &Stats) -> Result<CommandOutcome> {
    let Stats { path, list, in_bed, by, format, reading } = arguments;
    reading.labels.profile.profile()?;
    let (found, problems) = match (&list.manifest, path) {
        (Some(manifest), _) => {
            let manifest = RecordingList::read(manifest, list.data_root.as_deref())?;
            (manifest.recordings, manifest.problems)
        }
        (None, path) => (discover(path.as_deref().unwrap_or(Path::new(".")), None)?, vec![]),
    };
    let strata: Vec<Stratum> = by.iter().map(|by| (*by).into()).collect();
    let n_found = found.len();
    let mut writer = Writer::new(*format);
    let mut n_failed = 0;
    for recording in found {
        let name = recording
            .id
            .as_ref()
            .map_or_else(|_| recording.path.display().to_string(), |id| id.as_str().to_owned());
        match statistics(recording, &reading.open_options(), *in_bed, &strata) {
            Ok(statistics) => writer.write(&name, &statistics)?,
            Err(error) => {
                n_failed += 1;
                console::note(format_args!("skipped: {error:#}"));
            }
        }
    }
    for RowProblem { line, problem } in &problems {
        console::note(format_args!("skipped: line {line}: {problem}"));
    }
    match n_failed + problems.len() {
        0 => Ok(CommandOutcome::Done),
        n if n_failed == n_found => bail!("none of {n} recordings can be read"),
        _ => Ok(CommandOutcome::PartlyDone),
    }
}

/// Reads a recording and computes its statistics.
fn statistics(
    found: FoundRecording,
    options: &OpenOptions,
    in_bed: InBedChoice,
    strata: &[Stratum],
) -> Result<NightStatistics> {
    found.id?;
    let scoring = options.scoring.clone().or(&found.scoring);
    let options = OpenOptions { annotations: found.annotations, scoring, ..options.clone() };
    let recording = Recording::open_with(&found.path, &options)?;
    let night = Night::read(&recording, ZScore::Recording)?;
    for warning in recording.warnings() {
        console::note(format_args!("warning: {}: {}", found.path.display(), warning.message));
    }
    let in_bed = match in_bed {
        InBedChoice::Marks => match recording.scoring().in_bed() {
            InBed::WholeRecording | InBed::Unmarked => InBed::Unmarked,
            marked @ (InBed::LightsMarks { .. } | InBed::Stated { .. }) => marked,
        },
        InBedChoice::Recording => InBed::WholeRecording,
        InBedChoice::Seconds { start_s, end_s } => stated(&recording, start_s, end_s)?,
        InBedChoice::Clock { start, end } => {
            let path = found.path.display();
            let begin = recording.file().start().with_context(|| {
                format!(
                    "`{path}` has no start time, so `--in-bed` needs seconds, such as 600-28800"
                )
            })?;
            let start_s = begin.time().duration_until(start).as_secs_f64();
            let length_s = start.duration_until(end).as_secs_f64().rem_euclid(DAY_S);
            // The day on which most of the span was recorded.
            let recorded_s = recorded_s(&recording);
            let overlap_s = |day: &f64| {
                let start_s = start_s + day * DAY_S;
                (start_s + length_s).min(recorded_s) - start_s.max(0.0)
            };
            let days = (-1..=2).map(f64::from);
            let day = days.max_by(|a, b| overlap_s(a).total_cmp(&overlap_s(b))).unwrap_or(0.0);
            let start_s = start_s + day * DAY_S;
            stated(&recording, start_s, start_s + length_s)?
        }
    };
    Ok(NightStatistics::of(&recording, &night, in_bed, strata))
}

/// Returns a stated time in bed, cut to the recording with a warning.
fn stated(recording: &Recording, start_s: f64, end_s: f64) -> Result<InBed> {
    let path = recording.file().path().display();
    let recorded_s = recorded_s(recording);
    let within = (start_s.max(0.0), end_s.min(recorded_s));
    if within.0 >= within.1 {
        bail!(
            "the time in bed, from {start_s:.0} s to {end_s:.0} s, is not within `{path}`, which lasts {recorded_s:.0} s"
        );
    }
    if within != (start_s, end_s) {
        console::note(format_args!(
            "warning: {path}: the time in bed, from {start_s:.0} s to {end_s:.0} s, was cut to the recording, which lasts \
             {recorded_s:.0} s"
        ));
    }
    Ok(InBed::Stated { start_s: within.0, end_s: within.1 })
}

/// Returns the seconds from the first to the last sample.
fn recorded_s(recording: &Recording) -> f64 {
    recording.file().runs().last().map_or(0.0, |run| run.start_s + run.duration_s)
}

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

/// Writes the statistics of one night after the other.
struct Writer {
    format: StatsFormat,
    /// The columns of the CSV table, once its header is written.
    columns: Option<Vec<String>>,
}

impl Writer {
    const fn new(format: StatsFormat) -> Self {
        Self { format, columns: None }
    }

    fn write(&mut self, recording: &str, night: &NightStatistics) -> Result<()> {
        match self.format {
            StatsFormat::Table => print(recording, night),
            StatsFormat::Json => {
                let statistics = &night.statistics;
                let line = json!({ "recording": recording, "in_bed": night.in_bed, "statistics": statistics });
                Ok(console::print_json(&line)?)
            }
            StatsFormat::Csv => self.write_row(recording, night),
        }
    }

    /// Writes a row: the recording, how the time in bed is known, who scored the stages, and each statistic, blank if there is
    /// none.
    fn write_row(&mut self, recording: &str, night: &NightStatistics) -> Result<()> {
        let values: BTreeMap<String, Option<f64>> =
            night.statistics.iter().map(|it| (it.column(), it.value)).collect();
        let mut csv = csv::WriterBuilder::new().from_writer(Vec::new());
        if self.columns.is_none() {
            let columns: Vec<String> =
                night.statistics.iter().map(NightStatistic::column).collect();
            let head = ["recording", "in_bed", "stages"].into_iter().map(str::to_owned);
            csv.write_record(head.chain(columns.iter().cloned()))?;
            self.columns = Some(columns);
        }
        let in_bed = match night.in_bed {
            InBed::LightsMarks { .. } => "marks",
            InBed::Stated { .. } => "stated",
            InBed::Unmarked => "unmarked",
            InBed::WholeRecording => "recording",
        };
        let is_automatic = |it: &NightStatistic| it.source == StatisticSource::Automatic;
        let has_stages = night.statistics.iter().any(|it| it.name == "tst" && it.value.is_some());
        let stages = match night.statistics.iter().any(is_automatic) {
            _ if !has_stages => "",
            true => "automatic",
            false => "scored",
        };
        let value = |column: &String| {
            let value = values.get(column).copied().flatten();
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        let head = [recording, in_bed, stages].into_iter().map(str::to_owned);
        csv.write_record(head.chain(self.columns.iter().flatten().map(value)))?;
        let text = String::from_utf8(csv.into_inner()?)?;
        Ok(console::print(text.trim_end())?)
    }
}

fn print(recording: &str, night: &NightStatistics) -> Result<()> {
    let in_bed = match night.in_bed {
        InBed::LightsMarks { .. } => "from lights off to lights on, as marked",
        InBed::Stated { .. } => "as stated",
        InBed::Unmarked => "not marked",
        InBed::WholeRecording => "the whole recording",
    };
    console::print(format_args!("{recording}: time in bed {in_bed}"))?;
    let rows = night.statistics.iter().map(|it| {
        let value = match it.value {
            Some(value) => format!("{value:.1} {}", it.unit).trim_end().to_owned(),
            None => "–".to_owned(),
        };
        let source = match it.source {
            StatisticSource::Scored => "scored",
            StatisticSource::Automatic => "automatic",
            StatisticSource::Measured => "measured",
        };
        let of = match (it.n_events, it.minutes) {
            (Some(n), Some(minutes)) => format!("{n} in {minutes:.1} min"),
            _ => it.why_not.clone().unwrap_or_default(),
        };
        vec![it.column(), value, source.to_owned(), of]
    });
    console::print(table(&["statistic", ">value", "source", "from, or why not"], rows))?;
    if night.in_bed == InBed::Unmarked {
        console::note(
            "hint: say when the sleeper was in bed with `--in-bed START-END`, or take the whole recording with \
             `--in-bed recording`",
        );
    }
    Ok(())
}
