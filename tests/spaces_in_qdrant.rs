//! `nocturne space` on a collection in a test double of Qdrant behaves as on a folder.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nocturne_encoder::Bundle;
use nocturne_index::qdrant::{QdrantSettings, QdrantSpaces};
use nocturne_index::{Error, SpaceKeeper, SpaceName};
use nocturne_indexer::{Backfill, BackfillOptions};
use nocturne_qdrant_double::{Fault, QdrantDouble, Store, When};
use serde_json::Value;
use tempfile::TempDir;

use nocturne_testing::{Absent, onnx_runtime, python_client, require};

use crate::bundles::{other, shipped};
use crate::program::{Run, nocturne, root, run, text};
use crate::server::Server;
use crate::spaces::{
    ask, dump, engine, events, name, simulate, switch_during_queries, towers, wait,
};

/// Three short nights, a collection of them embedded with the shipped bundle, and a second bundle.
struct Lab {
    folder: TempDir,
    nights: PathBuf,
    bundle: PathBuf,
    double: QdrantDouble,
}

impl Lab {
    fn open() -> Result<Self, Absent> {
        onnx_runtime()?;
        let folder = tempfile::tempdir().unwrap();
        let (nights, bundle) = (folder.path().join("nights"), folder.path().join("other"));
        other(&bundle);
        simulate(&nights, 1, 3);
        let lab = Self { folder, nights, bundle, double: QdrantDouble::start() };
        lab.index(&["--bundle", text(&shipped())]).expect_code(0);
        Ok(lab)
    }

    fn url(&self) -> String {
        self.double.url("sleep")
    }

    fn index(&self, arguments: &[&str]) -> Run {
        run(["index", text(&self.nights), "-c", &self.url()].iter().chain(arguments))
    }

    /// Runs `nocturne space` on the collection.
    fn space(&self, arguments: &[&str]) -> Run {
        run(["space"].iter().chain(arguments).chain(&["-c", &self.url()]))
    }

    fn create(&self, name: &str) {
        self.space(&["create", name, "--bundle", text(&self.bundle)]).expect_code(0);
    }

    fn create_and_backfill(&self) {
        self.create("v2");
        self.space(&["backfill", "v2"]).expect_code(0);
    }

    fn settings(&self) -> QdrantSettings {
        let mut settings = QdrantSettings::at(self.url().parse().unwrap());
        settings.first_pause = Duration::from_millis(1);
        settings.longest_pause = Duration::from_millis(4);
        settings
    }

    fn spaces(&self) -> QdrantSpaces {
        QdrantSpaces::of(self.settings()).unwrap()
    }

    /// Returns the dump of a space, by default the served one: its epochs with the hashes of their vectors.
    fn dump(&self, space: Option<&str>) -> String {
        let url = space.map_or_else(|| self.url(), |space| format!("{}@{space}", self.url()));
        run(["export", &url, "--format", "dump"]).expect_code(0).stdout
    }

    /// Indexes the nights into a new folder with the second bundle and returns its dump.
    fn dump_of_other(&self) -> String {
        let reference = self.folder.path().join("reference");
        let arguments = ["index", text(&self.nights), "-c", text(&reference)];
        run(arguments.iter().chain(&["--bundle", text(&self.bundle)])).expect_code(0);
        dump(&reference)
    }
}

