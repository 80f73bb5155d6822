//! Errors of configurations, weights, training data, checkpoints and runs.

mod foreign_file;

use std::path::{Path, PathBuf};

pub use foreign_file::ForeignFile;

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The error of a library that parsed a file.
pub type ParseError = Box<dyn std::error::Error + Send + Sync>;

/// An error of building, training, reading or writing a model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written: a fault of the machine or the caller.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operation, as a verb.
        action: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file breaks its format: a fault of its writer, or damage.
    #[error("`{}` is invalid: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A file cannot be parsed as JSON, safetensors or ONNX: a fault of its writer, or damage.
    #[error("`{}` is invalid: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: ParseError,
    },
    /// A checkpoint names a function or class that weights do not need: a fault of its writer, or an attack.
    #[error("`{}` refers to {callable}, which weights do not need; nothing was executed", path.display())]
    ForbiddenCall {
        /// The file.
        path: PathBuf,
        /// The name in Python, in back-ticks.
        callable: String,
    },
    /// A file is not a checkpoint: the caller's mistake.
    #[error("`{}` is {}; expected a PyTorch checkpoint or a safetensors file", path.display(), found.description())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        found: ForeignFile,
    },
    /// A field of the configuration has a value that cannot be built: the caller's mistake.
    #[error("the configuration's `{field}` is `{value}`; expected {expected}")]
    Config {
        /// The field, with its section.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        expected: String,
    },
    /// A field of the recipe has a value that cannot be trained with: the caller's mistake.
    #[error("the recipe's `{field}` is `{value}`; expected {expected}")]
    Recipe {
        /// The field, with its section.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        expected: &'static str,
    },
    /// A bundle was exported without its weights, and its graphs hold only products of them: the caller's mistake.
    #[error("`{}` is a bundle without weights; expected a run, a weights file or a bundle with weights", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
    },
    /// A concept has too few labelled epochs to be learned and validated: the caller's mistake.
    #[error(
        "too few labelled epochs for `{target}`; expected at least two subjects, with and without it"
    )]
    TooFewEpochs {
        /// The stage or event.
        target: String,
    },
    /// Named weights do not fit the configuration: the caller's mistake.
    #[error("the weights do not fit the configuration: {}", mismatch(missing, surplus, wrong))]
    WeightMismatch {
        /// Names that the configuration needs and the weights do not have.
        missing: Vec<String>,
        /// Names that the configuration does not have.
        surplus: Vec<String>,
        /// Tensors with another shape.
        wrong: Vec<WrongShape>,
    },
    /// The sizes of a model cannot be derived from its weights: the weights belong to another model.
    #[error("cannot derive the model's sizes from the weights: {problem}")]
    UnknownSizes {
        /// The problem.
        problem: String,
    },
    /// A configuration contradicts the weights: the caller's mistake.
    #[error("the configuration contradicts the weights: {}", disagreements(fields))]
    ConfigMismatch {
        /// The fields that differ.
        fields: Vec<Disagreement>,
    },
    /// A folder that was to be replaced is not a bundle: the caller's mistake.
    #[error("`{}` is not a bundle; only a bundle can be replaced", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
    /// Two names of one tensor have different values: a fault of the writer.
    #[error("the weights `{name}` and `{other}` differ; they are two names of one tensor")]
    AliasMismatch {
        /// One name.
        name: String,
        /// The other name.
        other: &'static str,
    },
    /// A training set has no epochs: the caller's mistake.
    #[error("`{}` has no epochs; expected at least one `*.epochs` shard with one epoch", path.display())]
    NoEpochs {
        /// The folder.
        path: PathBuf,
    },
    /// The epochs of a training set have nothing that a caption could describe: the caller's mistake.
    #[error("cannot make captions for the epochs in `{}`: they have no stage, no events and no measures", path.display())]
    NoCaptions {
        /// The folder.
        path: PathBuf,
    },
    /// A caption has a token that the recipe excludes from the caption loss: the recipe's mistake.
    #[error("a caption has the token `{token}`, which is outside the recipe's caption vocabulary")]
    TokenOutsideVocabulary {
        /// The token, as text.
        token: String,
    },
    /// A run folder already contains a run, or has none to resume.
    #[error("`{}` {problem}", path.display())]
    Run {
        /// The folder.
        path: PathBuf,
        /// `already contains a run`, `has no run to resume` or `has no checkpoint to resume from`.
        problem: &'static str,
    },
    /// The output already exists: the caller's mistake.
    #[error("`{}` already exists", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A run was started with another configuration, recipe or training set: the caller's mistake.
    #[error("the run in `{}` was started with another `{field}`", path.display())]
    RunMismatch {
        /// The run's folder.
        path: PathBuf,
        /// The part that differs.
        field: &'static str,
    },
    /// The loss or the gradient is NaN or infinite: the recipe's mistake, usually its learning rate.
    #[error("the {what} is {value} at step {step}")]
    NotFinite {
        /// `loss` or `norm of the gradient`.
        what: &'static str,
        /// The value.
        value: f32,
        /// The step, from 0.
        step: u64,
    },
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(Box<nocturne_psg::Error>),
    /// A night cannot be simulated, or its truth file cannot be read.
    #[error(transparent)]
    Simulator(Box<nocturne_simulator::Error>),
    /// The bundle cannot be written or read back.
    #[error(transparent)]
    Bundle(#[from] nocturne_encoder::Error),
}

