//! Recordings are read as they were committed.

use std::sync::Arc;

use nocturne_index::storage::Simulated;
use nocturne_index::{
    CaptionPoint, CollectionReader, CollectionWriter, EpochPoint, Error, ExactIndex, FolderReader,
    FolderWriter, Recording, RecordingDraft, ScoreTable, SearchRequest, VectorIndex,
};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, EpochRef, Event, Stage};
use proptest::prelude::*;

use crate::support::{
    DIM, assert_stored, collection, draft, embedding, epoch, id, plain_draft, plain_epoch, space,
    space_of,
};

#[test]
fn stores_recordings_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/collection");
    let drafts = [draft("a", 1, 40), draft("cohort/b", 2, 3), draft("empty", 3, 0)];
    let mut writer = FolderWriter::create(&path, &space()).unwrap();
    for draft in &drafts {
        let entry = writer.commit(draft.clone()).unwrap();
        let file = path.join("segments").join(entry.segment.file_name());
        assert_eq!(file.metadata().unwrap().len(), entry.segment.length);
    }
    drop(writer);
    let collection = FolderReader::open(&path).unwrap();
    assert_eq!(collection.entries().len(), 3);
    drafts.iter().for_each(|draft| assert_stored(&collection, draft));
    assert_eq!(collection.verify().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stores_any_recording(seed: u64, n_epochs in 0_u32..300) {
        let draft = draft("night", seed, n_epochs);
        assert_stored(&collection(&space(), vec![draft.clone()]), &draft);
    }
}

#[test]
fn same_recording_gives_the_same_segment_and_ids() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let entries: Vec<_> = (0..3).map(|_| writer.commit(draft("a", 1, 20)).unwrap()).collect();
    assert!(entries.iter().all(|entry| *entry == entries[0]));
    let collection = FolderReader::open_in(storage.clone()).unwrap();
    assert_eq!((collection.entries().len(), collection.n_epochs()), (1, 20));
    assert_eq!(storage.files().iter().filter(|name| name.starts_with("segments/")).count(), 1);
}

#[test]
fn manifest_summarises_the_recording() {
    let mut night = draft("a", 1, 40);
    night.epochs.iter_mut().for_each(|epoch| epoch.stage = None);
    night.events = None;
    let collection = collection(&space(), vec![draft("b", 2, 40), night]);
    let [unscored, scored] = collection.entries()[..] else { panic!("there are two recordings") };
    assert!(!unscored.has_stages() && !unscored.has_events());
    assert_eq!((unscored.n_epochs, unscored.n_captions), (40, 40));
    assert_eq!(scored.n_events, Some(1));
    let is_sleep = |epoch: &&EpochPoint| epoch.stage.is_some_and(Stage::is_sleep);
    let n_asleep = draft("b", 2, 40).epochs.iter().filter(is_sleep).count();
    assert_eq!(scored.sleep_s, Some(30.0 * n_asleep as f64));
}

#[test]
fn epochs_are_found_by_number() {
    let collection = collection(&space(), vec![draft("a", 1, 6)]);
    let recording = collection.recording(&id("a")).unwrap();
    let view = recording.epoch(EpochNumber(14)).unwrap();
    assert_eq!((view.row(), view.info().onset_s), (4, 420.125));
    let captions = view.recording().captions();
    let texts: Vec<_> = view.captions().map(|caption| captions.text(caption)).collect();
    assert_eq!(texts, ["Épisode 14 de a: brain.", "Épisode 14 de a: stage_event."]);
    let message = |epoch: EpochRef| collection.embedding(&epoch).unwrap_err().to_string();
    assert_eq!(
        message(epoch("a", 3)),
        "the collection has no epoch `a:3`; that recording has 6 epochs, 0 to 15"
    );
    assert_eq!(message(epoch("b", 0)), "the collection has no recording `b`");
}

#[test]
fn scored_events_belong_to_their_epoch() {
    let collection = collection(&space(), vec![draft("a", 1, 6)]);
    let recording = collection.recording(&id("a")).unwrap();
    let events = |number| recording.epoch(EpochNumber(number)).unwrap().events().count();
    assert_eq!((events(0), events(1)), (1, 0));
}

