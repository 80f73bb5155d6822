//! The stores on which the tests of spaces run: a folder on a simulated disk, and a double of a Qdrant server.

use std::sync::Arc;

use nocturne_index::qdrant::{QdrantReader, QdrantSettings, QdrantSpaces, QdrantWriter};
use nocturne_index::storage::{CrashImage, Fault as DiskFault, Simulated};
use nocturne_index::{
    CollectionReader, CollectionWriter, EmbeddingSpace, Error, FolderReader, FolderSpaces,
    FolderWriter, Spaces,
};
use nocturne_qdrant_double::{Fault, QdrantDouble, When};

use crate::qdrant::settings;

/// What a power cut may leave on a simulated disk.
const IMAGES: [CrashImage; 4] =
    [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7), CrashImage::Some(8)];

/// How a call to a server fails.
const FAULTS: [Fault; 4] =
    [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail, Fault::Refused];

/// Defines each test twice: on a folder, and on a Qdrant double.
macro_rules! on_each_store {
    ($($test:ident),* $(,)?) => {
        mod folder {
            $(#[test] fn $test() { super::$test(&crate::spaces::stores::FolderStore::new()); })*
        }
        mod qdrant {
            $(#[test] fn $test() { super::$test(&crate::spaces::stores::QdrantStore::new()); })*
        }
    };
}
pub(crate) use on_each_store;

/// A place for one collection.
pub(crate) trait TestStore {
    fn spaces(&self) -> Box<dyn Spaces>;

    /// Opens the served space for reading.
    fn open(&self) -> Result<Box<dyn CollectionReader>, Error>;

    /// Opens the served space for writing, or creates the collection.
    fn writer(&self, space: &EmbeddingSpace) -> Result<Box<dyn CollectionWriter>, Error>;

    /// Fails each operation of an action in turn, on a store that `prepare` has filled, and calls `check` with each state
    /// that this may leave, and with whether the action succeeded.
    fn interrupt(
        &self,
        prepare: &dyn Fn(&dyn TestStore),
        action: &dyn Fn(&dyn Spaces) -> Result<(), Error>,
        check: &dyn Fn(&dyn TestStore, bool),
    );
}

/// A folder on a simulated disk.
pub(crate) struct FolderStore(pub(crate) Arc<Simulated>);

impl FolderStore {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }
}

impl TestStore for FolderStore {
    fn spaces(&self) -> Box<dyn Spaces> {
        Box::new(FolderSpaces::of_storage(self.0.clone()))
    }

    fn open(&self) -> Result<Box<dyn CollectionReader>, Error> {
        Ok(Box::new(FolderReader::open_in(self.0.clone())?))
    }

    fn writer(&self, space: &EmbeddingSpace) -> Result<Box<dyn CollectionWriter>, Error> {
        Ok(Box::new(FolderWriter::open_or_create_in(self.0.clone(), space)?))
    }

    /// Every operation fails alone, and with all after it; after each, every image of a power cut is checked.
    fn interrupt(
        &self,
        prepare: &dyn Fn(&dyn TestStore),
        action: &dyn Fn(&dyn Spaces) -> Result<(), Error>,
        check: &dyn Fn(&dyn TestStore, bool),
    ) {
        let prepared = || {
            let store = Self::new();
            prepare(&store);
            store
        };
        let store = prepared();
        store.0.set_fault(DiskFault::None);
        action(&*store.spaces()).unwrap();
        let n = store.0.operations();
        assert!(n > 3, "{n} operations");
        for operation in 0..n {
            for fault in [DiskFault::From(operation), DiskFault::At(operation)] {
                let store = prepared();
                store.0.set_fault(fault);
                let is_done = action(&*store.spaces()).is_ok();
                for image in IMAGES {
                    check(&Self(Arc::new(store.0.crash(image))), is_done);
                }
            }
        }
    }
}

/// A collection on a Qdrant double.
pub(crate) struct QdrantStore(pub(crate) QdrantDouble);

impl QdrantStore {
    pub(crate) fn new() -> Self {
        Self(QdrantDouble::start())
    }

    pub(crate) fn settings(&self) -> QdrantSettings {
        settings(&self.0)
    }
}

impl TestStore for QdrantStore {
    fn spaces(&self) -> Box<dyn Spaces> {
        Box::new(QdrantSpaces::of(self.settings()).unwrap())
    }

    fn open(&self) -> Result<Box<dyn CollectionReader>, Error> {
        Ok(Box::new(QdrantReader::open(self.settings())?))
    }

    fn writer(&self, space: &EmbeddingSpace) -> Result<Box<dyn CollectionWriter>, Error> {
        Ok(Box::new(QdrantWriter::open_or_create(self.settings(), space)?))
    }

    /// Every call fails alone, and with all after it. Calls before the first change fail in one way each, the others in
    /// every way.
    fn interrupt(
        &self,
        prepare: &dyn Fn(&dyn TestStore),
        action: &dyn Fn(&dyn Spaces) -> Result<(), Error>,
        check: &dyn Fn(&dyn TestStore, bool),
    ) {
        prepare(self);
        let (double, spaces, before) = (&self.0, self.spaces(), self.0.store());
        double.faults().clear();
        action(&*spaces).unwrap();
        let calls = double.faults().calls();
        assert!(calls.len() > 3, "{calls:?}");
        let is_change = |call: &&str| {
            call.starts_with("create") || call.starts_with("delete") || *call == "upsert"
        };
        let first_change = calls.iter().position(is_change).unwrap();
        for call in 0..calls.len() {
            let ways = [When::From(call), When::At(call)];
            let cases: Vec<(When, Fault)> = if call < first_change {
                vec![(ways[call % 2], FAULTS[call / 2 % 4])]
            } else {
                ways.into_iter().flat_map(|when| FAULTS.map(|fault| (when, fault))).collect()
            };
            for (when, fault) in cases {
                double.tamper(|store| store.clone_from(&before));
                double.faults().plan(when, fault);
                let done = action(&*spaces);
                double.faults().clear();
                // A fault that goes away is overcome by a retry.
                if matches!(when, When::At(_)) && fault != Fault::Refused {
                    done.as_ref().unwrap_or_else(|error| panic!("{fault:?} {when:?}: {error}"));
                }
                check(self, done.is_ok());
            }
        }
    }
}
