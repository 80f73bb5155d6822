//! Repairs from the folder, and snapshots on the server.

use std::collections::BTreeSet;

use nocturne_index::qdrant::double::{Double, Fault, When};
use nocturne_index::qdrant::{
    QdrantCollection, QdrantProblem, QdrantWriter, Repaired, Sent, copy_to_qdrant, repair,
};
use nocturne_index::{Collection, Error};

use super::leases::time_passes;
use super::{BEFORE_POINTS, NAME, settings};
use crate::support::{collection, draft, id, space, space_of};

fn nights() -> Collection {
    collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("late", 3, 20)])
}

/// A double in which `a` is whole, `b` has lost a point, `late` was not sent to its end, and `gone` has lost a point and
/// is in no folder.
fn broken(nights: &Collection) -> Double {
    let double = Double::start();
    let first =
        collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20), draft("gone", 4, 5)]);
    copy_to_qdrant(&first, settings(&double), &mut |_, _| {}).unwrap();
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    double.faults().plan(When::From(BEFORE_POINTS + 4), Fault::Refused);
    writer.put(nights.recording(&id("late")).unwrap()).unwrap_err();
    double.faults().heal();
    time_passes(&double, settings(&double).lease);
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

/// Returns what is pending or damaged.
fn problems(there: &QdrantCollection) -> BTreeSet<nocturne_psg::RecordingId> {
    there.pending().chain(there.verify().map(|(id, _)| id)).cloned().collect()
}

#[test]
fn what_is_not_whole_is_sent_again_and_the_rest_left_alone() {
    let nights = nights();
    let double = broken(&nights);
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let broken = problems(&there);
    assert_eq!(broken, [id("b"), id("gone"), id("late")].into());
    let mut told = Vec::new();
    repair(&nights, settings(&double), &broken, &mut |id, what| told.push((id.clone(), what)))
        .unwrap();
    let sent = Repaired::Sent(Sent::Written);
    assert_eq!(told, [(id("b"), sent), (id("gone"), Repaired::NotInFolder), (id("late"), sent)]);
    let there = QdrantCollection::open(settings(&double)).unwrap();
    assert_eq!(problems(&there), [id("gone")].into());
    assert_eq!(there.recordings().len(), 4);
    // Whoever wrote nothing down in between finds the same when it is done once more.
    repair(&nights, settings(&double), &broken, &mut |_, _| {}).unwrap();
    assert_eq!(problems(&QdrantCollection::open(settings(&double)).unwrap()), [id("gone")].into());
}

/// A repair that dies at any call is completed by the next.
#[test]
fn repairs_that_die_anywhere_are_completed_by_the_next() {
    let nights = nights();
    let double = broken(&nights);
    let these = BTreeSet::from([id("b"), id("late")]);
    let mend = |double: &Double| repair(&nights, settings(double), &these, &mut |_, _| {});
    double.faults().heal();
    mend(&double).unwrap();
    let n_calls = double.faults().calls().len();
    for call in (0..n_calls).step_by(3) {
        let double = broken(&nights);
        double.faults().plan(When::From(call), Fault::Refused);
        // The last call gives a lease back, which has its time.
        assert_eq!(mend(&double).is_ok(), call + 1 == n_calls, "call {call}");
        double.faults().heal();
        time_passes(&double, settings(&double).lease);
        mend(&double).unwrap();
        let there = QdrantCollection::open(settings(&double)).unwrap();
        assert_eq!(problems(&there), [id("gone")].into(), "call {call}");
    }
}

#[test]
fn folders_of_another_space_repair_nothing() {
    let nights = nights();
    let double = broken(&nights);
    let other = collection(&space_of("other", 8), vec![draft("b", 2, 20)]);
    let error = repair(&other, settings(&double), &[id("b")].into(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}

#[test]
fn snapshots_are_of_every_collection_and_of_one_moment() {
    let double = Double::start();
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
    assert!(matches!(error, Error::Qdrant(QdrantProblem::Changed { .. })), "{error}");
}
