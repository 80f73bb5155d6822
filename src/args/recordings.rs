//! Arguments of the commands about recordings, and of what fills a collection with them.

use std::path::PathBuf;

use clap::Args;
use nocturne_encoder::caption::{Search as Wording, Strategy};
use nocturne_indexer::CaptionKinds;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::simulator::Site;

use super::place::{Place, QdrantArguments, WritingArguments, place};
use super::{EncoderArguments, ManifestArguments, ProfileArguments};
use crate::epoch_numbers::EpochNumbers;

/// `nocturne demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder with EDF or BDF recordings; without it, nights are simulated.
    pub(crate) folder: Option<PathBuf>,
    /// Folder for what the demonstration makes.
    #[arg(long, env = "NOCTURNE_DEMO_DIR", default_value = "target/demo", value_name = "DIR")]
    pub(crate) work: PathBuf,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne simulate`
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Folder for the nights; it is made where it is not there.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Nights to make; each has a sleeper of its own.
    #[arg(long, short, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) nights: u32,
    /// Number of the first night.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) first: u32,
    /// Seed; the same seed makes the same bytes.
    #[arg(long, short, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Length of each night in hours, 0.1 to 16.
    #[arg(long, default_value_t = 8.0, value_name = "HOURS", value_parser = hours)]
    pub(crate) hours: f64,
    /// Site that records every night; without it, the seed chooses one for each.
    #[arg(long, value_name = "SITE", value_parser = site)]
    pub(crate) site: Option<Site>,
    /// Profile whose labels, derivations, units, rates and position codes the files have; instead of a site.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "site")]
    pub(crate) profile: Option<ProfileChoice>,
    /// Writes a line of JSON for each night.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The recording, the file of annotations, or the folder of recordings to sum up.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    /// Refuses what is read with a warning.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Writes JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) labels: ProfileArguments,
}

/// `nocturne index`
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Folder that is searched for recordings, with those below it; or one recording.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION`; it is made where it is not there.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    #[command(flatten)]
    pub(crate) writing: WritingArguments,
    /// Name that is put before the names of the recordings and kept with them.
    #[arg(long, value_name = "NAME")]
    pub(crate) cohort: Option<String>,
    /// Table of what else is said of the recordings, as `nocturne metadata` takes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Captions to keep: `all`, `none`, or some of `brain`, `heart`, `respiratory`, `position_muscle`, `stage_event`.
    #[arg(long, default_value = "stage_event", value_name = "KINDS")]
    pub(crate) captions: CaptionKinds,
    /// Passes over recordings that are read with a warning.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Writes a line of JSON for each recording and one at the end.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) labels: ProfileArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// `nocturne deid`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Deid {
    /// The recording.
    pub(crate) file: PathBuf,
    /// The copy; it must not be there yet.
    #[arg(long, short, value_name = "FILE", required_unless_present = "check")]
    pub(crate) out: Option<PathBuf>,
    /// Only says what may lead to a person, without repeating it; ends with 1 where there is something.
    #[arg(long, conflicts_with = "out")]
    pub(crate) check: bool,
    /// Leaves the start date in the copy; the time of day always stays.
    #[arg(long)]
    pub(crate) keep_date: bool,
    /// Leaves texts of annotations in the copy that are no known names.
    #[arg(long)]
    pub(crate) keep_texts: bool,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne caption`
#[derive(Debug, Args)]
pub(crate) struct Caption {
    /// The recording.
    pub(crate) recording: PathBuf,
    /// Numbers of the epochs, such as `10` or `10,12-20`.
    #[arg(long, short, value_name = "NUMBERS")]
    pub(crate) epoch: EpochNumbers,
    /// What to speak of: `all`, or some of `brain`, `heart`, `respiratory`, `position_muscle`, `stage_event`.
    #[arg(long, default_value = "stage_event", value_name = "KINDS", value_parser = about)]
    pub(crate) about: CaptionKinds,
    #[command(flatten)]
    pub(crate) wording: WordingArguments,
    /// Writes a line of JSON for each caption.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) labels: ProfileArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

/// How the words of a caption are chosen: the likeliest each time, with beams, or by chance.
#[derive(Debug, Clone, Args)]
pub(crate) struct WordingArguments {
    /// Compares so many texts at a time; without it, the likeliest token is taken each time.
    #[arg(long, value_name = "N", help_heading = "Wording", conflicts_with_all = ["top_k", "top_p", "temperature"])]
    pub(crate) beams: Option<usize>,
    /// Takes a token by chance, of the so many likeliest.
    #[arg(long, value_name = "N", help_heading = "Wording")]
    pub(crate) top_k: Option<usize>,
    /// Takes a token by chance, of the likeliest that together have this probability.
    #[arg(long, value_name = "P", help_heading = "Wording")]
    pub(crate) top_p: Option<f32>,
    /// Takes a token by chance; below 1 the likely become likelier.
    #[arg(long, value_name = "T", help_heading = "Wording")]
    pub(crate) temperature: Option<f32>,
    /// Seed of chance; the same seed gives the same words.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Wording")]
    pub(crate) seed: u64,
    /// Most tokens of a caption.
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Wording")]
    pub(crate) max_length: usize,
}

impl From<&WordingArguments> for Wording {
    fn from(arguments: &WordingArguments) -> Self {
        let WordingArguments { beams, top_k, top_p, temperature, seed, max_length } = *arguments;
        let by_chance = top_k.is_some() || top_p.is_some() || temperature.is_some();
        let strategy = match beams {
            Some(beams) => Strategy::Beams { beams, groups: 1 },
            None if by_chance => {
                Strategy::Sample { top_k, top_p, temperature: temperature.unwrap_or(1.0), seed }
            }
            None => Strategy::Greedy,
        };
        let default = Self::default();
        Self { strategy, max_length, min_length: default.min_length.min(max_length), ..default }
    }
}

/// Reads kinds of caption, of which there must be one at least.
fn about(text: &str) -> Result<CaptionKinds, String> {
    let kinds: CaptionKinds = text.parse()?;
    let some = (!kinds.0.is_empty()).then_some(kinds);
    some.ok_or_else(|| "a caption speaks of something; expected `all` or some kinds".to_owned())
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
