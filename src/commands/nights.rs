//! `nocturne nights`

use anyhow::Result;
use nocturne_engine::{NightAnswer, NightRequest};

use crate::args::{Common, Nights};
use crate::console;
use crate::error::CommandOutcome;
use crate::session;
use crate::table::{number, table};

pub(super) fn run(common: &Common, arguments: Nights) -> Result<CommandOutcome> {
    let Nights { question, concept, recordings, filter, .. } = arguments;
    let Nights { top, evidence, json, collection, .. } = arguments;
    let filter = filter.on(&recordings)?;
    let engine = session::engine(common, &collection)?;
    let concept = concept.map(|file| engine.read_concept(&file)).transpose()?;
    // Without a question, the name of the concept is the question.
    let named = concept.as_ref().map(|concept| concept.name().to_owned());
    let question = question.or(named).unwrap_or_default();
    let request = NightRequest { question, concept, filter, k: top, evidence };
    let answer = engine.search_nights(&request)?;
    if json {
        console::print_pretty_json(&answer)?;
    } else {
        print(&answer)?;
    }
    Ok(CommandOutcome::Done)
}

/// Prints the interpretation of the question and the nights as a table.
pub(super) fn print(answer: &NightAnswer) -> Result<()> {
    let NightAnswer { nights, skipped, reading, .. } = answer;
    console::print(format_args!("read as: {}", reading.sentence))?;
    for caution in &reading.cautions {
        console::note(format_args!("caution: {caution}"));
    }
    let rows = nights.iter().map(|night| {
        let (low, high) = night.rate_ci95;
        let evidence: Vec<String> =
            night.evidence.iter().map(|hit| hit.epoch.to_string()).collect();
        vec![
            night.recording.clone(),
            format!("{:.1}", night.rate_per_hour),
            format!("{low:.1} – {high:.1}"),
            number(night.scored_rate_per_hour, 1),
            format!("{} of {}", night.epochs_found, night.epochs_judged),
            format!("{:.1}", night.hours_of_sleep),
            evidence.join(", "),
        ]
    });
    let headings =
        ["night", ">per hour", ">95 % interval", ">scored", ">epochs", ">hours", "evidence"];
    console::print(table(&headings, rows))?;
    for night in skipped {
        console::note(format_args!("no answer for {}: {}", night.recording, night.reason));
    }
    Ok(())
}
