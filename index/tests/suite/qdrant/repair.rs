//! Repairs from a folder, and snapshots on the server.

use std::collections::BTreeSet;

use nocturne_index::qdrant::{QdrantError, QdrantReader, QdrantSettings, QdrantWriter};
use nocturne_index::{CollectionReader, CollectionWriter, Error, FolderReader, RepairOutcome};
use nocturne_psg::RecordingId;
use nocturne_qdrant_double::{Fault, QdrantDouble, When};

use super::{CALLS_BEFORE_POINTS, NAME, copy_to, settings};
use crate::support::{collection, draft, id, space, space_of};

fn nights() -> FolderReader {
    collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("late", 3, 20)])
}

/// Returns a server on which `a` is complete, `b` and `gone` have lost a point, and the upload of `late` was interrupted.
/// The folder does not contain `gone`.
fn broken(nights: &FolderReader) -> QdrantDouble {
    let double = QdrantDouble::start();
    let first =
        collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("gone", 4, 5)]);
    copy_to(&first, settings(&double)).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    double.faults().plan(When::From(CALLS_BEFORE_POINTS + 4), Fault::Refused);
    writer.put(&nights.recording(&id("late")).unwrap()).unwrap_err();
    double.faults().clear();
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(NAME).unwrap().points;
        for name in ["b", "gone"] {
            let of = points.iter().find(|(_, point)| point.payload["recording"] == name.into());
            let lost = of.unwrap().0.clone();
            points.remove(&lost);
        }
    });
    double
}

/// Returns the recordings that are pending or damaged.
fn problems(there: &QdrantReader) -> BTreeSet<RecordingId> {
    there.unfinished().into_iter().chain(there.verify().map(|(id, _)| id.clone())).collect()
}

fn repair(
    from: &FolderReader,
    to: QdrantSettings,
    broken: &BTreeSet<RecordingId>,
) -> Result<Vec<(RecordingId, RepairOutcome)>, Error> {
    let mut writer = QdrantWriter::open_or_create(to, &space())?;
    let mut outcomes = Vec::new();
    let mut observe = |id: &RecordingId, outcome| outcomes.push((id.clone(), outcome));
    nocturne_index::repair(from, &mut writer, broken, &mut observe)?;
    Ok(outcomes)
}

#[test]
fn repair_uploads_only_incomplete_recordings() {
    let nights = nights();
    let double = broken(&nights);
    let there = QdrantReader::open(settings(&double)).unwrap();
    let broken = problems(&there);
    assert_eq!(broken, [id("b"), id("gone"), id("late")].into());
    let outcomes = repair(&nights, settings(&double), &broken).unwrap();
    let repaired = RepairOutcome::Repaired;
    assert_eq!(
        outcomes,
        [(id("b"), repaired), (id("gone"), RepairOutcome::NotInSource), (id("late"), repaired)]
    );
    let there = QdrantReader::open(settings(&double)).unwrap();
    assert_eq!(problems(&there), [id("gone")].into());
    assert_eq!(there.entries().len(), 4);
    // A second repair of the same recordings changes nothing.
    repair(&nights, settings(&double), &broken).unwrap();
    assert_eq!(problems(&QdrantReader::open(settings(&double)).unwrap()), [id("gone")].into());
}

#[test]
fn interrupted_repair_is_completed_by_the_next() {
    let nights = nights();
    let double = broken(&nights);
    let damaged = BTreeSet::from([id("b"), id("late")]);
    let repair_all = |double: &QdrantDouble| repair(&nights, settings(double), &damaged);
    double.faults().clear();
    repair_all(&double).unwrap();
    let n_calls = double.faults().calls().len();
    for call in (0..n_calls).step_by(3) {
        let double = broken(&nights);
        double.faults().plan(When::From(call), Fault::Refused);
        repair_all(&double).unwrap_err();
        double.faults().clear();
        repair_all(&double).unwrap();
        let there = QdrantReader::open(settings(&double)).unwrap();
        assert_eq!(problems(&there), [id("gone")].into(), "call {call}");
    }
}

#[test]
fn folder_of_another_bundle_is_rejected() {
    let nights = nights();
    let double = broken(&nights);
    let other = collection(&space_of("other", 8), vec![draft("b", 2, 20)]);
    let error = repair(&other, settings(&double), &[id("b")].into()).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}

#[test]
fn snapshots_cover_every_collection_at_one_generation() {
    let double = QdrantDouble::start();
    copy_to(&nights(), settings(&double)).unwrap();
    let there = QdrantReader::open(settings(&double)).unwrap();
    double.faults().plan(When::At(1), Fault::Unavailable);
    let snapshots = there.snapshot().unwrap();
    let names: Vec<_> = snapshots.iter().map(|it| it.collection.as_str()).collect();
    assert_eq!(names, ["sleep", "sleep-recordings", "sleep-tracks"]);
    assert!(snapshots.iter().all(|it| it.checksum.as_ref().is_some_and(|sum| sum.len() == 64)));
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    writer.remove(&id("a")).unwrap();
    let error = there.snapshot().unwrap_err();
    let is_changed = matches!(QdrantError::of(&error), Some(QdrantError::Changed { .. }));
    assert!(is_changed, "{error}");
}
