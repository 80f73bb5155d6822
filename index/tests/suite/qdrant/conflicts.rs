//! Several writers of one collection: two writers of one recording conflict, and other recordings are not affected.

use std::thread;

use nocturne_index::qdrant::{QdrantError, QdrantReader, QdrantSettings, QdrantWriter};
use nocturne_index::{CollectionReader, CollectionWriter, Error, FolderReader, RecordingDraft};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};

use super::{NAME, assert_same_points, copy_to, settings};
use crate::support::{collection, draft, id, space};

fn writer(settings: QdrantSettings) -> QdrantWriter {
    QdrantWriter::open_or_create(settings, &space()).unwrap()
}

fn nights(seed: u64) -> FolderReader {
    collection(&space(), vec![draft("a", seed, 5)])
}

fn cohort() -> Vec<RecordingDraft> {
    (0..12).map(|night| draft(&format!("night-{night:02}"), night, 2)).collect()
}

/// Checks that an error is a conflict over this recording.
#[track_caller]
pub(super) fn assert_conflict(error: &Error, expected: &str) {
    assert!(error.is_conflict(), "{error}");
    let Some(QdrantError::Conflict { recording, .. }) = QdrantError::of(error) else {
        panic!("{error}");
    };
    assert_eq!(recording.as_str(), expected);
}

/// Checks that a server stores the same points as a copy of a collection.
#[track_caller]
fn assert_copy_of(double: &QdrantDouble, nights: &FolderReader, context: &str) {
    let expected = QdrantDouble::start();
    copy_to(nights, settings(&expected)).unwrap();
    assert_same_points(double, &expected, context);
}

#[test]
fn second_writer_of_a_recording_gets_a_conflict_and_changes_nothing() {
    let double = QdrantDouble::start();
    let (mut first, mut second) = (writer(settings(&double)), writer(settings(&double)));
    first.commit(draft("a", 1, 5)).unwrap();
    assert_conflict(&second.commit(draft("a", 2, 8)).unwrap_err(), "a");
    assert_copy_of(&double, &nights(1), "after the conflict");
    // Other recordings are not affected.
    second.commit(draft("b", 3, 4)).unwrap();
    first.commit(draft("c", 4, 4)).unwrap();
    let there = QdrantReader::open(settings(&double)).unwrap();
    assert_eq!((there.entries().len(), there.verify().count()), (3, 0));
}

#[test]
fn same_content_by_two_writers_is_a_conflict_too() {
    let double = QdrantDouble::start();
    let (mut first, mut second) = (writer(settings(&double)), writer(settings(&double)));
    first.commit(draft("a", 1, 5)).unwrap();
    assert_conflict(&second.commit(draft("a", 1, 5)).unwrap_err(), "a");
    assert_copy_of(&double, &nights(1), "after the conflict");
}

/// After a conflict, the writer has read the entry of the other one, so its next commit replaces it deliberately.
#[test]
fn recording_can_be_replaced_after_a_conflict_was_reported() {
    let double = QdrantDouble::start();
    let (mut first, mut second) = (writer(settings(&double)), writer(settings(&double)));
    let entry = first.commit(draft("a", 1, 5)).unwrap();
    second.commit(draft("a", 2, 5)).unwrap_err();
    assert_eq!(second.entry(&id("a")), Some(&entry));
    second.commit(draft("a", 2, 5)).unwrap();
    assert_copy_of(&double, &nights(2), "after the replacement");
    assert_conflict(&first.commit(draft("a", 3, 5)).unwrap_err(), "a");
}

#[test]
fn removal_by_another_writer_is_a_conflict() {
    let double = QdrantDouble::start();
    let mut first = writer(settings(&double));
    first.commit(draft("a", 1, 5)).unwrap();
    let mut second = writer(settings(&double));
    second.remove(&id("a")).unwrap();
    assert_conflict(&first.set_metadata_of(&id("a"), [].into()).unwrap_err(), "a");
    // A writer that has read the removal can add the recording again.
    assert_eq!(first.entry(&id("a")), None);
    first.commit(draft("a", 2, 5)).unwrap();
    assert_copy_of(&double, &nights(2), "after the second commit");
}

/// The next writer replaces an interrupted upload. If the first writer resumes, it gets the conflict, whatever it does.
#[test]
fn replaced_upload_is_not_acknowledged() {
    let double = QdrantDouble::start();
    let port = double.second_port();
    let mut slow = writer(settings(&port));
    let late = nights(1);
    port.faults().clear();
    slow.put(&late.recording(&id("a")).unwrap()).unwrap();
    let n_calls = port.faults().calls().len();
    // The first call marks the recording as pending; the last three raise the generation after the acknowledgement.
    for call in 1..n_calls - 3 {
        let double = QdrantDouble::start();
        let port = double.second_port();
        let mut slow = writer(settings(&port));
        port.faults().plan(When::From(call), Fault::Unavailable);
        slow.put(&late.recording(&id("a")).unwrap()).unwrap_err();
        writer(settings(&double)).commit(draft("a", 2, 3)).unwrap();
        port.faults().clear();
        assert_conflict(&slow.put(&late.recording(&id("a")).unwrap()).unwrap_err(), "a");
        let expected = collection(&space(), vec![draft("a", 2, 3)]);
        assert_copy_of(&double, &expected, &format!("call {call}"));
    }
}

