//! The command line, and with it the only place where the environment is read.

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use nocturne_encoder::{ConceptTarget, Runtime};
use nocturne_psg::ZScore;
use nocturne_trainer::Preset;
use nocturne_trainer::onnx::Precision;
use nocturne_trainer::training::Trained;

/// Trains the encoders of Nocturne and writes model bundles.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 error, 2 wrong usage,
/// 3 partly done.
#[derive(Debug, Parser)]
#[command(name = "nocturne-train", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turns recordings into a training set.
    Prepare(Prepare),
    /// Trains both towers on a training set.
    Train(Box<Train>),
    /// Writes a model bundle from trained weights.
    Export(Export),
    /// Writes a model bundle from a published checkpoint, without running anything that is in it.
    Import(Import),
    /// Lists what is in a checkpoint, without running anything that is in it.
    Inspect(Inspect),
    /// Compares what a checkpoint computes here with what the published code computed of the same inputs.
    Parity(Parity),
    /// Teaches a bundle how to read similarities to concepts, on nights that it was not trained on.
    Calibrate(Calibrate),
    /// Learns a stage or an event from labelled epochs, on the embeddings of a bundle, and writes it as TOML.
    Fewshot(Fewshot),
}

/// `nocturne-train prepare`
#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// EDF or BDF recordings, and folders of them and of folders; annotations lie beside each, or as NSRR keeps them.
    #[arg(
        required_unless_present = "manifest",
        conflicts_with = "manifest",
        value_name = "RECORDING"
    )]
    pub(crate) recordings: Vec<PathBuf>,
    /// List of recordings instead: CSV, JSON lines or Parquet with `recording` and, as you like, `annotations` and `subject`.
    /// Recordings of one subject are never on both sides of a split.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder below which the recordings of the list lie; that of the list without it.
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) data_root: Option<PathBuf>,
    /// Folder of the training set; recordings that it has already are kept.
    #[arg(long, short, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Span over which a channel is scaled.
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE", default_value = "recording")]
    pub(crate) z_score: Span,
    /// Where the recordings come from, in a sentence; it is kept in every bundle that is trained on them.
    #[arg(long, env = "NOCTURNE_TRAIN_SOURCE", value_name = "TEXT")]
    pub(crate) source: String,
    /// Licence of the recordings and of what is trained on them.
    #[arg(long, env = "NOCTURNE_TRAIN_LICENCE", value_name = "TEXT")]
    pub(crate) licence: String,
    /// Threads that read; all cores without it.
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<u16>,
}

