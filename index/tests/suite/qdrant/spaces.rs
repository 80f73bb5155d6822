//! Several spaces of one collection: exactly one is served, whatever call fails.

use std::collections::BTreeMap;

use nocturne_encoder::bundle::TokenizerSpec;
use nocturne_index::qdrant::{
    QdrantCollection, QdrantError, QdrantSettings, QdrantSpaces, QdrantWriter, copy_to_qdrant,
};
use nocturne_index::{
    Coverage, Demand, EmbeddingSpace, Error, RecordingDraft, Serving, SpaceName, SpaceRecord,
};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};

use super::{CALLS_BEFORE_POINTS, settings};
use crate::support::{collection, draft, id, space, space_of};

/// The space of the bundle that fills `v2`.
fn large() -> EmbeddingSpace {
    space_of("large", 8)
}

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

fn record(space_name: &str, space: EmbeddingSpace) -> SpaceRecord {
    SpaceRecord {
        name: name(space_name),
        made: Some("2026-03-01T22:58:30Z".parse().unwrap()),
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

/// A recording embedded by the bundle of a space: the same source in each space, with different vectors.
fn embedded(space_name: &str, night: &str, seed: u64) -> RecordingDraft {
    let mut draft = draft(night, if space_name == "main" { seed } else { seed + 1000 }, 4);
    draft.annotations_sha256 = Some(format!("{seed:064x}"));
    draft
}

/// Uploads recordings, embedded by the bundle of a space, to an address.
fn send(to: QdrantSettings, space_name: &str, nights: &[(&str, u64)]) {
    let space = if space_name == "main" { space() } else { large() };
    let nights = nights.iter().map(|(night, seed)| embedded(space_name, night, *seed));
    copy_to_qdrant(&collection(&space, nights.collect()), to, &mut |_, _| {}).unwrap();
}

fn at(double: &QdrantDouble, space_name: &str) -> QdrantSettings {
    let mut settings = settings(double);
    settings.url = settings.url.of_space(&name(space_name)).unwrap();
    settings
}

fn spaces(double: &QdrantDouble) -> QdrantSpaces {
    QdrantSpaces::of(settings(double)).unwrap()
}

fn opened(double: &QdrantDouble) -> QdrantCollection {
    QdrantCollection::open(settings(double)).unwrap()
}

/// Starts a server and [fills](fill) it.
fn filled(nights: &[(&str, u64)]) -> (QdrantDouble, QdrantSpaces) {
    let double = QdrantDouble::start();
    let spaces = fill(&settings(&double), nights);
    (double, spaces)
}

/// Uploads nights `a` and `b` to `main`, and these nights to a new space `v2`.
fn fill(address: &QdrantSettings, nights: &[(&str, u64)]) -> QdrantSpaces {
    send(address.clone(), "main", &[("a", 1), ("b", 2)]);
    let spaces = QdrantSpaces::of(address.clone()).unwrap();
    spaces.create(&record("v2", large())).unwrap();
    let url = address.url.of_space(&name("v2")).unwrap();
    send(QdrantSettings { url, ..address.clone() }, "v2", nights);
    spaces
}

/// Checks that a collection has both nights of its space, and returns the name of the space.
#[track_caller]
fn served(collection: &QdrantCollection) -> &'static str {
    let (space_name, expected) = match collection.space_name().as_str() {
        "main" => ("main", space()),
        "v2" => ("v2", large()),
        other => panic!("unexpected space `{other}`"),
    };
    assert_eq!(collection.space(), &expected);
    assert_eq!(collection.verify().count(), 0);
    let nights = [("a", 1), ("b", 2)].map(|(night, seed)| embedded(space_name, night, seed));
    let nights = crate::support::collection(&expected, nights.to_vec());
    for entry in nights.recordings() {
        assert_eq!(collection.entry(&entry.id), Some(entry));
    }
    space_name
}

#[test]
fn promotion_and_rollback_switch_readers_and_writers() {
    check_promotion_and_rollback(&settings(&QdrantDouble::start()));
}

/// Creates, promotes, rolls back and drops a second space at an unused address.
pub(super) fn check_promotion_and_rollback(address: &QdrantSettings) {
    let opened = || QdrantCollection::open(address.clone()).unwrap();
    let spaces = fill(address, &[("a", 1), ("b", 2)]);
    let reader = opened();
    assert_eq!(served(&reader), "main");
    let promoted = spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(promoted.coverage.unwrap().is_whole());
    let expected = Serving { number: 1, space: name("v2"), previous: Some(SpaceName::main()) };
    assert_eq!((&promoted.serving, &spaces.serving().unwrap()), (&expected, &expected));
    // The open collection does not change; the next one is of the promoted space.
    assert_eq!(served(&reader), "main");
    assert!(!reader.is_served().unwrap() && reader.refresh().unwrap().is_none());
    let reader = opened();
    assert_eq!(served(&reader), "v2");
    assert!(reader.is_served().unwrap());
    assert!(reader.address().ends_with("@v2"), "{}", reader.address());

    let error = QdrantWriter::open_or_create(address.clone(), &space()).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
    send(address.clone(), "v2", &[("c", 3)]);
    assert!(reader.refresh().unwrap().unwrap().entry(&id("c")).is_some());
    assert!(spaces.open(&SpaceName::main()).unwrap().entry(&id("c")).is_none());

    let undone = spaces.roll_back().unwrap();
    assert_eq!(undone.coverage.unwrap().lacking, [id("c")]);
    assert_eq!(served(&opened()), "main");
    assert!(!reader.is_served().unwrap());
    spaces.roll_back().unwrap();
    assert_eq!(served(&opened()), "v2");
    assert_eq!(spaces.serving().unwrap().number, 3);
    let names = || spaces.names().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(), ["main", "v2"]);
    spaces.roll_back().unwrap();
    spaces.drop(&name("v2")).unwrap();
    assert_eq!((names(), served(&opened())), (vec!["main".to_owned()], "main"));
}

