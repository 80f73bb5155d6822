//! The command line. The environment is read here and nowhere else.

mod concepts;
mod location;
mod questions;
mod recordings;
mod setup;
mod space;
mod store;

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use nocturne_concepts::Registry;
use nocturne_encoder::Device;
use nocturne_index::{Expression, Filter, Location};
use nocturne_psg::annotation::{AnnotationFormat, ScoringOptions, StageMap};
use nocturne_psg::montage::{Channel, ProfileChoice};
use nocturne_psg::{EventKind, OpenOptions, RecordingId, Stage};

use crate::help;

pub(crate) use concepts::{
    BundleAndConcepts, Concepts, ConceptsAction, ConceptsAdd, ConceptsCalibrate, ConceptsEvaluate,
    ConceptsList, ConceptsShow,
};
pub(crate) use location::{CollectionOption, ServerArguments, WaitArguments};
pub(crate) use questions::{Eval, Label, LabelFormat, LabelSet, Nights, SearchEpochs, Serve};
pub(crate) use recordings::{
    Caption, CaptionSource, Deid, Demo, InBedChoice, Index, Inspect, PatientField, Simulate, Stats,
    StatsFormat,
};
pub(crate) use setup::{Completions, Man};
pub(crate) use space::{
    SampleArguments, Space, SpaceAction, SpaceBackfill, SpaceCompare, SpaceCreate, SpaceDrop,
    SpaceList, SpacePromote, SpaceRollback,
};
pub(crate) use store::{
    Backup, Copy, Duplicates, Export, ExportFormat, List, Metadata, Optimize, Remove, Restore,
    Verify,
};

/// A search engine for nights of sleep.
///
/// Data is written to standard output, everything else to standard error. Exit codes: 0 done, 1 error, 2 wrong usage,
/// 3 partly done. For research use only; not a medical device.
#[derive(Debug, Parser)]
#[command(name = "nocturne", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Arguments {
    /// Parses the command line; on wrong usage, prints an error and exits with code 2.
    pub(crate) fn from_command_line() -> Self {
        let mut command = command();
        let arguments = Self::from_arg_matches_mut(&mut command.get_matches_mut());
        arguments.unwrap_or_else(|error| error.format(&mut command).exit())
    }
}

/// Returns the definition of the command line.
pub(crate) fn command() -> clap::Command {
    help::grouped(without_env_values(Arguments::command()))
}

/// Hides the values of environment variables in the help, which names the variables alone.
fn without_env_values(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(without_env_values)
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Path of the ONNX Runtime library [default: the one that `cargo xtask setup` installed in `.ort/`].
    #[arg(
        long,
        env = "ORT_DYLIB_PATH",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        global = true,
        value_name = "FILE",
        help_heading = "Common"
    )]
    pub(crate) onnxruntime: Option<PathBuf>,
    /// Log level on standard error: `error`, `warn`, `info` or `debug`.
    #[arg(
        long,
        env = "NOCTURNE_LOG",
        global = true,
        default_value = "warn",
        value_name = "LEVEL",
        help_heading = "Common"
    )]
    pub(crate) log: String,
}

