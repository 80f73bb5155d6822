//! Benchmark: questions about the nights of a large collection whose concept tracks are drawn.
//!
//! `cargo bench --workspace --bench nights -- [--nights N] [--epochs N] [--collection FOLDER|ADDRESS] [--double] [--ask QUESTION]`
//! prints a line of JSON for each question, or for a typed one by the model: the time of the first answer after opening, the median of the next ones, and the memory of the process.
//! With `--double`, the collection is in a Qdrant double that runs in a process of its own. Recordings have one epoch, and
//! tracks have all of them. A collection that is named is filled if it does not exist, and
//! kept.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
use nocturne_qdrant_double::QdrantDouble;
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

/// The arguments of the command line.
struct Options {
    n_nights: usize,
    n_epochs: usize,
    collection: Option<String>,
    /// A typed question instead of all of them.
    asked: Option<String>,
    double: Option<Double>,
}

impl Options {
    fn parse() -> Result<Self> {
        let mut options =
            Self { n_nights: 12_000, n_epochs: 1_000, collection: None, asked: None, double: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("`{argument}` has no value"));
            match argument.as_str() {
                "--nights" => options.n_nights = value()?.parse()?,
                "--epochs" => options.n_epochs = value()?.parse()?,
                "--collection" => options.collection = Some(value()?),
                "--ask" => options.asked = Some(value()?),
                "--double" => options.double = Some(Double::Ask),
                "--serve-double" => options.double = Some(Double::Serve),
                "--bench" => {}
                _ => bail!(
                    "unknown argument `{argument}`; expected `--nights`, `--epochs`, `--collection`, `--double` or `--ask`"
                ),
            }
        }
        Ok(options)
    }

    fn questions(&self) -> Vec<(&str, Option<&str>)> {
        match &self.asked {
            Some(typed) => vec![(typed, Some("model"))],
            None => QUESTIONS.to_vec(),
        }
    }
}

fn main() -> Result<()> {
    let mut options = Options::parse()?;
    let (n_nights, n_epochs) = (options.n_nights, options.n_epochs);
    let mut server = None;
    if options.double == Some(Double::Ask) {
        let (started, address) = start_double(n_nights, n_epochs)?;
        (server, options.collection) = (Some(started), Some(address));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bundle = Bundle::open(&root.join("models/nocturne-tiny"))?;
    let runtime = Runtime::load(None)?;
    let mut text = TextEncoder::open(runtime, &bundle, Device::Cpu, BatchOptions::default())?;
    let builder = TrackBuilder::of_bundle(&bundle, &mut text, Registry::shipped())?;
    if options.double == Some(Double::Serve) {
        return serve_double(&bundle, &builder, (n_nights, n_epochs));
    }
    let folder = tempfile::tempdir()?;
    let location: Location = match &options.collection {
        Some(given) => given.parse()?,
        None => folder.path().to_string_lossy().parse()?,
    };
    if location.open().is_err() {
        let bytes = fill(&location, &bundle, &builder, (n_nights, n_epochs))?;
        println!(
            "{}",
            json!({ "nights": n_nights, "epochs": n_epochs, "track_bytes_per_epoch": bytes as f64 / n_epochs as f64 })
        );
    }
    let start = Instant::now();
    let engine = Engine::open(location, &bundle, runtime, EngineOptions::default())?;
    println!("{}", json!({ "opened_ms": milliseconds(start) }));
    for (typed, source) in options.questions() {
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
    if let Some(mut server) = server {
        server.kill()?;
        server.wait()?;
    }
    Ok(())
}

/// What a process does with a Qdrant double.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Double {
    /// Starts it in another process and asks it.
    Ask,
    /// Is that process.
    Serve,
}

/// Starts a process with a filled double and returns its address.
fn start_double(n_nights: usize, n_epochs: usize) -> Result<(Child, String)> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["--serve-double", "--nights", &n_nights.to_string()])
        .args(["--epochs", &n_epochs.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    let output = server.stdout.take().context("the output is piped")?;
    BufReader::new(output).read_line(&mut address)?;
    Ok((server, address.trim().to_owned()))
}

/// Fills a double, prints its address and waits to be killed.
fn serve_double(bundle: &Bundle, builder: &TrackBuilder, size: (usize, usize)) -> Result<()> {
    let double = QdrantDouble::start();
    let address = double.url("nights");
    fill(&address.parse()?, bundle, builder, size)?;
    println!("{address}");
    loop {
        std::thread::park();
    }
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
