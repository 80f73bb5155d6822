//! Several writers of one collection: each recording is written by one of them at a time, and none is lost.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nocturne_index::qdrant::double::{Double, Fault, When};
use nocturne_index::qdrant::{
    QdrantCollection, QdrantProblem, QdrantSettings, QdrantWriter, copy_to_qdrant,
};
use nocturne_index::{Claim, Collection, Destination, Error, RecordingDraft, RecordingEntry};

use super::{NAME, assert_kept, settings};
use crate::support::{collection, draft, id, plain_draft, space};

/// How long the leases of writers last that a test lets die; those of others last a minute.
const OF_THE_DYING: Duration = Duration::from_secs(61);

/// Lets every lease expire that lasts so long: it was seen for long enough as soon as it is seen.
pub(super) fn time_passes(double: &Double, lasts: Duration) {
    let lasts_ms = i64::try_from(lasts.as_millis()).unwrap().into();
    double.tamper(|store| {
        let Some(list) = store.collections.get_mut(&format!("{NAME}-recordings")) else { return };
        for point in list.points.values_mut() {
            if point.payload.get("lasts_ms") == Some(&lasts_ms) {
                point.payload.insert("lasts_ms".to_owned(), 0.into());
            }
        }
    });
}

fn writer(settings: QdrantSettings) -> QdrantWriter {
    QdrantWriter::open_or_create(settings, &space()).unwrap()
}

fn mortal(double: &Double) -> QdrantSettings {
    QdrantSettings { lease: OF_THE_DYING, ..settings(double) }
}

fn cohort() -> Vec<RecordingDraft> {
    (0..12).map(|night| draft(&format!("night-{night:02}"), night, 2)).collect()
}

/// Does what an indexer does: claims each recording, embeds it, and commits it.
pub(super) fn index(
    settings: QdrantSettings,
    drafts: &[RecordingDraft],
    embed: &dyn Fn(&RecordingDraft),
) -> Result<(), Error> {
    let mut writer = QdrantWriter::open_or_create(settings, &space())?;
    let claims = Destination::claims(&writer);
    let mut left: Vec<&RecordingDraft> = drafts.iter().collect();
    while !left.is_empty() {
        let mut held = Vec::new();
        for draft in left {
            if Destination::entry(&writer, &draft.id).is_some() {
                continue;
            }
            match claims.claim(&draft.id, None)? {
                Claim::Held { .. } => held.push(draft),
                Claim::Ours(Some(_)) => claims.give_back(&draft.id),
                Claim::Ours(None) => {
                    embed(draft);
                    match Destination::commit(&mut writer, draft.clone()) {
                        Err(error) if error.is_held() => held.push(draft),
                        committed => drop(committed?),
                    }
                }
            }
        }
        let (_sender, nobody_sends) = channel::<()>();
        let _ = nobody_sends.recv_timeout(Duration::from_millis(u64::from(!held.is_empty())));
        left = held;
    }
    Ok(())
}

fn entries(claim: Claim) -> Option<RecordingEntry> {
    match claim {
        Claim::Ours(entry) => entry,
        Claim::Held { holder, .. } => panic!("held by {holder}"),
    }
}

#[test]
fn of_two_writers_one_gets_a_recording() {
    let double = Double::start();
    let (mut first, mut second) = (writer(settings(&double)), writer(settings(&double)));
    let claims = [Destination::claims(&first), Destination::claims(&second)];
    assert_eq!(entries(claims[0].claim(&id("a"), None).unwrap()), None);
    let Claim::Held { holder, .. } = claims[1].claim(&id("a"), None).unwrap() else {
        panic!("both have it");
    };
    assert!(holder.starts_with(&format!("the process {} on ", std::process::id())), "{holder}");
    let error = Destination::commit(&mut second, draft("a", 2, 5)).unwrap_err();
    assert!(error.is_held(), "{error}");
    assert!(matches!(error, Error::Qdrant(QdrantProblem::Leased { .. })), "{error}");
    let kept_of_a = Destination::commit(&mut first, draft("a", 1, 5)).unwrap();
    // It was given back by that, and the other one is told what has become of it.
    assert_eq!(entries(claims[1].claim(&id("a"), None).unwrap()), Some(kept_of_a));
    assert!(first.put(&nights(1).read_recording(&id("a")).unwrap()).is_ok(), "nothing to do");
    claims[1].give_back(&id("a"));
    first.remove(&id("a")).unwrap();
    assert_eq!(entries(claims[1].claim(&id("a"), None).unwrap()), None);
    claims[1].give_back(&id("a"));
    // Writers that end give everything back.
    claims[0].claim(&id("b"), None).unwrap();
    drop(first);
    assert_eq!(entries(claims[1].claim(&id("b"), None).unwrap()), None);
}