/// The commands, in the order of [`help::GROUPS`].
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Demonstrate Nocturne on simulated nights, or on the recordings of a folder.
    Demo(Demo),
    /// Simulate nights: EDF+ files with NSRR XML annotations and the truth as JSON.
    Simulate(Simulate),
    /// Show what a recording, an annotation file or a folder contains and how it is read.
    Inspect(Inspect),
    /// Compute the sleep statistics of scored recordings.
    Stats(Stats),
    /// Embed the recordings of a folder into a collection.
    Index(Index),
    /// Find epochs or nights similar to a text, an epoch, a vector or a concept.
    Search(SearchEpochs),
    /// Answer questions about nights, such as `AHI above 15`.
    Nights(Nights),
    /// Describe epochs of a recording in words.
    Caption(Caption),
    /// Label epochs with stages or events.
    Label(Label),
    /// Write a de-identified copy of a recording, or check one for identifying fields.
    Deid(Deid),
    /// List or count the recordings of a collection.
    List(List),
    /// Set recording metadata, such as age and sex, from a table.
    Metadata(Metadata),
    /// Find nights that a collection contains under two names.
    Duplicates(Duplicates),
    /// Check every byte of a collection and report damaged or missing recordings.
    Verify(Verify),
    /// Remove recordings from a collection.
    Remove(Remove),
    /// Build the approximate index used by `--recall`.
    Optimize(Optimize),
    /// Back up a collection, even while it is being written; every byte is checked.
    Backup(Backup),
    /// Restore a collection from a backup.
    Restore(Restore),
    /// Copy the recordings of collections into one.
    Copy(Copy),
    /// Manage embedding spaces: the vectors of several bundles in one collection.
    Space(Space),
    /// Write the vectors and their epochs, for other programs or to compare collections.
    Export(Export),
    /// Serve a collection over gRPC.
    Serve(Serve),
    /// List what can be asked, and measure how far the model can be believed.
    Concepts(Concepts),
    /// Evaluate a bundle on scored recordings.
    Eval(Eval),
    /// Write the completion script of a shell to standard output.
    Completions(Completions),
    /// Write the manual pages.
    Man(Man),
}

/// Options of the encoder.
#[derive(Debug, Clone, Args)]
pub(crate) struct EncoderArguments {
    /// Folder of the model bundle [default: the bundle that filled the collection, else `models/nocturne-tiny`].
    #[arg(long, env = "NOCTURNE_BUNDLE", value_name = "DIR", help_heading = "Encoder")]
    pub(crate) bundle: Option<PathBuf>,
    /// Device: `auto`, `cpu` or `cuda`; `cuda` fails if it is not available.
    #[arg(
        long,
        env = "NOCTURNE_DEVICE",
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "Encoder"
    )]
    pub(crate) device: Device,
    /// Number of encoder threads (1–512) [default: all cores].
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", help_heading = "Encoder", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Epochs or texts per batch (1–4096).
    #[arg(long, env = "NOCTURNE_BATCH_SIZE", default_value_t = 16, value_name = "N", help_heading = "Encoder", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) batch_size: u16,
}

/// The collection to query.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectionArguments {
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    #[command(flatten)]
    pub(crate) concepts: ConceptFiles,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// How many of the nearest epochs a search must find.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecallArguments {
    /// Average share of the true nearest epochs that a search must find, above 0 and up to 1; below 1, the approximate
    /// index may be used. Questions about nights and labels are always exact.
    #[arg(
        long,
        env = "NOCTURNE_RECALL",
        default_value_t = 1.0,
        value_name = "SHARE",
        help_heading = "Search"
    )]
    pub(crate) recall: f32,
}

/// The user's own concepts.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConceptFiles {
    /// File of your own concepts, beside the shipped ones; repeatable.
    #[arg(
        long = "concepts",
        env = "NOCTURNE_CONCEPTS",
        value_delimiter = ',',
        value_name = "FILE",
        help_heading = "Search"
    )]
    pub(crate) files: Vec<PathBuf>,
}

impl ConceptFiles {
    /// Returns the shipped concepts with the user's own; `None` without files.
    pub(crate) fn registry(&self) -> nocturne_concepts::Result<Option<&'static Registry>> {
        if self.files.is_empty() {
            return Ok(None);
        }
        // It is read once and lives as long as the program.
        Ok(Some(Box::leak(Box::new(Registry::with_files(&self.files)?))))
    }
}

impl CollectionArguments {
    /// Returns where the collection is, with the settings of its server.
    pub(crate) fn location(&self) -> Location {
        self.collection.location()
    }
}

/// Options for reading a list of recordings instead of a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestArguments {
    /// List of recordings: CSV with a header, JSON lines or Parquet, with the columns `recording`, and optionally
    /// `annotations`, `subject` and any metadata.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder to which the paths in the list are relative [default: the folder of the list].
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) data_root: Option<PathBuf>,
}

