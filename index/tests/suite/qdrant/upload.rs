//! Uploads: the points on the server after any call has failed.

use std::time::Duration;

use nocturne_index::qdrant::{QdrantError, QdrantReader, QdrantWriter, Sent};
use nocturne_index::{
    CollectionReader, CollectionWriter, CopyOutcome, Error, FolderReader, OnConflict,
    SearchRequest, VectorIndex, join,
};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};
use tonic::Code;

use super::{CALLS_BEFORE_POINTS, NAME, assert_same_points, copy_to, settings, stored};
use crate::support::{collection, draft, id, plain_draft, space, space_of};

fn nights() -> FolderReader {
    collection(&space(), vec![draft("a", 1, 12), draft("b", 2, 9), plain_draft("empty", vec![])])
}

/// Returns the number of epochs and captions on the server.
fn n_points(double: &QdrantDouble) -> usize {
    double.store().collections[NAME].points.len()
}

fn copy(from: &FolderReader, double: &QdrantDouble) -> Result<(), Error> {
    copy_to(from, settings(double)).map(|_| ())
}

#[test]
fn points_and_indexes_are_as_documented() {
    let (nights, double) = (nights(), QdrantDouble::start());
    copy(&nights, &double).unwrap();
    let points = double.store().collections[NAME].clone();
    assert_eq!(
        points.points.len(),
        12 + 12 + 9 + 10,
        "epochs, and two captions of every second one"
    );
    let mut indexed: Vec<_> = points.indexes.iter().map(String::as_str).collect();
    indexed.sort_unstable();
    let expect = [
        "channels",
        "content",
        "epoch",
        "events",
        "kind",
        "metadata.cohort",
        "metadata.subject",
        "onset_s",
        "point",
        "recording",
        "revision",
        "stage",
        "start",
    ];
    assert_eq!(indexed, expect);
    let calls = double.faults().calls();
    let first_point = calls.iter().position(|call| *call == "upsert").unwrap();
    assert!(!calls[first_point..].contains(&"index"), "indexes are created first");
}

#[test]
fn second_copy_uploads_no_points() {
    let (nights, double) = (nights(), QdrantDouble::start());
    copy(&nights, &double).unwrap();
    let before = stored(&double);
    double.faults().clear();
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    let copied = join(&[&nights], &mut writer, OnConflict::Keep, &mut |_, outcome| {
        assert_eq!(outcome, CopyOutcome::Unchanged);
    });
    let copied = copied.unwrap();
    assert_eq!((copied.n_recordings, copied.n_written, copied.n_epochs), (3, 0, 21));
    assert!(stored(&double) == before);
    assert_eq!(double.faults().calls().iter().filter(|call| **call == "upsert").count(), 1);
}

/// The writer is killed at each of its calls; the next run completes the copy.
#[test]
fn interrupted_upload_is_completed_by_the_next() {
    let (nights, whole) = (nights(), QdrantDouble::start());
    copy(&nights, &whole).unwrap();
    let n_calls = whole.faults().calls().len();
    assert!(n_calls > 40);
    for call in 0..n_calls {
        let double = QdrantDouble::start();
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][call % 3];
        double.faults().plan(When::From(call), fault);
        copy(&nights, &double).unwrap_err();
        double.faults().clear();
        // Searches find only whole recordings, even if other points were sent.
        if let Ok(index) = QdrantReader::open(settings(&double)) {
            let hits = index.search(&query(), &SearchRequest::nearest(usize::MAX)).unwrap();
            assert_eq!(hits.len(), index.n_epochs(), "call {call}");
        }
        copy(&nights, &double).unwrap();
        assert_same_points(&double, &whole, &format!("call {call}"));
    }
}

fn query() -> nocturne_encoder::Embedding {
    crate::support::embedding(&[1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 2.0])
}

/// Each call fails once, and the run continues.
#[test]
fn call_that_fails_once_is_retried_without_duplicates() {
    let (nights, whole) = (nights(), QdrantDouble::start());
    copy(&nights, &whole).unwrap();
    let n_calls = whole.faults().calls().len();
    for call in 0..n_calls {
        let faults = [Fault::Exhausted, Fault::AnswerLost, Fault::HalfAndFail, Fault::HalfSilently];
        let double = QdrantDouble::start();
        double.faults().plan(When::At(call), faults[call % 4]);
        copy(&nights, &double).unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert_same_points(&double, &whole, &format!("call {call}"));
    }
}

