//! `nocturne space`: another bundle takes over while recordings come and questions are asked.

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

/// Three short nights in a collection of the shipped bundle, and another bundle.
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
        let place = |name: &str| folder.path().join(name);
        let (nights, collection, bundle) = (place("nights"), place("sleep"), place("other"));
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

    /// Returns all that a space holds, with the hashes of its vectors.
    fn dump(&self, space: &str) -> String {
        let folder = match space {
            "main" => self.collection.clone(),
            other => self.collection.join("spaces").join(other),
        };
        dump(&folder)
    }

    /// Returns what the other bundle makes of the nights when they are indexed anew.
    fn dump_of_other(&self) -> String {
        let anew = self.folder.path().join("anew");
        self.index(&anew, &self.bundle).expect_code(0);
        dump(&anew)
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

/// Returns the lines of an event.
pub(crate) fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn another_bundle_takes_over_in_one_step_and_back() {
    let lab = require!(Lab::open());
    let before = lab.dump("main");
    lab.create("v2", &lab.bundle);
    let told = lab.space(&["promote", "v2", "--no-compare"]).expect_code(1);
    let expected = "the space `v2` differs from `main`: 3 recordings missing, 0 extra, 0 different";
    assert_eq!(told.error(), expected);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 3);
    // As if the bundle had indexed the nights itself.
    assert_eq!(lab.dump("v2"), lab.dump_of_other());
    let again = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(again.last().unwrap()["unchanged"], 3);

    let lines = lab.space(&["promote", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(lines[0]["coverage"]["n_same"], 3);
    assert_eq!((&lines[1]["event"], &lines[1]["space"]), (&"promoted".into(), &"v2".into()));
    assert_eq!(dump(&lab.collection), lab.dump("v2"));
    // The space's own bundle is taken for what is asked and for what is added.
    let search = ["search", "deep sleep", "-c", text(&lab.collection), "--json"];
    let told = run(search).expect_code(0);
    assert!(told.stderr.contains("encoder: nocturne-other on "), "{}", told.stderr);
    simulate(&lab.nights, 4, 1);
    run(["index", text(&lab.nights), "-c", text(&lab.collection)]).expect_code(0);
    assert_eq!(lab.dump("v2").lines().count(), 4 * 24);
    assert_eq!(lab.spaces().open(&name("main")).unwrap().recordings().len(), 3);
    let told = run(["list", "-c", text(&lab.collection)]).expect_code(0);
    assert!(told.stdout.contains("bundle nocturne-other, space v2 of 2"), "{}", told.stdout);

    let told = lab.space(&["rollback", "--json"]).expect_code(0).json();
    assert_eq!(told["coverage"]["lacking"], serde_json::json!(["night-0004"]));
    assert_eq!(dump(&lab.collection), before);
    let told = lab.space(&["drop", "main"]).expect_code(1);
    assert!(told.error().starts_with("the space `main` is the one that `"), "{}", told.error());
    lab.space(&["drop", "v2"]).expect_code(0);
    assert!(!lab.collection.join("spaces/v2").exists());
    let listed = lab.space(&["list", "--json"]).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["served"]), (1, &true.into()));
}

#[test]
fn promotion_notices_a_night_that_was_indexed_after_the_backfill() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    simulate(&lab.nights, 4, 1);
    lab.index(&lab.collection, &shipped()).expect_code(0);
    let told = lab.space(&["promote", "v2"]).expect_code(1);
    assert!(told.error().contains("1 recordings missing"), "{}", told.error());
    assert!(told.stdout.contains("1, 24 epochs: night-0004"), "{}", told.stdout);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2"]).expect_code(0);
    assert_eq!(dump(&lab.collection), lab.dump_of_other());
}

