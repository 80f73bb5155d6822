//! Recordings of several collections are joined into one; nothing is replaced without being asked for.

use nocturne_index::{
    CollectionReader, CopyConflict, CopyOutcome, CopyReport, Error, OnConflict, RecordingDraft,
    join,
};

use crate::spaces::stores::{FolderStore, TestStore, on_each_store};
use crate::support::{assert_stored, draft, id, space, space_of};

on_each_store!(
    shards_are_joined_into_one_collection_and_again_without_writing,
    recordings_that_differ_are_kept_and_reported_by_name,
    recordings_that_differ_are_replaced_on_request_and_the_first_source_counts,
    sources_of_another_bundle_are_refused_before_anything_is_copied,
    interrupted_join_is_continued,
);

fn filled(drafts: &[RecordingDraft]) -> Box<dyn CollectionReader> {
    let store = FolderStore::new();
    fill(&store, drafts);
    store.open().unwrap()
}

fn fill(store: &dyn TestStore, drafts: &[RecordingDraft]) {
    let mut writer = store.writer(&space()).unwrap();
    drafts.iter().for_each(|draft| drop(writer.commit(draft.clone()).unwrap()));
}

/// Joins collections into a store, and returns the report and what became of each recording.
fn join_into(
    target: &dyn TestStore,
    sources: &[&dyn CollectionReader],
    on_conflict: OnConflict,
) -> Result<(CopyReport, Vec<(String, CopyOutcome)>), Error> {
    let mut writer = target.writer(&space())?;
    let mut outcomes = Vec::new();
    let report = join(sources, &mut *writer, on_conflict, &mut |entry, outcome| {
        outcomes.push((entry.id.to_string(), outcome));
    })?;
    Ok((report, outcomes))
}

fn outcomes(expected: &[(&str, CopyOutcome)]) -> Vec<(String, CopyOutcome)> {
    expected.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect()
}

fn shards_are_joined_into_one_collection_and_again_without_writing(target: &dyn TestStore) {
    let drafts = ["a", "b", "c", "d"].map(|name| draft(name, u64::from(name.as_bytes()[0]), 5));
    let shards = [filled(&drafts[..2]), filled(&drafts[2..])];
    let shards = [&*shards[0], &*shards[1]];
    fill(target, &[draft("other", 9, 3)]);
    let (report, _) = join_into(target, &shards, OnConflict::Keep).unwrap();
    assert_eq!((report.n_recordings, report.n_epochs, report.n_written), (4, 20, 4));
    assert_eq!((report.n_others, report.conflicts), (1, vec![]));
    let joined = target.open().unwrap();
    assert_eq!((joined.entries().len(), joined.verify().count()), (5, 0));
    drafts.iter().for_each(|draft| assert_stored(&*joined, draft));
    let (again, outcomes) = join_into(target, &shards, OnConflict::Keep).unwrap();
    assert_eq!((again.n_recordings, again.n_written, again.n_bytes), (4, 0, 0));
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == CopyOutcome::Unchanged));
}

fn recordings_that_differ_are_kept_and_reported_by_name(target: &dyn TestStore) {
    let first = filled(&[draft("a", 1, 5), draft("same", 3, 5)]);
    let second = filled(&[draft("a", 2, 5), draft("b", 4, 5), draft("same", 3, 5)]);
    fill(target, &[draft("b", 5, 5)]);
    let (report, seen) = join_into(target, &[&*first, &*second], OnConflict::Keep).unwrap();
    let expected = [
        ("a", CopyOutcome::Written),
        ("same", CopyOutcome::Written),
        ("a", CopyOutcome::Conflict),
        ("b", CopyOutcome::Conflict),
        ("same", CopyOutcome::Unchanged),
    ];
    assert_eq!(seen, outcomes(&expected));
    let conflict = |name| CopyConflict { recording: id(name), source: second.location() };
    assert_eq!(report.conflicts, [conflict("a"), conflict("b")]);
    assert_eq!((report.n_recordings, report.n_written), (2, 2));
    let joined = target.open().unwrap();
    assert_stored(&*joined, &draft("a", 1, 5));
    assert_stored(&*joined, &draft("b", 5, 5));
}

fn recordings_that_differ_are_replaced_on_request_and_the_first_source_counts(
    target: &dyn TestStore,
) {
    let first = filled(&[draft("a", 1, 5)]);
    let second = filled(&[draft("a", 2, 5)]);
    fill(target, &[draft("a", 5, 9)]);
    let (report, seen) = join_into(target, &[&*first, &*second], OnConflict::Replace).unwrap();
    let expected = [("a", CopyOutcome::Written), ("a", CopyOutcome::Conflict)];
    assert_eq!((seen, report.conflicts.len()), (outcomes(&expected), 1));
    let joined = target.open().unwrap();
    assert_stored(&*joined, &draft("a", 1, 5));
    assert_eq!(joined.verify().count(), 0);
}

fn sources_of_another_bundle_are_refused_before_anything_is_copied(target: &dyn TestStore) {
    let good = filled(&[draft("a", 1, 5)]);
    let store = FolderStore::new();
    drop(store.writer(&space_of("other", 8)).unwrap());
    let error =
        join_into(target, &[&*good, &*store.open().unwrap()], OnConflict::Keep).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
    assert_eq!(target.open().unwrap().entries().len(), 0);
}

fn interrupted_join_is_continued(target: &dyn TestStore) {
    let damaged = FolderStore::new();
    fill(&damaged, &[draft("c", 3, 5), draft("d", 4, 5)]);
    let reader = damaged.open().unwrap();
    let file = reader.entry(&id("d")).unwrap().segment.file_name();
    damaged.0.tamper(&format!("segments/{file}"), |bytes| bytes[300] ^= 1);
    let shards = [filled(&[draft("a", 1, 5)]), reader];
    // A damaged recording is not copied, and ends the join.
    let sources = [&*shards[0], &*shards[1]];
    let error = join_into(target, &sources, OnConflict::Keep).unwrap_err();
    assert!(error.is_damage(), "{error}");
    let names = |reader: &dyn CollectionReader| {
        reader.entries().iter().map(|it| it.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&*target.open().unwrap()), "a c");
    damaged.0.tamper(&format!("segments/{file}"), |bytes| bytes[300] ^= 1);
    let (report, _) = join_into(target, &sources, OnConflict::Keep).unwrap();
    assert_eq!((report.n_recordings, report.n_written), (3, 1));
    assert_eq!(names(&*target.open().unwrap()), "a c d");
}
