//! `nocturne space`: switching a collection to another bundle during indexing and queries, in a folder and in Qdrant.

mod backfill;
mod interruption;
mod lab;
mod promotion;
mod qdrant;
mod switch;

use std::path::Path;

use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder, TextEncoder};
use nocturne_index::SpaceName;
use serde_json::Value;

use crate::bundles::runtime;
use crate::program::{run, text};

/// Simulates short nights with consecutive numbers.
fn simulate(folder: &Path, first: u32, nights: u32) {
    let (first, nights) = (first.to_string(), nights.to_string());
    let folder = text(folder);
    run(["simulate", "--out", folder, "--first", &first, "--nights", &nights, "--hours", "0.2"])
        .expect_code(0);
}

/// Returns the dump of a collection: its epochs with the hashes of their vectors.
fn dump(collection: &str) -> String {
    run(["export", collection, "--format", "dump"]).expect_code(0).stdout
}

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

/// Returns the lines that report an event of this kind.
fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

fn towers(bundle: &Bundle) -> (SignalEncoder, TextEncoder) {
    let batch = BatchOptions { batch_size: 8, threads: 1 };
    (
        SignalEncoder::open(runtime(), bundle, Device::Cpu, batch).unwrap(),
        TextEncoder::open(runtime(), bundle, Device::Cpu, batch).unwrap(),
    )
}