#[test]
fn readers_see_new_recordings_after_a_refresh() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    writer.commit(draft("a", 1, 5)).unwrap();
    writer.commit(draft("b", 2, 5)).unwrap();
    let before = FolderReader::open_in(storage.clone()).unwrap();
    let unchanged = before.recording(&id("a")).unwrap();
    assert!(before.is_current().unwrap() && before.refresh().unwrap().is_none());
    writer.commit(draft("b", 3, 5)).unwrap();
    writer.commit(draft("c", 4, 5)).unwrap();

    assert_stored(&before, &draft("b", 2, 5));
    let after = before.refresh().unwrap().unwrap();
    assert!(after.is_current().unwrap() && !before.is_current().unwrap());
    assert_stored(&*after, &draft("b", 3, 5));
    assert_stored(&*after, &draft("c", 4, 5));
    assert!(
        Arc::ptr_eq(&unchanged, &after.recording(&id("a")).unwrap()),
        "unchanged recordings are not read again"
    );
    let query = draft("c", 4, 5).epochs[2].vector.clone();
    let search =
        |reader: &dyn CollectionReader| reader.search(&query, &SearchRequest::nearest(15)).unwrap();
    let followed = search(&*after);
    assert_eq!((followed.len(), &followed[0].epoch), (15, &epoch("c", 2)));
    let fresh = FolderReader::open_in(storage).unwrap();
    assert_eq!(followed, search(&fresh));
}

#[test]
fn removed_recordings_lose_their_files_after_later_commits() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let entry = writer.commit(draft("a", 1, 5)).unwrap();
    writer.commit(draft("b", 2, 5)).unwrap();
    let before = FolderReader::open_in(storage.clone()).unwrap();
    writer.remove(&id("a")).unwrap();
    let error = writer.remove(&id("a")).unwrap_err();
    assert!(matches!(error, Error::UnknownRecording { .. }), "{error}");
    writer.commit(draft("c", 3, 5)).unwrap();
    writer.commit(draft("d", 4, 5)).unwrap();
    drop(writer);

    let writer = FolderWriter::open_in(storage.clone(), &space()).unwrap();
    let file = format!("segments/{}", entry.segment.file_name());
    assert!(writer.removed_files().iter().any(|path| path.ends_with(&file)));
    assert!(!storage.files().contains(&file));
    let error = before.recording(&id("a")).unwrap_err();
    assert_eq!(error.to_string(), "generation 3 of `simulated` is gone, the newest is 6");
}

#[test]
fn other_bundles_are_rejected_by_name() {
    let storage = Arc::new(Simulated::default());
    drop(FolderWriter::create_in(storage.clone(), &space()).unwrap());
    let other = space_of("large", DIM);
    let message = "`simulated` was filled with the bundle `small` (fingerprint-of-small); \
                   it cannot be used with `large` (fingerprint-of-large)";
    let error = FolderWriter::open_in(storage.clone(), &other).unwrap_err();
    assert_eq!(error.to_string(), message);
    let collection = FolderReader::open_in(storage).unwrap();
    let collection: &dyn CollectionReader = &collection;
    assert_eq!(collection.expect_space(&other).unwrap_err().to_string(), message);
    collection.expect_space(&space()).unwrap();
}

#[track_caller]
fn check_rejected(change: impl FnOnce(&mut RecordingDraft), expect: &str) {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let mut draft = draft("a", 1, 5);
    change(&mut draft);
    assert_eq!(writer.commit(draft).unwrap_err().to_string(), expect);
    assert_eq!(FolderReader::open_in(storage).unwrap().entries().len(), 0);
}

#[test]
fn invalid_recordings_are_rejected() {
    check_rejected(
        |draft| draft.epochs[2].vector = embedding(&[1.0, 0.0]),
        "an embedding has 2 dimensions; those of the collection have 8",
    );
    check_rejected(
        |draft| draft.captions[1].vector = embedding(&[1.0]),
        "an embedding has 1 dimensions; those of the collection have 8",
    );
    check_rejected(
        |draft| draft.epochs[2].number = EpochNumber(1),
        "recording `a` cannot be committed: epoch 1 follows epoch 1; expected ascending numbers",
    );
    check_rejected(
        |draft| draft.epochs[0].onset_s = f64::NAN,
        "recording `a` cannot be committed: epoch 0 starts at NaN s",
    );
    check_rejected(
        |draft| draft.captions[0].epoch = EpochNumber(7),
        "recording `a` cannot be committed: a caption describes epoch 7, which is missing",
    );
    check_rejected(
        |draft| {
            let event =
                Event { duration_s: f64::INFINITY, ..draft.events.as_ref().unwrap()[0].clone() };
            draft.events = Some(vec![event]);
        },
        "recording `a` cannot be committed: its event `arousal` starts at 0.30000000000000004 s and lasts inf s",
    );
}

