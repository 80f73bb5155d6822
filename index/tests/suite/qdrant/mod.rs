//! A collection in Qdrant: against a double that can fail, and against a server where one is named.

mod aliases;
mod copy;
mod leases;
mod live;
mod pass;
mod repair;
mod search;
mod sketches;
mod spaces;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use live::Temporary;

use nocturne_encoder::Embedding;
use nocturne_index::qdrant::double::{Double, Store, StoredCollection, StoredPoint};
use nocturne_index::qdrant::{QdrantIndex, QdrantSettings, copy_to_qdrant};
use nocturne_index::{Collection, Error, Found, SearchRequest, Space, VectorIndex};

/// Name of the collection in a double.
const NAME: &str = "sleep";

/// Calls of a writer that take the lease of a new recording and mark it, before its first points are sent.
const BEFORE_POINTS: usize = 9;

/// Returns settings that make many small requests and lose no time.
fn settings(double: &Double) -> QdrantSettings {
    let mut settings = QdrantSettings::at(double.url(NAME).parse().unwrap());
    settings.batch = 7;
    settings.streams = 3;
    settings.attempts = 4;
    settings.first_pause = Duration::from_millis(1);
    settings.longest_pause = Duration::from_millis(4);
    settings.look_again = Duration::from_millis(1);
    settings
}

/// Returns a collection of a server without its leases, and without the marks that they leave: which lease wrote a point.
fn without_leases(store: &Store, name: &str) -> StoredCollection {
    let mut collection = store.collections[name].clone();
    collection.points.retain(|_, point| point.payload.get("state") != Some(&"lease".into()));
    for point in collection.points.values_mut() {
        point.payload.remove("lease");
    }
    collection
}

/// Returns all that a server keeps of a collection but for leases, and the count of the changes of its list.
fn kept(double: &Double) -> [StoredCollection; 3] {
    let names = [NAME.to_owned(), format!("{NAME}-recordings"), format!("{NAME}-nights")];
    let store = double.store();
    let mut kept = names.map(|name| without_leases(&store, &name));
    for point in kept[1].points.values_mut() {
        point.payload.remove("generation");
    }
    kept
}

/// Refuses servers that keep anything else, without telling all of it.
#[track_caller]
fn assert_kept(double: &Double, expect: &Double, context: &str) {
    for (there, expect) in kept(double).into_iter().zip(kept(expect)) {
        assert_eq!(there.indexes, expect.indexes, "{context}");
        let names = |points: &BTreeMap<String, StoredPoint>| -> Vec<String> {
            points.keys().cloned().collect()
        };
        let (names, expected) = (names(&there.points), names(&expect.points));
        assert_eq!(names, expected, "{context}");
        for (name, point) in &there.points {
            assert_eq!(point, &expect.points[name], "{context}: {name}");
        }
        assert!(there == expect, "{context}");
    }
}

/// An index over a copy of a collection on a server that goes with it: a double, or what is deleted from a real one.
pub(crate) struct Served<S> {
    pub(crate) index: QdrantIndex,
    _server: S,
}

/// Copies a collection into a new double.
pub(crate) fn served(collection: &Collection) -> Served<Double> {
    let double = Double::start();
    copy_to_qdrant(collection, settings(&double), &mut |_, _| {}).unwrap();
    Served { index: QdrantIndex::open(settings(&double)).unwrap(), _server: double }
}

/// Copies a collection to the server that the environment names; nothing where it names none.
pub(crate) fn served_live(collection: &Collection) -> Option<Served<Temporary>> {
    let temporary = Temporary::on_server()?;
    copy_to_qdrant(collection, temporary.settings.clone(), &mut |_, _| {}).unwrap();
    let index = QdrantIndex::open(temporary.settings.clone()).unwrap();
    Some(Served { index, _server: temporary })
}

impl<S: Send + Sync> VectorIndex for Served<S> {
    fn space(&self) -> &Space {
        self.index.space()
    }

    fn n_epochs(&self) -> usize {
        self.index.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found, Error> {
        self.index.find(query, request)
    }
}