#[test]
fn addresses_of_spaces_do_not_depend_on_the_served_space() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    let main = spaces.open(&SpaceName::main()).unwrap();
    let v2 = QdrantCollection::open(at(&double, "v2")).unwrap();
    assert_eq!((served(&main), served(&v2)), ("main", "v2"));
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(main.is_served().unwrap() && v2.is_served().unwrap());
    send(at(&double, "main"), "main", &[("c", 3)]);
    assert_eq!(main.refresh().unwrap().unwrap().recordings().len(), 3);
    assert_eq!(served(&QdrantCollection::open(at(&double, "main")).unwrap()), "main");
    // Writing to a space does not create it.
    let error = QdrantWriter::open_or_create(at(&double, "v3"), &large()).unwrap_err();
    let is_named =
        matches!(&error, Error::UnknownSpace { known, .. } if known.as_str() == "main`, `v2");
    assert!(is_named, "{error}");
    let error = QdrantSpaces::of(at(&double, "v2")).unwrap_err();
    let is_refused = matches!(QdrantError::of(&error), Some(QdrantError::Address { .. }));
    assert!(is_refused, "{error}");
}

#[test]
fn promotion_detects_changes_of_the_served_space() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2), ("gone", 9)]);
    send(settings(&double), "main", &[("new", 3), ("b", 4)]);
    let error = spaces.promote(&name("v2"), Demand::Whole).unwrap_err();
    let sentence = "the space `v2` differs from `main`: 1 recordings missing, 1 extra, 1 different";
    assert_eq!(error.to_string(), sentence);
    let unchanged = Serving { number: 0, space: SpaceName::main(), previous: None };
    assert_eq!(spaces.serving().unwrap(), unchanged);
    let coverage = spaces.promote(&name("v2"), Demand::Incomplete).unwrap().coverage.unwrap();
    let expected = Coverage {
        n_same: 1,
        lacking: vec![id("new")],
        extra: vec![id("gone")],
        differing: vec![id("b")],
        n_epochs_lacking: 4,
        n_epochs_extra: 4,
    };
    assert_eq!(coverage, expected);
}

