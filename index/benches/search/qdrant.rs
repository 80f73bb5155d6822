//! The same vectors in a server of Qdrant: what it takes to send them, and what its answers cost.

use anyhow::{Result, ensure};
use nocturne_index::qdrant::{QdrantIndex, QdrantSettings, QdrantUrl, copy_to_qdrant};
use nocturne_index::{
    Collection, ExactIndex, Filter, Recording, ScoreTable, SearchRequest, VectorIndex,
};
use serde_json::json;

use crate::measure::{Asked, built, count_also, print};
use crate::{K, Questions, ask};

/// Recalls that are asked of the server's graph.
const RECALLS: [f32; 3] = [0.9, 0.95, 0.99];
/// Cosine from which an epoch counts in a night.
const THRESHOLD: f32 = 0.3;

/// Where the server is.
pub(crate) struct Server {
    pub(crate) url: QdrantUrl,
    /// Its process on this machine, whose time and memory count too.
    pub(crate) process: Option<u32>,
}

/// Copies a collection to the server, asks it what the exact index was asked, and has it make snapshots.
///
/// What is sent stays there.
pub(crate) fn measure(
    Server { url, process }: Server,
    collection: &Collection,
    exact: &ExactIndex,
    questions: &Questions,
) -> Result<()> {
    let n_rows = exact.n_epochs();
    count_also(process);
    let settings = QdrantSettings { full_pass: usize::MAX, ..QdrantSettings::at(url) };
    built("qdrant, sent and acknowledged", n_rows, || {
        Ok(copy_to_qdrant(collection, settings.clone(), &mut |_, _| {})?)
    })?;
    let index = QdrantIndex::open(settings)?;
    ensure!(index.n_epochs() == n_rows, "{} of {n_rows} epochs are there", index.n_epochs());
    ask("qdrant exact", &json!({}), &index, &SearchRequest::nearest(K), questions)?;
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        ask("qdrant", &json!({ "recall": recall }), &index, &request, questions)?;
    }
    let filter = Filter { expression: Some("epoch < 10".parse()?), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(K) };
    for (kind, queries) in &questions.queries {
        let truth = Asked::all(exact, queries, &request)?;
        let found = Asked::all(&index, queries, &request)?;
        print("scan of epochs below 10", &json!({}), kind, &truth, &truth);
        print("qdrant of epochs below 10", &json!({}), kind, &found, &truth);
    }
    for (kind, queries) in &questions.queries {
        let name = |place: &str| format!("nights by one {kind}, {place}");
        let here = built(&name("scan"), n_rows, || {
            Ok(exact.score_all(&queries[..1], |_| true, above)?)
        })?;
        let there = built(&name("qdrant"), n_rows, || {
            Ok(index.score_all(&queries[..1], |_| true, above)?)
        })?;
        ensure!(here == there, "{kind}: the nights have other epochs above {THRESHOLD}");
    }
    built("qdrant, snapshots", n_rows, || Ok(index.collection().snapshot()?))?;
    Ok(())
}

/// Returns how many epochs of a night count.
fn above(_: &Recording, scores: &ScoreTable) -> usize {
    scores.query(0).filter(|score| *score >= THRESHOLD).count()
}
