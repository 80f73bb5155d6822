//! `nocturne space` on a collection in Qdrant, of which a double answers: as in a folder.

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
use crate::spaces::{ask, change_while_asked, dump, engine, events, name, simulate, towers, wait};

/// Three short nights in a collection of the shipped bundle, and another bundle.
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

    fn filled(&self) {
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

    /// Returns all that a space holds, or the one that is served, with the hashes of its vectors.
    fn dump(&self, space: Option<&str>) -> String {
        let url = space.map_or_else(|| self.url(), |space| format!("{}@{space}", self.url()));
        run(["export", &url, "--format", "dump"]).expect_code(0).stdout
    }

    /// Returns what the other bundle makes of the nights when they are indexed anew, into a folder.
    fn dump_of_other(&self) -> String {
        let anew = self.folder.path().join("anew");
        let arguments = ["index", text(&self.nights), "-c", text(&anew)];
        run(arguments.iter().chain(&["--bundle", text(&self.bundle)])).expect_code(0);
        dump(&anew)
    }
}

#[test]
fn another_bundle_takes_over_in_one_step_and_back() {
    let lab = require!(Lab::open());
    let before = lab.dump(None);
    let told = lab.space(&["create", "v2", "--bundle", text(&lab.bundle)]).expect_code(0);
    let fill = format!("fill it: nocturne space backfill v2 --collection {}", lab.url());
    assert!(told.stdout.contains(&fill), "{}", told.stdout);
    let told = lab.space(&["promote", "v2", "--no-compare"]).expect_code(1);
    let expected = "the space `v2` differs from `main`: 3 recordings missing, 0 extra, 0 different";
    assert_eq!(told.error(), expected);
    let lines = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(events(&lines, "acknowledged").len(), 3);
    // As if the bundle had indexed the nights itself.
    assert_eq!(lab.dump(Some("v2")), lab.dump_of_other());
    let again = lab.space(&["backfill", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(again.last().unwrap()["unchanged"], 3);

    let lines = lab.space(&["promote", "v2", "--json"]).expect_code(0).json_lines();
    assert_eq!(lines[0]["coverage"]["n_same"], 3);
    assert_eq!((&lines[1]["event"], &lines[1]["space"]), (&"promoted".into(), &"v2".into()));
    assert_eq!(lab.dump(None), lab.dump(Some("v2")));
    assert_eq!(lab.dump(Some("main")), before);
    // The space's own bundle is taken for what is asked and for what is added.
    let told = run(["search", "deep sleep", "-c", &lab.url(), "--json"]).expect_code(0);
    assert!(told.stderr.contains("encoder: nocturne-other on "), "{}", told.stderr);
    let main = format!("{}@main", lab.url());
    let told = run(["search", "deep sleep", "-c", &main, "--json"]).expect_code(0);
    assert!(told.stderr.contains("encoder: nocturne-tiny on "), "{}", told.stderr);
    simulate(&lab.nights, 4, 1);
    lab.index(&[]).expect_code(0);
    assert_eq!(lab.dump(Some("v2")).lines().count(), 4 * 24);
    assert_eq!(lab.dump(Some("main")), before);
    let told = run(["list", "-c", &lab.url()]).expect_code(0);
    assert!(told.stdout.contains("bundle nocturne-other, space v2 of 2"), "{}", told.stdout);

    let told = lab.space(&["rollback", "--json"]).expect_code(0).json();
    assert_eq!(told["coverage"]["lacking"], serde_json::json!(["night-0004"]));
    assert_eq!(lab.dump(None), before);
    let told = lab.space(&["drop", "main"]).expect_code(1);
    assert!(told.error().starts_with("the space `main` is the one that `"), "{}", told.error());
    lab.space(&["drop", "v2"]).expect_code(0);
    assert!(!lab.double.store().collections.keys().any(|name| name.contains('@')));
    let listed = lab.space(&["list", "--json"]).expect_code(0).json_lines();
    assert_eq!((listed.len(), &listed[0]["served"]), (1, &true.into()));
}

#[test]
fn spaces_agree_as_their_copies_in_folders_do() {
    let lab = require!(Lab::open());
    lab.filled();
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
    lab.filled();
    lab.space(&["promote", "v2", "--no-compare"]).expect_code(0);
    let told = run(["verify", &lab.url()]).expect_code(0);
    assert!(told.stdout.contains("space main: night-0001: 24 epochs, intact"), "{}", told.stdout);
    assert!(told.stdout.contains("\nnight-0001: 24 epochs, intact"), "{}", told.stdout);
    let snapshots = run(["backup", &lab.url(), "--json"]).expect_code(0).json_lines();
    let names: Vec<_> = snapshots.iter().map(|it| it["collection"].as_str().unwrap()).collect();
    let alias = "sleep@v2-recordings";
    let spaces =
        ["sleep", "sleep-recordings", "sleep-nights", "sleep@v2", alias, "sleep@v2-nights"];
    assert_eq!(names, spaces.into_iter().chain([alias]).collect::<Vec<_>>());
    assert_eq!(snapshots[6]["alias"], "sleep@served");
    // A copy is of the served space, and tells which bundle it is of.
    let copy = lab.folder.path().join("copy");
    run(["copy", &lab.url(), text(&copy)]).expect_code(0);
    assert_eq!(dump(&copy), lab.dump(Some("v2")));
    let told = run(["search", "deep sleep", "-c", text(&copy)]).expect_code(0);
    assert!(told.stderr.contains("encoder: nocturne-other on "), "{}", told.stderr);
    let back = lab.double.url("back");
    run(["copy", text(&copy), &back]).expect_code(0);
    let told = run(["search", "deep sleep", "-c", &back]).expect_code(0);
    assert!(told.stderr.contains("encoder: nocturne-other on "), "{}", told.stderr);

    lab.double.tamper(|store| {
        store.collections.get_mut("sleep").unwrap().points.pop_first();
    });
    let told = run(["verify", &lab.url()]).expect_code(1);
    assert!(told.stdout.contains("space main: night-000"), "{}", told.stdout);
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

/// Returns all that there is, without how often lists were changed, and without leases and their marks.
fn kept(lab: &Lab) -> Store {
    let mut store = lab.double.store();
    for collection in store.collections.values_mut() {
        collection.points.retain(|_, point| point.payload.get("state") != Some(&"lease".into()));
        for point in collection.points.values_mut() {
            ["generation", "lease"].iter().for_each(|field| drop(point.payload.remove(*field)));
        }
    }
    store
}

/// Lets the leases expire of whoever has died.
fn time_passes(lab: &Lab) {
    lab.double.tamper(|store| {
        let points = store.collections.values_mut().flat_map(|it| it.points.values_mut());
        points.filter_map(|point| point.payload.get_mut("lasts_ms")).for_each(|ms| *ms = 0.into());
    });
}

#[test]
fn backfill_that_is_cut_off_at_drawn_points_ends_with_the_same_points() {
    let lab = require!(Lab::open());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    lab.create("v2");
    let before = lab.double.store();
    lab.double.faults().clear();
    backfill(&lab, &bundle).unwrap();
    let (n, expected) = (lab.double.faults().calls().len(), kept(&lab));
    assert!(n > 40, "{n} calls");
    // Ten points, evenly over the run with an odd shift for each.
    for draw in 0..10 {
        let point = n * draw / 10 + draw * 7 % 3;
        lab.double.tamper(|store| store.clone_from(&before));
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][draw % 3];
        lab.double.faults().plan(When::From(point), fault);
        backfill(&lab, &bundle).unwrap_err();
        lab.double.faults().clear();
        time_passes(&lab);
        backfill(&lab, &bundle).unwrap();
        assert!(kept(&lab) == expected, "cut off at call {point}");
    }
}

#[test]
fn backfill_that_is_killed_goes_on_and_ends_with_the_same_vectors() {
    let lab = require!(Lab::open());
    lab.create("v2");
    let (url, slowly) = (
        lab.url(),
        ["space", "backfill", "v2", "--json", "--at-most", "0.2", "--lease", "1", "-c"],
    );
    let mut process = nocturne(slowly.iter().chain(&[url.as_str()]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
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
    assert_eq!(lab.dump(Some("v2")), lab.dump_of_other());
}

#[test]
fn engine_goes_over_in_one_step_while_it_is_asked() {
    let lab = require!(Lab::open());
    lab.filled();
    let of_space = |space: &str, bundle: &Path| {
        let url = lab.settings().url.of_space(&name(space)).unwrap();
        ask(&engine(QdrantSettings { url, ..lab.settings() }, bundle, false))
    };
    let answers = [of_space("main", &shipped()), of_space("v2", &lab.bundle)];
    change_while_asked(&engine(lab.settings(), &shipped(), true), &answers, &lab.spaces());
}

#[test]
fn server_goes_over_in_one_step_while_clients_ask() {
    const QUESTION: &str = "deep sleep with slow waves";
    let lab = require!(Lab::open());
    let packages = require!(python_client());
    lab.filled();
    let server = Server::of(&lab.url());
    let mut asker = Command::new("python3")
        .arg(root().join("tests/asker.py"))
        .args([&server.address, QUESTION])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(asker.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "asking");
    let second = Duration::from_secs(1);
    for _ in 0..2 {
        for change in [["promote", "v2", "--no-compare"].as_slice(), &["rollback"]] {
            wait(2 * second);
            lab.space(change).expect_code(0);
            wait(4 * second);
        }
    }
    drop(asker.stdin.take());
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    assert!(asker.wait().unwrap().success());
    assert_eq!(told["errors"], serde_json::json!([]));
    // The answers that came are those of the two spaces, and no others.
    let hits = |answer: &Value, epoch: fn(&Value) -> [Value; 2]| -> Vec<[Value; 2]> {
        answer["hits"].as_array().unwrap().iter().map(epoch).collect()
    };
    let came = told["answers"].as_array().unwrap().iter();
    let came: HashSet<_> =
        came.map(|it| hits(it, |hit| [hit[0].clone(), hit[1].clone()])).collect();
    let expected = ["main", "v2"].map(|space| {
        let place = format!("{}@{space}", lab.url());
        let answer = run(["search", QUESTION, "-k", "5", "--json", "-c", &place]).expect_code(0);
        hits(&answer.json(), |hit| [hit["recording"].clone(), hit["epoch"].clone()])
    });
    assert_eq!((came.len(), came), (told["answers"].as_array().unwrap().len(), expected.into()));
}

#[test]
fn space_of_before_is_served_on_where_the_other_bundle_cannot_be_opened() {
    let lab = require!(Lab::open());
    lab.filled();
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
fn backfill_refuses_the_served_space_and_another_bundle() {
    let lab = require!(Lab::open());
    let told = lab.space(&["backfill", "main"]).expect_code(1);
    assert!(told.error().starts_with("the space `main` is the one that `"), "{}", told.error());
    lab.create("v2");
    let told = lab.space(&["backfill", "v2", "--bundle", text(&shipped())]).expect_code(1);
    assert!(told.error().contains("was filled with the bundle `nocturne-other`"));
    lab.space(&["backfill", "v3"]).expect_code(1);
    lab.space(&["backfill", "V3"]).expect_code(2);
    let error = lab.spaces().open(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
}