#[test]
fn backfill_follows_removals_replacements_and_what_is_said() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    // One is taken out of the served space alone, as by a writer that knows no spaces; one is another night by now.
    lab.spaces().writer(&name("main")).unwrap().remove(&"night-0001".parse().unwrap()).unwrap();
    std::fs::remove_file(lab.nights.join("night-0001.edf")).unwrap();
    std::fs::copy(lab.nights.join("night-0003.edf"), lab.nights.join("night-0002.edf")).unwrap();
    lab.index(&lab.collection, &shipped()).expect_code(0);
    let table = lab.folder.path().join("said.csv");
    std::fs::write(&table, "recording,age\nnight-0003,61\n").unwrap();
    run(["metadata", text(&table), "-c", text(&lab.collection)]).expect_code(0);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "removed")[0]["recording"], "night-0001");
    assert_eq!(events(&lines, "acknowledged").len(), 2);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    assert_eq!(dump(&lab.collection), lab.dump_of_other());
    let served = Collection::open(&lab.collection).unwrap();
    assert_eq!(served.entry(&"night-0003".parse().unwrap()).unwrap().metadata["age"], "61");
    // What is removed by its owner is in no space any more.
    run(["remove", "night-0002", "-c", text(&lab.collection)]).expect_code(0);
    for space in ["main", "v2"] {
        let left = lab.spaces().open(&name(space)).unwrap();
        assert!(left.entry(&"night-0002".parse().unwrap()).is_none());
    }
}

#[test]
fn backfill_goes_on_past_bad_recordings_and_finds_those_that_were_moved() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    let elsewhere = lab.folder.path().join("elsewhere/2026");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let night = |number: u32| lab.nights.join(format!("night-000{number}.edf"));
    std::fs::rename(night(1), elsewhere.join("night-0001.edf")).unwrap();
    std::fs::write(night(2), "no recording").unwrap();
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
    let told = lab.space(&["promote", "v2", "--incomplete", "--no-compare"]).expect_code(0);
    assert!(told.stderr.contains("1 recordings are missing"), "{}", told.stderr);
}

#[test]
fn bundle_that_is_gone_is_named() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let moved = lab.folder.path().join("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    let search = ["search", "deep sleep", "-c", text(&lab.collection)];
    let told = run(search).expect_code(1);
    let start = "cannot find the bundle `nocturne-other` (";
    assert!(told.error().starts_with(start), "{}", told.error());
    assert!(told.error().contains("pass it with `--bundle DIR`"), "{}", told.error());
    run(search.iter().chain(&["--bundle", text(&moved)])).expect_code(0);
}

#[test]
fn spaces_of_one_bundle_agree_and_those_of_two_do_not() {
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
fn backfill_that_is_killed_goes_on_and_ends_with_the_same_vectors() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    let slowly = ["space", "backfill", "v2", "--json", "--at-most", "0.2"];
    let arguments = slowly.into_iter().chain(["-c", text(&lab.collection)]);
    let mut process =
        nocturne(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut told = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let first = told.find(|line| line["event"] == "acknowledged").unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    // What was acknowledged is there, and is not embedded again.
    let acknowledged = first["recording"].as_str().unwrap().parse().unwrap();
    assert!(lab.spaces().open(&name("v2")).unwrap().entry(&acknowledged).is_some());
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    let unchanged = events(&lines, "unchanged");
    assert!(unchanged.iter().any(|line| line["recording"] == first["recording"]), "{lines:?}");
    assert_eq!(lab.dump("v2"), lab.dump_of_other());
}

/// The nights in a collection in memory, with an empty space for the other bundle.
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

/// Returns the vectors of a space's epochs and captions, byte for byte.
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
fn backfill_that_is_cut_off_at_drawn_points_ends_with_the_same_vectors() {
    let lab = require!(Lab::open());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    let original = in_memory(&lab);
    let whole = Arc::new(original.crash(CrashImage::Everything));
    whole.set_fault(Fault::None);
    backfill(&whole, &bundle).unwrap();
    let (n, expected) = (whole.operations(), vectors(&whole));
    assert_eq!(expected.len(), 3);
    assert!(n > 30, "{n} operations");
    // Ten points, evenly over the run with an odd shift for each.
    for draw in 0..10 {
        let point = n * draw / 10 + draw * 7 % 3;
        let storage = Arc::new(original.crash(CrashImage::Everything));
        storage.set_fault(Fault::From(point));
        backfill(&storage, &bundle).unwrap_err();
        for image in [CrashImage::Durable, CrashImage::Some(draw as u64)] {
            let found = Arc::new(storage.crash(image));
            backfill(&found, &bundle).unwrap();
            assert_eq!(vectors(&found), expected, "{point}, {image:?}");
        }
    }
}

/// Waits, without a lock and without a clock of its own, for as long as nobody says otherwise.
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

/// Opens an engine; one that keeps up goes over to what is promoted by itself.
pub(crate) fn engine(collection: impl Into<Source>, bundle: &Path, keeps_up: bool) -> Engine {
    let batch = BatchOptions { batch_size: 8, threads: 1 };
    let options =
        EngineOptions { device: Device::Cpu, batch, keeps_up, ..EngineOptions::default() };
    Engine::open(collection, &Bundle::open(bundle).unwrap(), runtime(), options).unwrap()
}

/// Promotes `v2` and goes back, twice, while an engine that keeps up is asked fifty times a second; each answer must be that
/// of `main` or that of `v2`, and both are met.
pub(crate) fn change_while_asked(served: &Engine, answers: &[Hits; 2], spaces: &dyn SpaceKeeper) {
    /// Longest time to wait for the change.
    const PATIENCE: Duration = Duration::from_mins(2);
    /// Four threads, each with a question every 80 ms: 50 a second.
    const ASKERS: usize = 4;
    const PAUSE: Duration = Duration::from_millis(80);
    assert_ne!(answers[0], answers[1]);
    let is_over = AtomicBool::new(false);
    let until = |space: &str| {
        let begun = Instant::now();
        while served.info().unwrap().space != space {
            assert!(begun.elapsed() < PATIENCE, "`{space}` is not served");
            wait(PAUSE);
        }
        wait(5 * PAUSE);
    };
    let met = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut met = [0, 0];
                    while !is_over.load(Ordering::SeqCst) {
                        let answer = ask(served);
                        let of = answers.iter().position(|it| *it == answer);
                        met[of.expect("an answer is that of one space")] += 1;
                        wait(PAUSE);
                    }
                    met
                })
            })
            .collect();
        for _ in 0..2 {
            spaces.promote(&name("v2"), Demand::Whole).unwrap();
            until("v2");
            spaces.roll_back().unwrap();
            until("main");
        }
        is_over.store(true, Ordering::SeqCst);
        let met = askers.into_iter().map(|asker| asker.join().unwrap());
        met.fold([0, 0], |sum, met| [sum[0] + met[0], sum[1] + met[1]])
    });
    assert!(met[0] > 0 && met[1] > 0, "{met:?}");
}

