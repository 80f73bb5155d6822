//! A collection in Qdrant: against a double that can fail, and against a server where one is named.

mod aliases;
mod copy;
mod live;
mod pass;
mod repair;
mod search;
mod sketches;
mod spaces;
mod upload;

use std::time::Duration;

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

/// An index over a copy of a collection in a double of its own.
pub(crate) struct Served {
    pub(crate) index: QdrantIndex,
    _double: Double,
}

/// Copies a collection into a new double.
pub(crate) fn served(collection: &Collection) -> Served {
    let double = Double::start();
    copy_to_qdrant(collection, settings(&double), &mut |_, _| {}).unwrap();
    Served { index: QdrantIndex::open(settings(&double)).unwrap(), _double: double }
}

impl VectorIndex for Served {
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
