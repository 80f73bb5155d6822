//! The command line, and the only place where the environment is read.

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use nocturne_encoder::{ConceptTarget, Runtime};
use nocturne_psg::ZScore;
use nocturne_trainer::Preset;
use nocturne_trainer::onnx::GraphPrecision;
use nocturne_trainer::training::TrainScope;

/// Train the encoders of Nocturne and write model bundles.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 error, 2 wrong usage, 3
/// partly done.
#[derive(Debug, Parser)]
#[command(name = "nocturne-train", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Convert recordings into a training set.
    Prepare(PrepareArgs),
    /// Train a model on a training set.
    Train(Box<TrainArgs>),
    /// Write a model bundle from trained weights.
    Export(ExportArgs),
    /// Write a model bundle from a published checkpoint without executing anything in it.
    Import(ImportArgs),
    /// List the contents of a checkpoint without executing anything in it.
    Inspect(InspectArgs),
    /// Compare results of a checkpoint with those of the published code.
    Parity(ParityArgs),
    /// Learn a stage or an event from labelled epochs, and write it as a concept file (TOML).
    Fewshot(FewshotArgs),
}

/// Arguments of `nocturne-train prepare`.
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// EDF or BDF recordings, or folders that are searched recursively. Annotations are found beside each recording or
    /// in the NSRR layout.
    #[arg(
        required_unless_present = "manifest",
        conflicts_with = "manifest",
        value_name = "RECORDING"
    )]
    pub(crate) recordings: Vec<PathBuf>,
    /// Read a list of recordings instead: CSV, JSON lines or Parquet with `recording` and optionally `annotations` and
    /// `subject`. All recordings of a subject are on the same side of a split.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder that the paths of the list are relative to [default: the folder of the list].
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub(crate) data_root: Option<PathBuf>,
    /// Folder of the training set; existing shards are kept.
    #[arg(long, short, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Span over which a channel is scaled.
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE", default_value = "recording")]
    pub(crate) z_score: ZScoreArg,
    /// Source of the recordings, in a sentence; recorded in every bundle trained on them.
    #[arg(long, env = "NOCTURNE_TRAIN_SOURCE", value_name = "TEXT")]
    pub(crate) source: String,
    /// Licence of the recordings and of models trained on them.
    #[arg(long, env = "NOCTURNE_TRAIN_LICENCE", value_name = "TEXT")]
    pub(crate) licence: String,
    /// Number of reading threads [default: all cores].
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<u16>,
}

/// Arguments of `nocturne-train train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Preset of the model's size: `tiny`, `small` or `base`.
    #[arg(long, env = "NOCTURNE_TRAIN_PRESET", value_name = "NAME", help_heading = "Model")]
    pub(crate) preset: Option<Preset>,
    /// Configuration of the model in the format published with SleepLM, instead of a preset.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_CONFIG",
        value_name = "FILE",
        help_heading = "Model",
        conflicts_with = "preset",
        required_unless_present_any = ["preset", "init"]
    )]
    pub(crate) config: Option<PathBuf>,
    /// Folder of a training set written by `prepare`.
    #[arg(long, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder of the run.
    #[arg(long, short, env = "NOCTURNE_TRAIN_RUN", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Start from a run, a bundle with weights, or a weights file that `import` can read. Missing parts are initialised
    /// randomly. Without `--preset` and `--config` its sizes are used.
    #[arg(long, env = "NOCTURNE_TRAIN_INIT", value_name = "PATH", help_heading = "Model")]
    pub(crate) init: Option<PathBuf>,
    /// Recipe as TOML; missing fields have their default, and the arguments below take precedence.
    #[arg(long, env = "NOCTURNE_TRAIN_RECIPE", value_name = "FILE", help_heading = "Recipe")]
    pub(crate) recipe: Option<PathBuf>,
    /// Continue from the last checkpoint.
    #[arg(long, env = "NOCTURNE_TRAIN_RESUME")]
    pub(crate) resume: bool,
    /// Device to train on; `cuda` fails if it is not available.
    #[arg(long, env = "NOCTURNE_DEVICE", default_value = "cpu")]
    pub(crate) device: DeviceArg,
    /// Print the metrics of each step as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) changes: RecipeArgs,
}