/// `nocturne-train train`
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// Size of the model.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_PRESET",
        value_name = "NAME",
        help = "`tiny`, `small` or `base`"
    )]
    pub(crate) preset: Option<Preset>,
    /// Configuration of the model, as published with SleepLM; instead of a preset.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_CONFIG",
        value_name = "FILE",
        conflicts_with = "preset",
        required_unless_present_any = ["preset", "init"]
    )]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the training set that `prepare` has made.
    #[arg(long, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder of the run.
    #[arg(long, short, env = "NOCTURNE_TRAIN_RUN", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Model to begin with: the folder of a run or of a bundle that keeps its weights, or a file of weights as `import`
    /// reads it. The parts that it lacks are drawn by the seed; without `--preset` and `--config` its sizes are its own.
    #[arg(long, env = "NOCTURNE_TRAIN_INIT", value_name = "PATH")]
    pub(crate) init: Option<PathBuf>,
    /// Recipe as TOML; what it leaves out has its default, and the arguments below go before it.
    #[arg(long, env = "NOCTURNE_TRAIN_RECIPE", value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Goes on from the last checkpoint.
    #[arg(long, env = "NOCTURNE_TRAIN_RESUME")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) changes: RecipeArguments,
    /// Where the model is trained; `cuda` fails where it cannot be had.
    #[arg(long, env = "NOCTURNE_DEVICE", default_value = "cpu")]
    pub(crate) device: Device,
    /// Prints the numbers of each step as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What of the recipe the command line can change.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecipeArguments {
    /// Steps in all.
    #[arg(long, env = "NOCTURNE_TRAIN_STEPS", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// Epochs of a batch.
    #[arg(long, env = "NOCTURNE_BATCH_SIZE", value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) batch_size: Option<u16>,
    /// Epochs whose graphs are in memory at once; the negatives are those of the whole batch nevertheless.
    #[arg(long, env = "NOCTURNE_TRAIN_MICRO_BATCH", value_name = "N")]
    pub(crate) micro_batch: Option<u16>,
    /// Towers that stay as they are, with a comma between them.
    #[arg(long, env = "NOCTURNE_TRAIN_FREEZE", value_name = "TOWER", value_delimiter = ',')]
    pub(crate) freeze: Vec<Tower>,
    /// What of the rest learns: everything, or the last step of both towers into the common space.
    #[arg(long, env = "NOCTURNE_TRAIN_TRAIN", value_name = "PART")]
    pub(crate) train: Option<Share>,
    /// Learns low-rank adapters of that rank beside the linear maps of both towers, which stay as they are; at the end
    /// they are merged. `alpha` is twice the rank, unless the recipe says otherwise.
    #[arg(long, env = "NOCTURNE_TRAIN_LORA", value_name = "RANK", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) lora: Option<u16>,
    /// Highest learning rate.
    #[arg(long, env = "NOCTURNE_TRAIN_LEARNING_RATE", value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Steps until it is reached.
    #[arg(long, env = "NOCTURNE_TRAIN_WARMUP_STEPS", value_name = "N")]
    pub(crate) warmup_steps: Option<u64>,
    /// Seed of everything that is drawn.
    #[arg(long, env = "NOCTURNE_TRAIN_SEED", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Steps between two checkpoints.
    #[arg(long, env = "NOCTURNE_TRAIN_CHECKPOINT_EVERY", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_every: Option<u64>,
    /// Threads, each with a part of the batch; all cores without it.
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<u16>,
}

/// `nocturne-train export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Folder of a run, or a safetensors file with weights under SleepLM's names.
    pub(crate) weights: PathBuf,
    /// Folder of the bundle.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the bundle; that of its folder without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Configuration of the model; needed for a file of weights.
    #[arg(long, env = "NOCTURNE_TRAIN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What the weights of a file were trained on, in a sentence.
    #[arg(long, env = "NOCTURNE_TRAIN_SOURCE", value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Licence of the weights of a file.
    #[arg(long, env = "NOCTURNE_TRAIN_LICENCE", value_name = "TEXT")]
    pub(crate) licence: Option<String>,
    /// Span over which a channel was scaled when the weights of a file were trained.
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE", default_value = "recording")]
    pub(crate) z_score: Span,
    /// In which numbers the graphs compute: `fp32`; `fp16` and `bf16`, which halve the files; or `int8`, with which the
    /// signal tower is faster on the CPU, and the rest is as with `fp16`. The bundle tells how far its vectors are from
    /// those of `fp32`, which takes ONNX Runtime to measure.
    #[arg(long, env = "NOCTURNE_TRAIN_PRECISION", value_name = "NAME", default_value = "fp32")]
    pub(crate) precision: Precision,
    /// Keeps the weights in the bundle, so that `train --init` can begin with it.
    #[arg(long)]
    pub(crate) trainable: bool,
    /// Leaves the caption decoder out, for one whose words are not to be relied on.
    #[arg(long)]
    pub(crate) no_captioner: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArguments,
}

