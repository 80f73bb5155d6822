//! A collection in Qdrant: against a double that can fail, and against a server where one is named.

mod copy;
mod live;
mod pass;
mod repair;
mod search;
mod sketches;
mod upload;

use std::time::Duration;

use live::Temporary;

use nocturne_encoder::Embedding;
use nocturne_index::qdrant::double::Double;
use nocturne_index::qdrant::{QdrantIndex, QdrantSettings, copy_to_qdrant};
use nocturne_index::{Collection, Error, Found, SearchRequest, Space, VectorIndex};

/// Name of the collection in a double.
const NAME: &str = "sleep";

/// Returns settings that make many small requests and lose no time.
fn settings(double: &Double) -> QdrantSettings {
    let mut settings = QdrantSettings::at(double.url(NAME).parse().unwrap());
    settings.batch = 7;
    settings.streams = 3;
    settings.attempts = 4;
    settings.first_pause = Duration::from_millis(1);
    settings.longest_pause = Duration::from_millis(4);
    settings
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
