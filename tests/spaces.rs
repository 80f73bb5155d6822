//! `nocturne space`: switching a collection to another bundle during indexing and queries.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder, TextEncoder};
use nocturne_engine::{Engine, EngineOptions, EpochQuery, EpochRequest, Source};
use nocturne_index::storage::{CrashImage, Fault, Simulated};
use nocturne_index::{
    Collection, CollectionWriter, Demand, EmbeddingSpace, Error, SpaceKeeper, SpaceName,
    SpaceRecord, Spaces,
};
use nocturne_indexer::{Backfill, BackfillOptions, Indexer, discover};
use serde_json::Value;
use tempfile::TempDir;

use nocturne_testing::{Absent, onnx_runtime, require};

use crate::bundles::{other, runtime, shipped};
use crate::program::{Run, nocturne, run, text};

/// Three short nights, a collection of them embedded with the shipped bundle, and a second bundle.
struct Lab {
    folder: TempDir,
    nights: PathBuf,
    collection: PathBuf,
    bundle: PathBuf,
}

impl Lab {
    fn open() -> Result<Self, Absent> {
        onnx_runtime()?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (nights, collection, bundle) = (path("nights"), path("sleep"), path("other"));
        other(&bundle);
        simulate(&nights, 1, 3);
        let lab = Self { folder, nights, collection, bundle };
        lab.index(&lab.collection, &shipped()).expect_code(0);
        Ok(lab)
    }

    fn index(&self, collection: &Path, bundle: &Path) -> Run {
        run(["index", text(&self.nights), "-c", text(collection), "--bundle", text(bundle)])
    }

    /// Runs `nocturne space` on the collection.
    fn space(&self, arguments: &[&str]) -> Run {
        let collection = ["-c", text(&self.collection)];
        run(["space"].iter().chain(arguments).chain(&collection))
    }

    fn create(&self, name: &str, bundle: &Path) {
        self.space(&["create", name, "--bundle", text(bundle)]).expect_code(0);
    }

    fn spaces(&self) -> Spaces {
        Spaces::of(&self.collection)
    }

    /// Returns the dump of a space: its epochs with the hashes of their vectors.
    fn dump(&self, space: &str) -> String {
        let folder = match space {
            "main" => self.collection.clone(),
            other => self.collection.join("spaces").join(other),
        };
        dump(&folder)
    }

    /// Indexes the nights into a new collection with the second bundle and returns its dump.
    fn dump_of_other(&self) -> String {
        let reference = self.folder.path().join("reference");
        self.index(&reference, &self.bundle).expect_code(0);
        dump(&reference)
    }
}

pub(crate) fn simulate(folder: &Path, first: u32, nights: u32) {
    let (first, nights) = (first.to_string(), nights.to_string());
    let folder = text(folder);
    run(["simulate", "--out", folder, "--first", &first, "--nights", &nights, "--hours", "0.2"])
        .expect_code(0);
}

pub(crate) fn dump(collection: &Path) -> String {
    run(["export", text(collection), "--format", "dump"]).expect_code(0).stdout
}

pub(crate) fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

