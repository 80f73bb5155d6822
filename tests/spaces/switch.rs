//! Engines and servers switch to a promoted space in one step, during queries.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nocturne_encoder::{BatchOptions, Bundle, Device};
use nocturne_engine::{Engine, EngineOptions, EpochQuery, EpochRequest};
use nocturne_index::{Location, RequiredCoverage, Spaces};
use nocturne_testing::{python_client, require};
use serde_json::Value;

use super::lab::{Lab, on_each_store};
use super::name;
use crate::bundles::{runtime, shipped};
use crate::program::{root, run};
use crate::server::Server;

on_each_store!(
    engine_switches_spaces_atomically_during_queries,
    previous_space_stays_served_if_the_promoted_bundle_cannot_be_opened,
);

/// Waits for this duration: receives from a channel to which nothing is sent.
fn wait(duration: Duration) {
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(duration);
}

type Hits = Vec<(String, u32, f32)>;

fn ask(engine: &Engine) -> Hits {
    let query = EpochQuery::Text("deep sleep with slow waves".to_owned());
    let request = EpochRequest { k: 5, ..EpochRequest::default() };
    let answer = engine.search_epochs(&query, request).unwrap();
    answer.hits.into_iter().map(|hit| (hit.recording, hit.epoch, hit.score)).collect()
}

/// Opens an engine; if it `keeps_up`, it switches to a promoted space by itself.
fn engine(collection: Location, bundle: &Path, keeps_up: bool) -> Engine {
    let batch = BatchOptions { batch_size: 8, threads: 1 };
    let options =
        EngineOptions { device: Device::Cpu, batch, keeps_up, ..EngineOptions::default() };
    Engine::open(collection, &Bundle::open(bundle).unwrap(), runtime(), options).unwrap()
}

/// Promotes `v2` and rolls back, twice, while an engine that keeps up answers 50 queries a second.
/// Each answer must be that of `main` or that of `v2`, and both must occur.
fn switch_during_queries(served: &Engine, answers: &[Hits; 2], spaces: &dyn Spaces) {
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
            spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
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

fn engine_switches_spaces_atomically_during_queries(lab: &Lab) {
    lab.create_and_backfill();
    let answers = [
        ask(&engine(lab.location(), &shipped(), false)),
        ask(&engine(Lab::quick(&lab.space_place("v2")), &lab.bundle, false)),
    ];
    switch_during_queries(&engine(lab.location(), &shipped(), true), &answers, &*lab.spaces());
}

fn previous_space_stays_served_if_the_promoted_bundle_cannot_be_opened(lab: &Lab) {
    lab.create_and_backfill();
    let served = engine(lab.location(), &shipped(), false);
    let before = ask(&served);
    let moved = lab.path("moved");
    std::fs::rename(&lab.bundle, &moved).unwrap();
    lab.spaces().promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    let error = served.follow().unwrap_err();
    assert!(error.to_string().contains("is not a model bundle"), "{error}");
    assert_eq!((ask(&served), served.info().unwrap().space), (before.clone(), "main".to_owned()));
    std::fs::rename(&moved, &lab.bundle).unwrap();
    assert!(served.follow().unwrap() && !served.follow().unwrap());
    let info = served.info().unwrap();
    assert_eq!((info.space.as_str(), info.bundle.as_str()), ("v2", "nocturne-other"));
    assert_ne!(ask(&served), before);
    // The engine remembers the previous bundle, so rolling back works without the record of its folder.
    lab.remove_record_of_main();
    lab.spaces().roll_back().unwrap();
    assert!(served.follow().unwrap());
    assert_eq!(ask(&served), before);
}

#[test]
fn server_switches_spaces_atomically_during_queries() {
    const QUESTION: &str = "deep sleep with slow waves";
    let lab = require!(Lab::in_qdrant());
    let packages = require!(python_client());
    lab.create_and_backfill();
    let server = Server::of(&lab.collection());
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
        let url = lab.space_place(space);
        let answer = run(["search", QUESTION, "-k", "5", "--json", "-c", &url]).expect_code(0);
        hits(&answer.json(), |hit| [hit["recording"].clone(), hit["epoch"].clone()])
    });
    assert_eq!(
        (answers.len(), answers),
        (report["answers"].as_array().unwrap().len(), expected.into())
    );
}
