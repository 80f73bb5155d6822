//! How much of the nearest does each index find, and at what cost?
//!
//! ```text
//! cargo bench -p nocturne-index --bench search -- [--rows N] [--numbers N] [--seed N] [--data DIR] [--save DIR] [--graph]
//! cargo bench -p nocturne-index --bench search -- --vectors FILE --queries FILE [--truth FILE] [--graph]
//! cargo bench -p nocturne-index --bench search -- --qdrant qdrant://localhost/bench [--process PID]
//! ```
//!
//! Prints a line of JSON for each kind of index, setting and kind of query: the share of the ten nearest that is found,
//! queries for each second of processor time and of the clock, and how long a query takes. `--save` writes the vectors as
//! `.npy`, and `benches/peers.py` asks other libraries the same about them; `--data` reads such files, and `--vectors`
//! any others: float32 by rows, and for `--truth` the numbers of each query's nearest as integers. `--graph` builds a
//! graph of `hnsw_rs`, which takes minutes, and asks it by the library's own search and frozen; and asks both for the
//! nearest of one recording in a hundred. `--qdrant` sends the vectors to a server and asks it too; with the number of its
//! process, the processor time of both counts.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

mod graph;
mod measure;
#[path = "../memory/mod.rs"]
mod memory;
#[path = "../nights/mod.rs"]
mod nights;
mod npy;
mod qdrant;
mod set;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use nocturne_encoder::Embedding;
use nocturne_index::qdrant::QdrantUrl;
use nocturne_index::{
    Collection, CollectionWriter, ExactIndex, IvfIndex, PlannedIndex, SearchRequest, VectorIndex,
};
use nocturne_psg::{EpochNumber, EpochRef};
use serde_json::json;

use measure::{Asked, built, print, print_growth};
use memory::Memory;
use qdrant::Server;
use set::{NIGHT, Rows, Set};

/// Hits that are asked for.
const K: usize = 10;
const RECALLS: [f32; 5] = [0.8, 0.9, 0.95, 0.98, 0.99];

fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let set = match (&arguments.vectors, &arguments.queries, &arguments.data) {
        (Some(vectors), Some(queries), _) => {
            Set::of_files(vectors, queries, arguments.truth.as_deref())?
        }
        (Some(_), None, _) => bail!("`--vectors` has no `--queries`"),
        (None, _, Some(folder)) => Set::read(folder)?,
        (None, ..) => Set::of_seed(arguments.rows, arguments.numbers, arguments.seed),
    };
    if let Some(folder) = &arguments.save {
        set.write(folder)?;
    }
    let folder = tempfile::tempdir()?;
    let n_rows = set.epochs.len();
    built("ingest", n_rows, || fill(folder.path(), &set.epochs))?;
    let Set { epochs, queries, truth } = set;
    drop(epochs);
    let queries = queries.into_iter().map(|(kind, rows)| Ok((kind, embeddings(&rows)?)));
    let queries = queries.collect::<Result<Vec<_>>>()?;

    let before = Memory::now()?;
    let collection = Collection::open(folder.path())?;
    let exact = Arc::new(built("open", n_rows, || Ok(ExactIndex::new(collection.segments()?)))?);
    let given =
        truth.map(|truth| Asked::elsewhere(truth.iter().map(|rows| epochs_of(rows)).collect()));
    let mut truth = Vec::new();
    for (kind, queries) in &queries {
        let asked = Asked::all(exact.as_ref(), queries, &SearchRequest::nearest(K))?;
        print("scan", &json!({}), kind, &asked, given.as_ref().unwrap_or(&asked));
        truth.push(asked);
    }
    if let Some(given) = given {
        truth = vec![given];
    }
    let questions = Questions { queries, truth };
    print_growth(&before, "scan", n_rows)?;

    let planned = PlannedIndex::open(collection.segments()?)?;
    built("partitions", n_rows, || Ok(planned.maintain()?))?;
    let partitions = match planned.ivf() {
        Some(partitions) => partitions,
        // There are too few rows for a plan with lists, and they are measured all the same.
        None => Arc::new(IvfIndex::build(Arc::clone(&exact), None)?),
    };
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        let setting = json!({
            "recall": recall,
            "lists": partitions.n_probes(recall),
            "of": partitions.n_lists(),
        });
        ask("partitions", &setting, partitions.as_ref(), &request, &questions)?;
    }
    print_growth(&before, "scan and partitions", n_rows)?;
    if arguments.graph {
        graph::measure(&exact, folder.path(), &questions)?;
    }
    if let Some(url) = arguments.qdrant {
        let server = Server { url, process: arguments.process };
        qdrant::measure(server, &collection, &exact, &questions)?;
    }
    Ok(())
}

