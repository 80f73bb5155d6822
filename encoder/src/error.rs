//! Errors of bundles, texts and the runtime.

use std::path::{Path, PathBuf};

/// The cause of an error: the error of a library, or a sentence of our own.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The result of encoding.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of loading a bundle or encoding its input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written; the mistake of the machine or the caller.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The attempted action, as a verb.
        action: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The folder is not a model bundle; the caller's mistake.
    #[error("`{}` is not a model bundle: it has no `bundle.toml`", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
    /// `bundle.toml` is malformed; the mistake of its author.
    #[error("`{}` is malformed: {source}", path.display())]
    BundleManifest {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// A file of the bundle is not the one that its manifest describes: it was changed or damaged.
    #[error("`{}` has the SHA-256 {found}; `bundle.toml` expects {expected}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// SHA-256 of the file.
        found: String,
        /// SHA-256 in the manifest.
        expected: String,
    },
    /// The file is not the vocabulary of CLIP: the bundle is damaged.
    #[error("`{}` is not the vocabulary of CLIP: {source}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// A prompt set is malformed; the mistake of its author.
    #[error("`{name}`: {source}")]
    Prompts {
        /// The file's name.
        name: String,
        /// The cause.
        source: Cause,
    },
    /// A concept file is malformed; the mistake of its author.
    #[error("`{}` is malformed: {source}", path.display())]
    Concept {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// A concept was learned from embeddings of another bundle; the caller's mistake.
    #[error(
        "`{}` was learned with the bundle `{found}`; the bundle in use is `{expected}`",
        path.display()
    )]
    OtherConcept {
        /// The file.
        path: PathBuf,
        /// Fingerprint of the bundle that it was learned with.
        found: String,
        /// Fingerprint of the bundle in use.
        expected: String,
    },
    /// There is no ONNX Runtime library.
    #[error("the ONNX Runtime library `{}` does not exist", path.display())]
    NoRuntime {
        /// The expected path.
        path: PathBuf,
    },
    /// The file is not a usable ONNX Runtime library.
    #[error("cannot use the ONNX Runtime library `{}`: {source}", path.display())]
    Runtime {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// CUDA was requested and is not available.
    #[error("cannot use a CUDA device: {source}")]
    NoCuda {
        /// The cause.
        source: Cause,
    },
    /// A graph does not have the expected inputs and outputs, or it failed.
    #[error("`{}`: {source}", path.display())]
    Model {
        /// The graph's file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// The bundle has no captioner; the mistake of the one who chose it.
    #[error("`{}` has no captioner: its files do not include `caption.onnx`", path.display())]
    NoCaptioner {
        /// The bundle's folder.
        path: PathBuf,
    },
    /// A decoding option is out of range; the caller's mistake.
    #[error("`{field}` is {value}; expected {expected}")]
    DecodingOption {
        /// The option.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        expected: String,
    },
    /// A vector cannot be scaled to unit length.
    #[error("a vector of {dim} numbers {problem}; it has no direction")]
    NoDirection {
        /// Length of the vector.
        dim: usize,
        /// `is zero` or `contains a value that is not finite`.
        problem: &'static str,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    pub(crate) fn model(path: &Path, source: impl Into<Cause>) -> Self {
        Self::Model { path: path.to_owned(), source: source.into() }
    }

    pub(crate) fn bundle_manifest(path: &Path, source: impl Into<Cause>) -> Self {
        Self::BundleManifest { path: path.to_owned(), source: source.into() }
    }

    /// Returns the next step for the user, if there is one.
    ///
    /// The sentence names no command and no flag; a program that has them words its own by the variant.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. }
            | Self::NoDirection { .. }
            | Self::Prompts { .. }
            | Self::DecodingOption { .. } => None,
            Self::Concept { .. } => Some("learn the concept again; its file was edited or damaged"),
            Self::OtherConcept { .. } => Some(
                "learn the concept again with this bundle, or use the bundle it was learned with",
            ),
            Self::NoCaptioner { .. } => Some("use a bundle that has a caption decoder"),
            Self::NoRuntime { .. } | Self::Runtime { .. } => {
                Some("install ONNX Runtime, or pass the path of its shared library")
            }
            Self::NoCuda { .. } => Some("run on the CPU; CUDA needs the GPU build of ONNX Runtime"),
            Self::Model { .. } => {
                Some("the bundle is damaged, or was exported for another version of Nocturne")
            }
            Self::NotABundle { .. } => {
                Some("a bundle is a folder that contains `bundle.toml` and its models")
            }
            Self::BundleManifest { .. } => {
                Some("the bundle is damaged, or was written by a newer version of Nocturne")
            }
            Self::Vocabulary { .. } => Some("the bundle is damaged; copy it again"),
            Self::Hash { .. } => Some("the file was changed or damaged; copy the bundle again"),
        }
    }
}
