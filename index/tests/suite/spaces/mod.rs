//! Several embedding spaces in one collection, exactly one of which is served, whatever fails; in a folder and in Qdrant.

mod copies;
mod folder;
mod interruption;
mod promotion;
pub(crate) mod qdrant;
pub(crate) mod stores;

use nocturne_encoder::bundle::TokenizerSpec;
use nocturne_index::{
    CollectionReader, EmbeddingSpace, RecordingDraft, SpaceName, SpaceRecord, Spaces,
};

use crate::support::{assert_stored, draft, space, space_of};
use stores::TestStore;

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

fn names(spaces: &dyn Spaces) -> Vec<String> {
    spaces.names().unwrap().iter().map(ToString::to_string).collect()
}

/// The space of the bundle that fills `v2`.
fn large() -> EmbeddingSpace {
    space_of("large", 8)
}

/// The record of a space `v2` of the bundle that fills `main`.
pub(crate) fn record_of_v2() -> SpaceRecord {
    record("v2", space())
}

fn record(space_name: &str, space: EmbeddingSpace) -> SpaceRecord {
    SpaceRecord {
        name: name(space_name),
        created: Some("2026-03-01T22:58:30Z".parse().unwrap()),
        bundle_folder: "/bundles/large".into(),
        space,
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: 256,
            vocabulary_size: 49408,
        },
        vocabulary_sha256: "00".repeat(32),
    }
}

/// A recording as the bundle of a space embeds it: the same source in every space, with other vectors.
fn embedded(space_name: &str, night: &str, seed: u64) -> RecordingDraft {
    let mut draft = draft(night, if space_name == "main" { seed } else { seed + 1000 }, 4);
    draft.annotations_sha256 = Some(format!("{seed:064x}"));
    draft
}

/// Commits recordings to a space, as its bundle embeds them.
fn fill(spaces: &dyn Spaces, space_name: &str, nights: &[(&str, u64)]) {
    let mut writer = spaces.writer(&name(space_name)).unwrap();
    for (night, seed) in nights {
        writer.commit(embedded(space_name, night, *seed)).unwrap();
    }
}

/// Creates a collection with nights `a` and `b` in `main`, and other nights in a space `v2`.
fn create_two_spaces(store: &dyn TestStore, nights: &[(&str, u64)]) -> Box<dyn Spaces> {
    drop(store.writer(&space()).unwrap());
    let spaces = store.spaces();
    fill(&*spaces, "main", &[("a", 1), ("b", 2)]);
    spaces.create(&record("v2", large())).unwrap();
    fill(&*spaces, "v2", nights);
    spaces
}

/// Creates a collection with nights `a` and `b` in `main` and in a space `v2`.
fn create_equal_spaces(store: &dyn TestStore) -> Box<dyn Spaces> {
    create_two_spaces(store, &[("a", 1), ("b", 2)])
}

/// Checks that a snapshot is of one space, with nights `a` and `b` undamaged, and returns which.
#[track_caller]
fn checked_space(reader: &dyn CollectionReader) -> &'static str {
    let (space_name, expected) = match reader.space_name().as_str() {
        "main" => ("main", space()),
        "v2" => ("v2", large()),
        other => panic!("unexpected space `{other}`"),
    };
    assert_eq!(reader.space(), &expected);
    assert_eq!(reader.verify().count(), 0);
    for (night, seed) in [("a", 1), ("b", 2)] {
        assert_stored(reader, &embedded(space_name, night, seed));
    }
    space_name
}