#[test]
fn pending_upload_to_the_served_space_blocks_promotion() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    let mut writer = QdrantWriter::open_or_create(settings(&double), &space()).unwrap();
    double.faults().plan(When::From(CALLS_BEFORE_POINTS), Fault::Refused);
    writer.commit(draft("c", 3, 4)).unwrap_err();
    double.faults().clear();
    let error = spaces.promote(&name("v2"), Demand::Whole).unwrap_err();
    let Some(QdrantError::PendingRecording { recording, .. }) = QdrantError::of(&error) else {
        panic!("{error}");
    };
    assert_eq!(*recording, id("c"));
    assert_eq!(spaces.serving().unwrap().number, 0);
    // It does not block a promotion that may be incomplete.
    spaces.promote(&name("v2"), Demand::Incomplete).unwrap();
    assert_eq!(served(&opened(&double)), "v2");
}

#[test]
fn spaces_are_created_listed_and_dropped() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.create(&record("first", space())).unwrap();
    let names = |spaces: &QdrantSpaces| {
        spaces.names().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&spaces), ["main", "first", "v2"]);
    assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
    assert_eq!(spaces.record(&SpaceName::main()).unwrap(), None);
    for taken in ["main", "v2"] {
        let error = spaces.create(&record(taken, space())).unwrap_err();
        assert!(matches!(error, Error::SpaceExists { .. }), "{error}");
    }
    let error = spaces.create(&record("served", space())).unwrap_err();
    assert!(error.to_string().contains("`served` cannot be the name of a space"), "{error}");

    let error = spaces.drop(&SpaceName::main()).unwrap_err();
    assert!(matches!(error, Error::ServedSpace { .. }), "{error}");
    let error = spaces.drop(&name("v3")).unwrap_err();
    assert!(matches!(error, Error::UnknownSpace { .. }), "{error}");
    let error = spaces.roll_back().unwrap_err();
    assert!(matches!(error, Error::NothingToRollBack { .. }), "{error}");
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    // `main` is deleted with its collections, cannot be rolled back to, and can be created for another bundle.
    spaces.drop(&SpaceName::main()).unwrap();
    assert_eq!(spaces.serving().unwrap(), Serving { number: 1, space: name("v2"), previous: None });
    assert_eq!(served(&opened(&double)), "v2");
    assert_eq!(names(&spaces), ["first", "v2"]);
    let error = spaces.roll_back().unwrap_err();
    assert!(matches!(error, Error::NothingToRollBack { .. }), "{error}");
    spaces.drop(&name("first")).unwrap();
    let collections: Vec<String> = double.store().collections.into_keys().collect();
    assert_eq!(collections, ["sleep@v2", "sleep@v2-nights", "sleep@v2-recordings"]);
    spaces.create(&record("main", large())).unwrap();
    send(at(&double, "main"), "v2", &[("a", 1), ("b", 2)]);
    spaces.promote(&SpaceName::main(), Demand::Whole).unwrap();
    assert_eq!(opened(&double).space(), &large());
    assert_eq!(opened(&double).verify().count(), 0);
}

#[test]
fn spaces_need_a_collection() {
    let double = QdrantDouble::start();
    let error = spaces(&double).create(&record("v2", large())).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
    let error = spaces(&double).promote(&name("v2"), Demand::Whole).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
    assert!(double.store().collections.is_empty());
}

#[test]
fn alias_that_does_not_name_a_space_is_reported() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    double.tamper(|store| {
        store.aliases.insert("sleep@served".to_owned(), "sleep".to_owned());
    });
    for error in [
        QdrantCollection::open(settings(&double)).unwrap_err(),
        spaces.promote(&name("v2"), Demand::Whole).unwrap_err(),
    ] {
        let sentence =
            format!("the alias `sleep@served` does not name a space of `{}`", spaces.address());
        assert_eq!(error.to_string(), sentence);
    }
    double.tamper(|store| {
        store.aliases.clear();
        let taken = store.collections["sleep"].clone();
        store.collections.insert("sleep@served".to_owned(), taken);
    });
    let error = spaces.promote(&name("v2"), Demand::Whole).unwrap_err();
    assert!(
        error.to_string().starts_with("the alias `sleep@served` does not name a space of"),
        "{error}"
    );
}

/// Returns the calls that `work` makes without faults.
fn calls(double: &QdrantDouble, work: impl FnOnce()) -> Vec<&'static str> {
    double.faults().clear();
    work();
    let calls = double.faults().calls();
    double.faults().clear();
    calls
}

