//! Arguments of the commands that keep a collection.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nocturne_psg::RecordingId;

use super::ExpressionArguments;
use super::place::{Place, QdrantArguments, WritingArguments, place};

/// `nocturne list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION`.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Most recordings to list; the token of the next page is told at the end.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) page_size: Option<u32>,
    /// Goes on behind the page that told this token, with the same filter.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<String>,
    /// Counts recordings and epochs instead, by `stage`, `event`, `channel` or metadata, such as `cohort,stage`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["page_size", "page_token"])]
    pub(crate) facets: Vec<String>,
    /// Writes a line of JSON for each recording, or facet.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne metadata`
#[derive(Debug, Args)]
pub(crate) struct Metadata {
    /// Table as CSV with a header, JSON lines or Parquet: a column `recording`, or `subject`, and any others. Columns that it
    /// lacks stay as they are, and so does what an empty cell is about.
    pub(crate) table: PathBuf,
    /// Folder of the collection.
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Column to remove from the recordings that the table names; may be given several times.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) without: Vec<String>,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne duplicates`
#[derive(Debug, Args)]
pub(crate) struct Duplicates {
    /// Folder of the collection.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Least share of the epochs that two nights have in common that must agree.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE", value_parser = share)]
    pub(crate) threshold: f64,
    /// Writes a line of JSON for each pair.
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
    /// Sends recordings of a collection in Qdrant again whose upload has not ended, or of which points are lost.
    #[arg(long, requires = "from")]
    pub(crate) repair: bool,
    /// With `--repair`: the folder that they came from.
    #[arg(long, value_name = "DIR", requires = "repair")]
    pub(crate) from: Option<PathBuf>,
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

/// `nocturne optimize`
#[derive(Debug, Args)]
pub(crate) struct Optimize {
    /// Folder of the collection.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "DIR")]
    pub(crate) collection: PathBuf,
    /// Also builds a graph, which takes about 1.5 ms of processor time for each epoch; from then on it is kept up.
    #[arg(long)]
    pub(crate) graph: bool,
    /// Writes JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Folder of the collection; `nocturne index` may be filling it meanwhile. Or `qdrant://HOST[:PORT]/COLLECTION`, of
    /// which the server makes snapshots while nobody writes to it.
    #[arg(value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    /// Folder of the backup of a folder; it is a collection like any other.
    #[arg(value_name = "BACKUP")]
    pub(crate) place: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
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
    #[command(flatten)]
    pub(crate) writing: WritingArguments,
    /// Writes a line of JSON for each recording, after it is acknowledged.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Folder of the collection, or `qdrant://HOST[:PORT]/COLLECTION`.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "DIR|URL", value_parser = place)]
    pub(crate) collection: Place,
    #[command(flatten)]
    pub(crate) server: QdrantArguments,
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

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}
