//! Sending recordings: what is left when a call fails, whichever it is.

use std::time::Duration;

use nocturne_index::qdrant::double::{Double, Fault, When};
use nocturne_index::qdrant::{QdrantIndex, QdrantProblem, QdrantWriter, Sent, copy_to_qdrant};
use nocturne_index::{Collection, Error, SearchRequest, VectorIndex};

use super::leases::time_passes;
use super::{BEFORE_POINTS, NAME, assert_kept, kept, settings};
use crate::support::{collection, draft, id, plain_draft, space, space_of};

fn nights() -> Collection {
    collection(&space(), vec![draft("a", 1, 12), draft("b", 2, 9), plain_draft("empty", vec![])])
}

/// Returns how many epochs and captions there are.
fn points(double: &Double) -> usize {
    double.store().collections[NAME].points.len()
}

fn copy(from: &Collection, double: &Double) -> Result<(), Error> {
    copy_to_qdrant(from, settings(double), &mut |_, _| {}).map(|_| ())
}

#[test]
fn points_and_indexes_are_as_described() {
    let (nights, double) = (nights(), Double::start());
    copy(&nights, &double).unwrap();
    let points = double.store().collections[NAME].clone();
    assert_eq!(points.points.len(), 12 + 12 + 9 + 10, "epochs and captions of every second one");
    let mut indexed: Vec<_> = points.indexes.iter().map(String::as_str).collect();
    indexed.sort_unstable();
    let expect = [
        "channels",
        "content",
        "epoch",
        "events",
        "kind",
        "lease",
        "metadata.cohort",
        "metadata.subject",
        "onset_s",
        "point",
        "recording",
        "stage",
        "start",
    ];
    assert_eq!(indexed, expect);
    let calls = double.faults().calls();
    let first_point = calls.iter().position(|call| *call == "upsert").unwrap();
    assert!(!calls[first_point..].contains(&"index"), "indexes come first");
}

#[test]
fn a_second_copy_sends_no_point() {
    let (nights, double) = (nights(), Double::start());
    copy(&nights, &double).unwrap();
    let before = kept(&double);
    double.faults().heal();
    let copied = copy_to_qdrant(&nights, settings(&double), &mut |_, sent| {
        assert_eq!(sent, Sent::Unchanged);
    });
    let copied = copied.unwrap();
    assert_eq!((copied.n_recordings, copied.n_written, copied.n_epochs), (3, 0, 21));
    assert!(kept(&double) == before);
    assert_eq!(double.faults().calls().iter().filter(|call| **call == "upsert").count(), 1);
}

/// The machine that sends dies at every call there is. The next run mends it.
#[test]
fn an_upload_that_dies_anywhere_is_completed_by_the_next() {
    let (nights, whole) = (nights(), Double::start());
    copy(&nights, &whole).unwrap();
    let n_calls = whole.faults().calls().len();
    assert!(n_calls > 40);
    for call in 0..n_calls {
        let double = Double::start();
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][call % 3];
        double.faults().plan(When::From(call), fault);
        // The last one gives a lease back, which has its time.
        assert_eq!(copy(&nights, &double).is_ok(), call + 1 == n_calls, "call {call}");
        double.faults().heal();
        time_passes(&double, settings(&double).lease);
        // What is there is of whole recordings, whatever was sent of others.
        if let Ok(index) = QdrantIndex::open(settings(&double)) {
            let hits = index.search(&query(), &SearchRequest::nearest(usize::MAX)).unwrap();
            assert_eq!(hits.len(), index.n_epochs(), "call {call}");
        }
        copy(&nights, &double).unwrap();
        assert_kept(&double, &whole, &format!("call {call}"));
    }
}

fn query() -> nocturne_encoder::Embedding {
    crate::support::embedding(&[1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 2.0])
}

/// One call fails, whichever it is; the same run goes on.
#[test]
fn a_call_that_fails_once_is_sent_again_and_repeats_nothing() {
    let (nights, whole) = (nights(), Double::start());
    copy(&nights, &whole).unwrap();
    let n_calls = whole.faults().calls().len();
    for call in 0..n_calls {
        let faults =
            [Fault::Exhausted, Fault::AnswerLost, Fault::HalfAndFail, Fault::HalfInSilence];
        let double = Double::start();
        double.faults().plan(When::At(call), faults[call % 4]);
        copy(&nights, &double).unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert_kept(&double, &whole, &format!("call {call}"));
    }
}

