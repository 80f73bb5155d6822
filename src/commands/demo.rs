//! `nocturne demo`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nocturne_concepts::Source;
use nocturne_encoder::metrics::spearman;
use nocturne_engine::{
    AskedQuestion, Engine, EpochQuery, EpochRequest, NightAnswer, NightBlock, NightRequest,
};
use nocturne_index::{Filter, Location};
use nocturne_indexer::{CaptionKinds, discover};
use nocturne_psg::RecordingId;
use nocturne_psg::annotation::ScoringOptions;
use nocturne_psg::montage::ProfileChoice;
use nocturne_simulator::NightSpec;

use super::{index, label, nights, search, simulate};
use crate::args::{
    CollectionArguments, CollectionOption, Common, ConceptFiles, Demo, ServerArguments,
};
use crate::console;
use crate::error::CommandOutcome;
use crate::session::Session;

/// Seed of the nights; the shipped bundle was trained on nights of other seeds.
const SEED: u64 = 20_261;
const NIGHTS: u32 = 8;
const HOURS: f64 = 7.0;

const SENTENCE: &str = "deep sleep with slow waves";
const QUESTION: &str = "nights with frequent arousals";

pub(super) fn run(common: &Common, arguments: &Demo) -> Result<CommandOutcome> {
    let session = Session::open(common, &arguments.encoder)?;
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => simulated(&arguments.work)?,
    };
    // One collection for each bundle and folder, so that they do not mix.
    let path = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    let key =
        nocturne_psg::hash::sha256(format!("{}{}", session.bundle.fingerprint(), path.display()));
    let collection = Location::Folder(arguments.work.join(format!("collection-{}", &key[..8])));
    std::fs::create_dir_all(&arguments.work)
        .with_context(|| format!("cannot create `{}`", arguments.work.display()))?;
    let index_run = index::IndexRun {
        found: discover(&folder, None)?,
        writer: index::writer(&session, &collection)?,
        cohort: None,
        captions: CaptionKinds::default(),
        profile: ProfileChoice::Auto,
        scoring: ScoringOptions::default(),
        strict: false,
    };
    let report = index::fill(&session, index_run, false)?;
    let outcome = index::summarise(&report, false)?;
    let queried = CollectionArguments {
        concepts: ConceptFiles::default(),
        collection: CollectionOption {
            collection: collection.clone(),
            server: ServerArguments::default(),
        },
        encoder: arguments.encoder.clone(),
    };
    let engine = session.engine(&queried, None)?;
    show(&engine, &collection)?;
    close(&collection)?;
    Ok(outcome)
}

/// Simulates the cohort, except nights that a previous demonstration has written.
fn simulated(work: &Path) -> Result<PathBuf> {
    let folder = work.join(format!("nights-{SEED}"));
    let is_missing = |night: &u32| !folder.join(format!("night-{night:04}.edf")).is_file();
    let specs: Vec<NightSpec> = (1..=NIGHTS)
        .filter(is_missing)
        .map(|night| NightSpec { seed: SEED, night, hours: HOURS, site: None })
        .collect();
    if !specs.is_empty() {
        simulate::write_all(&specs, None, &folder)?;
    }
    console::print(format_args!("{NIGHTS} simulated nights of {HOURS} h in {}", folder.display()))?;
    Ok(folder)
}

/// Prints a search, a question about nights answered by the scoring and by the model, and the stages of a night, each
/// under the equivalent command.
fn show(engine: &Engine, collection: &Location) -> Result<()> {
    console::print(format_args!(
        "\n$ nocturne search \"{SENTENCE}\" --collection {collection} -k 5"
    ))?;
    let query = EpochQuery::Text(SENTENCE.to_owned());
    let request = EpochRequest { k: 5, ..EpochRequest::default() };
    search::print(&engine.search_epochs(&query, request)?)?;

    console::print(format_args!("\n$ nocturne nights \"{QUESTION}\" --collection {collection}"))?;
    let request = NightRequest {
        question: AskedQuestion::Words(QUESTION.to_owned()),
        k: 1000,
        ..NightRequest::default()
    };
    let scored = engine.search_nights(&request)?;
    nights::print(&scored)?;
    console::print(format_args!(
        "\n$ nocturne nights \"{QUESTION}\" --source model --collection {collection}"
    ))?;
    let modelled =
        engine.search_nights(&NightRequest { source: Some(Source::Model), ..request })?;
    nights::print(&modelled)?;
    let value_of = |answer: &NightAnswer, recording: &str| {
        let mut nights = answer.blocks.iter().flat_map(|block| &block.nights);
        nights.find(|night| night.recording == recording).map(|night| night.values[0].value)
    };
    let is_scored = |block: &&NightBlock| block.source == Source::Scored;
    let scored_nights = scored.blocks.iter().filter(is_scored).flat_map(|block| &block.nights);
    let rates: Vec<(f64, f64)> = scored_nights
        .filter_map(|night| Some((night.values[0].value, value_of(&modelled, &night.recording)?)))
        .collect();
    if let Some(correlation) = spearman(&rates) {
        console::print(format_args!(
            "rank correlation (Spearman) of estimated and scored rates over {} nights: {correlation:.2}",
            rates.len()
        ))?;
    }

    let Some(night) = night_to_label(collection)? else { return Ok(()) };
    console::print(format_args!("\n$ nocturne label {night} --collection {collection}"))?;
    let filter = Filter { recordings: Some([night].into()), ..Filter::default() };
    label::print_stages(engine, &filter)
}

/// Returns the first recording with scored stages, or else the first recording.
fn night_to_label(collection: &Location) -> Result<Option<RecordingId>> {
    let collection = collection.open()?;
    let entries = collection.entries();
    let scored = entries.iter().find(|entry| entry.has_stages());
    Ok(scored.or(entries.first()).map(|entry| entry.id.clone()))
}

fn close(collection: &Location) -> Result<()> {
    console::print(format_args!(
        "\nask more:        nocturne search \"rapid eye movements\" --collection {collection}\n\
         your own nights: nocturne index FOLDER --collection DIR\n\
         serve over gRPC: nocturne serve --collection {collection}\n\
         The program is target/release/nocturne; `nocturne help` lists all commands."
    ))?;
    Ok(())
}
