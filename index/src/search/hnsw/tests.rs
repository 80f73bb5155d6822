//! Graphs that are frozen, saved, followed and damaged.

use nocturne_psg::{EpochRef, RecordingId, Stage};

use super::*;
use crate::filter::Filter;
use crate::storage::publish;
use crate::test_collection::{Growing, queries};

pub(crate) const ONE_THREAD: GraphSettings =
    GraphSettings { max_connections: 8, ef_construction: 60, threads: 1 };

fn build(growing: &Growing) -> GraphIndex {
    GraphIndex::build(growing.exact(), ONE_THREAD).unwrap()
}

fn open(growing: &Growing) -> Option<GraphIndex> {
    GraphIndex::open(&growing.exact(), growing.storage.as_ref()).unwrap()
}

/// Checks that a walk that holds every row finds what the exact index finds.
#[track_caller]
fn assert_complete(graph: &GraphIndex, request: &SearchRequest) {
    for query in queries() {
        let hits = graph.walk(&query, request, graph.frozen.n_rows()).unwrap();
        assert_eq!(hits.unwrap(), graph.exact.search(&query, request).unwrap());
    }
}

fn recall(graph: &GraphIndex, candidates: usize) -> f64 {
    let request = SearchRequest::nearest(10);
    let both = |query| {
        let epochs =
            |hits: Vec<Hit>| -> Vec<EpochRef> { hits.into_iter().map(|hit| hit.epoch).collect() };
        let truth = epochs(graph.exact.search(&query, &request).unwrap());
        let found = epochs(graph.walk(&query, &request, candidates).unwrap().unwrap());
        found.iter().filter(|epoch| truth.contains(epoch)).count()
    };
    queries().map(both).sum::<usize>() as f64 / 200.0
}

#[test]
fn more_candidates_find_more() {
    let graph = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    assert_complete(&graph, &SearchRequest::nearest(30));
    let recalls = [10, 40, 160].map(|candidates| recall(&graph, candidates));
    assert!(recalls.is_sorted() && recalls[0] < 0.9 && recalls[2] > 0.95, "{recalls:?}");
}

/// The epochs are without any order, so that queries of another seed are like those that were measured.
#[test]
fn as_many_candidates_are_held_as_the_recall_needs() {
    let graph = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    let efforts = &graph.frozen.details.efforts;
    assert!(efforts.iter().all(|effort| effort.recalls.iter().all(Option::is_some)), "{efforts:?}");
    assert!(efforts.is_sorted_by(|a, b| a.n_scored <= b.n_scored), "{efforts:?}");
    let [some, most] = [0.5, 0.9].map(|recall| graph.candidates_for(recall).unwrap());
    assert!(some < most, "{some} and {most} candidates");
    assert!(recall(&graph, some) > 0.4 && recall(&graph, most) > 0.8);
    let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(10) };
    let plan = graph.find(&queries().next().unwrap(), &request).unwrap().plan;
    assert_eq!(plan, Plan::Graph { candidates: most });
}

#[test]
fn what_is_not_for_a_graph_is_scanned() {
    let graph = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    let some = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(5) };
    let plan =
        |request: &SearchRequest| graph.find(&queries().next().unwrap(), request).unwrap().plan;
    assert!(!plan(&some).is_exact());
    assert_eq!(plan(&SearchRequest::nearest(5)), Plan::Scan);
    assert_eq!(plan(&SearchRequest { recall: Some(1.0), ..some.clone() }), Plan::Scan);
    assert_eq!(plan(&SearchRequest { k: MAX_K + 1, ..some.clone() }), Plan::Scan);
    assert_eq!(plan(&SearchRequest { min_score: Some(0.1), ..some }), Plan::Scan);
}

/// How well a graph is walked is found on recordings that are held out: of one alone nothing is known.
#[test]
fn graph_of_one_recording_promises_nothing() {
    let graph = build(&Growing::new(&[("a", 1, 900)]));
    assert_eq!(graph.candidates_for(0.5), None);
    let some = SearchRequest { recall: Some(0.5), ..SearchRequest::nearest(5) };
    assert!(graph.find(&queries().next().unwrap(), &some).unwrap().plan.is_exact());
}

#[test]
fn filters_make_no_list_short_or_wrong() {
    let graph = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    let stages = Some([Stage::Rem].into());
    let filters = [
        Filter { stages, ..Filter::default() },
        Filter { recordings: Some([RecordingId::new("b").unwrap()].into()), ..Filter::default() },
    ];
    for filter in filters {
        let request = SearchRequest { filter, ..SearchRequest::nearest(10) };
        assert_complete(&graph, &request);
        let request = SearchRequest { recall: Some(0.9), ..request };
        for query in queries() {
            // Too few of so few candidates are allowed.
            assert_eq!(graph.walk(&query, &request, 10).unwrap(), None);
            let found = graph.find(&query, &request).unwrap();
            let truth = graph.exact.search(&query, &request).unwrap();
            let n_found = truth.iter().filter(|hit| found.hits.contains(hit)).count();
            assert!(found.hits.len() == 10 && n_found >= 6, "{n_found} by {}", found.plan);
        }
    }
}

