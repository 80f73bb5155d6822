//! Arguments of `nocturne space`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nocturne_index::SpaceName;
use nocturne_indexer::{DutyCycle, Shard};

use super::location::{CollectionOption, WaitArguments};
use super::{EncoderArguments, ProfileArguments};

/// `nocturne space`
#[derive(Debug, Args)]
pub(crate) struct Space {
    #[command(subcommand)]
    pub(crate) action: SpaceAction,
}

/// The subcommands of `nocturne space`.
#[derive(Debug, Subcommand)]
pub(crate) enum SpaceAction {
    /// List the spaces of a collection and show which one is served.
    List(SpaceList),
    /// Create an empty space for the vectors of a bundle.
    Create(SpaceCreate),
    /// Embed the recordings of the served space with the bundle of another space.
    Backfill(SpaceBackfill),
    /// Compare two spaces.
    Compare(SpaceCompare),
    /// Serve a space, in one step.
    Promote(SpacePromote),
    /// Serve the previous space again, in one step.
    Rollback(SpaceRollback),
    /// Remove a space and its contents; in a folder, `main` is emptied.
    Drop(SpaceDrop),
}

/// The collection whose spaces are managed.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpacesOf {
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne space list`
#[derive(Debug, Args)]
pub(crate) struct SpaceList {
    #[command(flatten)]
    pub(crate) of: SpacesOf,
}

/// `nocturne space create`
#[derive(Debug, Args)]
pub(crate) struct SpaceCreate {
    /// Name of the space: up to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`.
    pub(crate) name: SpaceName,
    /// Folder of the model bundle; its path is recorded, so it must not be moved.
    #[arg(long, value_name = "DIR")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
}

/// `nocturne space backfill`
#[derive(Debug, Args)]
pub(crate) struct SpaceBackfill {
    /// Name of the space.
    pub(crate) name: SpaceName,
    /// Folder to search, by name and content, for recordings that were moved since they were indexed.
    #[arg(long, value_name = "DIR")]
    pub(crate) recordings: Option<PathBuf>,
    /// Maximum share of time to spend encoding, above 0 and up to 1 [default: 1].
    #[arg(long, value_name = "SHARE", value_parser = pace)]
    pub(crate) at_most: Option<DutyCycle>,
    /// Embed only shard I of N, with I from 1 to N, in a Qdrant collection; see `nocturne index --shard`.
    #[arg(long, env = "NOCTURNE_SHARD", value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) waiting: WaitArguments,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
    #[command(flatten)]
    pub(crate) labels: ProfileArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne space compare`
#[derive(Debug, Args)]
pub(crate) struct SpaceCompare {
    /// Name of the reference space.
    pub(crate) first: SpaceName,
    /// Name of the space to compare with it.
    pub(crate) second: SpaceName,
    #[command(flatten)]
    pub(crate) sample: SampleArguments,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// The sample for comparing two spaces.
#[derive(Debug, Clone, Args)]
pub(crate) struct SampleArguments {
    /// Number of random epochs whose nearest neighbours are compared.
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: u32,
    /// Number of random recordings whose stages by nearest prompt are compared.
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) nights: u32,
    /// Random seed of the sample.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Comparison")]
    pub(crate) seed: u64,
}

/// `nocturne space promote`
#[derive(Debug, Args)]
pub(crate) struct SpacePromote {
    /// Name of the space.
    pub(crate) name: SpaceName,
    /// Promote even if its recordings differ from those of the served space.
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// Skip the comparison with the served space.
    #[arg(long)]
    pub(crate) no_compare: bool,
    #[command(flatten)]
    pub(crate) sample: SampleArguments,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne space rollback`
#[derive(Debug, Args)]
pub(crate) struct SpaceRollback {
    #[command(flatten)]
    pub(crate) of: SpacesOf,
}

/// `nocturne space drop`
#[derive(Debug, Args)]
pub(crate) struct SpaceDrop {
    /// Name of the space; must not be the served one.
    pub(crate) name: SpaceName,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
}

fn pace(text: &str) -> Result<DutyCycle, String> {
    let pace = text.parse().ok().and_then(DutyCycle::new);
    pace.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}