/// Queries of each kind, and what an exact index finds for them.
struct Questions {
    queries: Vec<(&'static str, Vec<Embedding>)>,
    truth: Vec<Asked>,
}

/// Returns the epochs that were made of rows, the first ten of them.
fn epochs_of(rows: &[u64]) -> BTreeSet<EpochRef> {
    let epoch = |row: &u64| {
        let (night, number) = (row / NIGHT as u64, row % NIGHT as u64);
        EpochRef { recording: nights::name(night as usize), epoch: EpochNumber(number as u32) }
    };
    rows.iter().take(K).map(epoch).collect()
}

fn ask(
    name: &str,
    setting: &serde_json::Value,
    index: &dyn VectorIndex,
    request: &SearchRequest,
    Questions { queries, truth }: &Questions,
) -> Result<()> {
    for ((kind, queries), truth) in queries.iter().zip(truth) {
        print(name, setting, kind, &Asked::all(index, queries, request)?, truth);
    }
    Ok(())
}

fn embeddings(rows: &Rows) -> Result<Vec<Embedding>> {
    rows.iter().map(|row| Ok(Embedding::new(row.to_vec())?)).collect()
}

/// Writes the epochs as recordings.
fn fill(folder: &Path, epochs: &Rows) -> Result<()> {
    let mut writer = CollectionWriter::create(folder, &nights::space(epochs.dim))?;
    for (night, rows) in epochs.numbers.chunks(NIGHT * epochs.dim).enumerate() {
        let vectors = rows.chunks_exact(epochs.dim).map(|row| Ok(Embedding::new(row.to_vec())?));
        writer.commit(nights::draft(night, vectors.collect::<Result<_>>()?))?;
    }
    Ok(())
}

#[derive(Default)]
struct Arguments {
    rows: usize,
    numbers: usize,
    seed: u64,
    data: Option<PathBuf>,
    vectors: Option<PathBuf>,
    queries: Option<PathBuf>,
    truth: Option<PathBuf>,
    save: Option<PathBuf>,
    graph: bool,
    qdrant: Option<QdrantUrl>,
    process: Option<u32>,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self { rows: 200_000, numbers: 512, seed: 1, ..Self::default() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("`{argument}` has no value"));
            match argument.as_str() {
                "--rows" => read.rows = value()?.parse()?,
                "--numbers" => read.numbers = value()?.parse()?,
                "--seed" => read.seed = value()?.parse()?,
                "--data" => read.data = Some(value()?.into()),
                "--vectors" => read.vectors = Some(value()?.into()),
                "--queries" => read.queries = Some(value()?.into()),
                "--truth" => read.truth = Some(value()?.into()),
                "--save" => read.save = Some(value()?.into()),
                "--graph" => read.graph = true,
                "--qdrant" => read.qdrant = Some(value()?.parse()?),
                "--process" => read.process = Some(value()?.parse()?),
                // Cargo says the first to every benchmark; the output is JSON anyway.
                "--bench" | "--json" => {}
                _ => bail!(
                    "`{argument}` is no argument; expected `--rows`, `--numbers`, `--seed`, `--data`, `--vectors`, `--queries`, `--truth`, `--save`, `--graph`, `--qdrant`, `--process`"
                ),
            }
        }
        Ok(read)
    }
}
