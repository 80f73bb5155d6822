//! The command line, and with it the only place where the environment is read.

mod place;
mod questions;
mod recordings;
mod space;
mod store;

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};
use nocturne_encoder::Device;
use nocturne_index::{Expression, Filter};
use nocturne_psg::montage::{Channel, ProfileChoice};
use nocturne_psg::{EventKind, RecordingId, Stage};

pub(crate) use place::{Place, QdrantArguments, Reached, WritingArguments};
pub(crate) use questions::{Eval, Label, Nights, SearchEpochs, Serve};
pub(crate) use recordings::{Caption, Deid, Demo, Index, Inspect, Simulate};
pub(crate) use space::{
    SampleArguments, Space, SpaceAction, SpaceBackfill, SpaceCompare, SpaceCreate, SpaceDrop,
    SpaceList, SpacePromote, SpaceRollback, SpacesOf,
};
pub(crate) use store::{
    Backup, Copy, Duplicates, Export, ExportFormat, List, Metadata, Optimize, Remove, Restore,
    Verify,
};

/// A search engine for nights of sleep.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 error, 2 wrong usage,
/// 3 partly done. It is a research tool and no medical device.
#[derive(Debug, Parser)]
#[command(name = "nocturne", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// ONNX Runtime library; without it, the one that `cargo xtask setup` has put into `.ort/`.
    #[arg(
        long,
        env = "ORT_DYLIB_PATH",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        global = true,
        value_name = "FILE",
        help_heading = "Common"
    )]
    pub(crate) onnxruntime: Option<PathBuf>,
    /// What is logged to standard error: `error`, `warn`, `info`, `debug`.
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the main job on simulated nights, or on the recordings of a folder.
    Demo(Demo),
    /// Invents whole nights and writes them as EDF+ with NSRR XML and the truth as JSON.
    Simulate(Simulate),
    /// Shows what is in a recording and how it was read.
    Inspect(Inspect),
    /// Fills a collection with the recordings of a folder.
    Index(Index),
    /// Finds the epochs nearest to words, to an epoch, or to a vector.
    Search(SearchEpochs),
    /// Ranks nights by how often something occurs per hour of sleep.
    Nights(Nights),
    /// Says in words what the encoder sees in epochs of a recording.
    Caption(Caption),
    /// Labels epochs by the nearest prompt.
    Label(Label),
    /// Writes a copy of a recording that names nobody, or says what in it does.
    Deid(Deid),
    /// Lists the recordings of a collection, or counts them.
    List(List),
    /// Sets what is said of the recordings of a collection, such as age and sex, from a table.
    Metadata(Metadata),
    /// Finds nights that are in a collection under two names.
    Duplicates(Duplicates),
    /// Reads every byte of a collection and tells what is damaged or lost.
    Verify(Verify),
    /// Takes recordings out of a collection.
    Remove(Remove),
    /// Makes what lets searches of a great collection miss some of the nearest for speed (`--recall`).
    Optimize(Optimize),
    /// Copies a collection, every byte of it checked, while it may be written to.
    Backup(Backup),
    /// Makes a collection of a backup.
    Restore(Restore),
    /// Copies a collection from a folder into Qdrant, or back.
    Copy(Copy),
    /// Keeps the vectors of several bundles side by side, and changes from one to another in one step.
    Space(Space),
    /// Writes what a collection holds.
    Export(Export),
    /// Serves a collection over gRPC.
    Serve(Serve),
    /// Measures how right a bundle's answers are on scored recordings.
    Eval(Eval),
}