fn nights(seed: u64) -> Collection {
    collection(&space(), vec![draft("a", seed, 5)])
}

#[test]
fn lease_of_a_dead_writer_is_taken_over_after_it_has_lasted() {
    let double = Double::start();
    let door = double.another_door();
    let (mut dead, mut heir) = (writer(mortal(&door)), writer(settings(&double)));
    Destination::claims(&dead).claim(&id("a"), None).unwrap();
    let claims = Destination::claims(&heir);
    for _ in 0..3 {
        assert!(matches!(claims.claim(&id("a"), None).unwrap(), Claim::Held { .. }));
    }
    time_passes(&double, OF_THE_DYING);
    assert_eq!(entries(claims.claim(&id("a"), None).unwrap()), None);
    // It was not dead, only slow; it is told, and changes nothing.
    let error = Destination::commit(&mut dead, draft("a", 1, 5)).unwrap_err();
    assert!(matches!(error, Error::Qdrant(QdrantProblem::TakenOver { .. })), "{error}");
    assert!(error.is_held());
    Destination::commit(&mut heir, draft("a", 2, 5)).unwrap();
    let expect = Double::start();
    copy_to_qdrant(&nights(2), settings(&expect), &mut |_, _| {}).unwrap();
    assert_kept(&double, &expect, "all");
}

#[test]
fn leases_are_renewed_while_their_writer_lives() {
    let double = Double::start();
    let settings = QdrantSettings { lease: Duration::from_millis(3), ..settings(&double) };
    let writer = writer(settings);
    Destination::claims(&writer).claim(&id("a"), None).unwrap();
    let beats = || {
        let list = double.store().collections[&format!("{NAME}-recordings")].clone();
        let beats = list.points.into_values().find_map(|point| point.payload.get("beats").cloned());
        beats.and_then(|beats| beats.as_integer()).unwrap()
    };
    let known = beats();
    while beats() < known + 3 {
        thread::yield_now();
    }
    // From the second writer's side: what has a beat between two looks is alive.
    drop(writer);
    let ended = beats();
    thread::yield_now();
    assert_eq!(beats(), ended);
}

/// A writer that is thought to be dead, and whose requests arrive after all, each of them from any call on.
#[test]
fn requests_that_arrive_late_change_nothing_that_a_successor_has_written() {
    let (expect, mut call) = (Double::start(), 0);
    copy_to_qdrant(&nights(2), settings(&expect), &mut |_, _| {}).unwrap();
    loop {
        let double = Double::start();
        let door = double.another_door();
        // An earlier content of the recording is there.
        copy_to_qdrant(&nights(3), settings(&double), &mut |_, _| {}).unwrap();
        let mut slow = writer(mortal(&door));
        door.faults().plan(When::From(call), Fault::Late);
        if slow.put(&nights(1).read_recording(&id("a")).unwrap()).is_ok() {
            assert!(call > 20, "{call}");
            return;
        }
        time_passes(&double, OF_THE_DYING);
        copy_to_qdrant(&nights(2), settings(&double), &mut |_, _| {}).unwrap();
        assert!(door.deliver() > 0);
        drop(slow);
        door.deliver();
        let there = QdrantCollection::open(settings(&double)).unwrap();
        assert_eq!(there.verify().count(), 0, "call {call}");
        assert_kept(&double, &expect, &format!("call {call}"));
        call += 1;
    }
}