const FAULTS: [Fault; 4] =
    [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail, Fault::Refused];

/// A promotion fails from each call on, or at one call: one of the two spaces is served, whole, and both can be served
/// afterwards.
#[test]
fn interrupted_promotion_serves_the_old_space_or_the_new() {
    type Change = fn(&QdrantSpaces) -> Result<(), Error>;
    let promote: Change = |spaces| spaces.promote(&name("v2"), Demand::Whole).map(drop);
    let roll_back: Change = |spaces| spaces.roll_back().map(drop);
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    let mut counts = BTreeMap::new();
    for change in [promote, roll_back, roll_back] {
        let (store, from) = (double.store(), served(&opened(&double)));
        let calls = calls(&double, || change(&spaces).unwrap());
        let (changed, to) = (double.store(), served(&opened(&double)));
        let first_write = calls.iter().position(|call| *call == "upsert").unwrap();
        assert!(first_write > 10 && calls.ends_with(&["upsert", "change_aliases"]) && from != to);
        // Each call that only reads fails in one way, and each call that writes in all.
        let cases = (0..calls.len()).flat_map(|call| {
            let ways = [When::From(call), When::At(call)];
            if call < first_write {
                return vec![(ways[call % 2], FAULTS[call / 2 % 4])];
            }
            ways.into_iter().flat_map(|way| FAULTS.map(|fault| (way, fault))).collect()
        });
        for (when, fault) in cases {
            let case = format!("to {to}, {fault:?} {when:?}");
            double.tamper(|it| it.clone_from(&store));
            double.faults().plan(when, fault);
            let result = change(&spaces);
            double.faults().clear();
            let now = served(&opened(&double));
            assert!(now == from || now == to, "{case}");
            if matches!(when, When::At(_)) && fault != Fault::Refused {
                result.as_ref().unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            if result.is_ok() {
                assert_eq!(now, to, "{case}");
            }
            *counts.entry((to, now)).or_insert(0) += 1;
            let other = if now == "main" { "v2" } else { "main" };
            spaces.promote(&name(other), Demand::Whole).unwrap();
            assert_eq!(spaces.serving().unwrap().space, name(other), "{case}");
            spaces.roll_back().unwrap();
            assert_eq!(spaces.serving().unwrap().space, name(now), "{case}");
        }
        double.tamper(|it| it.clone_from(&changed));
    }
    // Each change was seen done and not done.
    assert_eq!(counts.len(), 4, "{counts:?}");
}

#[test]
fn interrupted_creation_and_drop_of_a_space_can_be_repeated() {
    let (double, spaces) = filled(&[("a", 1), ("b", 2)]);
    let create = |spaces: &QdrantSpaces| spaces.create(&record("v3", large()));
    let drop_space = |spaces: &QdrantSpaces| spaces.drop(&name("v3"));
    let before = double.store();
    let n_create_calls = calls(&double, || create(&spaces).unwrap()).len();
    let created = double.store();
    let n_drop_calls = calls(&double, || drop_space(&spaces).unwrap()).len();
    assert_eq!(double.store(), before);
    let is_listed = || spaces.names().unwrap().contains(&name("v3"));
    for call in 0..n_create_calls.max(n_drop_calls) {
        let fault = FAULTS[call % 3];
        if call < n_create_calls {
            double.faults().plan(When::From(call), fault);
            create(&spaces).unwrap_err();
            double.faults().clear();
            // If only the answer to the last request was lost, the space exists.
            if !is_listed() {
                create(&spaces).unwrap();
            }
            assert_eq!(double.store(), created, "creation, call {call}");
        } else {
            create(&spaces).unwrap();
        }
        double.faults().plan(When::From(call), fault);
        let result = drop_space(&spaces);
        double.faults().clear();
        assert!(result.is_err() || call >= n_drop_calls);
        match drop_space(&spaces) {
            Ok(()) | Err(Error::UnknownSpace { .. }) => {}
            Err(error) => panic!("drop, call {call}: {error}"),
        }
        assert_eq!(double.store(), before, "drop, call {call}");
    }
}