/// Fields of the recipe that can be set on the command line.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct RecipeArgs {
    /// Total number of steps.
    #[arg(long, env = "NOCTURNE_TRAIN_STEPS", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// Epochs in a batch.
    #[arg(long, env = "NOCTURNE_BATCH_SIZE", value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) batch_size: Option<u16>,
    /// Epochs whose graphs are in memory at once; the negatives are still those of the whole batch.
    #[arg(long, env = "NOCTURNE_TRAIN_MICRO_BATCH", value_name = "N")]
    pub(crate) micro_batch: Option<u16>,
    /// Towers to freeze, separated by commas.
    #[arg(long, env = "NOCTURNE_TRAIN_FREEZE", value_name = "TOWER", value_delimiter = ',')]
    pub(crate) freeze: Vec<TowerArg>,
    /// Weights that learn: all, or only the output projections of both towers.
    #[arg(long, env = "NOCTURNE_TRAIN_TRAIN", value_name = "PART")]
    pub(crate) train: Option<TrainScopeArg>,
    /// Train low-rank adapters of this rank instead of the linear maps of both towers, and merge them at the end.
    /// `alpha` is twice the rank unless the recipe sets it.
    #[arg(long, env = "NOCTURNE_TRAIN_LORA", value_name = "RANK", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) lora: Option<u16>,
    /// Peak learning rate.
    #[arg(long, env = "NOCTURNE_TRAIN_LEARNING_RATE", value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// Number of warm-up steps.
    #[arg(long, env = "NOCTURNE_TRAIN_WARMUP_STEPS", value_name = "N")]
    pub(crate) warmup_steps: Option<u64>,
    /// Seed of all random choices.
    #[arg(long, env = "NOCTURNE_TRAIN_SEED", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Steps between two checkpoints.
    #[arg(long, env = "NOCTURNE_TRAIN_CHECKPOINT_EVERY", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_every: Option<u64>,
    /// Number of threads, each with a part of the batch [default: all cores].
    #[arg(long, env = "NOCTURNE_THREADS", value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<u16>,
}

/// Arguments of `nocturne-train export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Folder of a run, or a safetensors file with SleepLM's weight names.
    pub(crate) weights: PathBuf,
    /// Folder of the bundle.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the bundle [default: the name of its folder].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Configuration of the model; required for a weights file.
    #[arg(long, env = "NOCTURNE_TRAIN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Training data of a weights file, in a sentence.
    #[arg(long, env = "NOCTURNE_TRAIN_SOURCE", value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Licence of a weights file.
    #[arg(long, env = "NOCTURNE_TRAIN_LICENCE", value_name = "TEXT")]
    pub(crate) licence: Option<String>,
    /// Span over which channels are scaled: that of the training set of a run, unless its recipe has
    /// `epoch_scale_share` between 0 and 1; that of the training of a weights file [default: the training set's, or
    /// `recording`].
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE")]
    pub(crate) z_score: Option<ZScoreArg>,
    /// Number format of the graphs: `fp32`; `fp16` or `bf16`, which halve the files; or `int8`, which is faster for the
    /// signal tower on the CPU and like `fp16` for the rest. The manifest states the difference to `fp32`; measuring it
    /// requires ONNX Runtime.
    #[arg(long, env = "NOCTURNE_TRAIN_PRECISION", value_name = "NAME", default_value = "fp32")]
    pub(crate) precision: GraphPrecision,
    /// Include the weights, so that `train --init` can start from the bundle.
    #[arg(long)]
    pub(crate) trainable: bool,
    /// Leave out the caption decoder.
    #[arg(long)]
    pub(crate) no_captioner: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