#[test]
fn new_nights_are_scanned_and_old_ones_are_refused() {
    let mut growing = Growing::new(&[("a", 1, 500), ("b", 2, 500), ("d", 4, 40)]);
    let graph = build(&growing);
    growing.commit("c", 3, 30);
    growing.commit("aa", 6, 10);
    growing.commit("d", 5, 20);
    let graph = graph.followed_by(growing.exact());
    assert_eq!((graph.n_live, graph.n_others, graph.is_outgrown()), (1000, 60, false));
    assert_complete(&graph, &SearchRequest::nearest(30));
    let request = SearchRequest::nearest(1);
    for name in ["c", "aa", "d"] {
        // However few candidates a walk holds, what the graph lacks is found.
        let point = &growing.exact().recording(&RecordingId::new(name).unwrap()).unwrap().clone();
        let query = point.vectors().embedding(7).unwrap();
        let hits = graph.walk(&query, &request, 10).unwrap().unwrap();
        assert_eq!(hits[0].epoch.recording.as_str(), name);
    }

    growing.writer.remove(&RecordingId::new("b").unwrap()).unwrap();
    let graph = graph.followed_by(growing.exact());
    assert_eq!((graph.n_live, graph.is_outgrown()), (500, true));
    assert_complete(&graph, &SearchRequest::nearest(30));
    assert!(!build(&growing).is_outgrown());
}

#[test]
fn graphs_are_saved_and_followed() {
    let mut growing = Growing::new(&[("a", 1, 300), ("b", 2, 300)]);
    assert!(open(&growing).is_none(), "nothing was saved");
    let built = build(&growing);
    built.save(growing.storage.as_ref()).unwrap();
    let first = growing.file(FILES);
    growing.commit("c", 3, 40);
    let opened = open(&growing).unwrap();
    assert_eq!(opened.candidates_for(0.9), built.candidates_for(0.9));
    assert_complete(&opened, &SearchRequest::nearest(30));
    build(&growing).save(growing.storage.as_ref()).unwrap();
    assert_ne!(growing.file(FILES), first, "the one before is gone");
    assert_eq!(open(&growing).unwrap().n_others, 0);
}

/// Whatever byte is changed, or wherever the file is cut: it is refused, and so is another one's.
#[test]
fn damaged_graphs_are_never_trusted() {
    let growing = Growing::new(&[("a", 1, 400), ("b", 2, 100)]);
    build(&growing).save(growing.storage.as_ref()).unwrap();
    let file = growing.file(FILES);
    let whole = growing.content(&file);
    for place in (0..whole.len()).step_by(499) {
        growing.storage.tamper(&file, |bytes| bytes[place] ^= 4);
        assert!(open(&growing).is_none(), "byte {place}");
        growing.storage.tamper(&file, |bytes| bytes[place] ^= 4);
    }
    for length in [0, 40, whole.len() / 2, whole.len() - 1] {
        growing.storage.tamper(&file, |bytes| bytes.truncate(length));
        assert!(open(&growing).is_none(), "{length} bytes");
        growing.storage.tamper(&file, |bytes| bytes.clone_from(&whole));
    }
    assert_complete(&open(&growing).unwrap(), &SearchRequest::nearest(9));
}

#[test]
fn graphs_of_another_collection_or_name_are_refused() {
    let others = Growing::new(&[("a", 1, 60)]);
    build(&others).save(others.storage.as_ref()).unwrap();
    let bytes = others.content(&others.file(FILES));
    let growing = Growing::new(&[("a", 9, 60), ("b", 2, 50)]);
    let storage = growing.storage.as_ref();
    let other_name = format!("{:032x}{}", 7, FILES.suffix);
    publish(storage, FILES.folder, &other_name, &bytes).unwrap();
    assert!(open(&growing).is_none(), "its content is not what its name says");
    // The same name and another content: no row of it is returned.
    let name = others.file(FILES);
    publish(storage, FILES.folder, name.rsplit('/').next().unwrap(), &bytes).unwrap();
    let graph = open(&growing).unwrap();
    assert_eq!((graph.n_live, graph.n_others, graph.is_outgrown()), (0, 110, true));
    for query in queries() {
        let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(9) };
        let found = graph.find(&query, &request).unwrap();
        assert_eq!(found, growing.exact().find(&query, &request).unwrap());
    }
}

#[test]
fn damaged_recordings_are_left_out() {
    let mut growing = Growing::new(&[("a", 1, 200), ("b", 2, 200)]);
    let exact = growing.exact();
    let graph = build(&growing);
    let segment = |id: &str| {
        let number = exact.number_of(&RecordingId::new(id).unwrap()).unwrap();
        format!("segments/{}", exact.handles()[number].entry().segment.file_name())
    };
    growing.storage.tamper(&segment("b"), |bytes| bytes[300] ^= 1);
    growing.commit("c", 3, 30);
    let graph = graph.followed_by(growing.exact());
    for query in queries() {
        let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(9) };
        let hits = graph.find(&query, &request).unwrap().hits;
        assert!(hits.len() == 9 && hits.iter().all(|hit| hit.epoch.recording.as_str() != "b"));
    }
    let graph = build(&growing);
    assert_eq!((graph.frozen.n_rows(), graph.is_outgrown()), (230, false));
    assert_complete(&graph, &SearchRequest::nearest(9));
}

#[test]
fn several_threads_build_a_graph_as_good() {
    let growing = Growing::new(&[("a", 1, 900), ("b", 2, 600)]);
    let graph = GraphIndex::build(growing.exact(), GraphSettings { threads: 4, ..ONE_THREAD });
    let graph = graph.unwrap();
    assert_eq!(graph.frozen.n_rows(), 1500);
    assert!(recall(&graph, 160) > 0.95);
}

#[test]
fn impossible_settings_are_refused() {
    let growing = Growing::new(&[]);
    let error = |settings| GraphIndex::build(growing.exact(), settings).unwrap_err().to_string();
    let threads = GraphSettings { threads: 0, ..ONE_THREAD };
    assert_eq!(error(threads), "`threads` is 0; expected 1 to 256");
    let candidates = GraphSettings { ef_construction: 7, ..ONE_THREAD };
    assert_eq!(error(candidates), "`ef_construction` is 7; expected 8 to 4096");
}