/// How the encoder runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct EncoderArguments {
    /// Folder of the model bundle; without it, the one that the collection was filled with, or `models/nocturne-tiny` above
    /// the program or the working folder.
    #[arg(long, env = "NOCTURNE_BUNDLE", value_name = "DIR", help_heading = "Encoder")]
    pub(crate) bundle: Option<PathBuf>,
    /// `auto`, `cpu` or `cuda`; `cuda` fails where it cannot be had.
    #[arg(
        long,
        env = "NOCTURNE_DEVICE",
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "Encoder"
    )]
    pub(crate) device: Device,
    /// Threads that compute; all cores without it.
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", help_heading = "Encoder", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Epochs or texts in a batch.
    #[arg(long, env = "NOCTURNE_BATCH_SIZE", default_value_t = 16, value_name = "N", help_heading = "Encoder", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) batch_size: u16,
}

/// The collection that is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectionArguments {
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION` (`qdrants://…` for an encrypted connection, `…@SPACE`
    /// for a space of it that need not be served).
    #[arg(
        long,
        short,
        env = "NOCTURNE_COLLECTION",
        value_name = "DIR|URL",
        value_parser = place::place
    )]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    /// Most epochs that a question about nights looks at one by one in Qdrant; of more, sketches choose the nights.
    #[arg(
        long,
        env = "NOCTURNE_FULL_PASS",
        default_value_t = 250_000,
        value_name = "EPOCHS",
        help_heading = "Qdrant"
    )]
    pub(crate) full_pass: usize,
    /// Share of the nearest epochs that a search is to find on average; below 1, some are missed for the sake of speed.
    #[arg(
        long,
        env = "NOCTURNE_RECALL",
        default_value_t = 1.0,
        value_name = "SHARE",
        help_heading = "Search"
    )]
    pub(crate) recall: f32,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

impl CollectionArguments {
    /// Returns the collection with what its server asks for.
    pub(crate) fn reached(&self) -> Reached<'_> {
        Reached { place: &self.collection, server: &self.server }
    }
}

/// A list of recordings, instead of a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestArguments {
    /// List of recordings as CSV with a header, JSON lines or Parquet: `recording`, `annotations`, `subject` and any
    /// metadata; paths are below the data root.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Data root of the list; the folder of the list without it.
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) data_root: Option<PathBuf>,
}

/// By which profile the labels of recordings are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProfileArguments {
    /// Profile of the labels: `auto` by the labels themselves, a name such as `mros`, or a TOML file of one's own.
    #[arg(long, env = "NOCTURNE_PROFILE", default_value = "auto", value_name = "NAME|FILE")]
    pub(crate) profile: ProfileChoice,
}

/// Which epochs a search is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct FilterArguments {
    /// Only epochs of this recording; may be given again.
    #[arg(long = "recording", short, value_name = "NAME", help_heading = "Filter")]
    pub(crate) recordings: Vec<RecordingId>,
    /// Only epochs scored as `W`, `N1`, `N2`, `N3` or `R`; may be given again.
    #[arg(long = "stage", value_name = "STAGE", help_heading = "Filter")]
    pub(crate) stages: Vec<Stage>,
    /// Only epochs with at least one of these scored events, such as `arousal`.
    #[arg(long = "event", value_name = "EVENT", value_parser = event, help_heading = "Filter")]
    pub(crate) events: Vec<EventKind>,
    /// Only epochs in which this channel carried something; may be given again.
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = channel, help_heading = "Filter")]
    pub(crate) channels: Vec<Channel>,
    #[command(flatten)]
    pub(crate) expression: ExpressionArguments,
}

/// Conditions that are written as one text.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExpressionArguments {
    /// Only what this expression allows, such as `stage = N2 AND age >= 60 -event:arousal`; see docs/filters.md.
    #[arg(
        long = "filter",
        value_name = "EXPRESSION",
        help_heading = "Filter",
        allow_hyphen_values = true
    )]
    pub(crate) filter: Option<String>,
}

impl ExpressionArguments {
    /// Reads the expression, where there is one.
    pub(crate) fn expression(&self) -> nocturne_index::Result<Option<Expression>> {
        let read = self.filter.as_deref().map(Expression::parse).transpose();
        read.map_err(nocturne_index::Error::Filter)
    }

    /// Returns a filter that allows these recordings, or all where none is named.
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
