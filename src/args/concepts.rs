//! Arguments of `nocturne concepts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nocturne_psg::RecordingId;

use super::{CollectionOption, ConceptFiles, EncoderArguments, ExpressionArguments};

/// `nocturne concepts`
#[derive(Debug, Args)]
pub(crate) struct Concepts {
    #[command(subcommand)]
    pub(crate) action: ConceptsAction,
}

/// What to do with concepts.
#[derive(Debug, Subcommand)]
pub(crate) enum ConceptsAction {
    /// List the concepts and which sources answer for them.
    List(ConceptsList),
    /// Show everything about a concept.
    Show(ConceptsShow),
    /// Check a file of concepts and add them to your own file (`--concepts`).
    Add(ConceptsAdd),
    /// Learn from scored nights how far the model can be believed.
    Calibrate(ConceptsCalibrate),
    /// Check a calibration on scored nights that it was not learned from.
    Evaluate(ConceptsEvaluate),
}

/// The concepts, and the bundle whose calibration is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct BundleAndConcepts {
    #[command(flatten)]
    pub(crate) concepts: ConceptFiles,
    /// Folder of the model bundle [default: `models/nocturne-tiny`].
    #[arg(long, env = "NOCTURNE_BUNDLE", value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
}

/// `nocturne concepts list`
#[derive(Debug, Args)]
pub(crate) struct ConceptsList {
    /// Write JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) with: BundleAndConcepts,
}

/// `nocturne concepts show`
#[derive(Debug, Args)]
pub(crate) struct ConceptsShow {
    /// Id or a name of the concept, such as `arousal` or `deep sleep`.
    pub(crate) concept: String,
    /// Write JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) with: BundleAndConcepts,
}

/// `nocturne concepts add`
#[derive(Debug, Args)]
pub(crate) struct ConceptsAdd {
    /// File with the new concepts, in the format of the shipped `registry.toml`.
    pub(crate) file: PathBuf,
    /// Your own file, which gets the concepts; created if it does not exist.
    #[arg(long = "concepts", env = "NOCTURNE_CONCEPTS", value_name = "FILE")]
    pub(crate) own: PathBuf,
}

/// `nocturne concepts calibrate`
#[derive(Debug, Args)]
pub(crate) struct ConceptsCalibrate {
    /// Names of recordings [default: all scored recordings of the collection].
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// What readers know the nights by, such as the name of a cohort.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// File to write [default: `calibration.toml` in the folder of the bundle].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    #[command(flatten)]
    pub(crate) concepts: ConceptFiles,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne concepts evaluate`
#[derive(Debug, Args)]
pub(crate) struct ConceptsEvaluate {
    /// Names of recordings [default: all scored recordings of the collection].
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Write JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    #[command(flatten)]
    pub(crate) concepts: ConceptFiles,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}