/// A tensor whose shape differs from the configuration's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongShape {
    /// The name.
    pub name: String,
    /// The shape in the weights.
    pub found: Vec<usize>,
    /// The shape in the configuration.
    pub expected: Vec<usize>,
}

/// A field in which a configuration differs from the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The field, with its section.
    pub field: &'static str,
    /// Its value in the configuration.
    pub given: String,
    /// Its value in the weights.
    pub found: String,
}

// Boxed because they are larger than all other variants.
impl From<nocturne_psg::Error> for Error {
    fn from(error: nocturne_psg::Error) -> Self {
        Self::Recording(Box::new(error))
    }
}

impl From<nocturne_simulator::Error> for Error {
    fn from(error: nocturne_simulator::Error) -> Self {
        Self::Simulator(Box::new(error))
    }
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns the error of a missing tensor.
    pub(crate) fn missing(name: &str) -> Self {
        let missing = vec![name.to_owned()];
        Self::WeightMismatch { missing, surplus: Vec::new(), wrong: Vec::new() }
    }

    pub(crate) fn format(path: &Path, problem: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn parse<E: Into<ParseError>>(path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Parse { path: path.to_owned(), source: source.into() }
    }

    /// Returns the next step for the user, or `None` if there is none to suggest.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. } => None,
            Self::Format { .. } | Self::Parse { .. } => {
                Some("the file may be damaged, or written by a newer version")
            }
            Self::ForbiddenCall { .. } => Some(
                "do not load it with PyTorch either, unless you trust its author; ask for its `state_dict()` as safetensors",
            ),
            Self::NotACheckpoint { found, .. } => Some(found.hint()),
            Self::Config { .. } => Some("the presets have valid configurations"),
            Self::Recipe { .. } => {
                Some("`recipe.json` in the folder of a run shows every field with its value")
            }
            Self::TooFewEpochs { .. } => {
                Some("prepare the set from more recordings that were scored for it")
            }
            Self::NoWeights { .. } => Some(
                "pass the folder of the run that it was exported from, or export it with weights",
            ),
            Self::WeightMismatch { .. } | Self::AliasMismatch { .. } => {
                Some("pass the configuration that the weights were trained with")
            }
            Self::UnknownSizes { .. } => Some("pass the configuration of the model"),
            Self::ConfigMismatch { .. } => Some(
                "pass the configuration of these weights, or none to derive the sizes from them",
            ),
            Self::NotABundle { .. } => Some("choose another output folder"),
            Self::NoEpochs { .. } => Some("prepare the set from recordings"),
            Self::NoCaptions { .. } => {
                Some("prepare the set from recordings with a hypnogram beside them")
            }
            Self::TokenOutsideVocabulary { .. } => {
                Some("set `caption_tokens = \"all\"` in the recipe")
            }
            Self::Run { .. } => Some("resume the run, or choose another output folder"),
            Self::Exists { .. } => Some("choose another output path, or remove this one"),
            Self::RunMismatch { .. } => Some("resume with the settings that started the run"),
            Self::NotFinite { .. } => Some("lower the learning rate, or lengthen the warm-up"),
            Self::Recording(error) => error.hint(),
            Self::Simulator(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
        }
    }
}

fn disagreements(fields: &[Disagreement]) -> String {
    let sentence =
        |it: &Disagreement| format!("`{}` is {}, in the weights {}", it.field, it.given, it.found);
    fields.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn mismatch(missing: &[String], surplus: &[String], wrong: &[WrongShape]) -> String {
    let quote = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let mut sentences = Vec::new();
    if !missing.is_empty() {
        sentences.push(format!("missing {}", quote(missing)));
    }
    if !surplus.is_empty() {
        sentences.push(format!("unexpected {}", quote(surplus)));
    }
    for WrongShape { name, found, expected } in wrong {
        sentences.push(format!("`{name}` has shape {found:?}, expected {expected:?}"));
    }
    sentences.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mismatches_are_listed_by_name() {
        let error = Error::WeightMismatch {
            missing: vec!["a".to_owned(), "b".to_owned()],
            surplus: vec!["c".to_owned()],
            wrong: vec![WrongShape { name: "d".to_owned(), found: vec![2], expected: vec![3, 1] }],
        };
        assert_eq!(
            error.to_string(),
            "the weights do not fit the configuration: missing `a`, `b`; unexpected `c`; \
             `d` has shape [2], expected [3, 1]"
        );
    }
}
