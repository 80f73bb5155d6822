//! Plans with a graph, which is saved, outgrown and damaged.

use super::*;
use crate::search::hnsw;
use crate::search::hnsw::tests::ONE_THREAD;
use crate::test_collection::{Growing, queries};

const LIMITS: Limits = Limits { exact_below: 100, least_for_caches: 1000 };

fn open(growing: &Growing) -> PlannedIndex {
    let collection = Collection::open_in(growing.storage.clone()).unwrap();
    PlannedIndex::open_with(&collection, LIMITS).unwrap()
}

fn request() -> SearchRequest {
    SearchRequest { recall: Some(0.5), ..SearchRequest::nearest(5) }
}

fn plan(index: &PlannedIndex) -> Plan {
    index.find(&queries().next().unwrap(), &request()).unwrap().plan
}

fn walks(index: &PlannedIndex) -> bool {
    matches!(plan(index), Plan::Graph { .. })
}

#[test]
fn graph_is_built_on_demand_and_walked_where_it_is_cheaper() {
    let growing = Growing::new(&[("a", 1, 2500), ("b", 2, 2500)]);
    let index = open(&growing);
    assert_eq!(plan(&index), Plan::Scan);
    assert!(index.improve_graph(&ONE_THREAD).unwrap());
    assert!(!index.improve_graph(&ONE_THREAD).unwrap(), "there is one");
    assert!(walks(&index) && walks(&open(&growing)), "{}", plan(&index));
    let query = queries().next().unwrap();
    let exact = SearchRequest { recall: None, ..request() };
    assert_eq!(index.find(&query, &exact).unwrap().plan, Plan::Scan);
    let all_but_few = SearchRequest { recall: Some(0.999_999), ..request() };
    assert_eq!(index.find(&query, &all_but_few).unwrap().plan, Plan::Scan);
    for query in queries() {
        assert_eq!(index.search(&query, &request()).unwrap().len(), 5);
    }
}

#[test]
fn damaged_graph_gives_way_to_the_scan_and_is_built_anew() {
    let growing = Growing::new(&[("a", 1, 2500), ("b", 2, 2500)]);
    open(&growing).improve_graph(&ONE_THREAD).unwrap();
    growing.storage.tamper(&growing.file(hnsw::FILES), |bytes| bytes[70_000] ^= 1);
    let index = open(&growing);
    assert!(index.graph().is_none());
    assert!(!walks(&index));
    assert!(index.improve().unwrap());
    assert!(index.graph().is_some() && open(&growing).graph().is_some());
}

#[test]
fn outgrown_graph_is_built_anew_with_the_lists() {
    let mut growing = Growing::new(&[("a", 1, 2000)]);
    let index = open(&growing);
    assert!(index.improve().unwrap(), "lists are made");
    assert!(index.graph().is_none(), "a graph is not, for nobody asked");
    index.improve_graph(&ONE_THREAD).unwrap();
    growing.commit("b", 2, 500);
    let later = index.followed_by(&Collection::open_in(growing.storage.clone()).unwrap()).unwrap();
    assert!(later.graph().unwrap().is_outgrown());
    assert!(later.improve().unwrap());
    assert!(!later.graph().unwrap().is_outgrown());
    assert!(!later.improve().unwrap());
}
