//! `nocturne eval`

mod card;
mod sections;

use std::path::PathBuf;

use anyhow::{Context, Result};
use nocturne_eval::{EvaluationOptions, Evaluator};
use nocturne_indexer::discover;

use crate::args::{Common, Eval};
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;

pub(super) fn run(common: &Common, arguments: &Eval) -> Result<CommandOutcome> {
    let paths: Vec<PathBuf> =
        discover(&arguments.folder, None)?.into_iter().map(|found| found.path).collect();
    let session = Session::open(common, &arguments.encoder)?;
    let (signal, text) = session.towers()?;
    let bar = console::progress("evaluating", paths.len());
    let Eval { localisation, gallery, by_channels, captions, .. } = *arguments;
    let mut evaluator = Evaluator::new(signal, text, &session.bundle)?
        .with_options(EvaluationOptions { localisation, gallery, by_channels, captions });
    if let Some(captioner) = session.caption_decoder()?.filter(|_| captions > 0) {
        evaluator = evaluator.with_captioner(captioner, &session.bundle)?;
    }
    let evaluation = evaluator.run(&paths, |n| bar.set_position(n as u64))?;
    bar.finish_and_clear();
    for (_, problem) in &evaluation.failed {
        console::note(format_args!("skipped: {problem}"));
    }
    let card = sections::card(&evaluation);
    if let Some(path) = &arguments.markdown {
        std::fs::write(path, card.to_markdown())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if arguments.json {
        console::print_pretty_json(&evaluation)?;
    } else {
        console::print(card.to_text().trim_end())?;
    }
    Ok(if evaluation.failed.is_empty() { CommandOutcome::Done } else { CommandOutcome::PartlyDone })
}
