//! `nocturne-train export`

use std::path::Path;

use anyhow::{Context, Result};
use nocturne_trainer::onnx::TokenSet;
use nocturne_trainer::training::RunFolder;
use nocturne_trainer::{BundleFacts, ModelConfig, Weights, write_bundle};

use crate::args::{self, Export};
use crate::console;
use crate::error::Outcome;

/// What a bundle is made of.
struct Source {
    config: ModelConfig,
    weights: Weights,
    trained: Option<TokenSet>,
    facts: BundleFacts,
}

pub(super) fn run(arguments: &Export) -> Result<Outcome> {
    let name = arguments.name.clone().unwrap_or_else(|| folder_name(&arguments.out));
    let source = if arguments.weights.is_dir() {
        of_run(&RunFolder::new(&arguments.weights), name)?
    } else {
        of_file(arguments, name)?
    };
    let Source { config, weights, trained, facts } = source;
    let bundle = write_bundle(&arguments.out, &weights, &config, trained.as_ref(), &facts)?;
    console::print(format_args!("{} {}", arguments.out.display(), bundle.fingerprint()))?;
    Ok(Outcome::Done)
}

fn of_run(run: &RunFolder, name: String) -> Result<Source> {
    let config = ModelConfig::read(&run.config())?;
    let about = run.about()?;
    Ok(Source {
        weights: Weights::read(&run.weights())?,
        trained: Some(run.read_tokens(config.text_cfg.vocab_size)?),
        config,
        facts: BundleFacts {
            name,
            z_score: about.set.z_score,
            data: about.set.data,
            licence: about.set.licence,
            command: about.command,
        },
    })
}

fn of_file(arguments: &Export, name: String) -> Result<Source> {
    let missing = |flag| format!("`{flag}` must be given for a file of weights");
    let config = arguments.config.as_ref().with_context(|| missing("--config"))?;
    let data = arguments.source.clone().with_context(|| missing("--source"))?;
    let licence = arguments.licence.clone().with_context(|| missing("--licence"))?;
    Ok(Source {
        config: ModelConfig::read(config)?,
        weights: Weights::read(&arguments.weights)?,
        trained: None,
        facts: BundleFacts {
            name,
            z_score: arguments.z_score.into(),
            data,
            licence,
            command: args::command_line(),
        },
    })
}

/// Returns the name that a bundle has where none is given.
pub(super) fn folder_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
