//! Graphs that are frozen, saved, extended and damaged.

use nocturne_psg::{EpochRef, RecordingId, Stage};

use super::*;
use crate::contract::CollectionWriter;
use crate::filter::Filter;
use crate::storage::write_atomically;
use crate::test_collection::{TestCollection, queries};

pub(crate) const ONE_THREAD: HnswSettings =
    HnswSettings { max_connections: 8, ef_construction: 60, threads: 1 };

fn build(collection: &TestCollection) -> HnswIndex {
    HnswIndex::build(collection.exact(), ONE_THREAD).unwrap()
}

fn open(collection: &TestCollection) -> Option<HnswIndex> {
    HnswIndex::open(&collection.exact(), collection.storage.as_ref()).unwrap()
}

/// Checks that a search with every row as a candidate finds what the exact index finds.
#[track_caller]
fn assert_complete(index: &HnswIndex, request: &SearchRequest) {
    for query in queries() {
        let hits = index.search_with(&query, request, index.graph.n_rows()).unwrap();
        assert_eq!(hits.unwrap(), index.exact.search(&query, request).unwrap());
    }
}

fn recall(index: &HnswIndex, ef: usize) -> f64 {
    let request = SearchRequest::nearest(10);
    let n_found = |query| {
        let epochs =
            |hits: Vec<Hit>| -> Vec<EpochRef> { hits.into_iter().map(|hit| hit.epoch).collect() };
        let nearest = epochs(index.exact.search(&query, &request).unwrap());
        let found = epochs(index.search_with(&query, &request, ef).unwrap().unwrap());
        found.iter().filter(|epoch| nearest.contains(epoch)).count()
    };
    queries().map(n_found).sum::<usize>() as f64 / 200.0
}

#[test]
fn more_candidates_find_more() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    assert_complete(&index, &SearchRequest::nearest(30));
    let recalls = [10, 40, 160].map(|ef| recall(&index, ef));
    assert!(recalls.is_sorted() && recalls[0] < 0.9 && recalls[2] > 0.95, "{recalls:?}");
}

/// The epochs are random, so that queries of another seed are like those that were measured.
#[test]
fn number_of_candidates_follows_the_requested_recall() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    let trials = &index.graph.details.calibration;
    assert!(trials.iter().all(|trial| trial.recalls.iter().all(Option::is_some)), "{trials:?}");
    assert!(trials.is_sorted_by(|a, b| a.n_scored <= b.n_scored), "{trials:?}");
    let [half, most] = [0.5, 0.9].map(|recall| index.ef_for(recall).unwrap());
    assert!(half < most, "{half} and {most} candidates");
    assert!(recall(&index, half) > 0.4 && recall(&index, most) > 0.8);
    let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(10) };
    let plan = index.find(&queries().next().unwrap(), &request).unwrap().plan;
    assert_eq!(plan, SearchPlan::Hnsw { ef: most });
}

#[test]
fn requests_that_a_graph_cannot_answer_are_scanned() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    let approximate = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(5) };
    let plan =
        |request: &SearchRequest| index.find(&queries().next().unwrap(), request).unwrap().plan;
    assert!(!plan(&approximate).is_exact());
    assert_eq!(plan(&SearchRequest::nearest(5)), SearchPlan::Scan);
    assert_eq!(plan(&SearchRequest { recall: Some(1.0), ..approximate.clone() }), SearchPlan::Scan);
    assert_eq!(plan(&SearchRequest { k: MAX_K + 1, ..approximate.clone() }), SearchPlan::Scan);
    assert_eq!(plan(&SearchRequest { min_score: Some(0.1), ..approximate }), SearchPlan::Scan);
}

/// Recall is measured on recordings that are excluded from the index, so it is unknown for a single one.
#[test]
fn graph_of_one_recording_promises_no_recall() {
    let index = build(&TestCollection::new(&[("a", 1, 900)]));
    assert_eq!(index.ef_for(0.5), None);
    let approximate = SearchRequest { recall: Some(0.5), ..SearchRequest::nearest(5) };
    assert!(index.find(&queries().next().unwrap(), &approximate).unwrap().plan.is_exact());
}

#[test]
fn filters_never_make_the_answer_incomplete() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    let stages = Some([Stage::Rem].into());
    let filters = [
        Filter { stages, ..Filter::default() },
        Filter { recordings: Some([RecordingId::new("b").unwrap()].into()), ..Filter::default() },
    ];
    for filter in filters {
        let request = SearchRequest { filter, ..SearchRequest::nearest(10) };
        assert_complete(&index, &request);
        let request = SearchRequest { recall: Some(0.9), ..request };
        for query in queries() {
            // Fewer than ten of ten candidates are allowed.
            assert_eq!(index.search_with(&query, &request, 10).unwrap(), None);
            let found = index.find(&query, &request).unwrap();
            let nearest = index.exact.search(&query, &request).unwrap();
            let n_found = nearest.iter().filter(|hit| found.hits.contains(hit)).count();
            assert!(found.hits.len() == 10 && n_found >= 6, "{n_found} by {}", found.plan);
        }
    }
}