#[test]
fn silently_lost_points_are_detected_and_sent_again() {
    let (nights, double) = (nights(), QdrantDouble::start());
    let recording = nights.recording(&id("a")).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    double.faults().plan(When::At(CALLS_BEFORE_POINTS), Fault::HalfSilently);
    assert_eq!(writer.put(&recording).unwrap(), Sent::WrittenTwice);
    assert_eq!(n_points(&double), 24);
    // A server that loses points again is reported.
    double.faults().plan(When::From(0), Fault::HalfSilently);
    let error = writer.put(&nights.recording(&id("b")).unwrap()).unwrap_err();
    let Some(QdrantError::DamagedRecording { recording, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(*recording, id("b"));
}

#[test]
fn requests_that_exceed_the_deadline_are_retried() {
    let (nights, double) = (nights(), QdrantDouble::start());
    let mut settings = settings(&double);
    settings.timeout = Duration::from_millis(500);
    let mut writer = QdrantWriter::open_or_create(settings, nights.space()).unwrap();
    double.faults().plan(When::At(CALLS_BEFORE_POINTS), Fault::Slow(Duration::from_secs(2)));
    assert_eq!(writer.put(&nights.recording(&id("a")).unwrap()).unwrap(), Sent::Written);
    assert_eq!(n_points(&double), 24);
}

#[test]
fn rejected_requests_are_not_retried_and_exhausted_ones_are() {
    let (nights, double) = (nights(), QdrantDouble::start());
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    let mut failure = |fault| {
        double.faults().plan(When::From(0), fault);
        let error = writer.put(&nights.recording(&id("a")).unwrap()).unwrap_err();
        let Some(QdrantError::Request { source, attempts, .. }) = QdrantError::of(&error) else {
            panic!("{error}");
        };
        (source.code(), *attempts, error.is_unreachable())
    };
    assert_eq!(failure(Fault::Refused), (Some(Code::InvalidArgument), 1, false));
    assert_eq!(failure(Fault::Exhausted), (Some(Code::ResourceExhausted), 4, true));
    assert_eq!(failure(Fault::Unavailable), (Some(Code::Unavailable), 4, true));
}

#[test]
fn replaced_recordings_leave_no_points() {
    let double = QdrantDouble::start();
    let long = collection(&space(), vec![draft("a", 1, 30), draft("b", 2, 5)]);
    let short = collection(&space(), vec![draft("a", 3, 8), draft("b", 2, 5)]);
    copy(&long, &double).unwrap();
    let before = QdrantReader::open(settings(&double)).unwrap();
    copy(&short, &double).unwrap();
    let fresh = QdrantDouble::start();
    copy(&short, &fresh).unwrap();
    assert_same_points(&double, &fresh, "all");
    // An index that was opened before the replacement reports it.
    assert!(!before.is_current().unwrap());
    let error = before.search(&query(), &SearchRequest::nearest(100)).unwrap_err();
    let error = QdrantError::of(&error).unwrap();
    assert!(matches!(error, QdrantError::ReplacedRecording { .. }), "{error}");
    let after = before.refresh().unwrap().unwrap();
    assert_eq!(after.n_epochs(), 13);
}

#[test]
fn removed_recordings_leave_no_points() {
    let (nights, double) = (nights(), QdrantDouble::start());
    copy(&nights, &double).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    writer.remove(&id("a")).unwrap();
    assert!(matches!(writer.remove(&id("a")), Err(Error::UnknownRecording { .. })));
    let fresh = QdrantDouble::start();
    let rest = collection(&space(), vec![draft("b", 2, 9), plain_draft("empty", vec![])]);
    copy(&rest, &fresh).unwrap();
    assert_same_points(&double, &fresh, "all");
}

#[test]
fn foreign_and_incomplete_collections_are_rejected() {
    let (nights, double) = (nights(), QdrantDouble::start());
    copy(&nights, &double).unwrap();
    let open = |space| QdrantWriter::open_or_create(settings(&double), &space).map(|_| ());
    let error = open(space_of("other", 8)).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");

    let list = format!("{NAME}-recordings");
    let mut taken = None;
    double.tamper(|store| taken = store.collections.remove(&list));
    let error = open(space()).unwrap_err();
    let error = QdrantError::of(&error).unwrap();
    assert!(matches!(error, QdrantError::ForeignCollection { .. }), "{error}");
    let error = QdrantReader::open(settings(&double)).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");

    double.tamper(|store| {
        store.collections.remove(NAME);
        store.collections.extend(taken.map(|taken| (list, taken)));
    });
    for error in [open(space()).unwrap_err(), QdrantReader::open(settings(&double)).unwrap_err()] {
        let error = QdrantError::of(&error).unwrap();
        assert!(matches!(error, QdrantError::PointsMissing { .. }), "{error}");
    }
}
