//! `nocturne-train import`

use std::path::{Path, PathBuf};

use anyhow::Result;
use nocturne_trainer::bundle::replace_bundle;
use nocturne_trainer::{
    BundleFacts, Checkpoint, Import, ModelConfig, Weights, check_vocabulary, write_bundle,
};

use super::export::folder_name;
use crate::args::{self, ImportArgs};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &ImportArgs) -> Result<CommandOutcome> {
    let config = arguments.config.as_deref().map(ModelConfig::read).transpose()?;
    let checkpoint = Checkpoint::open(&arguments.checkpoint)?;
    report_contents(&checkpoint);
    let import = Import::new(&checkpoint, config.as_ref())?;
    import.notices().iter().for_each(|notice| console::note(format_args!("note: {notice}")));
    // Check early: reading the weights takes minutes.
    if arguments.out.is_some() {
        check_vocabulary(import.config())?;
    }
    if !arguments.force {
        check_free(arguments)?;
    }
    let bar = console::progress("reading", checkpoint.tensors().count() as u64);
    let weights = import.read(&mut |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    if let Some(path) = &arguments.weights {
        weights.write(path)?;
        import.config().write(&config_path(path))?;
        console::print(path.display())?;
    }
    if let Some(out) = &arguments.out {
        write(arguments, out, &weights, import.config())?;
    }
    Ok(CommandOutcome::Done)
}

fn write(
    arguments: &ImportArgs,
    out: &Path,
    weights: &Weights,
    config: &ModelConfig,
) -> Result<()> {
    let facts = BundleFacts {
        name: arguments.name.clone().unwrap_or_else(|| folder_name(out)),
        z_score: arguments.z_score.into(),
        data: arguments.source.clone(),
        licence: arguments.licence.clone(),
        command: args::command_line(),
    };
    let write = |folder: &Path| write_bundle(folder, weights, config, None, &facts);
    let bundle = if arguments.force { replace_bundle(out, write) } else { write(out) }?;
    console::print(format_args!("{} {}", out.display(), bundle.fingerprint()))?;
    Ok(())
}

/// Rejects existing outputs: the bundle, and a configuration that may be the published one.
fn check_free(arguments: &ImportArgs) -> Result<()> {
    let weights = arguments.weights.iter().flat_map(|path| [path.clone(), config_path(path)]);
    match arguments.out.iter().cloned().chain(weights).find(|path| path.exists()) {
        Some(path) => Err(nocturne_trainer::Error::Exists { path }.into()),
        None => Ok(()),
    }
}

/// Returns the path of the configuration beside a weights file.
fn config_path(weights: &Path) -> PathBuf {
    weights.with_file_name("config.json")
}

/// Reports the contents of the file and which of them are not used.
fn report_contents(checkpoint: &Checkpoint) {
    let path = checkpoint.path().display();
    let key = checkpoint.key().map(|key| format!(" under `{key}`")).unwrap_or_default();
    let n = checkpoint.tensors().count();
    console::note(format_args!("{path}: {}, {n} tensors{key}", checkpoint.container().name()));
    if !checkpoint.prefix().is_empty() {
        console::note(format_args!(
            "  removed the prefix `{}` from the names",
            checkpoint.prefix()
        ));
    }
    for (name, what) in checkpoint.others() {
        console::note(format_args!("  ignored: {name}, {what}"));
    }
}
