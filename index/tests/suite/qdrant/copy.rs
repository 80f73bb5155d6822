//! Copies to Qdrant and back.

use std::sync::Arc;

use nocturne_index::qdrant::{
    QdrantCollection, QdrantError, Sent, copy_from_qdrant, copy_to_qdrant,
};
use nocturne_index::storage::Simulated;
use nocturne_index::{Collection, CollectionWriter, Error};
use nocturne_qdrant_double::QdrantDouble;

use super::{NAME, settings};
use crate::support::{
    assert_stored, collection, draft, id, plain_draft, plain_epoch, random_embedding, space,
    space_of,
};

fn copy_back(from: &QdrantCollection) -> Result<(Arc<Simulated>, Vec<Sent>), Error> {
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), from.space()).unwrap();
    let mut sent = Vec::new();
    copy_from_qdrant(from, &mut writer, &mut |_, it| sent.push(it))?;
    Ok((storage, sent))
}

#[test]
fn copy_to_qdrant_and_back_has_the_same_bytes() {
    let double = QdrantDouble::start();
    let drafts = [draft("a", 1, 40), draft("b", 2, 7), plain_draft("empty", vec![])];
    let nights = collection(&space(), drafts.to_vec());
    copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    assert!(there.recordings().eq(nights.recordings()));
    assert_eq!(there.verify().count(), 0);
    let (storage, sent) = copy_back(&there).unwrap();
    assert_eq!(sent, [Sent::Written; 3]);
    let copy = Collection::open_in(storage.clone()).unwrap();
    // Entries contain the hash of the segment's bytes.
    assert!(copy.recordings().eq(nights.recordings()));
    drafts.iter().for_each(|draft| assert_stored(&copy, draft));
    let mut writer = CollectionWriter::open_in(storage, there.space()).unwrap();
    let copied = copy_from_qdrant(&there, &mut writer, &mut |_, _| {}).unwrap();
    assert_eq!((copied.n_recordings, copied.n_written, copied.n_others), (3, 0, 0));
}

#[test]
fn metadata_changed_after_the_commit_is_copied_both_ways() {
    let double = QdrantDouble::start();
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
    writer.commit(draft("a", 1, 9)).unwrap();
    writer.commit(draft("b", 2, 9)).unwrap();
    let metadata = [("age".to_owned(), "61".to_owned())].into();
    writer.set_metadata([(id("a"), metadata)].into()).unwrap();
    let nights = Collection::open_in(storage).unwrap();
    copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let (storage, _) = copy_back(&there).unwrap();
    assert!(Collection::open_in(storage).unwrap().recordings().eq(nights.recordings()));
}

#[test]
fn vectors_of_512_dimensions_survive_rounding() {
    use rand::SeedableRng;
    let double = QdrantDouble::start();
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(4);
    let epochs = (0..200).map(|number| plain_epoch(number, random_embedding(&mut random, 512)));
    let draft = plain_draft("long", epochs.collect());
    let nights = collection(&space_of("wide", 512), vec![draft]);
    copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let (storage, _) = copy_back(&there).unwrap();
    assert!(Collection::open_in(storage).unwrap().recordings().eq(nights.recordings()));
}

#[test]
fn vectors_of_3_dimensions_survive_rounding_and_ids_may_have_spaces() {
    use rand::SeedableRng;
    let double = QdrantDouble::start();
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(5);
    let epochs = (0..900).map(|number| plain_epoch(number, random_embedding(&mut random, 3)));
    let night = plain_draft("deep/night 4", epochs.collect());
    let other = plain_draft("night", vec![plain_epoch(0, random_embedding(&mut random, 3))]);
    let nights = collection(&space_of("narrow", 3), vec![night, other]);
    copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let (storage, _) = copy_back(&there).unwrap();
    assert!(Collection::open_in(storage).unwrap().recordings().eq(nights.recordings()));
}

#[test]
fn damaged_recordings_on_the_server_are_reported_and_not_copied() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20)]);
    copy_to_qdrant(&nights, settings(&double), &mut |_, _| {}).unwrap();
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(NAME).unwrap().points;
        let of_b = points.values_mut().find(|point| point.payload["recording"] == "b".into());
        of_b.unwrap().vectors.values_mut().for_each(|vector| vector[3] += 1e-3);
    });
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let damaged: Vec<_> = there.verify().map(|(id, _)| id.clone()).collect();
    assert_eq!(damaged, [id("b")]);
    let error = copy_back(&there).unwrap_err();
    let Some(QdrantError::DamagedRecording { recording, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(*recording, id("b"));
}

#[test]
fn folders_of_another_bundle_are_rejected() {
    let double = QdrantDouble::start();
    copy_to_qdrant(&collection(&space(), vec![]), settings(&double), &mut |_, _| {}).unwrap();
    let there = QdrantCollection::open(settings(&double)).unwrap();
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage, &space_of("other", 8)).unwrap();
    let error = copy_from_qdrant(&there, &mut writer, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}
