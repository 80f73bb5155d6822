//! `nocturne nights`

use anyhow::Result;
use nocturne_concepts::Source;
use nocturne_engine::{
    AskedQuestion, Measurement, NightAnswer, NightBlock, NightHit, NightRequest,
};

use crate::args::{Common, Nights};
use crate::console;
use crate::error::CommandOutcome;
use crate::session;
use crate::table::table;

pub(super) fn run(common: &Common, arguments: Nights) -> Result<CommandOutcome> {
    let Nights { question, ask, recordings, filter, source, .. } = arguments;
    let Nights { top, evidence, json, certain, collection, .. } = arguments;
    let filter = filter.on(&recordings)?;
    let engine = session::engine(common, &collection)?;
    let question = match ask {
        Some(typed) => AskedQuestion::Typed(typed),
        None => AskedQuestion::Words(question.unwrap_or_default()),
    };
    let source = source.source();
    let request = NightRequest { question, source, certain, filter, k: top, evidence };
    let answer = engine.search_nights(&request)?;
    if json {
        console::print_pretty_json(&answer)?;
    } else {
        print(&answer)?;
    }
    Ok(CommandOutcome::Done)
}

/// Prints the interpretation of the question and the nights, a table for each source.
pub(super) fn print(answer: &NightAnswer) -> Result<()> {
    let NightAnswer { blocks, skipped, reading, cautions, .. } = answer;
    for caution in cautions {
        console::note(format_args!("caution: {caution}"));
    }
    console::print(format_args!("read as: {}\n         {}", reading.typed, reading.sentence))?;
    if blocks.is_empty() {
        console::print("no night fits")?;
    }
    for block in blocks {
        print_block(block)?;
    }
    for night in skipped {
        console::note(format_args!("no answer for {}: {}", night.recording, night.reason));
    }
    Ok(())
}

fn print_block(block: &NightBlock) -> Result<()> {
    let NightBlock { source, nights, total } = block;
    let from = match source {
        Source::Scored => "scored by a person or a program",
        Source::Signal => "measured on a signal",
        Source::Model => "estimated by the model",
    };
    console::print(format_args!("\n{from}: {} of {total} nights", nights.len()))?;
    let Some(first) = nights.first() else { return Ok(()) };
    let is_model = *source == Source::Model;
    let mut headings = vec!["night".to_owned()];
    for (i, value) in first.values.iter().enumerate() {
        headings.push(format!(">{}", value.quantity));
        if i == 0 && is_model {
            headings.push(">95 % interval".to_owned());
        }
    }
    headings.extend([">hours".to_owned(), "evidence".to_owned()]);
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    console::print(table(&headings, nights.iter().map(|night| row(night, is_model))))?;
    Ok(())
}

fn row(night: &NightHit, is_model: bool) -> Vec<String> {
    let mark = if night.uncertain { " ?" } else { "" };
    let names: Vec<&str> =
        std::iter::once(&night.recording).chain(&night.same_night).map(String::as_str).collect();
    let mut cells = vec![format!("{}{mark}", names.join(" = "))];
    for (i, value) in night.values.iter().enumerate() {
        cells.push(number(value));
        if i == 0 && is_model {
            cells.push(interval(value));
        }
    }
    cells.push(format!("{:.1}", night.values[0].hours));
    let evidence: Vec<String> = night.evidence.iter().map(|hit| hit.epoch.to_string()).collect();
    cells.push(evidence.join(", "));
    cells
}

/// Returns a value with its unit.
fn number(measured: &Measurement) -> String {
    let unit = measured.unit.sign();
    let space = if unit.is_empty() { "" } else { " " };
    format!("{:.1}{space}{unit}", measured.value)
}

/// Returns the interval, or why there is none.
fn interval(measured: &Measurement) -> String {
    match (measured.interval, measured.no_interval) {
        (Some((low, high)), _) => format!("{low:.1} – {high:.1}"),
        (None, Some(reason)) => format!("none: {reason}"),
        (None, None) => String::new(),
    }
}
