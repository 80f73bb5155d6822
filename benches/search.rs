//! How much faster than looking at every epoch is the graph, and what does it miss?
//!
//! Prints ratios within one run, which hold on any machine: processor time of exact search over that of the graph, and
//! the share of the ten best that the graph finds. `cargo bench --bench search [EPOCHS] [NUMBERS]`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use nocturne_encoder::Embedding;
use nocturne_encoder::bundle::Preprocessing;
use nocturne_index::{
    Collection, CollectionWriter, EpochPoint, ExactIndex, HnswIndex, HnswSettings, RecordingDraft,
    SearchRequest, Space, VectorIndex,
};
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, ZScore};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Epochs of one recording.
const NIGHT: usize = 960;
/// Hits that are asked for.
const K: usize = 10;
/// Queries of each kind.
const QUERIES: usize = 200;
/// Clusters in which epochs lie: stages and subjects make neighbourhoods.
const CLUSTERS: usize = 200;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let n_epochs = numbers.first().copied().unwrap_or(100_000);
    let dim = numbers.get(1).copied().unwrap_or(64);
    let folder = tempfile::tempdir()?;
    let mut random = Pcg64Mcg::seed_from_u64(20);
    let centres: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| direction(dim, &mut random)).collect();
    fill(folder.path(), n_epochs, &centres, &mut random)?;

    let exact = Arc::new(ExactIndex::open(&Collection::open(folder.path())?)?);
    let begin = Instant::now();
    let graph = HnswIndex::build(
        Arc::clone(&exact),
        HnswSettings { exact_below: 0, ..HnswSettings::default() },
    )?;
    let build_s = begin.elapsed().as_secs_f64();
    let queries: Vec<Embedding> =
        (0..QUERIES).map(|_| near_one_of(&centres, &mut random)).collect::<Result<_>>()?;
    let request = SearchRequest::nearest(K);
    let (exact_s, truth) = timed(&*exact, &queries, &request)?;
    let (graph_s, found) = timed(&graph, &queries, &request)?;
    let hits: usize = truth
        .iter()
        .zip(&found)
        .map(|(truth, found)| found.iter().filter(|epoch| truth.contains(epoch)).count())
        .sum();
    println!("epochs {n_epochs}, numbers {dim}, queries {QUERIES}, nearest {K}");
    println!("exact over graph, time of a query     {:8.2}", exact_s / graph_s);
    println!("building over one exact query         {:8.0}", build_s / (exact_s / QUERIES as f64));
    println!("share of the nearest that is found    {:8.4}", hits as f64 / (K * QUERIES) as f64);
    Ok(())
}

/// Returns the seconds of all queries, and the epochs that each finds.
fn timed(
    index: &dyn VectorIndex,
    queries: &[Embedding],
    request: &SearchRequest,
) -> Result<(f64, Vec<Vec<String>>)> {
    let begin = Instant::now();
    let found = queries
        .iter()
        .map(|query| index.search(query, request))
        .collect::<Result<Vec<_>, nocturne_index::Error>>()?;
    let seconds = begin.elapsed().as_secs_f64();
    let names = |hits: Vec<nocturne_index::Hit>| {
        hits.into_iter().map(|hit| hit.epoch.to_string()).collect::<Vec<_>>()
    };
    Ok((seconds, found.into_iter().map(names).collect()))
}

/// Writes nights of epochs that lie in clusters.
fn fill(
    folder: &std::path::Path,
    n_epochs: usize,
    centres: &[Vec<f32>],
    random: &mut Pcg64Mcg,
) -> Result<()> {
    let space = Space {
        bundle: "bench".into(),
        fingerprint: "bench".into(),
        dim: centres[0].len(),
        preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
    };
    let mut writer = CollectionWriter::create(folder, &space)?;
    for night in 0..n_epochs.div_ceil(NIGHT) {
        let n = NIGHT.min(n_epochs - night * NIGHT);
        let epochs = (0..n).map(|number| -> Result<EpochPoint> {
            Ok(EpochPoint {
                number: EpochNumber(number as u32),
                onset_s: 30.0 * number as f64,
                mask: ChannelMask::ALL,
                quality: Quality::default(),
                stage: None,
                events: EventSet::EMPTY,
                vector: near_one_of(centres, random)?,
            })
        });
        writer.commit(RecordingDraft {
            id: RecordingId::new(format!("night-{night:05}"))?,
            source: format!("night-{night:05}.edf"),
            source_sha256: String::new(),
            annotations_sha256: None,
            start: None,
            metadata: std::collections::BTreeMap::default(),
            montage: serde_json::Value::Null,
            events: None,
            epochs: epochs.collect::<Result<_>>()?,
            captions: vec![],
        })?;
    }
    Ok(())
}

fn near_one_of(centres: &[Vec<f32>], random: &mut Pcg64Mcg) -> Result<Embedding> {
    let centre = &centres[random.random_range(0..centres.len())];
    let away = direction(centre.len(), random);
    let vector = centre.iter().zip(away).map(|(centre, away)| centre + 0.5 * away).collect();
    Ok(Embedding::new(vector)?)
}

/// Returns a direction that is uniform enough: numbers of a cube, brought to length 1.
fn direction(dim: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    let vector: Vec<f32> = (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}
