//! Benchmark: questions about the nights of a large collection whose concept tracks are drawn.
//!
//! `cargo bench -p nocturne-engine --bench nights -- [--nights N] [--epochs N]` prints a line of JSON for each question: the
//! time of the first answer after opening, the median of the next ones, and the memory of the process. The collection is in a
//! folder; recordings have one epoch, and tracks have all of them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nocturne_concepts::{Registry, TrackBuilder, TrackContents};
use nocturne_encoder::{BatchOptions, Bundle, Device, Embedding, Runtime, TextEncoder};
use nocturne_engine::{AskedQuestion, Engine, EngineOptions, NightRequest};
use nocturne_index::{EmbeddingSpace, EpochPoint, Location, RecordingDraft, TrackDraft};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{
    EPOCH_S, EpochNumber, Event, EventKind, EventSet, Quality, RecordingId, RecordingOrigin, Stage,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::json;

/// Questions of every kind that tracks answer.
const QUESTIONS: [(&str, Option<&str>); 9] = [
    ("rate(arousal), highest first", None),
    ("rate(arousal), highest first", Some("model")),
    ("rate(respiratory_event) >= 15", Some("model")),
    ("rate(arousal) in R > 15", Some("model")),
    ("rate(respiratory_event) in R / outside of it, highest first", Some("model")),
    ("rate(arousal within 30 s after hypopnea), highest first", Some("model")),
    ("waso, longest first", Some("model")),
    ("share(R) of sleep in the second half, highest first", Some("model")),
    ("rate(arousal) > 10 and time(sleep) > 300 min", Some("scored")),
];
/// Number of times that each question is asked again.
const REPEATS: usize = 5;

fn main() -> Result<()> {
    let (mut n_nights, mut n_epochs) = (12_000, 1_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("`{argument}` has no value"));
        match argument.as_str() {
            "--nights" => n_nights = value()?.parse()?,
            "--epochs" => n_epochs = value()?.parse()?,
            "--bench" => {}
            _ => bail!("unknown argument `{argument}`; expected `--nights` or `--epochs`"),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bundle = Bundle::open(&root.join("models/nocturne-tiny"))?;
    let runtime = Runtime::load(None)?;
    let mut text = TextEncoder::open(runtime, &bundle, Device::Cpu, BatchOptions::default())?;
    let builder = TrackBuilder::of_bundle(&bundle, &mut text, Registry::shipped())?;
    let folder = tempfile::tempdir()?;
    let location: Location = folder.path().to_string_lossy().parse()?;
    let bytes = fill(&location, &bundle, &builder, (n_nights, n_epochs))?;
    println!(
        "{}",
        json!({ "nights": n_nights, "epochs": n_epochs, "track_bytes_per_epoch": bytes as f64 / n_epochs as f64 })
    );
    let start = Instant::now();
    let engine = Engine::open(location, &bundle, runtime, EngineOptions::default())?;
    println!("{}", json!({ "opened_ms": milliseconds(start) }));
    for (typed, source) in QUESTIONS {
        let request = NightRequest {
            question: AskedQuestion::Typed(typed.to_owned()),
            source: match source {
                Some("scored") => Some(nocturne_concepts::Source::Scored),
                Some(_) => Some(nocturne_concepts::Source::Model),
                None => None,
            },
            ..NightRequest::default()
        };
        let start = Instant::now();
        let answer = engine.search_nights(&request)?;
        let first_ms = milliseconds(start);
        let mut next_ms: Vec<f64> = Vec::new();
        for _ in 0..REPEATS {
            let start = Instant::now();
            engine.search_nights(&request)?;
            next_ms.push(milliseconds(start));
        }
        next_ms.sort_by(f64::total_cmp);
        println!(
            "{}",
            json!({
                "question": typed, "source": source, "judged": answer.judged, "first_ms": first_ms,
                "next_ms": next_ms[REPEATS / 2], "memory_mib": resident_mib()?,
            })
        );
    }
    Ok(())
}

fn milliseconds(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

/// Returns the resident memory of this process in MiB: its own, and that of mapped files.
fn resident_mib() -> Result<[u64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mib = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.with_context(|| format!("`{name}` is missing"))?.parse::<u64>()? / 1024)
    };
    Ok([mib("RssAnon:")?, mib("RssFile:")?])
}

/// Commits nights with drawn tracks; returns the length of a track.
fn fill(
    location: &Location,
    bundle: &Bundle,
    builder: &TrackBuilder,
    (n_nights, n_epochs): (usize, usize),
) -> Result<usize> {
    let mut writer = location.open_or_create(&EmbeddingSpace::of(bundle))?;
    let mut random = Pcg64Mcg::seed_from_u64(31);
    let dim = bundle.manifest().embedding_dim;
    let mut bytes = 0;
    for night in 0..n_nights {
        let track = draw((night, n_epochs), &mut random).to_bytes();
        bytes = track.len();
        let mut track = Some(TrackDraft::new(builder.version(), track)?);
        writer.commit_with_track(recording(night, dim)?, &mut |_| track.take())?;
    }
    Ok(bytes)
}

fn recording(night: usize, dim: usize) -> Result<RecordingDraft> {
    let mut vector = vec![1.0; dim];
    vector[0] = night as f32;
    let epoch = EpochPoint {
        number: EpochNumber(0),
        onset_s: 0.0,
        mask: ChannelMask::ALL,
        quality: Quality::default(),
        stage: None,
        events: EventSet::EMPTY,
        vector: Embedding::new(vector)?,
    };
    Ok(RecordingDraft {
        id: RecordingId::new(format!("night-{night:05}"))?,
        source: format!("night-{night:05}.edf"),
        source_sha256: format!("{night}"),
        annotations_sha256: None,
        origin: RecordingOrigin::Simulated,
        declared_events: EventSet::EMPTY,
        start: None,
        metadata: std::collections::BTreeMap::default(),
        montage: serde_json::Value::Null,
        events: None,
        signals: None,
        epochs: vec![epoch],
        captions: vec![],
    })
}

/// Draws the track of a night.
fn draw((night, n_epochs): (usize, usize), random: &mut Pcg64Mcg) -> TrackContents {
    let stage = |epoch: usize| Stage::ALL[(epoch / 20) % 5];
    let posteriors = (0..n_epochs).map(|epoch| {
        let mut posterior = [0.02; 5];
        posterior[stage(epoch).index()] = 0.92 - random.random_range(0.0..0.3);
        Some(posterior)
    });
    let posteriors = posteriors.collect();
    let concepts =
        ["apnea", "arousal", "central_apnea", "hypopnea", "obstructive_apnea", "respiratory_event"];
    let mut column = |id: &str| {
        let column = (0..n_epochs).map(|_| Some(random.random_range(0.0..0.4)));
        (id.to_owned(), column.collect())
    };
    let concepts = concepts.iter().map(|id| column(id)).collect();
    let events = (0..200).map(|_| {
        let kinds = [EventKind::Arousal, EventKind::Hypopnea, EventKind::ObstructiveApnea];
        let kind = kinds[random.random_range(0..3)];
        let onset_s = random.random_range(0.0..n_epochs as f64 * EPOCH_S - 20.0);
        (Event::new(kind, onset_s, 12.0), nocturne_concepts::track::EventSource::Scored, None)
    });
    TrackContents {
        start: jiff::civil::date(1985, 1, 1)
            .at(12, 0, 0, 0)
            .checked_add(jiff::SignedDuration::from_mins(night as i64))
            .ok(),
        is_simulated: true,
        declared_events: [EventKind::Arousal, EventKind::Hypopnea].into_iter().collect(),
        numbers: (0..n_epochs as u32).collect(),
        onsets_s: (0..n_epochs).map(|epoch| epoch as f64 * EPOCH_S).collect(),
        masks: vec![ChannelMask::ALL; n_epochs],
        scored_stages: (0..n_epochs).map(|epoch| Some(stage(epoch))).collect(),
        posteriors,
        concepts,
        signals: None,
        legs_measured: false,
        events_scored: true,
        events: events.collect(),
    }
}
