//! Arguments of the commands that ask.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use nocturne_psg::{EpochRef, RecordingId};

use super::{CollectionArguments, EncoderArguments, ExpressionArguments, FilterArguments};

/// `nocturne search`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct SearchEpochs {
    /// What to search for, in words.
    #[arg(required_unless_present_any = ["like", "vector", "concept"], conflicts_with_all = ["like", "vector", "concept"])]
    pub(crate) text: Option<String>,
    /// Searches for epochs like this one, `RECORDING:NUMBER`.
    #[arg(long, value_name = "EPOCH", conflicts_with_all = ["vector", "concept"])]
    pub(crate) like: Option<EpochRef>,
    /// Searches with a vector: a file with a JSON list of numbers.
    #[arg(long, value_name = "FILE", conflicts_with = "concept")]
    pub(crate) vector: Option<PathBuf>,
    /// Searches for a concept that `nocturne-train fewshot` has learned; scores are its probabilities.
    #[arg(long, value_name = "FILE")]
    pub(crate) concept: Option<PathBuf>,
    /// With `--like`: finds captions instead of epochs.
    #[arg(long, requires = "like")]
    pub(crate) captions: bool,
    /// Most hits, 1 to 1000.
    #[arg(long, short = 'k', default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
    /// Least cosine of a hit; with `--concept` its least probability.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub(crate) min_score: Option<f32>,
    /// Tells where the encoder looked in each hit; reads the recordings again.
    #[arg(long, conflicts_with = "captions")]
    pub(crate) explain: bool,
    /// Writes JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne nights`
#[derive(Debug, Args)]
pub(crate) struct Nights {
    /// The question, such as `nights with frequent arousals`, `more than 15 apneas per hour`, `few spindles in N2`.
    #[arg(required_unless_present = "concept")]
    pub(crate) question: Option<String>,
    /// Asks for a concept that `nocturne-train fewshot` has learned, whatever the question calls it.
    #[arg(long, value_name = "FILE")]
    pub(crate) concept: Option<PathBuf>,
    /// Only this recording; may be given again.
    #[arg(long = "recording", short, value_name = "NAME", help_heading = "Filter")]
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Most nights, 1 to 1000.
    #[arg(long, short = 'k', default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
    /// Epochs shown as evidence for each night, 0 to 20.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) evidence: usize,
    /// Writes JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne label`
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// Names of recordings in the collection; all of them without it.
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Label set: `stages` or `events`.
    #[arg(long, default_value = "stages", value_name = "SET")]
    pub(crate) set: String,
    /// Labels by a concept that `nocturne-train fewshot` has learned, instead of a set.
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub(crate) concept: Option<PathBuf>,
    /// Writes a line of JSON for each epoch instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 takes a free one.
    #[arg(
        long,
        env = "NOCTURNE_LISTEN",
        default_value = "127.0.0.1:50051",
        value_name = "ADDRESS"
    )]
    pub(crate) listen: SocketAddr,
    /// Serves without encryption on an address that other machines reach.
    #[arg(long, env = "NOCTURNE_ALLOW_PLAINTEXT")]
    pub(crate) allow_plaintext: bool,
    /// Questions that are worked on at once; the next is refused.
    #[arg(long, env = "NOCTURNE_MOST_AT_ONCE", default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) most_at_once: u16,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne eval`
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Folder with recordings and their annotations.
    pub(crate) folder: PathBuf,
    /// Tries in so many epochs whether the attention may be believed: what it points at is hidden, and compared with
    /// hiding as much at random.
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    pub(crate) occlusion: usize,
    /// Captions in the large gallery of the retrieval; up to 1000 leaves it out.
    #[arg(long, value_name = "CAPTIONS", default_value_t = 10_000)]
    pub(crate) gallery: usize,
    /// Epochs that are encoded with channels hidden, an even sample; 0 leaves this out.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1200)]
    pub(crate) by_channels: usize,
    /// Epochs of which captions are made, if the bundle makes captions; 0 leaves this out.
    #[arg(long, value_name = "EPOCHS", default_value_t = 60)]
    pub(crate) captions: usize,
    /// Writes the card as Markdown too.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Writes JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}
