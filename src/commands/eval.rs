//! `nocturne eval`

use std::path::PathBuf;

use anyhow::Result;
use nocturne_engine::eval::{Evaluation, Evaluator, Occlusion, Retrieval};
use nocturne_indexer::discover;

use crate::args::{Common, Eval};
use crate::console;
use crate::error::Outcome;
use crate::session::Session;
use crate::table::{number, table};

pub(super) fn run(common: &Common, arguments: &Eval) -> Result<Outcome> {
    let paths: Vec<PathBuf> =
        discover(&arguments.folder, None)?.into_iter().map(|found| found.path).collect();
    let session = Session::open(common, &arguments.encoder)?;
    let (signal, text) = session.towers()?;
    let bar = console::progress("evaluating", paths.len());
    let evaluation = Evaluator::new(signal, text, &session.bundle)
        .with_occlusion(arguments.occlusion)?
        .run(&paths, |n| bar.set_position(n as u64))?;
    bar.finish_and_clear();
    for (_, problem) in &evaluation.failed {
        console::note(format_args!("passed over: {problem}"));
    }
    if arguments.json {
        console::print_pretty_json(&evaluation)?;
    } else {
        print(&evaluation)?;
    }
    Ok(if evaluation.failed.is_empty() { Outcome::Done } else { Outcome::PartlyDone })
}

fn print(evaluation: &Evaluation) -> Result<()> {
    let Evaluation { bundle, recordings, epochs, .. } = evaluation;
    console::print(format_args!("{bundle} on {recordings} recordings with {epochs} epochs"))?;
    if let Some(stages) = &evaluation.stages {
        console::print(format_args!(
            "\nstages by nearest prompt: balanced accuracy {}, macro F1 {}, kappa {}",
            number(stages.balanced_accuracy, 3),
            number(stages.macro_f1, 3),
            number(stages.kappa, 3)
        ))?;
        let rows = stages.labels.iter().zip(&stages.confusion).map(|(label, row)| {
            std::iter::once((*label).to_owned()).chain(row.iter().map(usize::to_string)).collect()
        });
        console::print(table(&["scored", ">W", ">N1", ">N2", ">N3", ">R"], rows))?;
    }
    console::print(format_args!(
        "wake against N3: AUROC {}",
        number(evaluation.wake_vs_deep_auroc, 3)
    ))?;
    let rows = evaluation.events.iter().map(|(name, event)| {
        vec![
            name.clone(),
            number(Some(event.auroc), 3),
            number(Some(event.prevalence), 3),
            event.epochs.to_string(),
        ]
    });
    console::print(table(&["event", ">AUROC", ">prevalence", ">epochs"], rows))?;
    if let Some(retrieval) = &evaluation.retrieval {
        let ways = [
            ("caption to epoch", &retrieval.text_to_epoch),
            ("epoch to caption", &retrieval.epoch_to_text),
        ];
        let rows = ways.map(|(way, Retrieval { r1, r5, r10, mrr, gallery })| {
            vec![
                way.to_owned(),
                format!("{r1:.3}"),
                format!("{r5:.3}"),
                format!("{r10:.3}"),
                format!("{mrr:.3}"),
                gallery.to_string(),
            ]
        });
        console::print(table(&["retrieval", ">R@1", ">R@5", ">R@10", ">MRR", ">gallery"], rows))?;
    }
    let rows = evaluation.nights.iter().map(|(name, nights)| {
        vec![name.clone(), number(nights.spearman, 3), nights.nights.to_string()]
    });
    console::print(table(&["nights by rate of", ">Spearman", ">nights"], rows))?;
    if let Some(occlusion) = &evaluation.occlusion {
        let Occlusion { epochs, hidden, similarity, attended, random, attended_cost_more } =
            occlusion;
        console::print(format_args!(
            "hiding {hidden} of 300 channel seconds in {epochs} epochs: the cosine to the caption, {similarity:.3}, \
             changes by {attended:+.3} where the most attended are hidden and by {random:+.3} where others are; \
             the attended cost more in {:.0} % of the epochs",
            100.0 * attended_cost_more
        ))?;
    }
    for silence in &evaluation.not_judged {
        console::print(format_args!("not judged: {silence}"))?;
    }
    Ok(())
}
