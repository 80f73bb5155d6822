//! Measures a graph of `hnsw_rs`, searched by that library over vectors in single precision, and the same graph frozen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use nocturne_encoder::Embedding;
use nocturne_index::storage::Folder;
use nocturne_index::{
    EmbeddingSpace, Error, ExactIndex, Filter, Hit, HnswGraph, HnswIndex, HnswSettings,
    SearchAnswer, SearchPlan, SearchRequest, VectorIndex,
};
use nocturne_psg::EventSet;
use nocturne_psg::montage::ChannelMask;
use serde_json::json;

use crate::measure::{Measurement, print, print_growth, timed};
use crate::memory::Memory;
use crate::{K, Questions, RECALLS, ask};

const CANDIDATES: [usize; 6] = [16, 32, 64, 128, 512, 1024];

/// Builds a graph once, and measures the search of the library and that of the frozen graph.
pub(crate) fn measure(exact: &Arc<ExactIndex>, folder: &Path, questions: &Questions) -> Result<()> {
    let n_rows = exact.n_epochs();
    let before = Memory::now()?;
    let settings = HnswSettings::default();
    let graph =
        timed("hnsw_rs", n_rows, || Ok(HnswGraph::build(Arc::clone(exact), settings.clone())?))?;
    print_growth(&before, "hnsw_rs", n_rows)?;
    for candidates in CANDIDATES {
        let index = LibrarySearch { graph: &graph, exact, candidates };
        let setting = json!({ "candidates": candidates });
        ask("hnsw_rs", &setting, &index, &SearchRequest::nearest(K), questions)?;
    }
    ask_filtered(&graph, exact, questions)?;
    let storage = Folder::at(folder);
    timed("frozen graph, from that of hnsw_rs", n_rows, || {
        Ok(HnswIndex::freeze(&graph)?.save(&storage)?)
    })?;
    drop(graph);
    let before = Memory::now()?;
    let graph = timed("frozen graph, opened", n_rows, || {
        HnswIndex::open(exact, &storage)?.context("the saved graph is missing")
    })?;
    print_growth(&before, "frozen graph", n_rows)?;
    for candidates in CANDIDATES {
        let index = FrozenSearch { graph: &graph, candidates };
        let setting = json!({ "candidates": candidates });
        ask("frozen graph", &setting, &index, &SearchRequest::nearest(K), questions)?;
    }
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        let setting = json!({ "recall": recall, "candidates": graph.ef_for(recall) });
        ask("frozen graph", &setting, &graph, &request, questions)?;
    }
    Ok(())
}

/// Searches one recording in a hundred: with the filter of the library, and with an exact scan.
fn ask_filtered(
    graph: &HnswGraph,
    exact: &ExactIndex,
    Questions { queries, .. }: &Questions,
) -> Result<()> {
    /// Number of queries of each kind. The library is slow here: it searches until it has found enough allowed epochs.
    const QUERIES: usize = 20;
    const CANDIDATES: usize = 128;
    let ids = exact.recordings().map(|recording| Ok(recording?.id().clone()));
    let allowed: BTreeSet<_> = ids.step_by(100).collect::<Result<_>>()?;
    let filter = Filter { recordings: Some(allowed), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(K) };
    for (kind, queries) in queries {
        let queries = &queries[..QUERIES.min(queries.len())];
        let truth = Measurement::of(exact, queries, &request)?;
        print("scan of 1 %", &json!({}), kind, &truth, &truth);
        let index = LibrarySearch { graph, exact, candidates: CANDIDATES };
        let setting = json!({ "candidates": CANDIDATES });
        print(
            "hnsw_rs of 1 %",
            &setting,
            kind,
            &Measurement::of(&index, queries, &request)?,
            &truth,
        );
    }
    Ok(())
}

/// The search of the library; only the epochs of its hits are set.
struct LibrarySearch<'a> {
    graph: &'a HnswGraph,
    exact: &'a ExactIndex,
    candidates: usize,
}

impl VectorIndex for LibrarySearch<'_> {
    fn space(&self) -> &EmbeddingSpace {
        self.exact.space()
    }

    fn n_epochs(&self) -> usize {
        self.exact.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer, Error> {
        let SearchRequest { k, filter, .. } = request;
        let epochs = match &filter.recordings {
            None => self.graph.search(query, *k, self.candidates)?,
            Some(recordings) => self.graph.search_among(query, *k, self.candidates, recordings)?,
        };
        let hit = |epoch| Hit {
            epoch,
            score: 0.0,
            onset_s: 0.0,
            stage: None,
            mask: ChannelMask::NONE,
            events: EventSet::EMPTY,
        };
        let plan = SearchPlan::Hnsw { ef: self.candidates };
        Ok(SearchAnswer { hits: epochs.into_iter().map(hit).collect(), plan })
    }
}

/// The frozen graph, searched with a number of candidates; it has no fallback, so a missed epoch lowers the recall.
struct FrozenSearch<'a> {
    graph: &'a HnswIndex,
    candidates: usize,
}

impl VectorIndex for FrozenSearch<'_> {
    fn space(&self) -> &EmbeddingSpace {
        self.graph.space()
    }

    fn n_epochs(&self) -> usize {
        self.graph.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer, Error> {
        let hits = self.graph.search_with(query, request, self.candidates)?.unwrap_or_default();
        Ok(SearchAnswer { hits, plan: SearchPlan::Hnsw { ef: self.candidates } })
    }
}
