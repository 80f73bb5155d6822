//! Searches on a server, beyond the contract of all indexes.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_index::qdrant::{QdrantError, QdrantReader, QdrantWriter};
use nocturne_index::{
    CollectionReader, Error, ExactIndex, Filter, SearchPlan, SearchRequest, VectorIndex,
};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EventKind, EventSet, Stage};
use nocturne_qdrant_double::{Fault, QdrantDouble, Store, StoredPoint, When};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::{CALLS_BEFORE_POINTS, NAME, copy_to, settings};
use crate::support::{DIM, collection, draft, epoch, id, random_embedding, space};

/// Returns a server with two acknowledged recordings, and one whose upload was interrupted.
fn with_interrupted_upload() -> QdrantDouble {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20)]);
    copy_to(&nights, settings(&double)).unwrap();
    let late = collection(&space(), vec![draft("late", 3, 20)]);
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    double.faults().plan(When::From(CALLS_BEFORE_POINTS + 7), Fault::Refused);
    writer.put(&late.recording(&id("late")).unwrap()).unwrap_err();
    double.faults().clear();
    double
}

fn n_points_of(store: &Store, name: &str) -> usize {
    let of = |point: &&StoredPoint| point.payload["recording"] == name.into();
    store.collections[NAME].points.values().filter(of).count()
}

#[test]
fn answers_contain_only_acknowledged_recordings() {
    let double = with_interrupted_upload();
    assert!(n_points_of(&double.store(), "late") > 10, "points were sent");
    let index = QdrantReader::open(settings(&double)).unwrap();
    assert_eq!(index.n_epochs(), 40);
    assert_eq!(index.missing()[0].recording, id("late"));
    let query = draft("late", 3, 20).epochs[0].vector.clone();
    let hits = index.search(&query, &SearchRequest::nearest(100)).unwrap();
    assert_eq!(hits.len(), 40);
    assert!(hits.iter().all(|hit| hit.epoch.recording != id("late")));
    let filter = Filter { recordings: Some([id("late")].into()), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(1) };
    let error = index.search(&query, &request).unwrap_err();
    assert!(matches!(error, Error::UnknownRecording { .. }), "{error}");
    assert_eq!(index.count(&Filter::default()).unwrap(), 40);
}

#[test]
fn recordings_added_later_are_not_in_the_answers_of_an_open_index() {
    let double = QdrantDouble::start();
    let first = collection(&space(), vec![draft("a", 1, 20)]);
    copy_to(&first, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    let all = vec![draft("a", 1, 20), draft("b", 2, 200), draft("c", 3, 200)];
    copy_to(&collection(&space(), all), settings(&double)).unwrap();
    let query = draft("b", 2, 200).epochs[0].vector.clone();
    let exact = ExactIndex::new(first.segments().unwrap());
    for k in [1, 3, 20, 50] {
        let request = SearchRequest::nearest(k);
        assert_eq!(
            index.search(&query, &request).unwrap(),
            exact.search(&query, &request).unwrap()
        );
    }
    let error = index.count(&Filter::default()).unwrap_err();
    let is_changed = matches!(QdrantError::of(&error), Some(QdrantError::Changed { .. }));
    assert!(is_changed, "{error}");
}

/// The double omits points from approximate searches.
#[test]
fn approximate_answers_are_marked_and_have_k_hits() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 100), draft("b", 2, 100)]);
    copy_to(&nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    let exact = ExactIndex::new(nights.segments().unwrap());
    let query = random_embedding(&mut Pcg64Mcg::seed_from_u64(1), DIM);
    let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(50) };
    let found = index.find(&query, &request).unwrap();
    assert_eq!(found.plan, SearchPlan::Qdrant { is_exact: false });
    assert_eq!((found.plan.to_string(), found.hits.len()), ("qdrant approximate".to_owned(), 50));
    let best = exact.search(&query, &request).unwrap();
    let of_best: BTreeSet<_> = best.iter().map(|hit| &hit.epoch).collect();
    let n_found = found.hits.iter().filter(|hit| of_best.contains(&hit.epoch)).count();
    assert!((30..50).contains(&n_found), "{n_found} of 50");
    // If all epochs are requested, or all above a score, none may be missing.
    let all = SearchRequest { k: 200, ..request.clone() };
    let above = SearchRequest { min_score: Some(best[30].score), ..request };
    for request in [all, above] {
        let found = index.find(&query, &request).unwrap();
        assert_eq!(found.plan, SearchPlan::Qdrant { is_exact: true });
        assert_eq!(found.hits, exact.search(&query, &request).unwrap());
    }
}

#[test]
fn filters_allow_the_same_epochs_as_in_a_folder() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 60), draft("b", 2, 60)]);
    copy_to(&nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    let exact = Arc::new(ExactIndex::new(nights.segments().unwrap()));
    let query = random_embedding(&mut Pcg64Mcg::seed_from_u64(1), DIM);
    let events = EventSet::from_iter([EventKind::Arousal, EventKind::Snore]);
    for filter in [
        Filter::default(),
        Filter { stages: Some([Stage::N2, Stage::Wake].into()), ..Filter::default() },
        Filter { stages: Some([].into()), ..Filter::default() },
        Filter { any_event: events, ..Filter::default() },
        Filter { no_event: events, ..Filter::default() },
        Filter { excluded_recordings: [id("b"), id("z")].into(), ..Filter::default() },
        Filter { excluded_epochs: [epoch("a", 0), epoch("b", 20)].into(), ..Filter::default() },
    ] {
        let request = SearchRequest { filter, ..SearchRequest::nearest(1000) };
        let expect = exact.search(&query, &request).unwrap();
        assert_eq!(index.search(&query, &request).unwrap(), expect);
        assert_eq!(index.count(&request.filter).unwrap(), expect.len());
    }
}

#[test]
fn captions_are_found_as_in_a_folder() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 60), draft("b", 2, 60)]);
    copy_to(&nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    let exact = ExactIndex::new(nights.segments().unwrap());
    let query = random_embedding(&mut Pcg64Mcg::seed_from_u64(1), DIM);
    let excluded_epochs = [epoch("a", 0), epoch("b", 2)].into();
    let filter = Filter { stages: Some(Stage::ALL.into()), excluded_epochs, ..Filter::default() };
    for (filter, kinds) in [
        (Filter::default(), None),
        (filter, Some([CaptionKind::Brain].into())),
        (Filter::default(), Some([].into())),
    ] {
        let request = SearchRequest { filter, ..SearchRequest::nearest(25) };
        let expect = exact.search_captions(&query, &request, kinds.as_ref()).unwrap();
        assert_eq!(index.search_captions(&query, &request, kinds.as_ref()).unwrap(), expect);
    }
}

#[test]
fn invalid_points_are_reported() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 20)]);
    copy_to(&nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(NAME).unwrap().points;
        let epoch = points.values_mut().find(|point| point.vectors.contains_key("signal"));
        epoch.unwrap().payload.insert("epoch".to_owned(), "twelve".into());
    });
    let query = random_embedding(&mut Pcg64Mcg::seed_from_u64(1), DIM);
    let error = index.search(&query, &SearchRequest::nearest(20)).unwrap_err();
    let Some(QdrantError::InvalidPoint { field, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(*field, "epoch");
}
