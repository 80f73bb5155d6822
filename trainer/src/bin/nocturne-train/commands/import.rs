//! `nocturne-train import`

use std::path::{Path, PathBuf};

use anyhow::Result;
use nocturne_trainer::import::replace_bundle;
use nocturne_trainer::{
    BundleFacts, Checkpoint, Import, ModelConfig, Weights, check_vocabulary, write_bundle,
};

use super::export::folder_name;
use crate::args::{self, Import as Arguments};
use crate::console;
use crate::error::Outcome;

pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    let config = arguments.config.as_deref().map(ModelConfig::read).transpose()?;
    let checkpoint = Checkpoint::open(&arguments.checkpoint)?;
    tell_contents(&checkpoint);
    let import = Import::new(&checkpoint, config.as_ref())?;
    import.notices().iter().for_each(|notice| console::note(format_args!("note: {notice}")));
    // Before minutes are spent on reading.
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
        import.config().write(&beside(path))?;
        console::print(path.display())?;
    }
    if let Some(out) = &arguments.out {
        write(arguments, out, &weights, import.config())?;
    }
    Ok(Outcome::Done)
}

fn write(arguments: &Arguments, out: &Path, weights: &Weights, config: &ModelConfig) -> Result<()> {
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

/// Refuses what is there already: the bundle, and a configuration that may be the published one.
fn check_free(arguments: &Arguments) -> Result<()> {
    let weights = arguments.weights.iter().flat_map(|path| [path.clone(), beside(path)]);
    match arguments.out.iter().cloned().chain(weights).find(|path| path.exists()) {
        Some(path) => Err(nocturne_trainer::Error::Exists { path }.into()),
        None => Ok(()),
    }
}

/// Returns where the configuration of a file of weights is written.
fn beside(weights: &Path) -> PathBuf {
    weights.with_file_name("config.json")
}

/// Tells what the file is, and what of it is not used.
fn tell_contents(checkpoint: &Checkpoint) {
    let path = checkpoint.path().display();
    let place = checkpoint.place().map(|place| format!(" under `{place}`")).unwrap_or_default();
    let n = checkpoint.tensors().count();
    console::note(format_args!("{path}: {}, {n} tensors{place}", checkpoint.container().name()));
    if !checkpoint.prefix().is_empty() {
        console::note(format_args!("  `{}` was taken from the names", checkpoint.prefix()));
    }
    for (name, what) in checkpoint.others() {
        console::note(format_args!("  passed over: {name}, {what}"));
    }
}
