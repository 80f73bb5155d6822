//! Arguments of the commands that answer questions, serve and evaluate.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nocturne_concepts::Source;
use nocturne_psg::{EpochRef, RecordingId};

use super::{
    CollectionArguments, EncoderArguments, ExpressionArguments, FilterArguments, RecallArguments,
};

/// `nocturne search`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct SearchEpochs {
    /// Text to search for. Negation (`N2 sleep without arousals`), positions and saturation are read as known concepts;
    /// other words are compared by similarity.
    #[arg(required_unless_present_any = ["like", "vector", "concept"], conflicts_with_all = ["like", "vector", "concept"])]
    pub(crate) text: Option<String>,
    /// Search for epochs similar to this one, `RECORDING:NUMBER`.
    #[arg(long, value_name = "EPOCH", conflicts_with_all = ["vector", "concept"])]
    pub(crate) like: Option<EpochRef>,
    /// Search with a vector, read from a file with a JSON list of numbers.
    #[arg(long, value_name = "FILE", conflicts_with = "concept")]
    pub(crate) vector: Option<PathBuf>,
    /// Search for a concept learned by `nocturne-train fewshot`; scores are its probabilities.
    #[arg(long, value_name = "FILE")]
    pub(crate) concept: Option<PathBuf>,
    /// Rank nights instead of epochs by similarity to the text; this measures nothing.
    #[arg(long, requires = "text", conflicts_with_all = ["captions", "explain", "min_score"])]
    pub(crate) nights: bool,
    /// With `--like`: find captions instead of epochs.
    #[arg(long, requires = "like")]
    pub(crate) captions: bool,
    /// Maximum number of hits (1–1000).
    #[arg(long, short = 'k', default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
    /// Minimum score of a hit: its cosine, or its probability with `--concept` and for expressions over concepts.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub(crate) min_score: Option<f32>,
    /// Show the seconds and channels of each hit that match the query; reads the recordings again and encodes about 200
    /// epochs for each hit.
    #[arg(long, conflicts_with = "captions")]
    pub(crate) explain: bool,
    /// Merge hits that follow each other in a recording; only the best `--top` epochs are merged, so raise it to see whole
    /// bouts.
    #[arg(long, conflicts_with_all = ["captions", "nights", "explain"])]
    pub(crate) bouts: bool,
    /// Write JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    #[command(flatten)]
    pub(crate) recall: RecallArguments,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne nights`
#[derive(Debug, Args)]
pub(crate) struct Nights {
    /// Question in words, such as `nights with frequent arousals`, `AHI above 15` or `men over 60 with little deep sleep`.
    #[arg(required_unless_present = "ask")]
    pub(crate) question: Option<String>,
    /// Ask a typed question, such as `rate(arousal) in R > 15`; every answer prints the one that it read.
    #[arg(long, value_name = "QUESTION", conflicts_with = "question")]
    pub(crate) ask: Option<String>,
    /// Where the numbers come from: `scored` (annotations), `signal` (a rule on a signal), `model`, or `auto`: annotations
    /// if the night has them, else a rule on a signal, else the model.
    #[arg(long, value_enum, default_value_t = AnswerSource::Auto, value_name = "SOURCE")]
    pub(crate) source: AnswerSource,
    /// Leave out nights of the model whose interval crosses a bound of the question, and those without an interval.
    #[arg(long)]
    pub(crate) certain: bool,
    /// Restrict to this recording; repeatable.
    #[arg(long = "recording", short, value_name = "NAME", help_heading = "Filter")]
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Maximum number of nights of each source (1–1000).
    #[arg(long, short = 'k', default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
    /// Epochs shown as evidence for each night (0–20).
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) evidence: usize,
    /// Write JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// Where the numbers of an answer come from.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AnswerSource {
    /// The first that a night has.
    Auto,
    /// Annotations.
    Scored,
    /// A rule on a signal.
    Signal,
    /// The model.
    Model,
}

impl AnswerSource {
    /// Returns the source; `None` for the first that a night has.
    pub(crate) fn source(self) -> Option<Source> {
        match self {
            Self::Auto => None,
            Self::Scored => Some(Source::Scored),
            Self::Signal => Some(Source::Signal),
            Self::Model => Some(Source::Model),
        }
    }
}

/// `nocturne label`
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// Names of recordings [default: all recordings of the collection].
    pub(crate) recordings: Vec<RecordingId>,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Label set: `stages` or `events`.
    #[arg(long, default_value = "stages", value_name = "SET", value_parser = ["stages", "events"], hide_possible_values = true)]
    pub(crate) set: String,
    /// Label with a concept learned by `nocturne-train fewshot` instead of a label set.
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub(crate) concept: Option<PathBuf>,
    /// Write a line of JSON for each epoch instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) output: LabelOutput,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// Labels as files.
#[derive(Debug, Args)]
pub(crate) struct LabelOutput {
    /// Write the labels to files in this folder, `FORMAT/RECORDING`, with a JSON file about their origin beside each; a
    /// second call resumes.
    #[arg(long, value_name = "DIR", help_heading = "Files", conflicts_with_all = ["set", "concept", "json"])]
    pub(crate) out: Option<PathBuf>,
    /// Formats of the files; several are separated by commas.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "csv",
        value_name = "FORMATS",
        help_heading = "Files",
        requires = "out"
    )]
    pub(crate) format: Vec<LabelFormat>,
    /// Sets of labels in the files.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "stages,events",
        value_name = "SETS",
        help_heading = "Files",
        requires = "out"
    )]
    pub(crate) labels: Vec<LabelSet>,
    /// Overwrite files with other labels.
    #[arg(long, help_heading = "Files", requires = "out")]
    pub(crate) force: bool,
}

/// A set of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelSet {
    Stages,
    Events,
}

impl LabelSet {
    /// Returns the name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stages => "stages",
            Self::Events => "events",
        }
    }
}

/// A format for labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelFormat {
    /// A table with a row for each epoch.
    Csv,
    /// The same as Parquet.
    Parquet,
    /// A line of JSON for each epoch.
    Jsonl,
    /// EDF+ with annotations only.
    #[value(name = "edf+")]
    Edf,
    /// Intervals for Luna.
    Annot,
    /// A stage on each line, for Luna.
    Eannot,
    /// XML of the NSRR.
    NsrrXml,
    /// Table of events of BIDS.
    Bids,
}

impl LabelFormat {
    /// Returns the name of the folder.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Edf => "edf+",
            Self::Annot => "annot",
            Self::Eannot => "eannot",
            Self::NsrrXml => "nsrr-xml",
            Self::Bids => "bids",
        }
    }

    /// Returns what follows the name of the recording; by `automatic`, a reader knows that a program wrote it.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Csv => "_automatic.csv",
            Self::Parquet => "_automatic.parquet",
            Self::Jsonl => "_automatic.jsonl",
            Self::Edf => "_automatic.edf",
            Self::Annot => "_automatic.annot",
            Self::Eannot => "_automatic.eannot",
            Self::NsrrXml => "_automatic-nsrr.xml",
            Self::Bids => "_automatic_events.tsv",
        }
    }
}

/// `nocturne serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// IP address and port to listen on, such as `127.0.0.1:50051` or `[::1]:50051`; port 0 chooses a free port.
    #[arg(
        long,
        env = "NOCTURNE_LISTEN",
        default_value = "127.0.0.1:50051",
        value_name = "ADDRESS",
        value_parser = address
    )]
    pub(crate) listen: SocketAddr,
    /// Allow unencrypted connections on an address that other machines can reach.
    #[arg(long, env = "NOCTURNE_ALLOW_PLAINTEXT")]
    pub(crate) allow_plaintext: bool,
    /// Maximum number of concurrent requests (1–10000); further ones are refused.
    #[arg(long, env = "NOCTURNE_MOST_AT_ONCE", default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) most_at_once: u16,
    #[command(flatten)]
    pub(crate) recall: RecallArguments,
    #[command(flatten)]
    pub(crate) collection: CollectionArguments,
}

/// `nocturne eval`
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Folder with recordings and their annotations.
    pub(crate) folder: PathBuf,
    /// Epochs of each event in which its prompts are localised, at the cost of encoding about 200 epochs for each; 0 to
    /// omit.
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    pub(crate) localisation: usize,
    /// Captions in the large retrieval gallery; 1000 or fewer to omit it.
    #[arg(long, value_name = "CAPTIONS", default_value_t = 10_000)]
    pub(crate) gallery: usize,
    /// Epochs to encode again with channels hidden; 0 to omit.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1200)]
    pub(crate) by_channels: usize,
    /// Epochs to caption, if the bundle has a captioner; 0 to omit.
    #[arg(long, value_name = "EPOCHS", default_value_t = 60)]
    pub(crate) captions: usize,
    /// Also write the card as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, such as `127.0.0.1:50051` or `[::1]:50051`; host names are not supported"
            .to_owned()
    })
}
