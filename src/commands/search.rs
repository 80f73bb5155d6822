//! `nocturne search`

use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_engine::{CaptionAnswer, CaptionRequest, EpochAnswer, EpochQuery};
use nocturne_index::Filter;

use crate::args::{Common, FilterArguments, SearchEpochs};
use crate::console;
use crate::error::Outcome;
use crate::session;
use crate::table::{clock, table};

pub(super) fn run(common: &Common, arguments: SearchEpochs) -> Result<Outcome> {
    let SearchEpochs { text, like, vector, captions, top, min_score, json, filter, collection } =
        arguments;
    let engine = session::engine(common, &collection)?;
    if let (Some(epoch), true) = (&like, captions) {
        let request = CaptionRequest { k: top, ..CaptionRequest::default() };
        let hits = engine.search_captions(epoch, &request)?;
        if json {
            console::print_pretty_json(&hits)?;
        } else {
            print_captions(&hits)?;
        }
        return Ok(Outcome::Done);
    }
    let query = match (text, like, vector) {
        (Some(text), ..) => EpochQuery::Text(text),
        (None, Some(epoch), _) => EpochQuery::Epoch(epoch),
        (None, None, Some(file)) => EpochQuery::Vector(read_vector(&file)?),
        (None, None, None) => {
            bail!("nothing to search for; give words, `--like EPOCH` or `--vector FILE`")
        }
    };
    let answer = engine.search_epochs(&query, top, filter.into(), min_score)?;
    if json {
        console::print_pretty_json(&answer)?;
    } else {
        print(&answer)?;
    }
    Ok(Outcome::Done)
}

fn read_vector(file: &Path) -> Result<Vec<f32>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("`{}` is no JSON list of numbers", file.display()))
}

impl From<FilterArguments> for Filter {
    fn from(arguments: FilterArguments) -> Self {
        let FilterArguments { recordings, stages, events, channels } = arguments;
        Self {
            recordings: (!recordings.is_empty()).then(|| recordings.into_iter().collect()),
            stages: (!stages.is_empty()).then(|| stages.into_iter().collect()),
            any_event: events.into_iter().collect(),
            channels: channels.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Prints epochs as a table, and what of the text was not understood.
pub(super) fn print(answer: &EpochAnswer) -> Result<()> {
    if let Some(reading) = &answer.reading {
        if !reading.unknown_words.is_empty() {
            let words = reading.unknown_words.join("`, `");
            console::note(format_args!("warning: the bundle never met `{words}` in its training"));
        }
        if reading.truncated {
            console::note("warning: the text is too long; its end was left out");
        }
    }
    let rows = answer.hits.iter().map(|hit| {
        vec![
            format!("{}:{}", hit.recording, hit.epoch),
            clock(hit.onset_s),
            hit.local_time
                .clone()
                .unwrap_or_default()
                .split('T')
                .next_back()
                .unwrap_or_default()
                .to_owned(),
            format!("{:.3}", hit.score),
            hit.stage.map(|stage| stage.to_string()).unwrap_or_default(),
            hit.events.join(", "),
        ]
    });
    console::print(table(
        &["epoch", ">from start", ">clock", ">cosine", "stage", "scored events"],
        rows,
    ))?;
    Ok(())
}

fn print_captions(hits: &[CaptionAnswer]) -> Result<()> {
    let rows = hits.iter().map(|hit| {
        vec![
            format!("{:.3}", hit.score),
            hit.kind.to_string(),
            hit.text.clone(),
            format!("{}:{}", hit.recording, hit.epoch),
        ]
    });
    console::print(table(&[">cosine", "kind", "caption", "made for"], rows))?;
    Ok(())
}