/// One of four dies at any of its calls, with whatever fault; the other three do all that is left, each recording once.
#[test]
fn of_four_indexers_one_dies_anywhere_and_nothing_is_missing_or_twice() {
    let (cohort, whole) = (cohort(), Double::start());
    copy_to_qdrant(&collection(&space(), cohort.clone()), settings(&whole), &mut |_, _| {})
        .unwrap();
    let alone = Double::start();
    index(settings(&alone), &cohort[..1], &|_| {}).unwrap();
    for call in 0..alone.faults().calls().len() {
        let double = Double::start();
        let door = double.another_door();
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][call % 3];
        door.faults().plan(When::From(call), fault);
        let embedded: [Mutex<Vec<String>>; 4] = Default::default();
        let work = |number: usize, settings| {
            let embed = |draft: &RecordingDraft| {
                embedded[number].lock().unwrap().push(draft.id.to_string());
            };
            index(settings, &cohort, &embed)
        };
        thread::scope(|scope| {
            let dying = scope.spawn(|| work(0, mortal(&door)));
            for number in 1..4 {
                let (work, settings) = (&work, settings(&double));
                scope.spawn(move || work(number, settings).unwrap());
            }
            // It may have had no chance to do anything, where the others were quick.
            let _ = dying.join().unwrap();
            time_passes(&double, OF_THE_DYING);
        });
        assert_kept(&double, &whole, &format!("call {call}"));
        let embedded = embedded.map(|ids| ids.into_inner().unwrap());
        let mut by_the_living = BTreeMap::new();
        embedded[1..].iter().flatten().for_each(|id| *by_the_living.entry(id).or_insert(0) += 1);
        for RecordingDraft { id, .. } in &cohort {
            let n = by_the_living.get(&id.to_string()).copied().unwrap_or(0);
            let has_died = embedded[0].contains(&id.to_string());
            assert!(n == 1 || (n == 0 && has_died), "call {call}: {id} {n} times");
        }
    }
}

/// The list counts its changes although several writers change it: a reader that has seen a count sees a greater one.
#[test]
fn changes_by_several_writers_are_each_made_known() {
    let double = Double::start();
    let mut writers: Vec<QdrantWriter> = (0..3).map(|_| writer(settings(&double))).collect();
    let mut reader = QdrantCollection::open(settings(&double)).unwrap();
    for night in 0..9_u64 {
        let writer = &mut writers[night as usize % 3];
        Destination::commit(writer, draft(&format!("night-{night}"), night, 2)).unwrap();
        reader = reader.refresh().unwrap().expect("there is something new");
        assert_eq!(reader.recordings().len() as u64, night + 1);
    }
    assert!(reader.is_current().unwrap());
}

#[test]
fn two_copies_at_once_leave_what_one_leaves() {
    let (nights, whole, double) =
        (collection(&space(), cohort()), Double::start(), Double::start());
    copy_to_qdrant(&nights, settings(&whole), &mut |_, _| {}).unwrap();
    let copies = thread::scope(|scope| {
        let copy = || copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
        let copies = [scope.spawn(copy), scope.spawn(copy)];
        copies.map(|copy| copy.join().unwrap())
    });
    assert_kept(&double, &whole, "all");
    assert_eq!(copies[0].n_written + copies[1].n_written, 12);
    assert!(copies.iter().all(|copied| copied.n_recordings == 12));
}

#[test]
fn servers_that_know_no_conditional_writes_are_refused() {
    let double = Double::start();
    double.tamper(|store| store.version = "1.16.3".to_owned());
    let error = QdrantWriter::open_or_create(settings(&double), &space()).unwrap_err();
    let is_old = matches!(&error, Error::Qdrant(QdrantProblem::OldServer { found, .. }) if found == "1.16.3");
    assert!(is_old, "{error}");
    assert!(double.store().collections.is_empty());
}

/// The collection of a version that knew no leases is written to as any other, and its points may be replaced.
#[test]
fn collections_of_before_leases_are_taken_over() {
    let (double, fresh) = (Double::start(), Double::start());
    let short = collection(&space(), vec![draft("a", 3, 8), plain_draft("b", vec![])]);
    copy_to_qdrant(
        &collection(&space(), vec![draft("a", 1, 20)]),
        settings(&double),
        &mut |_, _| {},
    )
    .unwrap();
    double.tamper(|store| {
        for collection in store.collections.values_mut() {
            collection.indexes.remove("lease");
            collection.points.retain(|_, it| it.payload.get("state") != Some(&"lease".into()));
            for point in collection.points.values_mut() {
                point.payload.remove("lease");
                if point.payload.contains_key("format") {
                    point.payload.insert("format".to_owned(), 1.into());
                }
            }
        }
    });
    copy_to_qdrant(&short, settings(&double), &mut |_, _| {}).unwrap();
    copy_to_qdrant(&short, settings(&fresh), &mut |_, _| {}).unwrap();
    assert_kept(&double, &fresh, "all");
}
