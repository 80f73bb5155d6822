//! Arguments of the commands that read recordings.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::civil::Time;
use nocturne_encoder::caption::{DecodingOptions, DecodingStrategy};
use nocturne_indexer::{CaptionKinds, Shard};
use nocturne_psg::Stratum;
use nocturne_psg::montage::ProfileChoice;
use nocturne_simulator::Site;

use super::location::{CollectionOption, WaitArguments};
use super::{EncoderArguments, ManifestArguments, ReadingArguments};
use crate::epoch_numbers::EpochNumbers;

/// `nocturne demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder with EDF or BDF recordings [default: simulate eight nights].
    pub(crate) folder: Option<PathBuf>,
    /// Folder for the files of the demonstration.
    #[arg(long, env = "NOCTURNE_DEMO_DIR", default_value = "target/demo", value_name = "DIR")]
    pub(crate) work: PathBuf,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne simulate`
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Folder for the nights; created if it does not exist; files of the same names are replaced.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of nights, each of a different sleeper (1–100000).
    #[arg(long, short, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) nights: u32,
    /// Number of the first night.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) first: u32,
    /// Random seed; the same seed gives the same bytes.
    #[arg(long, short, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Length of each night in hours (0.1–16).
    #[arg(long, default_value_t = 8.0, value_name = "HOURS", value_parser = hours)]
    pub(crate) hours: f64,
    /// Recording site of every night: `shhs`, `referential`, `aasm`, `plain`, `cassette` or `wideband` [default: chosen at
    /// random for each night].
    #[arg(long, value_name = "SITE", value_parser = site)]
    pub(crate) site: Option<Site>,
    /// Profile that defines labels, derivations, units, rates and position codes of the files, instead of a site.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "site")]
    pub(crate) profile: Option<ProfileChoice>,
    /// Write a line of JSON for each night.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Recording, annotation file, or folder of recordings to summarise.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    /// Fail on any warning.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// `nocturne stats`
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Recording, or folder to search recursively for recordings.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    /// Time in bed: `marks` of lights off and lights on, the whole `recording`, or START-END as clock times
    /// (`22:30-06:45`) or seconds from the start (`600-28800`). If lights off and on are not marked, sleep efficiency and latency are refused.
    #[arg(long, default_value = "marks", value_name = "WHEN")]
    pub(crate) in_bed: InBedChoice,
    /// Also give indices by `stage`, `position` or `third` of the night; several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    pub(crate) by: Vec<Part>,
    /// Format of the output: a table for each night, a line of JSON for each night, or CSV with a row for each night.
    #[arg(long, value_enum, default_value_t = StatsFormat::Table)]
    pub(crate) format: StatsFormat,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// How the time in bed is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum InBedChoice {
    Marks,
    Recording,
    /// Seconds from the start of the recording.
    Seconds {
        start_s: f64,
        end_s: f64,
    },
    /// Clock times of the recorder.
    Clock {
        start: Time,
        end: Time,
    },
}

impl FromStr for InBedChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "marks" => return Ok(Self::Marks),
            "recording" => return Ok(Self::Recording),
            _ => {}
        }
        let expected =
            || "expected `marks`, `recording`, or START-END, such as 22:30-06:45".to_owned();
        let (start, end) = text.split_once(['-', '–']).ok_or_else(expected)?;
        let (start, end) = (start.trim(), end.trim());
        if let (Ok(start_s), Ok(end_s)) = (start.parse::<f64>(), end.parse::<f64>()) {
            let is_span = start_s >= 0.0 && start_s < end_s && end_s.is_finite();
            return is_span.then_some(Self::Seconds { start_s, end_s }).ok_or_else(|| {
                "the end is not after the start; expected seconds such as 600-28800".to_owned()
            });
        }
        let clock = |text: &str| text.parse::<Time>().map_err(|_| expected());
        let (start, end) = (clock(start)?, clock(end)?);
        if start == end { Err(expected()) } else { Ok(Self::Clock { start, end }) }
    }
}

/// Parts of a night into which indices are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Stage,
    Position,
    Third,
}

impl From<Part> for Stratum {
    fn from(part: Part) -> Self {
        match part {
            Part::Stage => Self::Stage,
            Part::Position => Self::Position,
            Part::Third => Self::Third,
        }
    }
}

/// Format of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    Table,
    Json,
    Csv,
}

/// `nocturne index`
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Folder to search recursively for recordings, or one recording.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    #[command(flatten)]
    pub(crate) waiting: WaitArguments,
    /// Index only shard I of N, with I from 1 to N, so that N processes can share the work, for example in a Slurm
    /// array: `--shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT`.
    #[arg(long, env = "NOCTURNE_SHARD", value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Cohort name: a prefix of the recordings' names, also stored as metadata.
    #[arg(long, value_name = "NAME")]
    pub(crate) cohort: Option<String>,
    /// Table of recording metadata, in the format of `nocturne metadata`.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Kinds of caption to index: `all`, `none`, or a list of `brain`, `heart`, `respiratory`, `position_muscle`,
    /// `stage_event`.
    #[arg(long, default_value = "stage_event", value_name = "KINDS")]
    pub(crate) captions: CaptionKinds,
    /// Skip recordings that are read with a warning.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write a line of JSON for each recording, and a summary.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne deid`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Deid {
    /// Recording to copy or to check.
    pub(crate) file: PathBuf,
    /// File for the copy; must not exist.
    #[arg(long, short, value_name = "FILE", required_unless_present = "check")]
    pub(crate) out: Option<PathBuf>,
    /// Only report identifying fields, without their contents; exit with 1 if there are any.
    #[arg(long, conflicts_with = "out")]
    pub(crate) check: bool,
    /// Keep the start date; the time of day is always kept.
    #[arg(long)]
    pub(crate) keep_date: bool,
    /// Keep annotation texts that are not names of known events.
    #[arg(long)]
    pub(crate) keep_texts: bool,
    /// Keep `age` (in whole years; above 89 it becomes 90), `sex` or both, separated by a comma.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FIELDS")]
    pub(crate) keep: Vec<PatientField>,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is known of a patient and may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PatientField {
    /// Whole years on the start date.
    Age,
    /// `F` or `M`.
    Sex,
}

/// `nocturne caption`
#[derive(Debug, Args)]
pub(crate) struct Caption {
    /// Recording to describe.
    pub(crate) recording: PathBuf,
    /// Numbers of the epochs, such as `10` or `10,12-20`.
    #[arg(long, short, value_name = "NUMBERS")]
    pub(crate) epoch: EpochNumbers,
    /// Kinds of caption: `all`, or a list of `brain`, `heart`, `respiratory`, `position_muscle`, `stage_event`.
    #[arg(long, default_value = "all", value_name = "KINDS", value_parser = caption_kinds)]
    pub(crate) about: CaptionKinds,
    /// Source of the captions.
    #[arg(long, value_enum, default_value_t = CaptionSource::Auto)]
    pub(crate) source: CaptionSource,
    #[command(flatten)]
    pub(crate) decoding: DecodingArguments,
    /// Write a line of JSON for each caption.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// The source of a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptionSource {
    /// All that there are.
    Auto,
    /// Rules, from the signals (`measured`) and the annotations (`scored`).
    Rules,
    /// The captioner of the bundle (`generated`).
    Generated,
}

/// How the tokens of a generated caption are chosen: greedily, by beam search, or by sampling.
#[derive(Debug, Clone, Args)]
pub(crate) struct DecodingArguments {
    /// Use beam search of this width (1–32) [default: greedy search].
    #[arg(long, value_name = "N", help_heading = "Decoding", conflicts_with_all = ["top_k", "top_p", "temperature"])]
    pub(crate) beams: Option<usize>,
    /// Sample from the `N` most likely tokens.
    #[arg(long, value_name = "N", help_heading = "Decoding")]
    pub(crate) top_k: Option<usize>,
    /// Sample from the most likely tokens whose probabilities add up to `P`.
    #[arg(long, value_name = "P", help_heading = "Decoding")]
    pub(crate) top_p: Option<f32>,
    /// Sample at this temperature; below 1, likely tokens become more likely.
    #[arg(long, value_name = "T", help_heading = "Decoding")]
    pub(crate) temperature: Option<f32>,
    /// Random seed of sampling; the same seed gives the same caption.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Decoding")]
    pub(crate) seed: u64,
    /// Maximum number of tokens of a caption.
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Decoding")]
    pub(crate) max_length: usize,
}

impl From<&DecodingArguments> for DecodingOptions {
    fn from(arguments: &DecodingArguments) -> Self {
        let DecodingArguments { beams, top_k, top_p, temperature, seed, max_length } = *arguments;
        let is_sampling = top_k.is_some() || top_p.is_some() || temperature.is_some();
        let strategy = match beams {
            Some(beams) => DecodingStrategy::BeamSearch { beams },
            None if is_sampling => DecodingStrategy::Sampling {
                top_k,
                top_p,
                temperature: temperature.unwrap_or(1.0),
                seed,
            },
            None => DecodingStrategy::Greedy,
        };
        let default = Self::default();
        Self { strategy, max_length, min_length: default.min_length.min(max_length), ..default }
    }
}

/// Parses the kinds of caption; there must be at least one.
fn caption_kinds(text: &str) -> Result<CaptionKinds, String> {
    let kinds: CaptionKinds = text.parse()?;
    let chosen = (!kinds.0.is_empty()).then_some(kinds);
    chosen.ok_or_else(|| "expected `all` or a list of kinds".to_owned())
}

fn hours(text: &str) -> Result<f64, String> {
    let hours = text.parse().ok().filter(|hours: &f64| (0.1..=16.0).contains(hours));
    hours.ok_or_else(|| "expected a number from 0.1 to 16".to_owned())
}

fn site(name: &str) -> Result<Site, String> {
    let known = || Site::ALL.map(Site::name).join("`, `");
    Site::ALL
        .into_iter()
        .find(|site| site.name() == name)
        .ok_or_else(|| format!("expected one of `{}`", known()))
}
