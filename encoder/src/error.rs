//! What can be wrong with a bundle, a text or the runtime.

use std::path::PathBuf;

/// The result of encoding.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the bundle cannot be read or written; the machine's or the caller's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder is no model bundle.
    #[error("`{}` is not a model bundle: it has no `bundle.toml`", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
    /// `bundle.toml` breaks its format.
    #[error("`{}` cannot be understood: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the bundle is not the one that its manifest describes.
    #[error("`{}` has the SHA-256 {found}; `bundle.toml` expects {expected}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What the file has.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// The vocabulary file is not CLIP's.
    #[error("`{}` is not the vocabulary of CLIP: {problem}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A prompt set breaks its format; the mistake of whoever wrote it.
    #[error("`{name}`: {problem}")]
    Prompts {
        /// The file's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The file of a concept breaks its format; the mistake of whoever wrote it.
    #[error("`{}` cannot be understood: {problem}", path.display())]
    Concept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A concept was learned on embeddings of another bundle; the caller's mistake.
    #[error(
        "`{}` was learned on embeddings of the bundle `{found}`; the one in use is `{expected}`",
        path.display()
    )]
    OtherConcept {
        /// The file.
        path: PathBuf,
        /// Fingerprint of the bundle that it was learned on.
        found: String,
        /// Fingerprint of the bundle in use.
        expected: String,
    },
    /// The ONNX Runtime library is not there.
    #[error("the ONNX Runtime library `{}` is not there", path.display())]
    NoRuntime {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The file is not an ONNX Runtime library that can be used.
    #[error("the ONNX Runtime library `{}` cannot be used: {problem}", path.display())]
    Runtime {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        problem: String,
    },
    /// CUDA was asked for and cannot be had.
    #[error("no CUDA device can be used: {problem}")]
    NoCuda {
        /// What the runtime says.
        problem: String,
    },
    /// A graph is not the tower that it should be, or fails.
    #[error("`{}`: {problem}", path.display())]
    Model {
        /// The graph's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The bundle makes no captions; whoever chose it.
    #[error("`{}` has no captioner: its files lack `caption.onnx`", path.display())]
    NoCaptioner {
        /// The bundle's folder.
        path: PathBuf,
    },
    /// The bundle does not tell where its signal tower looks; whoever chose it.
    #[error("`{}` does not tell where it looks: it has no output `attention`", path.display())]
    NoAttention {
        /// The signal tower's file.
        path: PathBuf,
    },
    /// How a caption is to be searched for is out of range; the caller's mistake.
    #[error("`{field}` is {value}; expected {expected}")]
    Search {
        /// The option.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A vector cannot be brought to unit length.
    #[error("a vector of {dim} numbers {problem}; it has no direction")]
    NoDirection {
        /// Length of the vector.
        dim: usize,
        /// `is zero` or `holds a value that is not finite`.
        problem: &'static str,
    },
}

impl Error {
    pub(crate) fn io(
        path: &std::path::Path,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns the next step for the user, if there is one.
    ///
    /// The sentence names no command and no flag; a program that has them words its own by the variant.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. }
            | Self::NoDirection { .. }
            | Self::Prompts { .. }
            | Self::Search { .. } => None,
            Self::Concept { .. } => Some("learn the concept again; its file was edited or damaged"),
            Self::OtherConcept { .. } => Some(
                "learn the concept again with this bundle, or use the bundle it was learned with",
            ),
            Self::NoCaptioner { .. } => Some("use a bundle that has a caption decoder"),
            Self::NoAttention { .. } => Some("export the bundle again, with its attention output"),
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
            Self::Manifest { .. } => {
                Some("the bundle is damaged, or was written by a newer version of Nocturne")
            }
            Self::Vocabulary { .. } => Some("the bundle is damaged; copy it again"),
            Self::Hash { .. } => Some("the file was changed or damaged; copy the bundle again"),
        }
    }
}
