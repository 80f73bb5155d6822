//! Copies into Qdrant and back.

use std::sync::Arc;

use nocturne_index::qdrant::{QdrantError, QdrantReader};
use nocturne_index::storage::Simulated;
use nocturne_index::{
    CollectionReader, CollectionWriter, CopyReport, Error, FolderReader, FolderWriter, OnConflict,
    VectorIndex, join,
};
use nocturne_qdrant_double::QdrantDouble;

use super::{NAME, copy_to, settings};
use crate::support::{
    assert_stored, collection, draft, id, plain_draft, plain_epoch, random_embedding, space,
    space_of,
};

fn back(from: &QdrantReader) -> Result<(Arc<Simulated>, CopyReport), Error> {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), from.space()).unwrap();
    let report = join(&[from], &mut writer, OnConflict::Keep, &mut |_, _| {})?;
    Ok((storage, report))
}

/// Copies a collection to a server and back, and checks that the entries are equal. They contain the hash of the segment's
/// bytes.
#[track_caller]
fn check_round_trip(nights: &FolderReader) {
    let double = QdrantDouble::start();
    copy_to(nights, settings(&double)).unwrap();
    let (storage, _) = back(&QdrantReader::open(settings(&double)).unwrap()).unwrap();
    assert_eq!(FolderReader::open_in(storage).unwrap().entries(), nights.entries());
}

#[test]
fn copy_of_a_copy_has_the_same_bytes() {
    let double = QdrantDouble::start();
    let drafts = [draft("a", 1, 40), draft("b", 2, 7), plain_draft("empty", vec![])];
    let nights = collection(&space(), drafts.to_vec());
    copy_to(&nights, settings(&double)).unwrap();
    let there = QdrantReader::open(settings(&double)).unwrap();
    assert_eq!(there.entries(), nights.entries());
    assert_eq!(there.verify().count(), 0);
    drafts.iter().for_each(|draft| assert_stored(&there, draft));
    let (storage, report) = back(&there).unwrap();
    assert_eq!((report.n_recordings, report.n_written), (3, 3));
    let copy = FolderReader::open_in(storage.clone()).unwrap();
    assert_eq!(copy.entries(), nights.entries());
    drafts.iter().for_each(|draft| assert_stored(&copy, draft));
    let mut writer = FolderWriter::open_in(storage, there.space()).unwrap();
    let report = join(&[&there], &mut writer, OnConflict::Keep, &mut |_, _| {}).unwrap();
    assert_eq!((report.n_recordings, report.n_written, report.n_others), (3, 0, 0));
}

#[test]
fn metadata_changed_after_the_commit_is_copied_both_ways() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    writer.commit(draft("a", 1, 9)).unwrap();
    writer.commit(draft("b", 2, 9)).unwrap();
    let metadata = [("age".to_owned(), "61".to_owned())].into();
    writer.set_metadata([(id("a"), metadata)].into()).unwrap();
    check_round_trip(&FolderReader::open_in(storage).unwrap());
}

#[test]
fn vectors_of_512_dimensions_survive_rounding() {
    use rand::SeedableRng;
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(4);
    let epochs = (0..200).map(|number| plain_epoch(number, random_embedding(&mut random, 512)));
    let draft = plain_draft("long", epochs.collect());
    check_round_trip(&collection(&space_of("wide", 512), vec![draft]));
}

#[test]
fn vectors_of_3_dimensions_survive_rounding_and_ids_may_have_blanks() {
    use rand::SeedableRng;
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(5);
    let epochs = (0..900).map(|number| plain_epoch(number, random_embedding(&mut random, 3)));
    let night = plain_draft("deep/night 4", epochs.collect());
    let other = plain_draft("night", vec![plain_epoch(0, random_embedding(&mut random, 3))]);
    check_round_trip(&collection(&space_of("narrow", 3), vec![night, other]));
}

#[test]
fn damage_on_the_server_is_reported_and_not_copied() {
    let double = QdrantDouble::start();
    let nights = collection(&space(), vec![draft("a", 1, 20), draft("b", 2, 20)]);
    copy_to(&nights, settings(&double)).unwrap();
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(NAME).unwrap().points;
        let of_b = points.values_mut().find(|point| point.payload["recording"] == "b".into());
        of_b.unwrap().vectors.values_mut().for_each(|vector| vector[3] += 1e-3);
    });
    let there = QdrantReader::open(settings(&double)).unwrap();
    let damaged: Vec<_> = there.verify().map(|(id, _)| id.clone()).collect();
    assert_eq!(damaged, [id("b")]);
    let error = back(&there).unwrap_err();
    let Some(QdrantError::DamagedRecording { recording, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(*recording, id("b"));
}

#[test]
fn folders_of_another_space_are_refused() {
    let double = QdrantDouble::start();
    copy_to(&collection(&space(), vec![]), settings(&double)).unwrap();
    let there = QdrantReader::open(settings(&double)).unwrap();
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage, &space_of("other", 8)).unwrap();
    let error = join(&[&there], &mut writer, OnConflict::Keep, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}
