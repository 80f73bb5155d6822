//! The command line, and with it the only place where the environment is read.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use nocturne_encoder::Device;
use nocturne_encoder::caption::{Search as Wording, Strategy};
use nocturne_index::qdrant::{ApiKey, QdrantUrl};
use nocturne_indexer::CaptionKinds;
use nocturne_psg::montage::{Channel, ProfileChoice};
use nocturne_psg::simulator::Site;
use nocturne_psg::{EpochRef, EventKind, RecordingId, Stage};

use crate::epoch_numbers::EpochNumbers;

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
    /// Lists the recordings of a collection.
    List(List),
    /// Reads every byte of a collection and tells what is damaged or lost.
    Verify(Verify),
    /// Takes recordings out of a collection.
    Remove(Remove),
    /// Copies a collection, every byte of it checked, while it may be written to.
    Backup(Backup),
    /// Makes a collection of a backup.
    Restore(Restore),
    /// Copies a collection from a folder into Qdrant, or back.
    Copy(Copy),
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
    /// Folder of the model bundle; without it, `models/nocturne-tiny` above the program or the working folder.
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
    /// Folder of the collection.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
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

/// A list of recordings, instead of a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestArguments {
    /// List of recordings as CSV with a header or as JSON lines: `recording`, `annotations`, `subject` and any
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

/// `nocturne index`
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Folder that is searched for recordings, with those below it; or one recording.
    #[arg(required_unless_present = "manifest", conflicts_with = "manifest")]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) list: ManifestArguments,
    /// Folder of the collection; it is made where it is not there.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Name that is put before the names of the recordings and kept with them.
    #[arg(long, value_name = "NAME")]
    pub(crate) cohort: Option<String>,
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

/// `nocturne list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Folder of the collection.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Writes a line of JSON for each recording.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION`.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    /// List of recordings that must be there: names, or what `nocturne index --json` has written.
    #[arg(long, value_name = "LIST")]
    pub(crate) acked: Option<PathBuf>,
    /// Writes a line of JSON for each recording.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne remove`
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of the recordings.
    #[arg(required_unless_present = "purge", value_name = "NAME")]
    pub(crate) recordings: Vec<RecordingId>,
    /// Folder of the collection.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Also removes from the disk, at once, what was removed or replaced before; a search that is under way may then have to
    /// be asked again.
    #[arg(long)]
    pub(crate) purge: bool,
    /// Writes a line of JSON for each recording, after it is gone durably.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Folder of the collection; `nocturne index` may be filling it meanwhile.
    pub(crate) collection: PathBuf,
    /// Folder of the backup; it is a collection like any other.
    #[arg(value_name = "BACKUP")]
    pub(crate) place: PathBuf,
    /// Brings an earlier backup up to date, and writes only what is new.
    #[arg(long)]
    pub(crate) update: bool,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Folder of the backup.
    pub(crate) backup: PathBuf,
    /// Folder of the collection; it must be empty or not there.
    pub(crate) collection: PathBuf,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne copy`
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Folder of a collection, or `qdrant://HOST[:PORT]/COLLECTION` (`qdrants://…` for an encrypted connection).
    #[arg(value_parser = place)]
    pub(crate) from: Place,
    /// The other kind of place; what it has of the recordings already is not written again.
    #[arg(value_parser = place)]
    pub(crate) to: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    /// Writes a line of JSON for each recording, after it is acknowledged.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a server of Qdrant asks for.
#[derive(Debug, Clone, Args)]
pub(crate) struct QdrantArguments {
    /// Key of the server of Qdrant; it is sent to other machines over encrypted connections only.
    #[arg(
        long,
        env = "NOCTURNE_QDRANT_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        value_parser = clap::builder::StringValueParser::new().map(ApiKey::new)
    )]
    pub(crate) api_key: Option<ApiKey>,
}

/// Where a collection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Qdrant(QdrantUrl),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Qdrant(url) => write!(f, "{url}"),
        }
    }
}

/// `nocturne export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Folder of the collection.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// What is written: `dump` is a line of JSON for each epoch, with the SHA-256 of its vector.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: ExportFormat,
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A line of JSON for each epoch, in order, with the SHA-256 of its vector.
    Dump,
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
}

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
    #[arg(long = "recording", short, value_name = "NAME")]
    pub(crate) recordings: Vec<RecordingId>,
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

/// `nocturne label`
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// Names of recordings in the collection; all of them without it.
    pub(crate) recordings: Vec<RecordingId>,
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

/// Reads kinds of caption, of which there must be one at least.
fn about(text: &str) -> Result<CaptionKinds, String> {
    let kinds: CaptionKinds = text.parse()?;
    let some = (!kinds.0.is_empty()).then_some(kinds);
    some.ok_or_else(|| "a caption speaks of something; expected `all` or some kinds".to_owned())
}

/// Reads whatever looks like an address as one, so that a slip makes no folder of that name.
fn place(text: &str) -> Result<Place, nocturne_index::Error> {
    if text.contains("://") {
        return text.parse().map(Place::Qdrant);
    }
    Ok(Place::Folder(PathBuf::from(text)))
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

fn event(name: &str) -> Result<EventKind, String> {
    let known = || EventKind::ALL.map(EventKind::name).join("`, `");
    EventKind::from_name(name).ok_or_else(|| format!("expected one of `{}`", known()))
}

fn channel(name: &str) -> Result<Channel, String> {
    let known = || Channel::ALL.map(Channel::name).join("`, `");
    Channel::from_name(name).ok_or_else(|| format!("expected one of `{}`", known()))
}
