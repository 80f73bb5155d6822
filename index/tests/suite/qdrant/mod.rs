//! Collections in Qdrant, on a test double with faults, and on a real server if the environment names one.

mod aliases;
mod conflicts;
mod copies;
mod full_scan;
mod live;
mod repair;
mod search;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use nocturne_encoder::Embedding;
use nocturne_index::qdrant::{QdrantReader, QdrantSettings, QdrantWriter};
use nocturne_index::{
    CopyReport, EmbeddingSpace, Error, FolderReader, OnConflict, SearchAnswer, SearchRequest,
    VectorIndex, join,
};
use nocturne_qdrant_double::{QdrantDouble, Store, StoredCollection, StoredPoint};

use live::Temporary;

/// Name of the collection in a double.
const NAME: &str = "sleep";

/// Number of calls that mark a new recording as pending, before its first points are sent.
pub(crate) const CALLS_BEFORE_POINTS: usize = 5;

/// Returns settings for many small requests and short pauses.
pub(crate) fn settings(double: &QdrantDouble) -> QdrantSettings {
    let mut settings = QdrantSettings::at(double.url(NAME).parse().unwrap());
    settings.batch = 7;
    settings.streams = 3;
    settings.attempts = 4;
    settings.first_pause = Duration::from_millis(1);
    settings.longest_pause = Duration::from_millis(4);
    settings.poll_interval = Duration::from_millis(1);
    settings
}

/// Returns a collection of a server without the fields that depend on how its content was written: revisions and the
/// generation.
fn without_revisions(store: &Store, name: &str) -> StoredCollection {
    let mut collection = store.collections[name].clone();
    for point in collection.points.values_mut() {
        for field in ["revision", "upload", "generation"] {
            point.payload.remove(field);
        }
    }
    collection
}

/// Returns the three collections of a server, without revisions and without entries of removed recordings.
fn stored(double: &QdrantDouble) -> [StoredCollection; 3] {
    let names = [NAME.to_owned(), format!("{NAME}-recordings"), format!("{NAME}-tracks")];
    let store = double.store();
    let mut stored = names.map(|name| without_revisions(&store, &name));
    stored[1].points.retain(|_, point| point.payload.get("state") != Some(&"removed".into()));
    stored
}

/// Checks that two servers store the same points; the message names the first difference.
#[track_caller]
fn assert_same_points(double: &QdrantDouble, expect: &QdrantDouble, context: &str) {
    for (actual, expect) in stored(double).into_iter().zip(stored(expect)) {
        assert_eq!(actual.indexes, expect.indexes, "{context}");
        let names = |points: &BTreeMap<String, StoredPoint>| -> Vec<String> {
            points.keys().cloned().collect()
        };
        let (names, expected) = (names(&actual.points), names(&expect.points));
        assert_eq!(names, expected, "{context}");
        for (name, point) in &actual.points {
            assert_eq!(point, &expect.points[name], "{context}: {name}");
        }
        assert!(actual == expect, "{context}");
    }
}

/// Copies recordings to a server, and replaces those that differ.
fn copy_to(from: &FolderReader, settings: QdrantSettings) -> Result<CopyReport, Error> {
    let mut writer = QdrantWriter::open_or_create(settings, from.space())?;
    join(&[from], &mut writer, OnConflict::Replace, &mut |_, _| {})
}

/// A reader of a copy of a collection, with its server: a double, or temporary collections on a real one.
pub(crate) struct Served<S> {
    pub(crate) index: QdrantReader,
    _server: S,
}

/// Copies a collection into a new double.
pub(crate) fn served(collection: &FolderReader) -> Served<QdrantDouble> {
    let double = QdrantDouble::start();
    copy_to(collection, settings(&double)).unwrap();
    Served { index: QdrantReader::open(settings(&double)).unwrap(), _server: double }
}

/// Copies a collection to the server that the environment names; `None` if it names none.
pub(crate) fn served_live(collection: &FolderReader) -> Option<Served<Temporary>> {
    let temporary = Temporary::on_server()?;
    copy_to(collection, temporary.settings.clone()).unwrap();
    let index = QdrantReader::open(temporary.settings.clone()).unwrap();
    Some(Served { index, _server: temporary })
}

impl<S: Send + Sync> VectorIndex for Served<S> {
    fn space(&self) -> &EmbeddingSpace {
        self.index.space()
    }

    fn n_epochs(&self) -> usize {
        self.index.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer, Error> {
        self.index.find(query, request)
    }
}
