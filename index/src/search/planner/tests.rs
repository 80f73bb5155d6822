//! Plans with a graph, which is saved, outgrown and damaged, and the number of times that a filter is evaluated.

use nocturne_psg::Stage;

use super::*;
use crate::filter::{Filter, n_evaluations};
use crate::search::hnsw::tests::ONE_THREAD;
use crate::storage::cache_files::CacheFiles;
use crate::test_collection::{TestCollection, queries};

const LIMITS: Limits = Limits { max_scan: 100, min_for_index: 1000 };

fn open(collection: &TestCollection) -> PlannedIndex {
    PlannedIndex::open_with(collection.segments(), LIMITS).unwrap()
}

fn request() -> SearchRequest {
    SearchRequest { recall: Some(0.5), ..SearchRequest::nearest(5) }
}

fn plan(index: &PlannedIndex) -> SearchPlan {
    index.find(&queries().next().unwrap(), &request()).unwrap().plan
}

fn uses_graph(index: &PlannedIndex) -> bool {
    matches!(plan(index), SearchPlan::Hnsw { .. })
}

#[test]
fn graph_is_built_on_demand_and_used_if_cheaper() {
    let collection = TestCollection::new(&[("a", 1, 2500), ("b", 2, 2500)]);
    let index = open(&collection);
    assert_eq!(plan(&index), SearchPlan::Scan);
    assert!(index.build_hnsw(&ONE_THREAD).unwrap());
    assert!(!index.build_hnsw(&ONE_THREAD).unwrap(), "it exists");
    assert!(uses_graph(&index) && uses_graph(&open(&collection)), "{}", plan(&index));
    let query = queries().next().unwrap();
    let exact = SearchRequest { recall: None, ..request() };
    assert_eq!(index.find(&query, &exact).unwrap().plan, SearchPlan::Scan);
    let nearly_exact = SearchRequest { recall: Some(0.999_999), ..request() };
    assert_eq!(index.find(&query, &nearly_exact).unwrap().plan, SearchPlan::Scan);
    for query in queries() {
        assert_eq!(index.search(&query, &request()).unwrap().len(), 5);
    }
}

#[test]
fn damaged_graph_is_replaced_by_a_scan_and_rebuilt() {
    let collection = TestCollection::new(&[("a", 1, 2500), ("b", 2, 2500)]);
    open(&collection).build_hnsw(&ONE_THREAD).unwrap();
    let file = collection.file(CacheFiles::HNSW);
    collection.storage.tamper(&file, |bytes| bytes[70_000] ^= 1);
    let index = open(&collection);
    assert!(index.hnsw().is_none());
    assert!(!uses_graph(&index));
    assert!(index.maintain().unwrap());
    assert!(index.hnsw().is_some() && open(&collection).hnsw().is_some());
}

#[test]
fn outgrown_graph_is_rebuilt_with_the_lists() {
    let mut collection = TestCollection::new(&[("a", 1, 2000)]);
    let index = open(&collection);
    assert!(index.maintain().unwrap(), "lists are built");
    assert!(index.hnsw().is_none(), "a graph is built on demand only");
    index.build_hnsw(&ONE_THREAD).unwrap();
    collection.commit("b", 2, 500);
    let later = index.followed_by(collection.segments()).unwrap();
    assert!(later.hnsw().unwrap().is_outgrown());
    assert!(later.maintain().unwrap());
    assert!(!later.hnsw().unwrap().is_outgrown());
    assert!(!later.maintain().unwrap());
}

#[test]
fn filters_are_evaluated_once_per_recording() {
    let collection = TestCollection::new(&[("a", 1, 1000), ("b", 2, 1000), ("c", 3, 500)]);
    let index = open(&collection);
    index.maintain().unwrap();
    let filter = Filter { stages: Some([Stage::N2].into()), ..Filter::default() };
    let requests = [
        (SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(5) }, true),
        (SearchRequest { filter, ..request() }, false),
    ];
    for (request, is_exact) in requests {
        let before = n_evaluations();
        let answer = index.find(&queries().next().unwrap(), &request).unwrap();
        assert_eq!((answer.hits.len(), answer.plan.is_exact()), (5, is_exact));
        assert_eq!(n_evaluations() - before, 3, "{}", answer.plan);
    }
}
