//! A collection for the tests of spaces, in a folder or in a test double of Qdrant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nocturne_index::{Location, Spaces};
use nocturne_qdrant_double::QdrantDouble;
use nocturne_testing::{Absent, onnx_runtime};
use tempfile::TempDir;

use super::{dump, name, simulate};
use crate::bundles::{other, shipped};
use crate::program::{Run, run, text};

/// Defines each test twice: on a collection in a folder, and on one in a Qdrant double.
macro_rules! on_each_store {
    ($($test:ident),* $(,)?) => {
        mod folder {
            $(#[test] fn $test() { super::$test(&nocturne_testing::require!(crate::spaces::lab::Lab::in_folder())); })*
        }
        mod qdrant {
            $(#[test] fn $test() { super::$test(&nocturne_testing::require!(crate::spaces::lab::Lab::in_qdrant())); })*
        }
    };
}
pub(super) use on_each_store;

/// Three short nights, a collection of them embedded with the shipped bundle, and a second bundle.
pub(super) struct Lab {
    folder: TempDir,
    pub(super) nights: PathBuf,
    pub(super) bundle: PathBuf,
    /// The server of the collection, unless it is in a folder.
    double: Option<QdrantDouble>,
}

impl Lab {
    /// Creates a collection in a folder.
    pub(super) fn in_folder() -> Result<Self, Absent> {
        Self::open(false)
    }

    /// Creates a collection in a Qdrant double.
    pub(super) fn in_qdrant() -> Result<Self, Absent> {
        Self::open(true)
    }

    fn open(is_in_qdrant: bool) -> Result<Self, Absent> {
        onnx_runtime()?;
        let folder = tempfile::tempdir().unwrap();
        let (nights, bundle) = (folder.path().join("nights"), folder.path().join("other"));
        other(&bundle);
        simulate(&nights, 1, 3);
        let double = is_in_qdrant.then(QdrantDouble::start);
        let lab = Self { folder, nights, bundle, double };
        lab.index(&lab.collection(), &shipped()).expect_code(0);
        Ok(lab)
    }

    /// Returns a path in the folder of this lab.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a place for a collection in the same store: a folder or an address.
    pub(super) fn place(&self, name: &str) -> String {
        match &self.double {
            Some(double) => double.url(name),
            None => text(&self.path(name)).to_owned(),
        }
    }

    /// Returns the folder or address of the collection.
    pub(super) fn collection(&self) -> String {
        self.place("sleep")
    }

    /// Returns the folder or address of a space other than `main`.
    pub(super) fn space_place(&self, space: &str) -> String {
        match &self.double {
            Some(_) => format!("{}@{space}", self.collection()),
            None => format!("{}/spaces/{space}", self.collection()),
        }
    }

    /// Returns the location of the collection, without pauses between retries.
    pub(super) fn location(&self) -> Location {
        Self::quick(&self.collection())
    }

    /// Parses a folder or an address.
    pub(super) fn quick(place: &str) -> Location {
        let location: Location = place.parse().unwrap();
        location.with_settings(|settings| {
            settings.first_pause = Duration::from_millis(1);
            settings.longest_pause = Duration::from_millis(4);
        })
    }

    pub(super) fn spaces(&self) -> Box<dyn Spaces> {
        self.location().spaces().unwrap()
    }

    /// Returns the server of a collection in Qdrant.
    pub(super) fn double(&self) -> &QdrantDouble {
        self.double.as_ref().expect("the collection is in Qdrant")
    }

    /// Indexes the nights into a collection with a bundle.
    pub(super) fn index(&self, collection: &str, bundle: &Path) -> Run {
        run(["index", text(&self.nights), "-c", collection, "--bundle", text(bundle)])
    }

    /// Runs `nocturne space` on the collection.
    pub(super) fn space(&self, arguments: &[&str]) -> Run {
        run(["space"].iter().chain(arguments).chain(&["-c", &self.collection()]))
    }

    /// Creates an empty space for a bundle.
    pub(super) fn create(&self, name: &str, bundle: &Path) {
        self.space(&["create", name, "--bundle", text(bundle)]).expect_code(0);
    }

    /// Creates the space `v2` for the second bundle and fills it.
    pub(super) fn create_and_backfill(&self) {
        self.create("v2", &self.bundle);
        self.space(&["backfill", "v2"]).expect_code(0);
    }

    /// Returns the dump of `v2`: its epochs with the hashes of their vectors.
    pub(super) fn dump_of_v2(&self) -> String {
        dump(&self.space_place("v2"))
    }

    /// Indexes the nights into a new folder with the second bundle and returns its dump.
    pub(super) fn dump_of_other(&self) -> String {
        let reference = self.path("reference");
        self.index(text(&reference), &self.bundle).expect_code(0);
        dump(text(&reference))
    }

    /// Returns the entries of a space, which contain the hashes of the segments.
    pub(super) fn entries(&self, space: &str) -> Vec<nocturne_index::RecordingEntry> {
        let reader = self.spaces().reader(&name(space)).unwrap();
        reader.entries().into_iter().cloned().collect()
    }

    /// Damages a recording of the space `main` of a collection in the same store.
    pub(super) fn damage_main(&self, collection: &str) {
        if let Some(double) = &self.double {
            return double.tamper(|store| {
                let points = &mut store.collections.get_mut(collection).unwrap().points;
                points.pop_first();
            });
        }
        let segments = std::fs::read_dir(self.path(collection).join("segments")).unwrap();
        let segment = segments.into_iter().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[100] ^= 1;
        std::fs::write(segment, bytes).unwrap();
    }

    /// Removes the record of the bundle that fills `main`, if the collection is in a folder.
    pub(super) fn remove_record_of_main(&self) {
        if self.double.is_none() {
            std::fs::remove_file(self.path("sleep/space.jsonl")).unwrap();
        }
    }

    /// Returns whether the store has anything of a space other than `main`.
    pub(super) fn has_files_of(&self, space: &str) -> bool {
        match &self.double {
            Some(double) => {
                double.store().collections.keys().any(|it| it.contains(&format!("@{space}")))
            }
            None => Path::new(&self.space_place(space)).exists(),
        }
    }
}