/// Returns the lines that report an event of this kind.
pub(crate) fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn promotion_switches_to_another_bundle_and_rollback_switches_back() {
    let lab = require!(Lab::open());
    let before = lab.dump("main");
    lab.create("v2", &lab.bundle);
    let output = lab.space(&["promote", "v2", "--no-compare"]).expect_code(1);
    let expected = "the space `v2` differs from `main`: 3 recordings missing, 0 extra, 0 different";
    assert_eq!(output.error(), expected);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 3);
    // The vectors are the same as after indexing with the second bundle.
    assert_eq!(lab.dump("v2"), lab.dump_of_other());
    let again = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(again.last().unwrap()["unchanged"], 3);

    let lines = lab.space(&["promote", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(lines[0]["coverage"]["n_same"], 3);
    assert_eq!((&lines[1]["event"], &lines[1]["space"]), (&"promoted".into(), &"v2".into()));
    assert_eq!(dump(&lab.collection), lab.dump("v2"));
    // Queries and new recordings are embedded with the bundle of the served space.
    let search = ["search", "deep sleep", "-c", text(&lab.collection), "--json"];
    let output = run(search).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);
    simulate(&lab.nights, 4, 1);
    run(["index", text(&lab.nights), "-c", text(&lab.collection)]).expect_code(0);
    assert_eq!(lab.dump("v2").lines().count(), 4 * 24);
    assert_eq!(lab.spaces().open(&name("main")).unwrap().recordings().len(), 3);
    let output = run(["list", "-c", text(&lab.collection)]).expect_code(0);
    assert!(output.stdout.contains("bundle nocturne-other, space v2 of 2"), "{}", output.stdout);

    let output = lab.space(&["rollback", "--json"]).expect_code(0).json();
    assert_eq!(output["coverage"]["lacking"], serde_json::json!(["night-0004"]));
    assert_eq!(dump(&lab.collection), before);
    let output = lab.space(&["drop", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    lab.space(&["drop", "v2"]).expect_code(0);
    assert!(!lab.collection.join("spaces/v2").exists());
    let listed = lab.space(&["list", "--json"]).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["served"]), (1, &true.into()));
}

#[test]
fn promotion_detects_a_night_indexed_after_the_backfill() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    simulate(&lab.nights, 4, 1);
    lab.index(&lab.collection, &shipped()).expect_code(0);
    let output = lab.space(&["promote", "v2"]).expect_code(1);
    assert!(output.error().contains("1 recordings missing"), "{}", output.error());
    assert!(output.stdout.contains("1, 24 epochs: night-0004"), "{}", output.stdout);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2"]).expect_code(0);
    assert_eq!(dump(&lab.collection), lab.dump_of_other());
}

#[test]
fn backfill_applies_removals_replacements_and_metadata() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    // One night is removed from the served space only; the file of another has been replaced.
    lab.spaces().writer(&name("main")).unwrap().remove(&"night-0001".parse().unwrap()).unwrap();
    std::fs::remove_file(lab.nights.join("night-0001.edf")).unwrap();
    std::fs::copy(lab.nights.join("night-0003.edf"), lab.nights.join("night-0002.edf")).unwrap();
    lab.index(&lab.collection, &shipped()).expect_code(0);
    let table = lab.folder.path().join("metadata.csv");
    std::fs::write(&table, "recording,age\nnight-0003,61\n").unwrap();
    run(["metadata", text(&table), "-c", text(&lab.collection)]).expect_code(0);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "removed")[0]["recording"], "night-0001");
    assert_eq!(events(&lines, "acknowledged").len(), 2);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    assert_eq!(dump(&lab.collection), lab.dump_of_other());
    let served = Collection::open(&lab.collection).unwrap();
    assert_eq!(served.entry(&"night-0003".parse().unwrap()).unwrap().metadata["age"], "61");
    // `nocturne remove` removes a recording from every space.
    run(["remove", "night-0002", "-c", text(&lab.collection)]).expect_code(0);
    for space in ["main", "v2"] {
        let reader = lab.spaces().open(&name(space)).unwrap();
        assert!(reader.entry(&"night-0002".parse().unwrap()).is_none());
    }
}

#[test]
fn backfill_skips_unreadable_recordings_and_finds_moved_ones() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    let elsewhere = lab.folder.path().join("elsewhere/2026");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let night = |number: u32| lab.nights.join(format!("night-000{number}.edf"));
    std::fs::rename(night(1), elsewhere.join("night-0001.edf")).unwrap();
    std::fs::write(night(2), "not a recording").unwrap();
    let lines = lab.space(&["backfill", "v2", "--json", "--at-most", "0.9"]);
    let lines = lines.expect_code(3).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 1);
    let failed: Vec<&str> =
        events(&lines, "failed").iter().filter_map(|line| line["error"].as_str()).collect();
    assert!(failed[0].ends_with("which was indexed as `night-0001`, no longer exists"));
    assert!(failed[1].ends_with("has changed since it was indexed as `night-0002`"));
    let elsewhere = lab.folder.path().join("elsewhere");
    let lines = lab.space(&["backfill", "v2", "--json", "--recordings", text(&elsewhere)]);
    let lines = lines.expect_code(3).json_lines();
    assert_eq!(events(&lines, "acknowledged")[0]["recording"], "night-0001");
    let output = lab.space(&["promote", "v2", "--incomplete", "--no-compare"]).expect_code(0);
    assert!(output.stderr.contains("1 recordings are missing"), "{}", output.stderr);
}

