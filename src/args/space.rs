//! Arguments of `nocturne space`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nocturne_index::qdrant::QdrantSpaces;
use nocturne_index::{SpaceKeeper, SpaceName};
use nocturne_indexer::Pace;

use super::place::{Place, QdrantArguments, Reached, WritingArguments, place};
use super::{EncoderArguments, ProfileArguments};

/// `nocturne space`
#[derive(Debug, Args)]
pub(crate) struct Space {
    #[command(subcommand)]
    pub(crate) action: SpaceAction,
}

/// What is done with the spaces of a collection.
#[derive(Debug, Subcommand)]
pub(crate) enum SpaceAction {
    /// Lists the spaces of a collection, and says which is served.
    List(SpaceList),
    /// Makes a space, without recordings, for the vectors of a bundle.
    Create(SpaceCreate),
    /// Embeds the recordings of the served space with the bundle of another one.
    Backfill(SpaceBackfill),
    /// Says how far two spaces agree.
    Compare(SpaceCompare),
    /// Serves a space from now on, in one step.
    Promote(SpacePromote),
    /// Serves again what was served before the last promotion, in one step.
    Rollback(SpaceRollback),
    /// Removes a space and what it holds; in a folder, `main` is emptied.
    Drop(SpaceDrop),
}

/// The collection whose spaces are meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpacesOf {
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION`.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl SpacesOf {
    /// Returns the spaces.
    pub(crate) fn spaces(&self) -> nocturne_index::Result<Box<dyn SpaceKeeper>> {
        Reached { place: &self.collection, server: &self.server }.spaces()
    }

    /// Returns the spaces for whoever writes to one of them.
    pub(crate) fn written(
        &self,
        writing: &WritingArguments,
    ) -> nocturne_index::Result<Box<dyn SpaceKeeper>> {
        match &self.collection {
            Place::Folder(_) => self.spaces(),
            Place::Qdrant(url) => {
                Ok(Box::new(QdrantSpaces::of(writing.settings(&self.server, url))?))
            }
        }
    }
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
    /// Name of the space: `a` to `z`, `0` to `9`, `-`, `_` and `.`.
    pub(crate) name: SpaceName,
    /// Folder of the model bundle; it must stay where it is.
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
    /// Folder below which recordings are looked for, by name and content, that are not where they were indexed.
    #[arg(long, value_name = "DIR")]
    pub(crate) recordings: Option<PathBuf>,
    /// Share of the time that is spent at work, above 0 and up to 1; the rest is left to others.
    #[arg(long, value_name = "SHARE", value_parser = pace)]
    pub(crate) at_most: Option<Pace>,
    #[command(flatten)]
    pub(crate) writing: WritingArguments,
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
    /// Name of the space that the other one is held against.
    pub(crate) first: SpaceName,
    /// Name of the other space.
    pub(crate) second: SpaceName,
    #[command(flatten)]
    pub(crate) sample: SampleArguments,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// How much of two spaces is compared.
#[derive(Debug, Clone, Args)]
pub(crate) struct SampleArguments {
    /// Epochs whose nearest neighbours are compared, drawn by the seed.
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: u32,
    /// Recordings whose stages by nearest prompt are compared, drawn by the seed.
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) nights: u32,
    /// Seed of the draws.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Comparison")]
    pub(crate) seed: u64,
}

/// `nocturne space promote`
#[derive(Debug, Args)]
pub(crate) struct SpacePromote {
    /// Name of the space.
    pub(crate) name: SpaceName,
    /// Serves it although it lacks recordings of the served one, or has others.
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// Leaves out the comparison that is told first.
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
    /// Name of the space; not the one that is served.
    pub(crate) name: SpaceName,
    #[command(flatten)]
    pub(crate) of: SpacesOf,
}

fn pace(text: &str) -> Result<Pace, String> {
    let pace = text.parse().ok().and_then(Pace::new);
    pace.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}
