//! Hints in the words of the command line.

use nocturne_trainer::Error;

/// Returns the next step for the user, with the commands and flags of this program.
pub(crate) fn of(error: &Error) -> Option<&'static str> {
    let words = match error {
        Error::NotACheckpoint {
            found: nocturne_trainer::error::ForeignFile::LfsPointer, ..
        } => "run `git lfs pull` to fetch the file itself",
        Error::Config { .. } => "`nocturne-train train --preset tiny` has a valid configuration",
        Error::NoWeights { .. } => {
            "pass the folder of the run that it was exported from, or export it with `--trainable`"
        }
        Error::UnknownSizes { .. } => "pass the configuration with `--config FILE`",
        Error::ConfigMismatch { .. } => {
            "omit `--config` to derive the sizes from the weights, or pass the configuration of these weights"
        }
        Error::NotABundle { .. } => "pass another `--out`",
        Error::NoEpochs { .. } => "run `nocturne-train prepare RECORDING... --out DIR`",
        Error::Run { .. } => {
            "pass `--resume` to continue it, or another `--out` to start a new run"
        }
        Error::Exists { .. } => {
            "pass another path, or remove this one; `import` replaces it with `--force`"
        }
        Error::RunMismatch { .. } => "resume with the arguments that started the run",
        Error::Io { .. }
        | Error::Format { .. }
        | Error::Parse { .. }
        | Error::ForbiddenCall { .. }
        | Error::NotACheckpoint { .. }
        | Error::Recipe { .. }
        | Error::TooFewEpochs { .. }
        | Error::WeightMismatch { .. }
        | Error::AliasMismatch { .. }
        | Error::NoCaptions { .. }
        | Error::TokenOutsideVocabulary { .. }
        | Error::NotFinite { .. }
        | Error::Recording(_)
        | Error::Simulator(_)
        | Error::Bundle(_) => return error.hint(),
    };
    Some(words)
}