#[test]
fn missing_bundle_of_the_served_space_is_named() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let moved = lab.folder.path().join("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    let search = ["search", "deep sleep", "-c", text(&lab.collection)];
    let output = run(search).expect_code(1);
    let start = "cannot find the bundle `nocturne-other` (";
    assert!(output.error().starts_with(start), "{}", output.error());
    assert!(output.error().contains("pass it with `--bundle DIR`"), "{}", output.error());
    run(search.iter().chain(&["--bundle", text(&moved)])).expect_code(0);
}

#[test]
fn comparison_finds_differences_only_between_different_bundles() {
    let lab = require!(Lab::open());
    lab.create("same", &shipped());
    lab.create("v2", &lab.bundle);
    let compare = |second: &str| {
        lab.space(&["backfill", second]).expect_code(0);
        lab.space(&["compare", "main", second, "--json", "--sample", "40"]).expect_code(0).json()
    };
    let same = compare("same");
    assert_eq!(same["coverage"]["n_same"], 3);
    assert_eq!(same["neighbours"]["mean_overlap"], 1.0);
    assert_eq!(same["labels"]["between"]["kappa"], 1.0);
    assert_eq!(same["labels"]["first_scored"], same["labels"]["second_scored"]);
    assert_eq!(same["labels"]["first_scored"]["n_epochs"], 72);
    let other = compare("v2");
    assert!(other["neighbours"]["mean_overlap"].as_f64().unwrap() < 1.0, "{other}");
    assert!(other["labels"]["between"]["kappa"].as_f64() < Some(1.0), "{other}");
    assert_eq!(other["labels"]["first_scored"], same["labels"]["first_scored"]);
}

#[test]
fn killed_backfill_resumes_and_gives_the_same_vectors() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    let slowly = ["space", "backfill", "v2", "--json", "--at-most", "0.2"];
    let arguments = slowly.into_iter().chain(["-c", text(&lab.collection)]);
    let mut process =
        nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut reports = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let first = reports.find(|line| line["event"] == "acknowledged").unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    // The acknowledged recording is stored and is not embedded again.
    let acknowledged = first["recording"].as_str().unwrap().parse().unwrap();
    assert!(lab.spaces().open(&name("v2")).unwrap().entry(&acknowledged).is_some());
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    let unchanged = events(&lines, "unchanged");
    assert!(unchanged.iter().any(|line| line["recording"] == first["recording"]), "{lines:?}");
    assert_eq!(lab.dump("v2"), lab.dump_of_other());
}

/// Indexes the nights into a collection in memory and adds an empty space for the second bundle.
fn in_memory(lab: &Lab) -> Arc<Simulated> {
    let storage = Arc::new(Simulated::default());
    let bundle = Bundle::open(&shipped()).unwrap();
    let writer =
        CollectionWriter::create_in(storage.clone(), &EmbeddingSpace::of(&bundle)).unwrap();
    let (signal, text) = towers(&bundle);
    let found = discover(&lab.nights, None).unwrap();
    let options = nocturne_indexer::IndexOptions::default();
    Indexer::new(signal, text, Box::new(writer), options).run(found, |_| {}).unwrap();
    let other = Bundle::open(&lab.bundle).unwrap();
    let record = SpaceRecord::of(name("v2"), &other, None);
    Spaces::of_storage(storage.clone()).create(&record).unwrap();
    storage
}

pub(crate) fn towers(bundle: &Bundle) -> (SignalEncoder, TextEncoder) {
    let batch = BatchOptions { batch_size: 8, threads: 1 };
    (
        SignalEncoder::open(runtime(), bundle, Device::Cpu, batch).unwrap(),
        TextEncoder::open(runtime(), bundle, Device::Cpu, batch).unwrap(),
    )
}