#[test]
fn added_recordings_are_scanned_and_removed_ones_not_returned() {
    let mut collection = TestCollection::new(&[("a", 1, 500), ("b", 2, 500), ("d", 4, 40)]);
    let index = build(&collection);
    collection.commit("c", 3, 30);
    collection.commit("aa", 6, 10);
    collection.commit("d", 5, 20);
    let index = index.followed_by(collection.exact());
    assert_eq!((index.n_live, index.n_added, index.is_outgrown()), (1000, 60, false));
    assert_complete(&index, &SearchRequest::nearest(30));
    let request = SearchRequest::nearest(1);
    for name in ["c", "aa", "d"] {
        // Recordings outside the index are found with any number of candidates.
        let point =
            &collection.exact().recording(&RecordingId::new(name).unwrap()).unwrap().clone();
        let query = point.vectors().embedding(7).unwrap();
        let hits = index.search_with(&query, &request, 10).unwrap().unwrap();
        assert_eq!(hits[0].epoch.recording.as_str(), name);
    }

    collection.writer.remove(&RecordingId::new("b").unwrap()).unwrap();
    let index = index.followed_by(collection.exact());
    assert_eq!((index.n_live, index.is_outgrown()), (500, true));
    assert_complete(&index, &SearchRequest::nearest(30));
    assert!(!build(&collection).is_outgrown());
}

#[test]
fn saved_graphs_are_opened_and_extended() {
    let mut collection = TestCollection::new(&[("a", 1, 300), ("b", 2, 300)]);
    assert!(open(&collection).is_none(), "nothing was saved");
    let built = build(&collection);
    built.save(collection.storage.as_ref()).unwrap();
    let first = collection.file(CacheFiles::HNSW);
    collection.commit("c", 3, 40);
    let opened = open(&collection).unwrap();
    assert_eq!(opened.ef_for(0.9), built.ef_for(0.9));
    assert_complete(&opened, &SearchRequest::nearest(30));
    build(&collection).save(collection.storage.as_ref()).unwrap();
    assert_ne!(collection.file(CacheFiles::HNSW), first, "the previous file is removed");
    assert_eq!(open(&collection).unwrap().n_added, 0);
}

/// Whichever byte is changed, or wherever the file is cut off: it is refused.
#[test]
fn damaged_graphs_are_never_trusted() {
    let collection = TestCollection::new(&[("a", 1, 400), ("b", 2, 100)]);
    build(&collection).save(collection.storage.as_ref()).unwrap();
    let file = collection.file(CacheFiles::HNSW);
    let undamaged = collection.content(&file);
    for offset in (0..undamaged.len()).step_by(499) {
        collection.storage.tamper(&file, |bytes| bytes[offset] ^= 4);
        assert!(open(&collection).is_none(), "byte {offset}");
        collection.storage.tamper(&file, |bytes| bytes[offset] ^= 4);
    }
    for length in [0, 40, undamaged.len() / 2, undamaged.len() - 1] {
        collection.storage.tamper(&file, |bytes| bytes.truncate(length));
        assert!(open(&collection).is_none(), "{length} bytes");
        collection.storage.tamper(&file, |bytes| bytes.clone_from(&undamaged));
    }
    assert_complete(&open(&collection).unwrap(), &SearchRequest::nearest(9));
}

#[test]
fn graphs_of_another_collection_or_name_are_refused() {
    let others = TestCollection::new(&[("a", 1, 60)]);
    build(&others).save(others.storage.as_ref()).unwrap();
    let bytes = others.content(&others.file(CacheFiles::HNSW));
    let collection = TestCollection::new(&[("a", 9, 60), ("b", 2, 50)]);
    let storage = collection.storage.as_ref();
    let other_name = format!("{:032x}{}", 7, CacheFiles::HNSW.suffix);
    write_atomically(storage, CacheFiles::HNSW.folder, &other_name, &bytes).unwrap();
    assert!(open(&collection).is_none(), "its content is not that of its name");
    // The same id with other content: no row of the index is returned.
    let name = others.file(CacheFiles::HNSW);
    let name = name.rsplit('/').next().unwrap();
    write_atomically(storage, CacheFiles::HNSW.folder, name, &bytes).unwrap();
    let index = open(&collection).unwrap();
    assert_eq!((index.n_live, index.n_added, index.is_outgrown()), (0, 110, true));
    for query in queries() {
        let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(9) };
        let found = index.find(&query, &request).unwrap();
        assert_eq!(found, collection.exact().find(&query, &request).unwrap());
    }
}

#[test]
fn damaged_recordings_are_left_out() {
    let mut collection = TestCollection::new(&[("a", 1, 200), ("b", 2, 200)]);
    let exact = collection.exact();
    let index = build(&collection);
    let segment = |id: &str| {
        let position = exact.position(&RecordingId::new(id).unwrap()).unwrap();
        format!("segments/{}", exact.segments()[position].entry().segment.file_name())
    };
    collection.storage.tamper(&segment("b"), |bytes| bytes[300] ^= 1);
    collection.commit("c", 3, 30);
    let index = index.followed_by(collection.exact());
    for query in queries() {
        let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(9) };
        let hits = index.find(&query, &request).unwrap().hits;
        assert!(hits.len() == 9 && hits.iter().all(|hit| hit.epoch.recording.as_str() != "b"));
    }
    let index = build(&collection);
    assert_eq!((index.graph.n_rows(), index.is_outgrown()), (230, false));
    assert_complete(&index, &SearchRequest::nearest(9));
}

#[test]
fn several_threads_build_an_equally_good_graph() {
    let collection = TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]);
    let index = HnswIndex::build(collection.exact(), HnswSettings { threads: 4, ..ONE_THREAD });
    let index = index.unwrap();
    assert_eq!(index.graph.n_rows(), 1500);
    assert!(recall(&index, 160) > 0.95);
}

#[test]
fn invalid_settings_are_refused() {
    let collection = TestCollection::new(&[]);
    let error = |settings| HnswIndex::build(collection.exact(), settings).unwrap_err().to_string();
    let threads = HnswSettings { threads: 0, ..ONE_THREAD };
    assert_eq!(error(threads), "`threads` is 0; expected 1 to 256");
    let candidates = HnswSettings { ef_construction: 7, ..ONE_THREAD };
    assert_eq!(error(candidates), "`ef_construction` is 7; expected 8 to 4096");
}
