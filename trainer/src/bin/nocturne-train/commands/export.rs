//! `nocturne-train export`

use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_encoder::Bundle;
use nocturne_psg::ZScore;
use nocturne_trainer::onnx::GraphPrecision;
use nocturne_trainer::training::RunFolder;
use nocturne_trainer::{
    BundleFacts, ModelConfig, TokenSet, Weights, keep_weights, reduce_bundle, write_bundle,
};

use crate::args::{self, ExportArgs};
use crate::console;
use crate::error::CommandOutcome;

/// The inputs of an export.
struct ExportInput {
    config: ModelConfig,
    weights: Weights,
    trained: Option<TokenSet>,
    facts: BundleFacts,
}

pub(super) fn run(arguments: &ExportArgs) -> Result<CommandOutcome> {
    let name = arguments.name.clone().unwrap_or_else(|| folder_name(&arguments.out));
    let source = if arguments.weights.is_dir() {
        of_run(&RunFolder::new(&arguments.weights), arguments, name)?
    } else {
        of_file(arguments, name)?
    };
    let ExportInput { config, mut weights, trained, facts } = source;
    if arguments.no_captioner {
        weights = weights.without_captioner();
    }
    let write = |folder: &Path| {
        let bundle = write_bundle(folder, &weights, &config, trained.as_ref(), &facts)?;
        if arguments.trainable {
            return keep_weights(&bundle, &weights, &config, trained.as_ref());
        }
        Ok(bundle)
    };
    let bundle = match arguments.precision {
        GraphPrecision::Fp32 => write(&arguments.out)?,
        GraphPrecision::Fp16 | GraphPrecision::Bf16 | GraphPrecision::Int8 => {
            reduced(arguments, write)?
        }
    };
    console::print(format_args!("{} {}", arguments.out.display(), bundle.fingerprint()))?;
    Ok(CommandOutcome::Done)
}

/// Writes the bundle in 32-bit floats, then in the requested precision, and reports the difference.
fn reduced(
    arguments: &ExportArgs,
    write: impl FnOnce(&Path) -> nocturne_trainer::Result<Bundle>,
) -> Result<Bundle> {
    if arguments.out.exists() {
        return Err(nocturne_trainer::Error::Exists { path: arguments.out.clone() }.into());
    }
    let runtime = arguments.runtime.load()?;
    let parent = arguments.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let whole = tempfile::tempdir_in(parent.unwrap_or_else(|| Path::new(".")))
        .with_context(|| format!("cannot write beside `{}`", arguments.out.display()))?;
    let exact = write(&whole.path().join("fp32"))?;
    let bundle = reduce_bundle(&exact, &arguments.out, arguments.precision, runtime)?;
    if let Some(precision) = &bundle.manifest().precision {
        for (what, agreement) in [("signal", precision.signal), ("text", precision.text)] {
            let (min, mean) = (agreement.cosine_min, agreement.cosine_mean);
            console::note(format_args!("{what}: cosine to fp32 at least {min:.6}, mean {mean:.6}"));
        }
    }
    Ok(bundle)
}

fn of_run(run: &RunFolder, arguments: &ExportArgs, name: String) -> Result<ExportInput> {
    let config = ModelConfig::read(&run.config())?;
    let provenance = run.provenance()?;
    let of_set = provenance.set.z_score;
    let z_score = arguments.z_score.map_or(of_set, Into::into);
    let share = run.recipe()?.augmentation.epoch_scale_share;
    if z_score != of_set && !(share > 0.0 && share < 1.0) {
        bail!(
            "`{}` was trained on channels scaled over one span only; expected `epoch_scale_share` between 0 and 1 in its \
             recipe, found {share}",
            run.path().display()
        );
    }
    Ok(ExportInput {
        weights: Weights::read(&run.weights())?,
        trained: Some(run.read_tokens(config.text_cfg.vocab_size)?),
        config,
        facts: BundleFacts {
            name,
            z_score,
            data: provenance.data(),
            licence: provenance.set.licence,
            command: provenance.command,
        },
    })
}

fn of_file(arguments: &ExportArgs, name: String) -> Result<ExportInput> {
    let missing = |flag| format!("`{flag}` is required for a weights file");
    let config = arguments.config.as_ref().with_context(|| missing("--config"))?;
    let data = arguments.source.clone().with_context(|| missing("--source"))?;
    let licence = arguments.licence.clone().with_context(|| missing("--licence"))?;
    Ok(ExportInput {
        config: ModelConfig::read(config)?,
        weights: Weights::read(&arguments.weights)?,
        trained: None,
        facts: BundleFacts {
            name,
            z_score: arguments.z_score.map_or(ZScore::Recording, Into::into),
            data,
            licence,
            command: args::command_line(),
        },
    })
}

/// Returns the default name of a bundle.
pub(super) fn folder_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
