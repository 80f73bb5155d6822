//! `nocturne search`

use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_encoder::{Localisation, MatchSpan};
use nocturne_engine::{
    CaptionAnswer, CaptionRequest, Engine, EpochAnswer, EpochHit, EpochQuery, EpochRequest,
    Explanation, RankRequest, ScoreKind, TextReading, Threshold,
};
use nocturne_index::Filter;
use nocturne_psg::montage::Channel;
use nocturne_psg::{EpochNumber, EpochRef};
use serde::Serialize;
use serde_json::json;

use crate::args::{Common, FilterArguments, SearchEpochs};
use crate::commands::bouts::{Bout, bouts};
use crate::commands::nights::note_skipped;
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::{clock, table};

/// Heading of the column of scores, right-aligned.
pub(super) const COSINE: &str = ">cosine";

/// How hits are explained.
const METHOD: &str = "exchange";

/// A hit with the place where the query matches.
#[derive(Serialize)]
struct ExplainedHit<'a> {
    #[serde(flatten)]
    hit: &'a EpochHit,
    /// The seconds and channels.
    localisation: Option<&'a Localisation>,
    /// Why there are none.
    not_explained: Option<&'a str>,
}

pub(super) fn run(common: &Common, arguments: SearchEpochs) -> Result<CommandOutcome> {
    let SearchEpochs { text, like, vector, concept, captions, filter, collection, .. } = arguments;
    let SearchEpochs { top, min_score, explain, json, nights, recall, .. } = arguments;
    let filter = Filter::try_from(filter)?;
    let session = Session::open_for(common, &collection.encoder, &collection.location())?;
    let engine = session.engine(&collection, Some(recall.recall))?;
    if nights {
        let request = RankRequest { text: text.unwrap_or_default(), filter, k: top };
        return rank_nights(&engine, request, json);
    }
    if let (Some(epoch), true) = (&like, captions) {
        let request = CaptionRequest { k: top, ..CaptionRequest::default() };
        let hits = engine.search_captions(epoch, &request)?;
        if json {
            console::print_pretty_json(&hits)?;
        } else {
            print_captions(&hits)?;
        }
        return Ok(CommandOutcome::Done);
    }
    let query = match (text, like, vector, concept) {
        (Some(text), ..) => EpochQuery::Text(text),
        (None, Some(epoch), ..) => EpochQuery::Epoch(epoch),
        (None, None, Some(file), _) => EpochQuery::Vector(read_vector(&file)?),
        (None, None, None, Some(file)) => EpochQuery::Concept(engine.read_concept(&file)?),
        (None, None, None, None) => bail!(
            "nothing to search for; pass a text, `--like EPOCH`, `--vector FILE` or `--concept FILE`"
        ),
    };
    let is_concept = matches!(query, EpochQuery::Concept(_));
    let threshold = if is_concept { Threshold::Probability } else { Threshold::Cosine };
    let min_score = min_score.map(threshold);
    let request = EpochRequest { k: top, filter, min_score, recall: None };
    let answer = engine.search_epochs(&query, request)?;
    if arguments.bouts {
        return print_bouts(&answer, json);
    }
    let explanations =
        if explain { Some(explanations(&session, &engine, (&query, &answer))?) } else { None };
    match (explanations, json) {
        (None, true) => console::print_pretty_json(&answer)?,
        (None, false) => print(&answer)?,
        (Some(explanations), true) => {
            let hits: Vec<ExplainedHit<'_>> = explained(&answer, &explanations).collect();
            let EpochAnswer { score, reading, nothing_matches, skipped, missing, plan, .. } =
                &answer;
            let answer = json!({
                "hits": hits, "score": score, "reading": reading, "nothing_matches": nothing_matches,
                "skipped": skipped, "missing": missing, "plan": plan, "explanation": METHOD,
            });
            console::print_pretty_json(&answer)?;
        }
        (Some(explanations), false) => {
            print(&answer)?;
            print_explanations(&answer, &explanations)?;
        }
    }
    Ok(CommandOutcome::Done)
}

/// Ranks nights by similarity.
fn rank_nights(engine: &Engine, request: RankRequest, json: bool) -> Result<CommandOutcome> {
    let bar = console::progress("reading", 0);
    let ranking = engine.rank_nights(request, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let ranking = ranking?;
    if json {
        console::print_pretty_json(&ranking)?;
        return Ok(CommandOutcome::Done);
    }
    warn(&ranking.reading);
    note_no_match(ranking.nothing_matches)?;
    for recording in &ranking.missing {
        console::note(format_args!(
            "warning: `{recording}` is damaged or incomplete; not searched"
        ));
    }
    let rows = ranking.nights.iter().map(|night| {
        let epochs: Vec<String> = night.epochs.iter().map(|hit| hit.epoch.to_string()).collect();
        vec![night.recording.clone(), format!("{:.3}", night.score), epochs.join(", ")]
    });
    console::print(table(&["night", COSINE, "nearest epochs"], rows))?;
    Ok(CommandOutcome::Done)
}

fn explanations(
    session: &Session,
    engine: &Engine,
    (query, answer): (&EpochQuery, &EpochAnswer),
) -> Result<Vec<Explanation>> {
    let epoch = |hit: &EpochHit| -> Result<EpochRef> {
        let recording = hit.recording.parse()?;
        Ok(EpochRef { recording, epoch: EpochNumber(hit.epoch) })
    };
    let epochs: Vec<EpochRef> = answer.hits.iter().map(epoch).collect::<Result<_>>()?;
    Ok(engine.explain(&mut session.explainer()?, query, &epochs)?)
}

fn explained<'a>(
    answer: &'a EpochAnswer,
    explanations: &'a [Explanation],
) -> impl Iterator<Item = ExplainedHit<'a>> {
    answer.hits.iter().zip(explanations).map(|(hit, explanation)| ExplainedHit {
        hit,
        localisation: explanation.localisation.as_ref(),
        not_explained: explanation.problem.as_deref(),
    })
}