/// Two writers upload the same recording at the same time, with different contents: whatever the order of their requests,
/// exactly one acknowledges it, and the other reports a conflict.
#[test]
fn of_two_writers_that_race_exactly_one_acknowledges_the_recording() {
    let contents = [nights(1), collection(&space(), vec![draft("a", 2, 9)])];
    for round in 0..20 {
        let double = QdrantDouble::start();
        let mut writers = [writer(settings(&double)), writer(settings(&double))];
        let results = thread::scope(|scope| {
            let race = writers.iter_mut().zip(&contents).map(|(writer, content)| {
                scope.spawn(|| writer.put(&content.recording(&id("a")).unwrap()))
            });
            let race: Vec<_> = race.collect();
            race.into_iter().map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        let winners: Vec<usize> = (0..2).filter(|writer| results[*writer].is_ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}: {results:?}");
        let winner = winners[0];
        assert_conflict(results[1 - winner].as_ref().unwrap_err(), "a");
        assert_copy_of(&double, &contents[winner], &format!("round {round}"));
    }
}

/// The requests of an interrupted writer arrive late, from any call on.
#[test]
fn late_requests_do_not_change_what_another_writer_has_written() {
    let mut call = 0;
    loop {
        let double = QdrantDouble::start();
        let port = double.second_port();
        // The recording exists with another content.
        copy_to(&nights(3), settings(&double)).unwrap();
        let mut slow = writer(settings(&port));
        port.faults().plan(When::From(call), Fault::Late);
        if slow.put(&nights(1).recording(&id("a")).unwrap()).is_ok() {
            assert!(call > 12, "{call}");
            return;
        }
        copy_to(&nights(2), settings(&double)).unwrap();
        assert!(port.deliver_late_requests() > 0);
        let there = QdrantReader::open(settings(&double)).unwrap();
        assert_eq!(there.verify().count(), 0, "call {call}");
        assert_copy_of(&double, &nights(2), &format!("call {call}"));
        call += 1;
    }
}

/// Three writers each write a third of a cohort, and one of them is killed at any of its calls: its next run completes its
/// third.
#[test]
fn killed_writer_of_a_shard_completes_it_when_it_runs_again() {
    let whole = collection(&space(), cohort());
    let shard = |number: usize| cohort().into_iter().skip(number).step_by(3);
    let index = |settings: QdrantSettings, number: usize| -> Result<(), Error> {
        let mut writer = QdrantWriter::open_or_create(settings, &space())?;
        for draft in shard(number) {
            if writer.entry(&draft.id).is_none() {
                writer.commit(draft)?;
            }
        }
        Ok(())
    };
    let alone = QdrantDouble::start();
    index(settings(&alone), 0).unwrap();
    // Each run waits for retries, so every second call is enough; the faults alternate all the same.
    for call in (0..alone.faults().calls().len()).step_by(2) {
        let double = QdrantDouble::start();
        let port = double.second_port();
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][call % 3];
        port.faults().plan(When::From(call), fault);
        thread::scope(|scope| {
            let killed = scope.spawn(|| index(settings(&port), 0));
            for number in 1..3 {
                let (index, settings) = (&index, settings(&double));
                scope.spawn(move || index(settings, number).unwrap());
            }
            // A writer that starts late makes fewer calls, so it may end before it is killed.
            drop(killed.join().unwrap());
        });
        index(settings(&double), 0).unwrap();
        assert_copy_of(&double, &whole, &format!("call {call}"));
    }
}

/// Several writers raise the generation: a reader that has seen one sees a higher one after each change.
#[test]
fn changes_by_several_writers_are_seen_by_readers() {
    let double = QdrantDouble::start();
    let mut writers: Vec<QdrantWriter> = (0..3).map(|_| writer(settings(&double))).collect();
    let mut reader: Box<dyn CollectionReader> =
        Box::new(QdrantReader::open(settings(&double)).unwrap());
    for night in 0..9_u64 {
        let writer = &mut writers[night as usize % 3];
        writer.commit(draft(&format!("night-{night}"), night, 2)).unwrap();
        reader = reader.refresh().unwrap().expect("the collection has changed");
        assert_eq!(reader.entries().len() as u64, night + 1);
    }
    assert!(reader.is_current().unwrap());
}

#[test]
fn servers_without_conditional_writes_are_rejected() {
    let double = QdrantDouble::start();
    double.tamper(|store| store.version = "1.16.3".to_owned());
    let error = QdrantWriter::open_or_create(settings(&double), &space()).unwrap_err();
    let Some(QdrantError::OldServer { found, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(found, "1.16.3");
    assert!(double.store().collections.is_empty());
}

/// A removed recording keeps its entry, so that a late request of its last writer finds a later number.
#[test]
fn removed_recording_keeps_its_revision() {
    let double = QdrantDouble::start();
    let mut first = writer(settings(&double));
    first.commit(draft("a", 1, 5)).unwrap();
    first.remove(&id("a")).unwrap();
    let revision = || {
        let manifest = double.store().collections[&format!("{NAME}-recordings")].clone();
        let entries = manifest.points.into_values();
        let revisions = entries.filter_map(|point| point.payload.get("revision")?.as_integer());
        revisions.max().unwrap()
    };
    assert_eq!(revision(), 2);
    writer(settings(&double)).commit(draft("a", 2, 5)).unwrap();
    assert_eq!(revision(), 3);
}
