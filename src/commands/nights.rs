//! `nocturne nights`

use anyhow::Result;
use nocturne_concepts::Source;
use nocturne_engine::{
    AskedQuestion, Measurement, NightAnswer, NightBlock, NightHit, NightRequest, SkippedNight,
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
        console::print(match (answer.judged, skipped.len()) {
            (0, _) => "no night has an answer".to_owned(),
            (judged, 0) => format!("no night fits; {judged} nights were judged"),
            (judged, n) => {
                format!("no night fits; {judged} nights were judged, {n} have no answer")
            }
        })?;
    }
    for block in blocks {
        print_block(block)?;
    }
    if blocks.iter().flat_map(|block| &block.nights).any(|night| night.uncertain) {
        console::note("?: the interval crosses a bound of the question, or there is no interval");
    }
    if answer.uncertain_left_out > 0 {
        let n = answer.uncertain_left_out;
        console::note(format_args!("{n} uncertain nights left out (`--certain`)"));
    }
    note_skipped(skipped);
    Ok(())
}

/// Number of nights that are named for each reason; `--json` has all of them.
const MAX_NAMED: usize = 3;

/// Notes which nights have no answer, by reason.
pub(super) fn note_skipped(skipped: &[SkippedNight]) {
    let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
    for night in skipped {
        let reason = night.reason.to_string();
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, nights)) => nights.push(&night.recording),
            None => by_reason.push((reason, vec![&night.recording])),
        }
    }
    for (reason, nights) in by_reason {
        let named = nights[..nights.len().min(MAX_NAMED)].join(", ");
        match nights.len() {
            n if n > MAX_NAMED => {
                console::note(format_args!("no answer for {n} nights ({named}, …): {reason}"));
            }
            _ => console::note(format_args!("no answer for {named}: {reason}")),
        }
    }
}

fn print_block(block: &NightBlock) -> Result<()> {
    let NightBlock { source, nights, total } = block;
    let from = match source {
        Source::Scored => "scored by a person or a program",
        Source::Signal => "measured on a signal",
        Source::Model => "estimated by the model",
    };
    let shown = nights.len();
    let nights_fit =
        if *total == 1 { "1 night fits".to_owned() } else { format!("{total} nights fit") };
    let cut = if shown < *total { format!("; the first {shown} of them") } else { String::new() };
    console::print(format_args!("\n{from}: {nights_fit}{cut}"))?;
    let Some(first) = nights.first() else { return Ok(()) };
    let is_model = *source == Source::Model;
    let mut headings = vec!["night".to_owned()];
    for (i, value) in first.values.iter().enumerate() {
        headings.push(format!(">{}", value.quantity));
        if i == 0 && is_model {
            headings.push(">95 % interval".to_owned());
        }
    }
    headings.extend([">hours measured".to_owned(), "epochs".to_owned()]);
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
        let from = night.values[0].source;
        let apart = if value.source == from {
            String::new()
        } else {
            format!(" ({})", value.source.name())
        };
        cells.push(format!("{}{apart}", number(value)));
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
