//! Opens a collection and asks it three questions.
//!
//! ```text
//! cargo run -p nocturne-engine --example ask -- COLLECTION BUNDLE
//! ```
//!
//! `COLLECTION` is a folder that `nocturne index` or `nocturne demo` has filled, `BUNDLE` the folder of the bundle that
//! filled it, such as `models/nocturne-tiny`. ONNX Runtime is searched for as [`Runtime::load`] describes.

#![expect(clippy::print_stdout, reason = "an example prints its answers")]

use std::path::PathBuf;

use nocturne_encoder::{Bundle, Runtime};
use nocturne_engine::{
    AskedQuestion, Engine, EngineOptions, EpochQuery, EpochRequest, NightRequest,
};
use nocturne_index::Filter;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(collection), Some(bundle)) = (arguments.next(), arguments.next()) else {
        return Err("usage: ask COLLECTION BUNDLE".into());
    };

    // The engine refuses a bundle that did not fill the collection: vectors of different bundles cannot be compared.
    let runtime = Runtime::load(None)?;
    let bundle = Bundle::open(&bundle)?;
    let engine = Engine::open(collection.as_path(), &bundle, runtime, EngineOptions::default())?;
    let info = engine.info()?;
    println!("{} recordings, {} epochs, bundle {}", info.recordings, info.epochs, info.bundle);

    // Words → epochs: the text is encoded, and every epoch is scored by the cosine to it.
    let query = EpochQuery::Text("deep sleep with slow waves".to_owned());
    let asleep = Filter { expression: Some("stage != W".parse()?), ..Filter::default() };
    let request = EpochRequest { k: 3, filter: asleep, ..EpochRequest::default() };
    let answer = engine.search_epochs(&query, request)?;
    println!("\ndeep sleep with slow waves ({})", answer.plan);
    for hit in answer.hits {
        println!(
            "  {}:{}  cosine {:.3}, stage {:?}",
            hit.recording, hit.epoch, hit.score, hit.stage
        );
    }

    // Words → nights: the words become a typed question, and its answer is computed from annotations or the model.
    let question = AskedQuestion::Words("nights with frequent arousals".to_owned());
    let request = NightRequest { question, k: 3, evidence: 2, ..NightRequest::default() };
    let answer = engine.search_nights(&request)?;
    println!("\n{}", answer.reading.typed);
    for block in answer.blocks {
        println!("  {}", block.source.name());
        for night in block.nights {
            println!("  {}  {:.1} per hour", night.recording, night.values[0].value);
        }
    }
    for night in answer.skipped {
        println!("  {}  skipped: {}", night.recording, night.reason);
    }

    // Epochs → labels: the nearest prompt of each epoch, compared with the scoring.
    let (mut n_scored, mut n_right) = (0, 0);
    engine.label_epochs(&Filter::default(), "stages", |epoch| {
        if let Some(stage) = epoch.scored_stage {
            n_scored += 1;
            n_right += usize::from(epoch.labels.first() == Some(&stage.code()));
        }
        // `false` would stop here.
        true
    })?;
    println!("\nzero-shot stages: {n_right} of {n_scored} scored epochs are right");
    Ok(())
}