#[test]
fn promotion_switches_to_another_bundle_and_rollback_switches_back() {
    let lab = require!(Lab::open());
    let before = lab.dump(None);
    let output = lab.space(&["create", "v2", "--bundle", text(&lab.bundle)]).expect_code(0);
    let fill = format!("fill it: nocturne space backfill v2 --collection {}", lab.url());
    assert!(output.stdout.contains(&fill), "{}", output.stdout);
    let output = lab.space(&["promote", "v2", "--no-compare"]).expect_code(1);
    let expected = "the space `v2` differs from `main`: 3 recordings missing, 0 extra, 0 different";
    assert_eq!(output.error(), expected);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 3);
    // The vectors are the same as after indexing with the second bundle.
    assert_eq!(lab.dump(Some("v2")), lab.dump_of_other());
    let again = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(again.last().unwrap()["unchanged"], 3);

    let lines = lab.space(&["promote", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(lines[0]["coverage"]["n_same"], 3);
    assert_eq!((&lines[1]["event"], &lines[1]["space"]), (&"promoted".into(), &"v2".into()));
    assert_eq!(lab.dump(None), lab.dump(Some("v2")));
    assert_eq!(lab.dump(Some("main")), before);
    // Queries and new recordings are embedded with the bundle of the served space.
    let output = run(["search", "deep sleep", "-c", &lab.url(), "--json"]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);
    let main = format!("{}@main", lab.url());
    let output = run(["search", "deep sleep", "-c", &main, "--json"]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-tiny on "), "{}", output.stderr);
    simulate(&lab.nights, 4, 1);
    lab.index(&[]).expect_code(0);
    assert_eq!(lab.dump(Some("v2")).lines().count(), 4 * 24);
    assert_eq!(lab.dump(Some("main")), before);
    let output = run(["list", "-c", &lab.url()]).expect_code(0);
    assert!(output.stdout.contains("bundle nocturne-other, space v2 of 2"), "{}", output.stdout);

    let output = lab.space(&["rollback", "--json"]).expect_code(0).json();
    assert_eq!(output["coverage"]["lacking"], serde_json::json!(["night-0004"]));
    assert_eq!(lab.dump(None), before);
    let output = lab.space(&["drop", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    lab.space(&["drop", "v2"]).expect_code(0);
    assert!(!lab.double.store().collections.keys().any(|name| name.contains('@')));
    let listed = lab.space(&["list", "--json"]).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["served"]), (1, &true.into()));
}

#[test]
fn comparison_of_spaces_is_that_of_the_same_spaces_in_a_folder() {
    let lab = require!(Lab::open());
    lab.create_and_backfill();
    let folder = lab.folder.path().join("folder");
    let arguments = ["index", text(&lab.nights), "-c", text(&folder)];
    run(arguments.iter().chain(&["--bundle", text(&shipped())])).expect_code(0);
    let space = |arguments: &[&str]| {
        run(["space"].iter().chain(arguments).chain(&["-c", text(&folder)])).expect_code(0)
    };
    space(&["create", "v2", "--bundle", text(&lab.bundle)]);
    space(&["backfill", "v2"]);
    let compare = ["compare", "main", "v2", "--json", "--sample", "40"];
    let here = space(&compare).json();
    assert!(here["neighbours"]["mean_overlap"].as_f64() < Some(1.0), "{here}");
    assert_eq!(lab.space(&compare).expect_code(0).json(), here);
}

#[test]
fn all_spaces_are_verified_and_backed_up() {
    let lab = require!(Lab::open());
    lab.create_and_backfill();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let output = run(["verify", &lab.url()]).expect_code(0);
    assert!(
        output.stdout.contains("space main: night-0001: 24 epochs, intact"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("\nnight-0001: 24 epochs, intact"), "{}", output.stdout);
    let snapshots = run(["backup", &lab.url(), "--json"]).expect_code(0).json_lines();
    let names: Vec<_> = snapshots.iter().map(|it| it["collection"].as_str().unwrap()).collect();
    let alias = "sleep@v2-recordings";
    let spaces =
        ["sleep", "sleep-recordings", "sleep-nights", "sleep@v2", alias, "sleep@v2-nights"];
    assert_eq!(names, spaces.into_iter().chain([alias]).collect::<Vec<_>>());
    assert_eq!(snapshots[6]["alias"], "sleep@served");
    // A copy contains the served space and records its bundle.
    let copy = lab.folder.path().join("copy");
    run(["copy", &lab.url(), text(&copy)]).expect_code(0);
    assert_eq!(dump(&copy), lab.dump(Some("v2")));
    let output = run(["search", "deep sleep", "-c", text(&copy)]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);
    let back = lab.double.url("back");
    run(["copy", text(&copy), &back]).expect_code(0);
    let output = run(["search", "deep sleep", "-c", &back]).expect_code(0);
    assert!(output.stderr.contains("encoder: nocturne-other on "), "{}", output.stderr);

    lab.double.tamper(|store| {
        store.collections.get_mut("sleep").unwrap().points.pop_first();
    });
    let output = run(["verify", &lab.url()]).expect_code(1);
    assert!(output.stdout.contains("space main: night-000"), "{}", output.stdout);
}

fn backfill(lab: &Lab, bundle: &Bundle) -> Result<(), nocturne_indexer::Error> {
    let spaces: &dyn SpaceKeeper = &lab.spaces();
    let (served, writer) = (spaces.reader(&SpaceName::main())?, spaces.writer(&name("v2"))?);
    let (signal, text) = towers(bundle);
    let report =
        Backfill::new(signal, text, writer, BackfillOptions::default())?.run(served, |_| {})?;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    Ok(())
}

/// Returns the contents of the server without revisions and generations.
fn stored(lab: &Lab) -> Store {
    let mut store = lab.double.store();
    for collection in store.collections.values_mut() {
        for point in collection.points.values_mut() {
            for field in ["revision", "upload", "generation"] {
                point.payload.remove(field);
            }
        }
    }
    store
}

#[test]
fn interrupted_backfill_resumes_and_gives_the_same_points() {
    let lab = require!(Lab::open());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    lab.create("v2");
    let before = lab.double.store();
    lab.double.faults().clear();
    backfill(&lab, &bundle).unwrap();
    let (n, expected) = (lab.double.faults().calls().len(), stored(&lab));
    assert!(n > 40, "{n} calls");
    // Ten interruptions, spread over the run and shifted by 0 to 2 calls.
    for draw in 0..10 {
        let point = n * draw / 10 + draw * 7 % 3;
        lab.double.tamper(|store| store.clone_from(&before));
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][draw % 3];
        lab.double.faults().plan(When::From(point), fault);
        backfill(&lab, &bundle).unwrap_err();
        lab.double.faults().clear();
        backfill(&lab, &bundle).unwrap();
        assert!(stored(&lab) == expected, "interrupted at call {point}");
    }
}

#[test]
fn killed_backfill_resumes_and_gives_the_same_vectors() {
    let lab = require!(Lab::open());
    lab.create("v2");
    let (url, slowly) =
        (lab.url(), ["space", "backfill", "v2", "--json", "--at-most", "0.2", "-c"]);
    let mut process = nocturne(slowly.iter().chain(&[url.as_str()]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
    assert_eq!(lab.dump(Some("v2")), lab.dump_of_other());
}

#[test]
fn engine_switches_spaces_atomically_during_queries() {
    let lab = require!(Lab::open());
    lab.create_and_backfill();
    let of_space = |space: &str, bundle: &Path| {
        let url = lab.settings().url.of_space(&name(space)).unwrap();
        ask(&engine(QdrantSettings { url, ..lab.settings() }, bundle, false))
    };
    let answers = [of_space("main", &shipped()), of_space("v2", &lab.bundle)];
    switch_during_queries(&engine(lab.settings(), &shipped(), true), &answers, &lab.spaces());
}

#[test]
fn server_switches_spaces_atomically_during_queries() {
    const QUESTION: &str = "deep sleep with slow waves";
    let lab = require!(Lab::open());
    let packages = require!(python_client());
    lab.create_and_backfill();
    let server = Server::of(&lab.url());
    let mut asker = Command::new("python3")
        .arg(root().join("tests/asker.py"))
        .args([&server.address, QUESTION])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(asker.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "asking");
    let second = Duration::from_secs(1);
    for _ in 0..2 {
        for change in [["promote", "v2", "--no-compare"].as_slice(), &["rollback"]] {
            wait(2 * second);
            lab.space(change).expect_code(0);
            wait(4 * second);
        }
    }
    drop(asker.stdin.take());
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(asker.wait().unwrap().success());
    assert_eq!(report["errors"], serde_json::json!([]));
    // The distinct answers are those of the two spaces.
    let hits = |answer: &Value, epoch: fn(&Value) -> [Value; 2]| -> Vec<[Value; 2]> {
        answer["hits"].as_array().unwrap().iter().map(epoch).collect()
    };
    let answers = report["answers"].as_array().unwrap().iter();
    let answers: HashSet<_> =
        answers.map(|it| hits(it, |hit| [hit[0].clone(), hit[1].clone()])).collect();
    let expected = ["main", "v2"].map(|space| {
        let url = format!("{}@{space}", lab.url());
        let answer = run(["search", QUESTION, "-k", "5", "--json", "-c", &url]).expect_code(0);
        hits(&answer.json(), |hit| [hit["recording"].clone(), hit["epoch"].clone()])
    });
    assert_eq!(
        (answers.len(), answers),
        (report["answers"].as_array().unwrap().len(), expected.into())
    );
}

#[test]
fn previous_space_stays_served_if_the_promoted_bundle_cannot_be_opened() {
    let lab = require!(Lab::open());
    lab.create_and_backfill();
    let served = engine(lab.settings(), &shipped(), false);
    let before = ask(&served);
    let moved = lab.folder.path().join("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    lab.spaces().promote(&name("v2"), nocturne_index::Demand::Whole).unwrap();
    let error = served.follow().unwrap_err();
    assert!(error.to_string().contains("is not a model bundle"), "{error}");
    assert_eq!((ask(&served), served.info().unwrap().space), (before.clone(), "main".to_owned()));
    std::fs::rename(&moved, &lab.bundle).unwrap();
    assert!(served.follow().unwrap() && !served.follow().unwrap());
    let info = served.info().unwrap();
    assert_eq!((info.space.as_str(), info.bundle.as_str()), ("v2", "nocturne-other"));
    assert_ne!(ask(&served), before);
}

#[test]
fn backfill_rejects_the_served_space_and_another_bundle() {
    let lab = require!(Lab::open());
    let output = lab.space(&["backfill", "main"]).expect_code(1);
    assert!(output.error().starts_with("the space `main` is the one that `"), "{}", output.error());
    lab.create("v2");
    let output = lab.space(&["backfill", "v2", "--bundle", text(&shipped())]).expect_code(1);
    assert!(output.error().contains("was filled with the bundle `nocturne-other`"));
    lab.space(&["backfill", "v3"]).expect_code(1);
    lab.space(&["backfill", "V3"]).expect_code(2);
    let error = lab.spaces().open(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
}
