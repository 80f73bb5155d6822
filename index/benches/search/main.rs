//! Benchmark: recall and cost of each kind of index.
//!
//! ```text
//! cargo bench -p nocturne-index --bench search -- [--rows N] [--dim N] [--seed N] [--data DIR] [--save DIR] [--hnsw]
//! cargo bench -p nocturne-index --bench search -- --vectors FILE --queries FILE [--truth FILE] [--hnsw]
//! cargo bench -p nocturne-index --bench search -- --qdrant qdrant://localhost/bench [--process PID]
//! ```
//!
//! Prints a line of JSON for each kind of index, setting and kind of query: the recall of the ten nearest, queries per
//! second of processor time and of wall time, and percentiles of the time of a query.
//!
//! - `--save` writes the vectors as `.npy`; `benches/peers.py` runs the same queries on them with other libraries.
//! - `--data` reads such files. `--vectors` and `--queries` read any tables of float32, and `--truth` a table of
//!   integers: the row numbers of the nearest vectors of each query.
//! - `--hnsw` builds a graph with `hnsw_rs`, which takes minutes, and measures it searched by that library and frozen,
//!   and searches of one recording in a hundred.
//! - `--qdrant` uploads the vectors to a server and measures it too; with `--process`, the processor time of the server
//!   counts as well.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

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
    CollectionWriter, ExactIndex, FolderReader, FolderWriter, IvfIndex, PlannedIndex,
    SearchRequest, VectorIndex,
};
use nocturne_psg::{EpochNumber, EpochRef};
use serde_json::json;

use measure::{Measurement, print, print_growth, timed};
use memory::Memory;
use qdrant::Server;
use set::{NIGHT, Rows, Set};

/// Number of requested hits.
const K: usize = 10;
const RECALLS: [f32; 5] = [0.8, 0.9, 0.95, 0.98, 0.99];

fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let set = match (&arguments.vectors, &arguments.queries, &arguments.data) {
        (Some(vectors), Some(queries), _) => {
            Set::of_files(vectors, queries, arguments.truth.as_deref())?
        }
        (Some(_), None, _) => bail!("`--vectors` needs `--queries`"),
        (None, _, Some(folder)) => Set::read(folder)?,
        (None, ..) => Set::of_seed(arguments.rows, arguments.dim, arguments.seed),
    };
    if let Some(folder) = &arguments.save {
        set.write(folder)?;
    }
    let folder = tempfile::tempdir()?;
    let n_rows = set.epochs.len();
    timed("ingest", n_rows, || fill(folder.path(), &set.epochs))?;
    let Set { epochs, queries, truth } = set;
    drop(epochs);
    let queries = queries.into_iter().map(|(kind, rows)| Ok((kind, embeddings(&rows)?)));
    let queries = queries.collect::<Result<Vec<_>>>()?;

    let before = Memory::now()?;
    let collection = FolderReader::open(folder.path())?;
    let exact = Arc::new(timed("open", n_rows, || Ok(ExactIndex::new(collection.segments()?)))?);
    let given = truth
        .map(|truth| Measurement::of_truth(truth.iter().map(|rows| epochs_of(rows)).collect()));
    let mut truth = Vec::new();
    for (kind, queries) in &queries {
        let measured = Measurement::of(exact.as_ref(), queries, &SearchRequest::nearest(K))?;
        print("scan", &json!({}), kind, &measured, given.as_ref().unwrap_or(&measured));
        truth.push(measured);
    }
    if let Some(given) = given {
        truth = vec![given];
    }
    let questions = Questions { queries, truth };
    print_growth(&before, "scan", n_rows)?;

    let planned = PlannedIndex::open(collection.segments()?)?;
    timed("ivf", n_rows, || Ok(planned.maintain()?))?;
    let ivf = match planned.ivf() {
        Some(ivf) => ivf,
        // The planner builds no inverted lists for this few rows; measure them anyway.
        None => Arc::new(IvfIndex::build(Arc::clone(&exact), None)?),
    };
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        let setting = json!({
            "recall": recall,
            "lists": ivf.n_probes(recall),
            "of": ivf.n_lists(),
        });
        ask("ivf", &setting, ivf.as_ref(), &request, &questions)?;
    }
    print_growth(&before, "scan and ivf", n_rows)?;
    if arguments.hnsw {
        graph::measure(&exact, folder.path(), &questions)?;
    }
    if let Some(url) = arguments.qdrant {
        let server = Server { url, process: arguments.process };
        qdrant::measure(server, &collection, &exact, &questions)?;
    }
    Ok(())
}

/// Queries of each kind, with the results of exact search or the given truth.
struct Questions {
    queries: Vec<(&'static str, Vec<Embedding>)>,
    truth: Vec<Measurement>,
}

/// Returns the epochs of the first ten rows.
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
        print(name, setting, kind, &Measurement::of(index, queries, request)?, truth);
    }
    Ok(())
}

fn embeddings(rows: &Rows) -> Result<Vec<Embedding>> {
    rows.iter().map(|row| Ok(Embedding::new(row.to_vec())?)).collect()
}

/// Writes the epochs as recordings.
fn fill(folder: &Path, epochs: &Rows) -> Result<()> {
    let mut writer = FolderWriter::create(folder, &nights::space(epochs.dim))?;
    for (night, rows) in epochs.numbers.chunks(NIGHT * epochs.dim).enumerate() {
        let vectors = rows.chunks_exact(epochs.dim).map(|row| Ok(Embedding::new(row.to_vec())?));
        writer.commit(nights::draft(night, vectors.collect::<Result<_>>()?))?;
    }
    Ok(())
}

#[derive(Default)]
struct Arguments {
    rows: usize,
    dim: usize,
    seed: u64,
    data: Option<PathBuf>,
    vectors: Option<PathBuf>,
    queries: Option<PathBuf>,
    truth: Option<PathBuf>,
    save: Option<PathBuf>,
    hnsw: bool,
    qdrant: Option<QdrantUrl>,
    process: Option<u32>,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut read = Self { rows: 200_000, dim: 512, seed: 1, ..Self::default() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("`{argument}` has no value"));
            match argument.as_str() {
                "--rows" => read.rows = value()?.parse()?,
                "--dim" => read.dim = value()?.parse()?,
                "--seed" => read.seed = value()?.parse()?,
                "--data" => read.data = Some(value()?.into()),
                "--vectors" => read.vectors = Some(value()?.into()),
                "--queries" => read.queries = Some(value()?.into()),
                "--truth" => read.truth = Some(value()?.into()),
                "--save" => read.save = Some(value()?.into()),
                "--hnsw" => read.hnsw = true,
                "--qdrant" => read.qdrant = Some(value()?.parse()?),
                "--process" => read.process = Some(value()?.parse()?),
                // Cargo passes `--bench` to every benchmark; the output is always JSON.
                "--bench" | "--json" => {}
                _ => bail!(
                    "unknown argument `{argument}`; expected `--rows`, `--dim`, `--seed`, `--data`, `--vectors`, `--queries`, `--truth`, `--save`, `--hnsw`, `--qdrant`, `--process`"
                ),
            }
        }
        Ok(read)
    }
}