#[test]
fn points_that_were_lost_in_silence_are_found_and_sent_again() {
    let (nights, double) = (nights(), Double::start());
    let recording = nights.recording(&id("a")).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    double.faults().plan(When::At(BEFORE_POINTS), Fault::HalfInSilence);
    assert_eq!(writer.put(recording).unwrap(), Sent::Mended);
    assert_eq!(points(&double), 24);
    // A server that keeps doing so is not believed.
    double.faults().plan(When::From(0), Fault::HalfInSilence);
    let error = writer.put(nights.recording(&id("b")).unwrap()).unwrap_err();
    let is_damaged = matches!(&error, Error::Qdrant(QdrantProblem::Damaged { recording, .. }) if *recording == id("b"));
    assert!(is_damaged, "{error}");
}

#[test]
fn slow_answers_are_asked_for_again() {
    let (nights, double) = (nights(), Double::start());
    let mut settings = settings(&double);
    settings.timeout = Duration::from_millis(500);
    let mut writer = QdrantWriter::open_or_create(settings, nights.space()).unwrap();
    double.faults().plan(When::At(BEFORE_POINTS), Fault::Slow(Duration::from_secs(2)));
    assert_eq!(writer.put(nights.recording(&id("a")).unwrap()).unwrap(), Sent::Written);
    assert_eq!(points(&double), 24);
}

#[test]
fn refusals_are_told_at_once_and_exhaustion_in_the_end() {
    let (nights, double) = (nights(), Double::start());
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    let mut failure = |fault| {
        double.faults().plan(When::From(0), fault);
        let error = writer.put(nights.recording(&id("a")).unwrap()).unwrap_err();
        let Error::Qdrant(QdrantProblem::Refused { code, attempts, .. }) = error else {
            panic!("{error}");
        };
        (code, attempts)
    };
    assert_eq!(failure(Fault::Refused), ("InvalidArgument".to_owned(), 1));
    assert_eq!(failure(Fault::Exhausted), ("ResourceExhausted".to_owned(), 4));
    assert_eq!(failure(Fault::Unavailable), ("Unavailable".to_owned(), 4));
}

#[test]
fn replaced_recordings_leave_no_point_behind() {
    let double = Double::start();
    let long = collection(&space(), vec![draft("a", 1, 30), draft("b", 2, 5)]);
    let short = collection(&space(), vec![draft("a", 3, 8), draft("b", 2, 5)]);
    copy(&long, &double).unwrap();
    let before = QdrantIndex::open(settings(&double)).unwrap();
    copy(&short, &double).unwrap();
    let fresh = Double::start();
    copy(&short, &fresh).unwrap();
    assert_kept(&double, &fresh, "all");
    // Whoever had opened it before is told.
    assert!(!before.is_current().unwrap());
    let error = before.search(&query(), &SearchRequest::nearest(100)).unwrap_err();
    assert!(matches!(error, Error::Qdrant(QdrantProblem::Replaced { .. })), "{error}");
    let after = before.collection().refresh().unwrap().unwrap();
    assert_eq!(after.n_epochs(), 13);
}

#[test]
fn removed_recordings_leave_no_point_behind() {
    let (nights, double) = (nights(), Double::start());
    copy(&nights, &double).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), nights.space()).unwrap();
    writer.remove(&id("a")).unwrap();
    assert!(matches!(writer.remove(&id("a")), Err(Error::UnknownRecording { .. })));
    let fresh = Double::start();
    let rest = collection(&space(), vec![draft("b", 2, 9), plain_draft("empty", vec![])]);
    copy(&rest, &fresh).unwrap();
    assert_kept(&double, &fresh, "all");
}

#[test]
fn collections_of_others_are_refused() {
    let (nights, double) = (nights(), Double::start());
    copy(&nights, &double).unwrap();
    let open = |space| QdrantWriter::open_or_create(settings(&double), &space).map(|_| ());
    let error = open(space_of("other", 8)).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");

    let list = format!("{NAME}-recordings");
    let mut taken = None;
    double.tamper(|store| taken = store.collections.remove(&list));
    let error = open(space()).unwrap_err();
    assert!(matches!(error, Error::Qdrant(QdrantProblem::Foreign { .. })), "{error}");
    let error = QdrantIndex::open(settings(&double)).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");

    double.tamper(|store| {
        store.collections.remove(NAME);
        store.collections.extend(taken.map(|taken| (list, taken)));
    });
    for error in [open(space()).unwrap_err(), QdrantIndex::open(settings(&double)).unwrap_err()] {
        assert!(matches!(error, Error::Qdrant(QdrantProblem::Lost { .. })), "{error}");
    }
}
