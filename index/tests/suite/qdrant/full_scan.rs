//! Scans of all epochs: the same results as in a folder.

use nocturne_index::qdrant::{QdrantError, QdrantReader, QdrantWriter};
use nocturne_index::{
    Catalogue, CollectionReader, CollectionWriter, Error, ExactIndex, Facet, Filter, FolderReader,
    Recording, ScoreTable,
};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::{NAME, copy_to, settings};
use crate::support::{DIM, collection, draft, epoch, id, plain_draft, random_embedding, space};

fn nights() -> FolderReader {
    let nights = vec![draft("a", 1, 40), draft("b", 2, 25), plain_draft("empty", vec![])];
    collection(&space(), nights)
}

fn copy_to_double(nights: &FolderReader) -> (QdrantDouble, Box<dyn CollectionReader>) {
    let double = QdrantDouble::start();
    copy_to(nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    (double, Box::new(index))
}

/// Deletes the point of one epoch of a recording.
fn lose_epoch_of(double: &QdrantDouble, name: &str) {
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(NAME).unwrap().points;
        let is_lost = |point: &nocturne_qdrant_double::StoredPoint| {
            point.payload["recording"] == name.into() && point.vectors.contains_key("signal")
        };
        let lost = points.iter().find(|(_, point)| is_lost(point)).unwrap().0.clone();
        points.remove(&lost);
    });
}

#[test]
fn scores_are_bit_for_bit_those_of_a_folder() {
    let nights = nights();
    let (_double, index) = copy_to_double(&nights);
    let exact = ExactIndex::new(nights.segments().unwrap());
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let prompts: Vec<_> = (0..4).map(|_| random_embedding(&mut random, DIM)).collect();
    let visit = |recording: &Recording, scores: &ScoreTable| {
        let rows = 0..recording.n_epochs();
        let cosines = rows.clone().map(|row| recording.cosines(row, &prompts).unwrap());
        let rows = rows.map(|row| recording.row(row));
        let (entry, events) = (recording.entry().clone(), recording.events().map(<[_]>::to_vec));
        (entry, events, scores.clone(), cosines.collect::<Vec<_>>(), rows.collect::<Vec<_>>())
    };
    let expect = exact.score_all(&prompts, |_| true, visit).unwrap();
    assert_eq!(index.score_all(&prompts, |_| true, visit).unwrap(), expect);
    let of_b = index.score_all(&prompts, |it| *it == id("b"), visit).unwrap();
    assert_eq!(of_b, [expect[1].clone()]);
    let error = index.score_all(&[random_embedding(&mut random, 3)], |_| true, visit).unwrap_err();
    assert!(matches!(error, Error::Dimension { expected: DIM, received: 3 }), "{error}");
}

#[test]
fn epochs_have_the_embeddings_of_a_folder() {
    let nights = nights();
    let (_double, index) = copy_to_double(&nights);
    let there = &index;
    for name in [epoch("a", 0), epoch("a", 30), epoch("b", 13)] {
        let expect = nights.embedding(&name).unwrap();
        assert_eq!(there.embedding(&name).unwrap(), expect);
    }
    let missing = epoch("a", 5);
    let expect = nights.embedding(&missing).unwrap_err().to_string();
    assert_eq!(there.embedding(&missing).unwrap_err().to_string(), expect);
    let error = there.embedding(&epoch("z", 0)).unwrap_err();
    assert!(matches!(error, Error::UnknownRecording { .. }), "{error}");
}

#[test]
fn lists_and_counts_are_those_of_a_folder() {
    let nights = nights();
    let (_double, index) = copy_to_double(&nights);
    for text in ["", "stage = N2", "recording != b event:arousal", "epoch > 9000", "cohort = zzz"] {
        let filter = Filter { expression: Some(text.parse().unwrap()), ..Filter::default() };
        let in_folder = Catalogue::new(&nights, &filter).unwrap();
        let in_qdrant = Catalogue::new(&*index, &filter).unwrap();
        assert_eq!(in_qdrant.page(2, "").unwrap(), in_folder.page(2, "").unwrap(), "{text}");
        for name in ["stage", "event", "channel", "cohort"] {
            let facet = Facet::of(name, &*index).unwrap();
            assert_eq!(
                in_qdrant.facet(&facet).unwrap(),
                in_folder.facet(&facet).unwrap(),
                "{text}: {name}"
            );
        }
    }
}

#[test]
fn recordings_with_missing_epochs_are_skipped_and_reported() {
    let (double, index) = copy_to_double(&nights());
    lose_epoch_of(&double, "a");
    let prompts = [random_embedding(&mut Pcg64Mcg::seed_from_u64(3), DIM)];
    let name = |recording: &Recording, _: &ScoreTable| recording.id().clone();
    assert_eq!(index.score_all(&prompts, |_| true, name).unwrap(), [id("b"), id("empty")]);
    let missing = index.missing();
    assert_eq!((missing.len(), &missing[0].recording), (1, &id("a")));
    assert!(missing[0].problem.contains("it has 39 epochs; expected 40"), "{missing:?}");
    let error = index.recording(&id("a")).unwrap_err();
    assert!(error.is_damage(), "{error}");
    let entry = index.entry(&id("a")).unwrap();
    assert_eq!(index.epochs(entry).unwrap(), None);
}

#[test]
fn replaced_and_removed_recordings_fail_a_scan() {
    let (double, index) = copy_to_double(&nights());
    let prompts = [random_embedding(&mut Pcg64Mcg::seed_from_u64(3), DIM)];
    let replaced = collection(&space(), vec![draft("a", 9, 40)]);
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    writer.put(&replaced.recording(&id("a")).unwrap()).unwrap();
    let scan = |index: &dyn CollectionReader| {
        index.score_all(&prompts, |_| true, |_, _| ()).map(|it| it.len())
    };
    let is_replaced = |error: &Error| {
        matches!(QdrantError::of(error), Some(QdrantError::ReplacedRecording { .. }))
    };
    let error = scan(&*index).unwrap_err();
    assert!(is_replaced(&error), "{error}");
    let index = QdrantReader::open(settings(&double)).unwrap();
    assert_eq!(scan(&index).unwrap(), 3);
    writer.remove(&id("b")).unwrap();
    let error = scan(&index).unwrap_err();
    assert!(is_replaced(&error), "{error}");
    assert_eq!(index.missing(), [], "a removed recording is not damaged");
}

/// Each call fails once, and then from each call on all calls fail.
#[test]
fn failed_calls_are_retried_and_reported_after_all_attempts() {
    let nights = nights();
    let (double, index) = copy_to_double(&nights);
    let prompts = [random_embedding(&mut Pcg64Mcg::seed_from_u64(3), DIM)];
    let table = |_: &Recording, scores: &ScoreTable| scores.clone();
    double.faults().clear();
    let expect = index.score_all(&prompts, |_| true, table).unwrap();
    let n_calls = double.faults().calls().len();
    assert!(n_calls >= 6, "{n_calls}");
    for call in 0..n_calls {
        double.faults().plan(When::At(call), Fault::Unavailable);
        assert_eq!(index.score_all(&prompts, |_| true, table).unwrap(), expect, "call {call}");
        double.faults().plan(When::From(call), Fault::Unavailable);
        let error = index.score_all(&prompts, |_| true, table).unwrap_err();
        assert!(error.is_unreachable(), "{error}");
    }
}
