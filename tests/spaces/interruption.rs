//! A backfill that is interrupted at any operation resumes and gives the same result.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::Bundle;
use nocturne_index::storage::{CrashImage, Fault as DiskFault, Simulated};
use nocturne_index::{EmbeddingSpace, FolderSpaces, FolderWriter, SpaceName, SpaceRecord, Spaces};
use nocturne_indexer::{Backfill, BackfillOptions, Indexer, discover};
use nocturne_qdrant_double::{Fault, Store, When};
use nocturne_testing::require;

use super::lab::Lab;
use super::{name, towers};
use crate::bundles::shipped;

/// Fills `v2` with the recordings of `main`.
fn backfill(spaces: &dyn Spaces, bundle: &Bundle) -> anyhow::Result<()> {
    let (served, writer) = (spaces.reader(&SpaceName::main())?, spaces.writer(&name("v2"))?);
    let (signal, text) = towers(bundle);
    let report =
        Backfill::new(signal, text, writer, BackfillOptions::default())?.run(served, |_| {})?;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    Ok(())
}

/// Returns ten of `n` operations, spread over the run and shifted by 0 to 2.
fn draws(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..10).map(move |draw| (draw, n * draw / 10 + draw * 7 % 3))
}

/// Indexes the nights into a collection in memory and adds an empty space for the second bundle.
fn in_memory(lab: &Lab) -> Arc<Simulated> {
    let storage = Arc::new(Simulated::default());
    let bundle = Bundle::open(&shipped()).unwrap();
    let writer = FolderWriter::create_in(storage.clone(), &EmbeddingSpace::of(&bundle)).unwrap();
    let (signal, text) = towers(&bundle);
    let found = discover(&lab.nights, None).unwrap();
    let options = nocturne_indexer::IndexOptions::default();
    Indexer::new(signal, text, Box::new(writer), options).run(found, |_| {}).unwrap();
    let other = Bundle::open(&lab.bundle).unwrap();
    let record = SpaceRecord::of(name("v2"), &other, None);
    FolderSpaces::of_storage(storage.clone()).create(&record).unwrap();
    storage
}

/// Returns the bytes of the vectors of epochs and captions in `v2`, by recording.
fn vectors(storage: &Arc<Simulated>) -> BTreeMap<String, Vec<Vec<u8>>> {
    let space = FolderSpaces::of_storage(storage.clone()).reader(&name("v2")).unwrap();
    let rows = |id: &str| {
        let recording = space.recording(&id.parse().unwrap()).unwrap();
        let epochs = (0..recording.n_epochs()).map(|row| recording.vectors().row_bytes(row));
        let captions = recording.captions();
        let captions = (0..captions.len()).map(|row| captions.vectors().row_bytes(row));
        epochs.chain(captions).map(|row| row.unwrap()).collect()
    };
    let entries = space.entries().into_iter();
    entries.map(|entry| (entry.id.to_string(), rows(entry.id.as_str()))).collect()
}

#[test]
fn interrupted_backfill_in_a_folder_resumes_and_gives_the_same_vectors() {
    let lab = require!(Lab::in_folder());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    let original = in_memory(&lab);
    let backfill_in =
        |storage: &Arc<Simulated>| backfill(&FolderSpaces::of_storage(storage.clone()), &bundle);
    let uninterrupted = Arc::new(original.crash(CrashImage::Everything));
    uninterrupted.set_fault(DiskFault::None);
    backfill_in(&uninterrupted).unwrap();
    let (n, expected) = (uninterrupted.operations(), vectors(&uninterrupted));
    assert_eq!(expected.len(), 3);
    assert!(n > 30, "{n} operations");
    for (draw, operation) in draws(n) {
        let storage = Arc::new(original.crash(CrashImage::Everything));
        storage.set_fault(DiskFault::From(operation));
        backfill_in(&storage).unwrap_err();
        for image in [CrashImage::Durable, CrashImage::Some(draw as u64)] {
            let survivor = Arc::new(storage.crash(image));
            backfill_in(&survivor).unwrap();
            assert_eq!(vectors(&survivor), expected, "operation {operation}, {image:?}");
        }
    }
}

/// Returns the contents of the server without revisions and generations.
fn stored(lab: &Lab) -> Store {
    let mut store = lab.double().store();
    for collection in store.collections.values_mut() {
        for point in collection.points.values_mut() {
            for field in ["revision", "upload", "generation"] {
                point.payload.remove(field);
            }
        }
    }
    store
}

#[test]
fn interrupted_backfill_in_qdrant_resumes_and_gives_the_same_points() {
    let lab = require!(Lab::in_qdrant());
    let bundle = Bundle::open(&lab.bundle).unwrap();
    lab.create("v2", &lab.bundle);
    let (double, spaces) = (lab.double(), lab.spaces());
    let before = double.store();
    double.faults().clear();
    backfill(&*spaces, &bundle).unwrap();
    let (n, expected) = (double.faults().calls().len(), stored(&lab));
    assert!(n > 40, "{n} calls");
    for (draw, call) in draws(n) {
        double.tamper(|store| store.clone_from(&before));
        let fault = [Fault::Unavailable, Fault::AnswerLost, Fault::HalfAndFail][draw % 3];
        double.faults().plan(When::From(call), fault);
        backfill(&*spaces, &bundle).unwrap_err();
        double.faults().clear();
        backfill(&*spaces, &bundle).unwrap();
        assert!(stored(&lab) == expected, "interrupted at call {call}");
    }
}