fn backfill(storage: &Arc<Simulated>, bundle: &Bundle) -> Result<(), nocturne_indexer::Error> {
    let spaces = Spaces::of_storage(storage.clone());
    let served = spaces.open(&SpaceName::main())?;
    let writer = spaces.writer(&name("v2"))?;
    let (signal, text) = towers(bundle);
    let report = Backfill::new(signal, text, Box::new(writer), BackfillOptions::default())?
        .run(Box::new(served), |_| {})?;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    Ok(())
}

/// Returns the bytes of the vectors of epochs and captions in `v2`, by recording.
fn vectors(storage: &Arc<Simulated>) -> BTreeMap<String, Vec<Vec<u8>>> {
    let space = Spaces::of_storage(storage.clone()).open(&name("v2")).unwrap();
    let rows = |id: &str| {
        let recording = space.recording(&id.parse().unwrap()).unwrap();
        let epochs = (0..recording.n_epochs()).map(|row| recording.vectors().row_bytes(row));
        let captions = recording.captions();
        let captions = (0..captions.len()).map(|row| captions.vectors().row_bytes(row));
        epochs.chain(captions).map(|row| row.unwrap()).collect()
    };
    space.recordings().map(|entry| (entry.id.to_string(), rows(entry.id.as_str()))).collect()
}

#[test]
fn interrupted_backfill_resumes_and_gives_the_same_vectors() {
    let lab = require!(Lab::open());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    let original = in_memory(&lab);
    let uninterrupted = Arc::new(original.crash(CrashImage::Everything));
    uninterrupted.set_fault(Fault::None);
    backfill(&uninterrupted, &bundle).unwrap();
    let (n, expected) = (uninterrupted.operations(), vectors(&uninterrupted));
    assert_eq!(expected.len(), 3);
    assert!(n > 30, "{n} operations");
    // Ten interruptions, spread over the run and shifted by 0 to 2 operations.
    for draw in 0..10 {
        let point = n * draw / 10 + draw * 7 % 3;
        let storage = Arc::new(original.crash(CrashImage::Everything));
        storage.set_fault(Fault::From(point));
        backfill(&storage, &bundle).unwrap_err();
        for image in [CrashImage::Durable, CrashImage::Some(draw as u64)] {
            let survivor = Arc::new(storage.crash(image));
            backfill(&survivor, &bundle).unwrap();
            assert_eq!(vectors(&survivor), expected, "operation {point}, {image:?}");
        }
    }
}

/// Waits for this duration: receives from a channel to which nothing is sent.
pub(crate) fn wait(duration: Duration) {
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(duration);
}

pub(crate) type Hits = Vec<(String, u32, f32)>;

pub(crate) fn ask(engine: &Engine) -> Hits {
    let query = EpochQuery::Text("deep sleep with slow waves".to_owned());
    let request = EpochRequest { k: 5, ..EpochRequest::default() };
    let answer = engine.search_epochs(&query, request).unwrap();
    answer.hits.into_iter().map(|hit| (hit.recording, hit.epoch, hit.score)).collect()
}

/// Opens an engine; if it `keeps_up`, it switches to a promoted space by itself.
pub(crate) fn engine(collection: impl Into<Source>, bundle: &Path, keeps_up: bool) -> Engine {
    let batch = BatchOptions { batch_size: 8, threads: 1 };
    let options =
        EngineOptions { device: Device::Cpu, batch, keeps_up, ..EngineOptions::default() };
    Engine::open(collection, &Bundle::open(bundle).unwrap(), runtime(), options).unwrap()
}