#[test]
fn engine_goes_over_in_one_step_while_it_is_asked() {
    let lab = require!(Lab::open());
    lab.create("v2", &lab.bundle);
    lab.space(&["backfill", "v2"]).expect_code(0);
    let answers = [
        ask(&engine(&lab.collection, &shipped(), false)),
        ask(&engine(&lab.collection.join("spaces/v2"), &lab.bundle, false)),
    ];
    change_while_asked(&engine(&lab.collection, &shipped(), true), &answers, &lab.spaces());
}

#[test]
fn space_of_before_is_served_on_where_the_other_bundle_cannot_be_opened() {
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
    // The bundle of before is known, though nothing on the disk tells where it is.
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
    let place = |name: &str| lab.folder.path().join(name);
    let (backup, restored) = (place("backup"), place("restored"));
    run(["backup", text(&lab.collection), text(&backup)]).expect_code(0);
    run(["restore", text(&backup), text(&restored)]).expect_code(0);
    assert_eq!(dump(&restored), lab.dump("v2"));
    let spaces = Spaces::of(&restored);
    assert_eq!(spaces.serving().unwrap(), lab.spaces().serving().unwrap());
    assert_eq!(spaces.names().unwrap(), [name("main"), name("v2")]);
    let told = run(["verify", text(&restored)]).expect_code(0);
    assert!(told.stdout.contains("space main: night-0001: 24 epochs, intact"), "{}", told.stdout);
    assert!(told.stdout.contains("\nnight-0001: 24 epochs, intact"), "{}", told.stdout);
    let segments = std::fs::read_dir(restored.join("segments")).unwrap();
    let segment = segments.into_iter().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    run(["verify", text(&restored)]).expect_code(1);
}

#[test]
fn backfill_refuses_the_served_space_and_another_bundle() {
    let lab = require!(Lab::open());
    let told = lab.space(&["backfill", "main"]).expect_code(1);
    assert!(told.error().starts_with("the space `main` is the one that `"), "{}", told.error());
    lab.create("v2", &lab.bundle);
    let told = lab.space(&["backfill", "v2", "--bundle", text(&shipped())]).expect_code(1);
    assert!(told.error().contains("was filled with the bundle `nocturne-other`"));
    lab.space(&["backfill", "v3"]).expect_code(1);
    lab.space(&["backfill", "V3"]).expect_code(2);
    let error = lab.spaces().open(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
}