/// The profile for reading signal labels.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProfileArguments {
    /// Profile for signal labels: `auto` to detect it, a name such as `mros`, or the path of a TOML file.
    #[arg(long, env = "NOCTURNE_PROFILE", default_value = "auto", value_name = "NAME|FILE")]
    pub(crate) profile: ProfileChoice,
}

/// How signal labels and annotations are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReadingArguments {
    #[command(flatten)]
    pub(crate) labels: ProfileArguments,
    /// Stages that texts of annotations mean, such as `4=R,8=?`; `?` leaves epochs unscored.
    #[arg(long, value_name = "TEXT=STAGE,…")]
    pub(crate) stage_map: Option<StageMap>,
    /// Format of the annotation files, such as `event-csv` [default: recognised by their content].
    #[arg(long, value_name = "NAME")]
    pub(crate) annotations_format: Option<AnnotationFormat>,
    /// Scorer, annotation file or annotation signal to use if several scored the same [default: the first person].
    #[arg(long, value_name = "NAME")]
    pub(crate) scorer: Option<String>,
}

impl ReadingArguments {
    /// Returns the options for annotations.
    pub(crate) fn scoring(&self) -> ScoringOptions {
        ScoringOptions {
            stage_map: self.stage_map.clone().unwrap_or_default(),
            format: self.annotations_format,
            scorer: self.scorer.clone(),
        }
    }

    /// Returns the options for opening a recording.
    pub(crate) fn open_options(&self) -> OpenOptions {
        let (profile, scoring) = (self.labels.profile.clone(), self.scoring());
        OpenOptions { profile, scoring, ..OpenOptions::default() }
    }
}

/// Options that restrict a search.
#[derive(Debug, Clone, Args)]
pub(crate) struct FilterArguments {
    /// Restrict to epochs of this recording; repeatable.
    #[arg(long = "recording", short, value_name = "NAME", help_heading = "Filter")]
    pub(crate) recordings: Vec<RecordingId>,
    /// Restrict to epochs scored as `W`, `N1`, `N2`, `N3` or `R`; repeatable.
    #[arg(long = "stage", value_name = "STAGE", help_heading = "Filter")]
    pub(crate) stages: Vec<Stage>,
    /// Restrict to epochs with this scored event, such as `arousal`; repeatable, any of them suffices.
    #[arg(long = "event", value_name = "EVENT", value_parser = event, help_heading = "Filter")]
    pub(crate) events: Vec<EventKind>,
    /// Restrict to epochs in which this channel has a signal; repeatable.
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = channel, help_heading = "Filter")]
    pub(crate) channels: Vec<Channel>,
    #[command(flatten)]
    pub(crate) expression: ExpressionArguments,
}

/// A filter expression.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExpressionArguments {
    /// Restrict to epochs that match this expression, such as `stage = N2 AND age >= 60 -event:arousal`; see
    /// docs/filters.md.
    #[arg(
        long = "filter",
        value_name = "EXPRESSION",
        help_heading = "Filter",
        allow_hyphen_values = true
    )]
    pub(crate) filter: Option<String>,
}

impl ExpressionArguments {
    /// Parses the expression, if there is one.
    pub(crate) fn expression(&self) -> nocturne_index::Result<Option<Expression>> {
        let read = self.filter.as_deref().map(Expression::parse).transpose();
        read.map_err(nocturne_index::Error::Filter)
    }

    /// Returns a filter that allows these recordings, or all of them if the list is empty.
    pub(crate) fn on(&self, recordings: &[RecordingId]) -> nocturne_index::Result<Filter> {
        let named = (!recordings.is_empty()).then(|| recordings.iter().cloned().collect());
        Ok(Filter { recordings: named, expression: self.expression()?, ..Filter::default() })
    }
}

fn event(name: &str) -> Result<EventKind, String> {
    let known = || EventKind::ALL.map(EventKind::name).join("`, `");
    EventKind::from_name(name).ok_or_else(|| format!("expected one of `{}`", known()))
}

fn channel(name: &str) -> Result<Channel, String> {
    let known = || Channel::ALL.map(Channel::name).join("`, `");
    Channel::from_name(name).ok_or_else(|| format!("expected one of `{}`", known()))
}