/// Promotes `v2` and rolls back, twice, while an engine that keeps up answers 50 queries a second.
/// Each answer must be that of `main` or that of `v2`, and both must occur.
pub(crate) fn switch_during_queries(
    served: &Engine,
    answers: &[Hits; 2],
    spaces: &dyn SpaceKeeper,
) {
    /// Maximum time until the engine serves a promoted space.
    const TIMEOUT: Duration = Duration::from_mins(2);
    /// Threads, each with a query every 80 ms: 50 a second.
    const CLIENTS: usize = 4;
    const PAUSE: Duration = Duration::from_millis(80);
    assert_ne!(answers[0], answers[1]);
    let is_over = AtomicBool::new(false);
    let wait_until_served = |space: &str| {
        let start = Instant::now();
        while served.info().unwrap().space != space {
            assert!(start.elapsed() < TIMEOUT, "`{space}` is not served");
            wait(PAUSE);
        }
        wait(5 * PAUSE);
    };
    let counts = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut counts = [0, 0];
                    while !is_over.load(Ordering::SeqCst) {
                        let answer = ask(served);
                        let position = answers.iter().position(|it| *it == answer);
                        counts[position.expect("each answer is that of one space")] += 1;
                        wait(PAUSE);
                    }
                    counts
                })
            })
            .collect();
        for _ in 0..2 {
            spaces.promote(&name("v2"), Demand::Whole).unwrap();
            wait_until_served("v2");
            spaces.roll_back().unwrap();
            wait_until_served("main");
        }
        is_over.store(true, Ordering::SeqCst);
        let counts = clients.into_iter().map(|client| client.join().unwrap());
        counts.fold([0, 0], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
    });
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
}

#[test]
fn engine_switches_spaces_atomically_during_queries() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    let answers = [
        ask(&engine(&lab.collection, &shipped(), false)),
        ask(&engine(&lab.collection.join("spaces/v2"), &lab.bundle, false)),
    ];
    switch_during_queries(&engine(&lab.collection, &shipped(), true), &answers, &lab.spaces());
}

#[test]
fn previous_space_stays_served_if_the_promoted_bundle_cannot_be_opened() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    let served = engine(&lab.collection, &shipped(), false);
    let before = ask(&served);
    let moved = lab.folder.path().join("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    lab.spaces().promote(&name("v2"), Demand::Whole).unwrap();
    let error = served.follow().unwrap_err();
    assert!(error.to_string().contains("is not a model bundle"), "{error}");
    assert_eq!((ask(&served), served.info().unwrap().space), (before.clone(), "main".to_owned()));
    std::fs::rename(&moved, &lab.bundle).unwrap();
    assert!(served.follow().unwrap() && !served.follow().unwrap());
    assert_eq!(served.info().unwrap().bundle, "nocturne-other");
    assert_ne!(ask(&served), before);
    // The engine remembers the previous bundle, so rolling back works without the record of its folder.
    std::fs::remove_file(lab.collection.join("space.jsonl")).unwrap();
    lab.spaces().roll_back().unwrap();
    assert!(served.follow().unwrap());
    assert_eq!(ask(&served), before);
}

#[test]
fn spaces_are_backed_up_and_verified_together() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let path = |name: &str| lab.folder.path().join(name);
    let (backup, restored) = (path("backup"), path("restored"));
    run(["backup", text(&lab.collection), text(&backup)]).expect_code(0);
    run(["restore", text(&backup), text(&restored)]).expect_code(0);
    assert_eq!(dump(&restored), lab.dump("v2"));
    let spaces = Spaces::of(&restored);
    assert_eq!(spaces.serving().unwrap(), lab.spaces().serving().unwrap());
    assert_eq!(spaces.names().unwrap(), [name("main"), name("v2")]);
    let output = run(["verify", text(&restored)]).expect_code(0);
    assert!(
        output.stdout.contains("space main: night-0001: 24 epochs, intact"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("\nnight-0001: 24 epochs, intact"), "{}", output.stdout);
    let segments = std::fs::read_dir(restored.join("segments")).unwrap();
    let segment = segments.into_iter().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    run(["verify", text(&restored)]).expect_code(1);
}

#[test]
fn backfill_rejects_the_served_space_and_another_bundle() {
    let lab = require!(Lab::open());
    let output = lab.space(&["backfill", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    lab.create("v2", &lab.bundle);
    let output = lab.space(&["backfill", "v2", "--bundle", text(&shipped())]).expect_code(1);
    assert!(output.error().contains("was filled with the bundle `nocturne-other`"));
    lab.space(&["backfill", "v3"]).expect_code(1);
    lab.space(&["backfill", "V3"]).expect_code(2);
    let error = lab.spaces().open(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
}