/// Arguments of `nocturne-train import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// File written by `torch.save`, or a safetensors file, with SleepLM's weight names.
    pub(crate) checkpoint: PathBuf,
    /// Folder of the bundle.
    #[arg(long, short, value_name = "DIR", required_unless_present = "weights")]
    pub(crate) out: Option<PathBuf>,
    /// Replace an existing bundle, and existing files of `--weights`.
    #[arg(long)]
    pub(crate) force: bool,
    /// Configuration of the model as published [default: derived from the weights].
    #[arg(long, env = "NOCTURNE_TRAIN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Also write the weights to this safetensors file, and `config.json` beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Name of the bundle [default: the name of its folder].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Training data of the weights, in a sentence.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_SOURCE",
        value_name = "TEXT",
        default_value = "not stated by the checkpoint"
    )]
    pub(crate) source: String,
    /// Licence of the weights.
    #[arg(
        long,
        env = "NOCTURNE_TRAIN_LICENCE",
        value_name = "TEXT",
        default_value = "not stated by the checkpoint"
    )]
    pub(crate) licence: String,
    /// Span over which a channel was scaled in training.
    #[arg(long, env = "NOCTURNE_TRAIN_Z_SCORE", default_value = "recording")]
    pub(crate) z_score: ZScoreArg,
}

/// Arguments of `nocturne-train inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// File written by `torch.save`, or a safetensors file, of any model.
    pub(crate) checkpoint: PathBuf,
    /// Print JSON, with the sum and the SHA-256 of each tensor's elements as 32-bit floats.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `nocturne-train parity`.
#[derive(Debug, Args)]
pub(crate) struct ParityArgs {
    /// PyTorch checkpoint, or a safetensors file, with SleepLM's weight names.
    pub(crate) checkpoint: PathBuf,
    /// Folder with `config.json`, `inputs.safetensors` and results of the published code.
    #[arg(long, value_name = "DIR")]
    pub(crate) fixtures: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
    /// Compare only the trainer.
    #[arg(long)]
    pub(crate) without_onnxruntime: bool,
    /// Print the report as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `nocturne-train fewshot`.
#[derive(Debug, Args)]
pub(crate) struct FewshotArgs {
    /// Folder of the bundle.
    pub(crate) bundle: PathBuf,
    /// Folder of a training set written by `prepare`, with scored recordings of several people.
    #[arg(long, env = "NOCTURNE_TRAIN_DATA", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Concept to learn: the code of a stage, such as `N3`, or the name of an event, such as `arousal`.
    #[arg(long, value_name = "NAME")]
    pub(crate) concept: ConceptTarget,
    /// Concept file to write.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Maximum number of epochs with the concept, and as many without it [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) shots: Option<u32>,
    /// Number of cross-validation folds over subjects.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) folds: u16,
    /// Seed of the choice of epochs and of the folds.
    #[arg(long, env = "NOCTURNE_TRAIN_SEED", value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

/// Location of ONNX Runtime.
#[derive(Debug, Args)]
pub(crate) struct RuntimeArgs {
    /// ONNX Runtime library [default: the one installed in `.ort/` by `cargo xtask setup`].
    #[arg(
        long,
        env = "ORT_DYLIB_PATH",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        value_name = "FILE"
    )]
    onnxruntime: Option<PathBuf>,
}

impl RuntimeArgs {
    /// Loads the library.
    pub(crate) fn load(&self) -> nocturne_encoder::Result<Runtime> {
        Runtime::load(self.onnxruntime.as_deref())
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DeviceArg {
    Cpu,
    Cuda,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TowerArg {
    Signal,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrainScopeArg {
    All,
    Projections,
}

impl From<TrainScopeArg> for TrainScope {
    fn from(share: TrainScopeArg) -> Self {
        match share {
            TrainScopeArg::All => Self::All,
            TrainScopeArg::Projections => Self::Projections,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ZScoreArg {
    Recording,
    Epoch,
}

impl From<ZScoreArg> for ZScore {
    fn from(span: ZScoreArg) -> Self {
        match span {
            ZScoreArg::Recording => Self::Recording,
            ZScoreArg::Epoch => Self::Epoch,
        }
    }
}

/// Returns the command line as typed, for the record.
pub(crate) fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

fn threads() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=512)
}
