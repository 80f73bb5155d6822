//! Repairs from the folder, and snapshots on the server.

use std::collections::BTreeSet;

use nocturne_index::qdrant::{
    QdrantCollection, QdrantError, QdrantWriter, Repaired, Sent, copy_to_qdrant, repair,
};
use nocturne_index::{Collection, Error};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};

use super::{CALLS_BEFORE_POINTS, NAME, settings};
use crate::support::{collection, draft, id, space, space_of};

fn nights() -> Collection {
    collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("late", 3, 20)])
}

/// Returns a server on which `a` is complete, `b` and `gone` have lost a point, and the upload of `late` was interrupted.
/// The folder does not contain `gone`.
fn broken(nights: &Collection) -> QdrantDouble {
    let double = QdrantDouble::start();
    let first =
        collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("gone", 4, 5)]);
    copy_to_qdrant(&first, settings(&double), &mut |_, _| {}).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    double.faults().plan(When::From(CALLS_BEFORE_POINTS + 4), Fault::Refused);
    writer.put(nights.recording(&id("late")).unwrap()).unwrap_err();
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
fn problems(there: &QdrantCollection) -> BTreeSet<nocturne_psg::RecordingId> {
    there.pending().chain(there.verify().map(|(id, _)| id)).cloned().collect()
}

#[test]
fn repair_uploads_only_incomplete_recordings() {
    let nights = nights();
    let double = broken(&nights);
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let broken = problems(&there);
    assert_eq!(broken, [id("b"), id("gone"), id("late")].into());
    let mut reported = Vec::new();
    repair(&nights, settings(&double), &broken, &mut |id, what| reported.push((id.clone(), what)))
        .unwrap();
    let sent = Repaired::Sent(Sent::Written);
    assert_eq!(
        reported,
        [(id("b"), sent), (id("gone"), Repaired::NotInFolder), (id("late"), sent)]
    );
    let there = QdrantCollection::open(settings(&double)).unwrap();
    assert_eq!(problems(&there), [id("gone")].into());
    assert_eq!(there.recordings().len(), 4);
    // A second repair of the same recordings changes nothing.
    repair(&nights, settings(&double), &broken, &mut |_, _| {}).unwrap();
    assert_eq!(problems(&QdrantCollection::open(settings(&double)).unwrap()), [id("gone")].into());
}

#[test]
fn interrupted_repair_is_completed_by_the_next() {
    let nights = nights();
    let double = broken(&nights);
    let damaged = BTreeSet::from([id("b"), id("late")]);
    let repair_all =
        |double: &QdrantDouble| repair(&nights, settings(double), &damaged, &mut |_, _| {});
    double.faults().clear();
    repair_all(&double).unwrap();
    let n_calls = double.faults().calls().len();
    for call in (0..n_calls).step_by(3) {
        let double = broken(&nights);
        double.faults().plan(When::From(call), Fault::Refused);
        repair_all(&double).unwrap_err();
        double.faults().clear();
        repair_all(&double).unwrap();
        let there = QdrantCollection::open(settings(&double)).unwrap();
        assert_eq!(problems(&there), [id("gone")].into(), "call {call}");
    }
}

#[test]
fn folder_of_another_bundle_is_rejected() {
    let nights = nights();
    let double = broken(&nights);
    let other = collection(&space_of("other", 8), vec![draft("b", 2, 20)]);
    let error = repair(&other, settings(&double), &[id("b")].into(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}

#[test]
fn snapshots_cover_every_collection_at_one_generation() {
    let double = QdrantDouble::start();
    copy_to_qdrant(&nights(), settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    double.faults().plan(When::At(1), Fault::Unavailable);
    let snapshots = there.snapshot().unwrap();
    let names: Vec<_> = snapshots.iter().map(|it| it.collection.as_str()).collect();
    assert_eq!(names, ["sleep", "sleep-recordings", "sleep-nights"]);
    assert!(snapshots.iter().all(|it| it.checksum.as_ref().is_some_and(|sum| sum.len() == 64)));
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    writer.remove(&id("a")).unwrap();
    let error = there.snapshot().unwrap_err();
    let is_changed = matches!(QdrantError::of(&error), Some(QdrantError::Changed { .. }));
    assert!(is_changed, "{error}");
}
