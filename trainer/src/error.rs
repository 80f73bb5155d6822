//! What can be wrong with a configuration, weights, training data or a run.

use std::path::{Path, PathBuf};

use crate::checkpoint::Mistaken;

/// The result of training.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model could not be built, trained or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written; the machine's or the caller's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file breaks its format; the writer's mistake, or damage.
    #[error("`{}` cannot be understood: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint names a function or class that weights do not need; its writer's mistake, or an attack.
    #[error("`{}` wants to call {callable}, which no weights need; nothing was run", path.display())]
    Code {
        /// The file.
        path: PathBuf,
        /// The name in Python, in back-ticks.
        callable: String,
    },
    /// A file is no checkpoint at all; the caller's mistake.
    #[error("`{}` is {}; expected a checkpoint of PyTorch or a safetensors file", path.display(), found.what())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: Mistaken,
    },
    /// A field of the configuration has a value that cannot be built; the caller's mistake.
    #[error("the configuration's `{field}` is `{value}`; expected {expected}")]
    Config {
        /// The field, with its section.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A field of the recipe has a value that cannot be trained by; the caller's mistake.
    #[error("the recipe's `{field}` is `{value}`; expected {expected}")]
    Recipe {
        /// The field, with its section.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A bundle keeps no weights, and its graphs hold products of them; the caller's mistake.
    #[error("`{}` is a bundle without its weights; expected a run, a file of weights or a bundle with them", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
    },
    /// A concept has too few labelled epochs to be learned and measured; the caller's mistake.
    #[error(
        "too few labelled epochs for `{target}`; expected two people or more, with and without it"
    )]
    TooFewEpochs {
        /// The stage or event.
        target: String,
    },
    /// Named weights do not fit the configuration; the caller's mistake.
    #[error("the weights do not fit the configuration: {}", mismatch(missing, surplus, wrong))]
    Mismatch {
        /// Names that the configuration needs and the weights lack.
        missing: Vec<String>,
        /// Names that the configuration has no place for.
        surplus: Vec<String>,
        /// Names whose shape differs.
        wrong: Vec<WrongShape>,
    },
    /// The sizes of a model cannot be told from its weights; the weights are of another model.
    #[error("the sizes of the model cannot be told from the weights: {problem}")]
    Sizes {
        /// What is wrong.
        problem: String,
    },
    /// A configuration is not that of the weights; the caller's mistake.
    #[error("the configuration is not that of the weights: {}", disagreements(fields))]
    Contradiction {
        /// The fields in which they differ.
        fields: Vec<Disagreement>,
    },
    /// A folder that was to be replaced is no bundle; the caller's mistake.
    #[error("`{}` is no bundle; only a bundle is replaced", path.display())]
    NotReplaced {
        /// The folder.
        path: PathBuf,
    },
    /// Two names of one tensor have different values; the writer's mistake.
    #[error("the weights `{name}` and `{other}` differ; they are two names of one tensor")]
    Inconsistent {
        /// One name.
        name: String,
        /// The other.
        other: &'static str,
    },
    /// A training set holds no epoch that can be drawn; the caller's mistake.
    #[error("`{}` holds no epochs; expected at least one shard `*.epochs` with one epoch", path.display())]
    NoEpochs {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing is known of the epochs that a caption could say; the caller's mistake.
    #[error("nothing can be said of the epochs in `{}`: they have no stage, no events and no measures", path.display())]
    NothingToSay {
        /// The folder.
        path: PathBuf,
    },
    /// A text holds a token that the recipe leaves out of the caption loss; the recipe's mistake.
    #[error(
        "a caption holds the token `{token}`, which is not among those that captions are made of"
    )]
    OutsideCaptions {
        /// The token, as it is written.
        token: String,
    },
    /// A run folder already holds a run, or holds none to resume; the caller's mistake.
    #[error("`{}` {problem}", path.display())]
    Run {
        /// The folder.
        path: PathBuf,
        /// `already holds checkpoints` or `holds no checkpoint`.
        problem: &'static str,
    },
    /// What is to be written is there already; the caller's mistake.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A run was begun with another configuration or recipe; the caller's mistake.
    #[error("the run in `{}` was begun with another `{field}`", path.display())]
    OtherRun {
        /// The run's folder.
        path: PathBuf,
        /// What differs.
        field: &'static str,
    },
    /// The loss or a gradient is no number; the recipe's mistake, mostly its learning rate.
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
    Recording(#[from] nocturne_psg::Error),
    /// A night cannot be simulated, or its truth file cannot be read.
    #[error(transparent)]
    Simulator(#[from] nocturne_simulator::Error),
    /// The bundle cannot be written or read back.
    #[error(transparent)]
    Bundle(#[from] nocturne_encoder::Error),
}

/// A tensor whose shape is not the one that the configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongShape {
    /// The name.
    pub name: String,
    /// The shape in the weights.
    pub found: Vec<usize>,
    /// The shape in the configuration.
    pub expected: Vec<usize>,
}

/// A field in which a configuration differs from what the weights tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The field, with its section.
    pub field: &'static str,
    /// Its value in the configuration.
    pub given: String,
    /// Its value in the weights.
    pub found: String,
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Says that a tensor is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self::Mismatch { missing: vec![name.to_owned()], surplus: Vec::new(), wrong: Vec::new() }
    }

    pub(crate) fn format(path: &Path, problem: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), problem: problem.into() }
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. } => None,
            Self::Format { .. } => {
                Some("the file may be damaged, or of a newer version of Nocturne")
            }
            Self::Code { .. } => Some(
                "do not load it with PyTorch either, unless you trust who made it; ask for its `state_dict()` as safetensors",
            ),
            Self::NotACheckpoint { found, .. } => Some(found.hint()),
            Self::Config { .. } => Some("`nocturne-train train --preset tiny` shows a sound one"),
            Self::Recipe { .. } => {
                Some("`recipe.json` in the folder of a run shows every field with its value")
            }
            Self::TooFewEpochs { .. } => {
                Some("prepare the set from more recordings that were scored for it")
            }
            Self::NoWeights { .. } => Some(
                "give the folder of the run that it was exported from, or export it anew with `--trainable`",
            ),
            Self::Mismatch { .. } | Self::Inconsistent { .. } => {
                Some("give the configuration that the weights were made with")
            }
            Self::Sizes { .. } => Some("`--config FILE` gives what the weights do not tell"),
            Self::Contradiction { .. } => Some(
                "leave `--config` out to take the sizes from the weights, or give that of these weights",
            ),
            Self::NotReplaced { .. } => Some("give another `--out`"),
            Self::NoEpochs { .. } => {
                Some("`nocturne-train prepare RECORDING... --out DIR` makes one")
            }
            Self::NothingToSay { .. } => {
                Some("prepare the set from recordings with a hypnogram beside them")
            }
            Self::OutsideCaptions { .. } => Some("set `caption_tokens = \"all\"` in the recipe"),
            Self::Recording(error) => error.hint(),
            Self::Simulator(error) => error.hint(),
            Self::Run { .. } => Some("give `--resume` to go on, or another `--out` to begin anew"),
            Self::Exists { .. } => {
                Some("give another path, or remove it first; `import` replaces it with `--force`")
            }
            Self::OtherRun { .. } => Some("resume with the arguments that began the run"),
            Self::NotFinite { .. } => Some("lower the learning rate, or lengthen the warm-up"),
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
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing {}", quote(missing)));
    }
    if !surplus.is_empty() {
        parts.push(format!("no place for {}", quote(surplus)));
    }
    for WrongShape { name, found, expected } in wrong {
        parts.push(format!("`{name}` has shape {found:?}, expected {expected:?}"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mismatches_are_listed_by_name() {
        let error = Error::Mismatch {
            missing: vec!["a".to_owned(), "b".to_owned()],
            surplus: vec!["c".to_owned()],
            wrong: vec![WrongShape { name: "d".to_owned(), found: vec![2], expected: vec![3, 1] }],
        };
        assert_eq!(
            error.to_string(),
            "the weights do not fit the configuration: missing `a`, `b`; no place for `c`; \
             `d` has shape [2], expected [3, 1]"
        );
    }
}
