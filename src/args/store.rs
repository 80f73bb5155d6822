//! Arguments of the commands that manage a collection.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nocturne_index::Location;
use nocturne_psg::RecordingId;

use super::ExpressionArguments;
use super::location::{CollectionArgument, CollectionOption, ServerArguments, WaitArguments};

/// `nocturne list`
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    #[command(flatten)]
    pub(crate) filter: ExpressionArguments,
    /// Maximum number of recordings to list; the output ends with the token of the next page.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) page_size: Option<u32>,
    /// Continue after the page that ended with this token, with the same filter.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<String>,
    /// Count recordings and epochs by `stage`, `event`, `channel` or metadata columns, such as `cohort,stage`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["page_size", "page_token"])]
    pub(crate) facets: Vec<String>,
    /// Write a line of JSON for each recording or facet.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne metadata`
#[derive(Debug, Args)]
pub(crate) struct Metadata {
    /// Table as CSV with a header, JSON lines or Parquet: a column `recording` or `subject`, and columns of metadata.
    /// Other columns, and empty cells, leave the stored values unchanged.
    pub(crate) table: PathBuf,
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    /// Remove this column from the recordings in the table; repeatable.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) without: Vec<String>,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne duplicates`
#[derive(Debug, Args)]
pub(crate) struct Duplicates {
    #[command(flatten)]
    pub(crate) collection: CollectionArgument,
    /// Minimum share of epochs that agree where two nights overlap, above 0 and up to 1.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE", value_parser = share)]
    pub(crate) threshold: f64,
    /// Write a line of JSON for each pair.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) collection: CollectionArgument,
    /// Copy incomplete and damaged recordings again from another collection.
    #[arg(long, requires = "from")]
    pub(crate) repair: bool,
    /// With `--repair`: the collection that has them, such as a backup.
    #[arg(long, value_name = "COLLECTION", requires = "repair")]
    pub(crate) from: Option<Location>,
    /// Check that these recordings are present: a file of names, or the output of `nocturne index --json`.
    #[arg(long, value_name = "LIST")]
    pub(crate) acked: Option<PathBuf>,
    /// Write a line of JSON for each recording.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne remove`
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Names of the recordings.
    #[arg(required_unless_present_any = ["purge", "subject"], value_name = "NAME")]
    pub(crate) recordings: Vec<RecordingId>,
    /// Remove all recordings of this subject, by the metadata `subject` or the name of the recording, and delete their files.
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    #[command(flatten)]
    pub(crate) collection: CollectionOption,
    /// Also delete the files of removed and replaced recordings now; a search in progress may have to be repeated.
    #[arg(long)]
    pub(crate) purge: bool,
    /// Write a line of JSON for each recording once its removal is durable.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne optimize`
#[derive(Debug, Args)]
pub(crate) struct Optimize {
    #[command(flatten)]
    pub(crate) collection: CollectionArgument,
    /// Also build an HNSW index, and keep it up to date later; takes about 1.5 ms of CPU time per epoch.
    #[arg(long)]
    pub(crate) hnsw: bool,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne backup`
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Collection: a folder or `qdrant://HOST[:PORT]/NAME`. A folder may be written to meanwhile, an address must not.
    #[arg(value_name = "COLLECTION")]
    pub(crate) collection: Location,
    /// Backup, itself a collection: a folder or an address [default for an address: snapshots that its server writes].
    #[arg(value_name = "BACKUP")]
    pub(crate) target: Option<Location>,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// Update an existing backup, writing only the changes.
    #[arg(long, requires = "target")]
    pub(crate) update: bool,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Backup: a folder or `qdrant://HOST[:PORT]/NAME`.
    pub(crate) backup: Location,
    /// Collection: an empty or new folder, or an address without a collection.
    pub(crate) collection: Location,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne copy`
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Source collections: folders or `qdrant://HOST[:PORT]/NAME` (`qdrants://` for an encrypted connection).
    #[arg(required = true, value_name = "COLLECTION")]
    pub(crate) from: Vec<Location>,
    /// Target collection: a folder or an address; created if it does not exist. Recordings that it already contains are
    /// skipped; those that differ are reported.
    #[arg(long, value_name = "COLLECTION")]
    pub(crate) into: Location,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(flatten)]
    pub(crate) waiting: WaitArguments,
    /// Replace recordings of the target that differ. If two sources differ, the first one counts.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Write a line of JSON for each recording once it is acknowledged.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) collection: CollectionArgument,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: ExportFormat,
    /// Folder for the files of `npy`; must not contain them.
    #[arg(long, value_name = "DIR", required_if_eq("format", "npy"))]
    pub(crate) out: Option<PathBuf>,
}

/// The output formats of `nocturne export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A line of JSON for each epoch, with the SHA-256 of its vector.
    Dump,
    /// The vectors as an array of 16-bit floats for `numpy.load`, with a table of their epochs and metadata.
    Npy,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}