#[test]
fn scores_are_by_epoch_and_prompt() {
    let rows = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]];
    let epochs = (0..).zip(&rows).map(|(number, row)| plain_epoch(number, embedding(row)));
    let night = plain_draft("a", epochs.collect());
    let index = ExactIndex::new(collection(&space_of("flat", 2), vec![night]).segments().unwrap());
    let prompts = [embedding(&[1.0, 0.0]), embedding(&[0.0, 1.0])];
    let visit =
        |recording: &Recording, scores: &ScoreTable| (recording.id().to_string(), scores.clone());
    let all = index.score_all(&prompts, |_| true, visit).unwrap();
    let [(name, scores)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(name, "a");
    assert_eq!((scores.n_epochs(), scores.n_queries()), (3, 2));
    assert!(scores.error() < 0.02, "{}", scores.error());
    let recording = index.recording(&id("a")).unwrap();
    for (row, expect) in rows.iter().enumerate() {
        let cosines = recording.cosines(row, &prompts).unwrap();
        let is_within =
            |a: &[f32], b: &[f32], error: f32| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= error);
        assert!(is_within(&cosines, expect, 1e-3), "{cosines:?}");
        assert!(is_within(scores.row(row), &cosines, scores.error()), "{:?}", scores.row(row));
    }
    assert_eq!(index.score_all(&prompts, |_| false, visit).unwrap(), []);
    let error = recording.cosines(0, &[embedding(&[1.0])]).unwrap_err();
    assert!(matches!(error, Error::Dimension { expected: 2, received: 1 }), "{error}");
}

#[test]
fn captions_stay_in_order_within_an_epoch() {
    let vector = embedding(&[1.0, 0.0]);
    let caption = |number, text: &str| CaptionPoint {
        epoch: EpochNumber(number),
        kind: CaptionKind::Brain,
        text: text.to_owned(),
        vector: vector.clone(),
    };
    let epochs = (0..3).map(|number| plain_epoch(number, vector.clone())).collect();
    let captions = vec![caption(2, "c"), caption(0, "b"), caption(2, ""), caption(0, "a")];
    let night = RecordingDraft { captions, ..plain_draft("a", epochs) };
    let collection = collection(&space_of("flat", 2), vec![night]);
    let recording = collection.recording(&id("a")).unwrap();
    let captions = recording.captions();
    let texts: Vec<_> = (0..4).map(|caption| captions.text(caption)).collect();
    assert_eq!(texts, ["b", "a", "c", ""]);
    assert_eq!([0, 1, 2].map(|row| captions.of_row(row)), [0..2, 2..2, 2..4]);
}

#[test]
fn metadata_of_many_recordings_is_set_in_one_commit() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let drafts = [draft("a", 1, 4), draft("b", 2, 4), draft("c", 3, 4)];
    drafts.iter().for_each(|draft| drop(writer.commit(draft.clone()).unwrap()));
    let before = FolderReader::open_in(storage.clone()).unwrap();
    let generation = writer.generation();
    let metadata =
        |age: &str| std::collections::BTreeMap::from([("age".to_owned(), age.to_owned())]);
    let all = [
        (id("a"), metadata("61")),
        (id("b"), metadata("90+")),
        (id("c"), drafts[2].metadata.clone()),
    ];
    assert_eq!(writer.set_metadata(all.clone().into()).unwrap(), 2);
    assert_eq!(writer.generation(), generation + 1);
    assert_eq!(writer.set_metadata(all.into()).unwrap(), 0);
    let unknown = [(id("a"), metadata("5")), (id("z"), metadata("5"))].into();
    assert!(matches!(writer.set_metadata(unknown), Err(Error::UnknownRecording { .. })));
    // Later commits continue from this generation.
    writer.commit(draft("d", 4, 4)).unwrap();
    writer.set_metadata([(id("d"), metadata("7"))].into()).unwrap();
    let after = before.refresh().unwrap().unwrap();
    let [a, b, c] = drafts;
    let after = &*after;
    assert_stored(after, &RecordingDraft { metadata: metadata("61"), ..a });
    assert_stored(after, &RecordingDraft { metadata: metadata("90+"), ..b });
    assert_stored(after, &c);
    assert_eq!(after.entry(&id("d")).unwrap().metadata, metadata("7"));
    assert_eq!(after.verify().count(), 0);
    drop(writer);
    assert_eq!(FolderWriter::open_in(storage, &space()).unwrap().entries().len(), 4);
}
