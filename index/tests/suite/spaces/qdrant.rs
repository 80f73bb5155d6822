//! What only a Qdrant server does: addresses of spaces, an alias that can lead anywhere, and uploads that are cut short.

use nocturne_index::qdrant::{
    QdrantError, QdrantReader, QdrantSettings, QdrantSpaces, QdrantWriter,
};
use nocturne_index::{
    CollectionReader, CollectionWriter, Error, RequiredCoverage, Serving, ServingPointer,
    SpaceName, Spaces,
};
use nocturne_qdrant_double::Fault;
use nocturne_qdrant_double::When;

use super::stores::{QdrantStore, TestStore};
use super::{checked_space, create_equal_spaces, embedded, fill, large, name, names, record};
use crate::qdrant::CALLS_BEFORE_POINTS;
use crate::support::{draft, id, space};

fn at(store: &QdrantStore, space_name: &str) -> QdrantSettings {
    let mut settings = store.settings();
    settings.url = settings.url.of_space(&name(space_name)).unwrap();
    settings
}

/// Promotes a second space and rolls back, at an address without a collection.
pub(crate) fn promote_and_roll_back(address: &QdrantSettings) {
    let open = || QdrantReader::open(address.clone()).unwrap();
    drop(QdrantWriter::open_or_create(address.clone(), &space()).unwrap());
    let spaces = QdrantSpaces::of(address.clone()).unwrap();
    spaces.create(&record("v2", large())).unwrap();
    for space_name in ["main", "v2"] {
        fill(&spaces, space_name, &[("a", 1), ("b", 2)]);
    }
    let reader = open();
    assert_eq!(checked_space(&reader), "main");
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    assert!(!reader.is_served().unwrap());
    assert_eq!(checked_space(&open()), "v2");
    assert!(open().location().to_string().ends_with("@v2"));
    spaces.roll_back().unwrap();
    assert_eq!(checked_space(&open()), "main");
    let expected = Serving { number: 2, space: SpaceName::main(), previous: Some(name("v2")) };
    assert_eq!(spaces.serving().unwrap(), expected);
    spaces.remove(&name("v2")).unwrap();
    assert_eq!(names(&spaces), ["main"]);
}

#[test]
fn address_of_a_space_leads_to_it_whatever_is_served() {
    let store = QdrantStore::new();
    let spaces = create_equal_spaces(&store);
    let main = spaces.reader(&SpaceName::main()).unwrap();
    let v2 = QdrantReader::open(at(&store, "v2")).unwrap();
    assert_eq!((checked_space(&*main), checked_space(&v2)), ("main", "v2"));
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    assert!(main.is_served().unwrap() && v2.is_served().unwrap());
    let mut writer = QdrantWriter::open_or_create(at(&store, "main"), &space()).unwrap();
    writer.commit(embedded("main", "c", 3)).unwrap();
    assert_eq!(main.refresh().unwrap().unwrap().entries().len(), 3);
    assert_eq!(checked_space(&QdrantReader::open(at(&store, "main")).unwrap()), "main");
    // Writing to an address does not create a space.
    let error = QdrantWriter::open_or_create(at(&store, "v3"), &large()).unwrap_err();
    let names_known =
        matches!(&error, Error::UnknownSpace { known, .. } if known.as_str() == "main`, `v2");
    assert!(names_known, "{error}");
    let error = QdrantSpaces::of(at(&store, "v2")).unwrap_err();
    let is_refused = matches!(QdrantError::of(&error), Some(QdrantError::Address { .. }));
    assert!(is_refused, "{error}");
    let error = spaces.create(&record("served", space())).unwrap_err();
    assert!(error.to_string().contains("`served` cannot be the name of a space"), "{error}");
}

#[test]
fn promotion_is_refused_while_an_upload_to_the_served_space_has_not_ended() {
    let store = QdrantStore::new();
    let spaces = create_equal_spaces(&store);
    let mut writer = store.writer(&space()).unwrap();
    store.0.faults().plan(When::From(CALLS_BEFORE_POINTS), Fault::Refused);
    writer.commit(draft("c", 3, 4)).unwrap_err();
    store.0.faults().clear();
    let error = spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap_err();
    let is_named =
        matches!(&error, Error::UnfinishedUpload { recording, .. } if *recording == id("c"));
    assert!(is_named, "{error}");
    assert_eq!(spaces.serving().unwrap().number, 0);
    // An upload that is never completed does not prevent a promotion that need not be complete.
    spaces.promote(&name("v2"), RequiredCoverage::Any).unwrap();
    assert_eq!(checked_space(&*store.open().unwrap()), "v2");
}

#[test]
fn dropped_space_leaves_no_collection_and_main_can_be_of_another_bundle() {
    let store = QdrantStore::new();
    let spaces = create_equal_spaces(&store);
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    spaces.remove(&SpaceName::main()).unwrap();
    let collections: Vec<String> = store.0.store().collections.into_keys().collect();
    assert_eq!(collections, ["sleep@v2", "sleep@v2-recordings", "sleep@v2-tracks"]);
    spaces.create(&record("main", large())).unwrap();
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    for (night, seed) in [("a", 1), ("b", 2)] {
        writer.commit(embedded("v2", night, seed)).unwrap();
    }
    drop(writer);
    spaces.promote(&SpaceName::main(), RequiredCoverage::Complete).unwrap();
    let main = store.open().unwrap();
    assert_eq!((main.space(), main.verify().count()), (&large(), 0));
}

#[test]
fn alias_that_does_not_lead_to_a_space_is_reported() {
    let store = QdrantStore::new();
    let spaces = create_equal_spaces(&store);
    store.0.tamper(|store| {
        store.aliases.insert("sleep@served".to_owned(), "sleep".to_owned());
    });
    for error in [
        store.open().unwrap_err(),
        spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap_err(),
    ] {
        let message =
            format!("the alias `sleep@served` does not name a space of `{}`", spaces.location());
        assert_eq!(error.to_string(), message);
    }
    store.0.tamper(|store| {
        store.aliases.clear();
        let taken = store.collections["sleep"].clone();
        store.collections.insert("sleep@served".to_owned(), taken);
    });
    let error = spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap_err();
    assert!(
        error.to_string().starts_with("the alias `sleep@served` does not name a space of"),
        "{error}"
    );
}
