//! Measures the same vectors on a Qdrant server: uploads, searches, scans and snapshots.

use anyhow::{Result, ensure};
use nocturne_index::qdrant::{QdrantReader, QdrantSettings, QdrantUrl, QdrantWriter};
use nocturne_index::{
    CollectionReader, ExactIndex, Filter, FolderReader, OnConflict, Recording, ScoreTable,
    SearchRequest, VectorIndex, join,
};
use serde_json::json;

use crate::measure::{Measurement, count_also, print, timed};
use crate::{K, Questions, ask};

/// Recalls requested from the graph of the server.
const RECALLS: [f32; 3] = [0.9, 0.95, 0.99];
/// Minimum cosine of the epochs that are counted in a night.
const THRESHOLD: f32 = 0.3;

/// The server to measure.
pub(crate) struct Server {
    pub(crate) url: QdrantUrl,
    /// Its process on this machine, whose processor time is added.
    pub(crate) process: Option<u32>,
}

/// Copies a collection to the server, runs the queries there, and creates snapshots.
///
/// The copy is not deleted.
pub(crate) fn measure(
    Server { url, process }: Server,
    collection: &FolderReader,
    exact: &ExactIndex,
    questions: &Questions,
) -> Result<()> {
    let n_rows = exact.n_epochs();
    count_also(process);
    let settings = QdrantSettings::at(url);
    timed("qdrant, uploaded and acknowledged", n_rows, || {
        let mut writer = QdrantWriter::open_or_create(settings.clone(), collection.space())?;
        Ok(join(&[collection], &mut writer, OnConflict::Keep, &mut |_, _| {})?)
    })?;
    let index = QdrantReader::open(settings)?;
    ensure!(index.n_epochs() == n_rows, "the server has {} of {n_rows} epochs", index.n_epochs());
    ask("qdrant exact", &json!({}), &index, &SearchRequest::nearest(K), questions)?;
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        ask("qdrant", &json!({ "recall": recall }), &index, &request, questions)?;
    }
    let filter = Filter { expression: Some("epoch < 10".parse()?), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(K) };
    for (kind, queries) in &questions.queries {
        let truth = Measurement::of(exact, queries, &request)?;
        let found = Measurement::of(&index, queries, &request)?;
        print("scan of epochs below 10", &json!({}), kind, &truth, &truth);
        print("qdrant of epochs below 10", &json!({}), kind, &found, &truth);
    }
    let reader: &dyn CollectionReader = &index;
    for (kind, queries) in &questions.queries {
        let name = |index: &str| format!("nights by one {kind}, {index}");
        let in_folder = timed(&name("scan"), n_rows, || {
            Ok(exact.score_all(&queries[..1], |_| true, n_above)?)
        })?;
        let on_server = timed(&name("qdrant"), n_rows, || {
            Ok(reader.score_all(&queries[..1], |_| true, n_above)?)
        })?;
        ensure!(
            in_folder == on_server,
            "{kind}: the server counts other epochs with at least {THRESHOLD}"
        );
    }
    timed("qdrant, snapshots", n_rows, || Ok(index.snapshot()?))?;
    Ok(())
}

/// Returns the number of epochs of a night that reach the threshold.
fn n_above(_: &Recording, scores: &ScoreTable) -> usize {
    scores.query(0).filter(|score| *score >= THRESHOLD).count()
}
