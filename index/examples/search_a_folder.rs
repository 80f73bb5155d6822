//! Creates a collection in a folder, commits two recordings, and searches it with a filter.
//!
//! ```text
//! cargo run -p nocturne-index --example search_a_folder
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::collections::BTreeMap;

use anyhow::Result;
use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{EmbeddingSpace, EpochPoint, Filter, Location, RecordingDraft, SearchRequest};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventKind, EventSet, Quality, RecordingId, Stage, ZScore};

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;

    // # The embedding space
    //
    // A collection belongs to one bundle: vectors of another encoder cannot be compared with its vectors. With a loaded
    // bundle this would be `EmbeddingSpace::of(&bundle)`.
    let space = EmbeddingSpace {
        bundle: "example".to_owned(),
        fingerprint: "0123".to_owned(),
        dim: 3,
        preprocessing: Preprocessing {
            montage: "sleeplm-10".to_owned(),
            z_score: ZScore::Recording,
        },
    };

    // # Commit
    //
    // A location is a folder, or an address such as `qdrant://localhost:6334/sleep`. When `commit` returns, the recording
    // survives a power cut and is visible whole; if it fails, nothing of the recording is visible.
    let location = Location::from(folder.path());
    let mut writer = location.open_or_create(&space)?;
    for (id, age, drift) in [("night-001", "34", 0.0), ("night-002", "71", 0.3)] {
        let entry = writer.commit(night(id, age, drift)?)?;
        println!("committed {} with {} epochs", entry.id, entry.n_epochs);
    }

    // # Search
    //
    // A reader is a snapshot: it takes no lock, and what the writer does later does not change it. The scan returns the true
    // nearest epochs. A query of words would be the embedding of a text.
    let reader = location.open()?;
    let query = Embedding::new(vec![0.0, 0.0, 1.0])?;
    for hit in reader.search(&query, &SearchRequest::nearest(2))? {
        println!("{}: {:.3}", hit.epoch, hit.score);
    }

    // # Filter
    //
    // Conditions on recordings and epochs in one expression. A mistake in it is an error with its position.
    let expression = "age >= 60 stage = N2 event:arousal".parse()?;
    let filter = Filter { expression: Some(expression), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(2) };
    for hit in reader.search(&query, &request)? {
        println!("arousals in N2 over 60: {} ({:.3})", hit.epoch, hit.score);
    }

    // # Approximate search
    //
    // With a recall below 1, the cheapest way to reach it is chosen, and reported with the answer. A collection as small as
    // this one is always scanned; `CollectionReader::build_indexes` builds inverted lists for a large one.
    let request = SearchRequest { recall: Some(0.95), ..SearchRequest::nearest(2) };
    let answer = reader.find(&query, &request)?;
    println!("found {} hits by {}", answer.hits.len(), answer.plan);
    Ok(())
}

/// Returns a recording of ten epochs, whose vectors turn from one direction to another.
fn night(id: &str, age: &str, drift: f32) -> Result<RecordingDraft> {
    let epoch = |number: u32| -> Result<EpochPoint> {
        let angle = 0.15 * number as f32 + drift;
        let is_arousal = number % 4 == 3;
        Ok(EpochPoint {
            number: EpochNumber(number),
            onset_s: 30.0 * f64::from(number),
            mask: ChannelMask::ALL,
            quality: Quality::default(),
            stage: Some(if number < 2 { Stage::Wake } else { Stage::N2 }),
            events: if is_arousal {
                [EventKind::Arousal].into_iter().collect()
            } else {
                EventSet::EMPTY
            },
            vector: Embedding::new(vec![angle.cos(), 0.1, angle.sin()])?,
        })
    };
    Ok(RecordingDraft {
        id: RecordingId::new(id)?,
        source: format!("{id}.edf"),
        source_sha256: String::new(),
        annotations_sha256: None,
        origin: nocturne_psg::RecordingOrigin::Recorded,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: BTreeMap::from([("age".to_owned(), age.to_owned())]),
        montage: serde_json::Value::Null,
        events: Some(Vec::new()),
        signals: None,
        epochs: (0..10).map(epoch).collect::<Result<_>>()?,
        captions: Vec::new(),
    })
}