/// Prints where in each hit the query matches, in seconds from the start of the epoch, with the change of the cosine
/// there and its mean over the epoch.
fn print_explanations(answer: &EpochAnswer, explanations: &[Explanation]) -> Result<()> {
    let rows = explained(answer, explanations).map(|it| {
        let epoch = format!("{}:{}", it.hit.recording, it.hit.epoch);
        let Some(localisation) = it.localisation else {
            return vec![epoch, it.not_explained.unwrap_or("–").to_owned(), "–".to_owned()];
        };
        let spans: Vec<String> = localisation.spans.iter().map(span).collect();
        let seconds = &localisation.seconds;
        let mean = seconds.iter().sum::<f32>() / seconds.len() as f32;
        let spans = if spans.is_empty() { "nowhere".to_owned() } else { spans.join(", ") };
        vec![epoch, spans, format!("{mean:+.3}")]
    });
    console::print(format_args!("\n{}", table(&["epoch", "matches at", ">mean"], rows)))?;
    console::print(
        "in brackets: change of the cosine if two seconds are exchanged with epochs that match less",
    )?;
    Ok(())
}

/// Describes a span, such as `10–13 s EOG_L+EOG_R (+0.096)`.
fn span(span: &MatchSpan) -> String {
    let MatchSpan { from_s, to_s, change, .. } = span;
    let channels: Vec<&str> = span.main_channels().map(Channel::name).collect();
    format!("{from_s}–{to_s} s {} ({change:+.3})", channels.join("+"))
}

fn read_vector(file: &Path) -> Result<Vec<f32>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("`{}` is not a JSON list of numbers", file.display()))
}

impl TryFrom<FilterArguments> for Filter {
    type Error = nocturne_index::Error;

    fn try_from(arguments: FilterArguments) -> nocturne_index::Result<Self> {
        let FilterArguments { recordings, stages, events, channels, expression } = arguments;
        Ok(Self {
            stages: (!stages.is_empty()).then(|| stages.into_iter().collect()),
            any_event: events.into_iter().collect(),
            channels: channels.into_iter().collect(),
            ..expression.on(&recordings)?
        })
    }
}

/// Prints what a text was not understood in.
fn warn(reading: &TextReading) {
    if !reading.unknown_words.is_empty() {
        let words = reading.unknown_words.join("`, `");
        console::note(format_args!(
            "warning: `{words}` did not occur in the training of the bundle"
        ));
    }
    if reading.truncated {
        console::note("warning: the text is too long; its end was ignored");
    }
}

/// Says that nothing matches, if so.
fn note_no_match(nothing_matches: bool) -> Result<()> {
    if nothing_matches {
        console::print(
            "nothing matches: none of the nearest epochs shows it, by the model's own probabilities",
        )?;
    }
    Ok(())
}

/// Prints the hits of an answer as bouts.
fn print_bouts(answer: &EpochAnswer, json: bool) -> Result<CommandOutcome> {
    let bouts = bouts(&answer.hits);
    if json {
        let EpochAnswer { score, reading, nothing_matches, skipped, missing, plan, .. } = answer;
        console::print_pretty_json(&json!({
            "bouts": bouts, "score": score, "reading": reading,
            "nothing_matches": nothing_matches, "skipped": skipped, "missing": missing, "plan": plan,
        }))?;
        return Ok(CommandOutcome::Done);
    }
    print_reading(answer)?;
    let rows = bouts.iter().map(|bout| {
        let Bout { recording, first_epoch, last_epoch, .. } = bout;
        let epochs = if first_epoch == last_epoch {
            format!("{recording}:{first_epoch}")
        } else {
            format!("{recording}:{first_epoch}–{last_epoch}")
        };
        vec![
            epochs,
            clock(bout.onset_s),
            format!("{:.1}", bout.duration_s / 60.0),
            format!("{:.3}", bout.best_score),
            bout.best_epoch.to_string(),
        ]
    });
    let score = score_heading(answer);
    console::print(table(&["epochs", ">from start", ">minutes", score, ">best epoch"], rows))?;
    Ok(CommandOutcome::Done)
}

/// Returns the heading of the scores, right-aligned.
const fn score_heading(answer: &EpochAnswer) -> &'static str {
    match answer.score {
        ScoreKind::Cosine => COSINE,
        ScoreKind::Probability => ">probability",
    }
}

/// Prints how the query was read, and the hits as a table.
pub(super) fn print(answer: &EpochAnswer) -> Result<()> {
    print_reading(answer)?;
    print_hits(answer)
}

/// Prints how the query was read, and what was not searched.
fn print_reading(answer: &EpochAnswer) -> Result<()> {
    if let Some(reading) = &answer.reading {
        warn(reading);
        if let Some(typed) = &reading.typed {
            console::print(format_args!("read as: {typed}"))?;
        }
    }
    note_no_match(answer.nothing_matches)?;
    note_skipped(&answer.skipped);
    for recording in &answer.missing {
        console::note(format_args!(
            "warning: `{recording}` is damaged or incomplete; not searched"
        ));
    }
    Ok(())
}

fn print_hits(answer: &EpochAnswer) -> Result<()> {
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
    let score = score_heading(answer);
    console::print(table(
        &["epoch", ">from start", ">clock", score, "stage", "scored events"],
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
    console::print(table(&[COSINE, "kind", "caption", "epoch"], rows))?;
    Ok(())
}