/// `nocturne-train import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// File that `torch.save` has written, or a safetensors file, with weights under SleepLM's names.
    pub(crate) checkpoint: PathBuf,
    /// Folder of the bundle.
    #[arg(long, short, value_name = "DIR", required_unless_present = "weights")]
    pub(crate) out: Option<PathBuf>,
    /// Replaces the bundle, and the files of `--weights`, that are there already.
    #[arg(long)]
    pub(crate) force: bool,
    /// Configuration of the model as published; without it, its sizes are taken from the weights.
    #[arg(long, env = "NOCTURNE_TRAIN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Also writes the weights as safetensors into that file, and `config.json` beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Name of the bundle; that of its folder without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What the weights were trained on, in a sentence.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_SOURCE",
        value_name = "TEXT",
        default_value = "not told by the checkpoint"
    )]
    pub(crate) source: String,
    /// Licence of the weights.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_LICENCE",
        value_name = "TEXT",
        default_value = "not told by the checkpoint"
    )]
    pub(crate) licence: String,
    /// Span over which a channel was scaled when the weights were trained.
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE", default_value = "recording")]
    pub(crate) z_score: Span,
}

/// `nocturne-train inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// File that `torch.save` has written, or a safetensors file, of any model or of a part of one.
    pub(crate) checkpoint: PathBuf,
    /// Prints JSON, with a sum and the SHA-256 of each tensor's numbers as 32-bit floats.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne-train parity`
#[derive(Debug, Args)]
pub(crate) struct Parity {
    /// Checkpoint of `PyTorch`, or a safetensors file with weights under SleepLM's names.
    pub(crate) checkpoint: PathBuf,
    /// Folder with `config.json`, `inputs.safetensors` and what the published code computed of them.
    #[arg(long, value_name = "DIR")]
    pub(crate) fixtures: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArguments,
    /// Compares the trainer alone.
    #[arg(long)]
    pub(crate) without_onnxruntime: bool,
    /// Prints the table as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `nocturne-train calibrate`
#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// Folder of the bundle; its manifest is written anew.
    pub(crate) bundle: PathBuf,
    /// Folder of a set of nights with scored events that `prepare` has made.
    #[arg(long, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArguments,
}

/// `nocturne-train fewshot`
#[derive(Debug, Args)]
pub(crate) struct Fewshot {
    /// Folder of the bundle.
    pub(crate) bundle: PathBuf,
    /// Folder of a set of scored recordings of several people that `prepare` has made.
    #[arg(long, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// What is learned: the code of a stage, such as `N3`, or the name of an event, such as `arousal`.
    #[arg(long, value_name = "NAME")]
    pub(crate) concept: ConceptTarget,
    /// File of the concept.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Most epochs with the concept, and as many without it, that are learned from; all of them without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) shots: Option<u32>,
    /// Times that people are held out to measure what was learned from the others.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) folds: u16,
    /// Seed of the choice of epochs and recordings.
    #[arg(long, env = "NOCTURNE_TRAIN_SEED", value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArguments,
}

/// Where ONNX Runtime is.
#[derive(Debug, Args)]
pub(crate) struct RuntimeArguments {
    /// ONNX Runtime library; without it, the one that `cargo xtask setup` has put into `.ort/`.
    #[arg(
        long,
        env = "ORT_DYLIB_PATH",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        value_name = "FILE"
    )]
    onnxruntime: Option<PathBuf>,
}

impl RuntimeArguments {
    /// Loads the library.
    pub(crate) fn load(&self) -> nocturne_encoder::Result<Runtime> {
        Runtime::load(self.onnxruntime.as_deref())
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Device {
    Cpu,
    Cuda,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tower {
    Signal,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Share {
    All,
    Projections,
}

impl From<Share> for Trained {
    fn from(share: Share) -> Self {
        match share {
            Share::All => Self::All,
            Share::Projections => Self::Projections,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Span {
    Recording,
    Epoch,
}

impl From<Span> for ZScore {
    fn from(span: Span) -> Self {
        match span {
            Span::Recording => Self::Recording,
            Span::Epoch => Self::Epoch,
        }
    }
}

/// Returns the command as it was typed, for the record.
pub(crate) fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

fn threads() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=512)
}
