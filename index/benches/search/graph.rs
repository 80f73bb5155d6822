//! The graph as `hnsw_rs` searches it, over vectors in single precision, and the same graph frozen.

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

use crate::measure::{Asked, built, print, print_growth};
use crate::memory::Memory;
use crate::{K, Questions, RECALLS, ask};

const CANDIDATES: [usize; 6] = [16, 32, 64, 128, 512, 1024];

/// Builds a graph once, and asks it both ways.
pub(crate) fn measure(exact: &Arc<ExactIndex>, folder: &Path, questions: &Questions) -> Result<()> {
    let n_rows = exact.n_epochs();
    let before = Memory::now()?;
    let settings = HnswSettings::default();
    let graph =
        built("hnsw_rs", n_rows, || Ok(HnswGraph::build(Arc::clone(exact), settings.clone())?))?;
    print_growth(&before, "hnsw_rs", n_rows)?;
    for candidates in CANDIDATES {
        let index = AsItComes { graph: &graph, exact, candidates };
        let setting = json!({ "candidates": candidates });
        ask("hnsw_rs", &setting, &index, &SearchRequest::nearest(K), questions)?;
    }
    ask_some(&graph, exact, questions)?;
    let storage = Folder::at(folder);
    built(
        "graph, from that of hnsw_rs",
        n_rows,
        || Ok(HnswIndex::freeze(&graph)?.save(&storage)?),
    )?;
    drop(graph);
    let before = Memory::now()?;
    let graph = built("graph, opened", n_rows, || {
        HnswIndex::open(exact, &storage)?.context("the graph that was saved is there")
    })?;
    print_growth(&before, "graph", n_rows)?;
    for candidates in CANDIDATES {
        let index = Walked { graph: &graph, candidates };
        let setting = json!({ "candidates": candidates });
        ask("graph", &setting, &index, &SearchRequest::nearest(K), questions)?;
    }
    for recall in RECALLS {
        let request = SearchRequest { recall: Some(recall), ..SearchRequest::nearest(K) };
        let setting = json!({ "recall": recall, "candidates": graph.ef_for(recall) });
        ask("graph", &setting, &graph, &request, questions)?;
    }
    Ok(())
}

/// Asks for the nearest of one recording in a hundred, by the library's own filter and by ours.
fn ask_some(
    graph: &HnswGraph,
    exact: &ExactIndex,
    Questions { queries, .. }: &Questions,
) -> Result<()> {
    /// Queries of each kind, for the library takes long: it walks on until it has met enough that are allowed.
    const QUERIES: usize = 20;
    const CANDIDATES: usize = 128;
    let ids = exact.recordings().map(|recording| Ok(recording?.id().clone()));
    let some: BTreeSet<_> = ids.step_by(100).collect::<Result<_>>()?;
    let filter = Filter { recordings: Some(some), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(K) };
    for (kind, queries) in queries {
        let queries = &queries[..QUERIES.min(queries.len())];
        let truth = Asked::all(exact, queries, &request)?;
        print("scan of 1 %", &json!({}), kind, &truth, &truth);
        let index = AsItComes { graph, exact, candidates: CANDIDATES };
        let setting = json!({ "candidates": CANDIDATES });
        print("hnsw_rs of 1 %", &setting, kind, &Asked::all(&index, queries, &request)?, &truth);
    }
    Ok(())
}

/// The library's own search; its hits tell of nothing but the epoch.
struct AsItComes<'a> {
    graph: &'a HnswGraph,
    exact: &'a ExactIndex,
    candidates: usize,
}

impl VectorIndex for AsItComes<'_> {
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

/// The frozen graph with a number of candidates; what is not found shows as recall.
struct Walked<'a> {
    graph: &'a HnswIndex,
    candidates: usize,
}

impl VectorIndex for Walked<'_> {
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
