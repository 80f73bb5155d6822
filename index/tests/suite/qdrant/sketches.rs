//! Sketches of nights: what they estimate, and when they are not used.

use nocturne_index::qdrant::QdrantReader;
use nocturne_index::{CollectionReader, FolderReader, SketchedCluster};
use nocturne_psg::Stage;
use nocturne_qdrant_double::QdrantDouble;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::{NAME, copy_to, settings};
use crate::support::{DIM, collection, draft, id, plain_draft, random_embedding, space};

fn nights() -> FolderReader {
    let nights = vec![draft("a", 1, 90), draft("b", 2, 7), plain_draft("empty", vec![])];
    collection(&space(), nights)
}

fn copy_to_double(nights: &FolderReader) -> (QdrantDouble, QdrantReader) {
    let double = QdrantDouble::start();
    copy_to(nights, settings(&double)).unwrap();
    let index = QdrantReader::open(settings(&double)).unwrap();
    (double, index)
}

fn n_epochs(sketch: &[SketchedCluster]) -> usize {
    let stages = || Stage::ALL.into_iter().map(Some).chain([None]);
    sketch.iter().map(|it| stages().map(|stage| it.n_epochs(stage)).sum::<usize>()).sum()
}

#[test]
fn sketches_give_the_number_of_epochs_of_each_stage_and_their_mean_score() {
    let nights = nights();
    let (_double, index) = copy_to_double(&nights);
    let direction: Vec<f32> = random_embedding(&mut Pcg64Mcg::seed_from_u64(5), DIM)
        .as_slice()
        .iter()
        .map(|it| 1.7 * it)
        .collect();
    let entries = index.entries();
    let sketches = index.sketches(&direction, &entries).unwrap();
    assert_eq!(sketches.len(), 3);
    assert_eq!(sketches[&id("empty")], []);
    for name in ["a", "b"] {
        let (sketch, recording) = (&sketches[&id(name)], nights.recording(&id(name)).unwrap());
        assert_eq!(n_epochs(sketch), recording.n_epochs());
        for stage in Stage::ALL.into_iter().map(Some).chain([None]) {
            let n: usize = sketch.iter().map(|it| it.n_epochs(stage)).sum();
            assert_eq!(n, recording.stages().iter().filter(|it| **it == stage).count());
        }
        let product = |row| -> f32 {
            let vector = recording.vectors().embedding(row).unwrap();
            vector.as_slice().iter().zip(&direction).map(|(a, b)| a * b).sum()
        };
        let expect = (0..recording.n_epochs()).map(product).sum::<f32>();
        let n_of = |it: &SketchedCluster| n_epochs(std::slice::from_ref(it)) as f32;
        let estimated: f32 = sketch.iter().map(|it| it.mean * n_of(it)).sum();
        assert!((estimated - expect).abs() < 0.01, "{name}: {estimated} {expect}");
    }
    assert!(sketches[&id("a")].len() <= 16);
    assert!(sketches[&id("b")].iter().all(|it| it.spread == 0.0), "each epoch is its own cluster");
}

#[test]
fn missing_and_outdated_sketches_are_skipped() {
    let (double, index) = copy_to_double(&nights());
    let nights = format!("{NAME}-nights");
    double.tamper(|store| {
        let points = &mut store.collections.get_mut(&nights).unwrap().points;
        let of = |name: &str| {
            let is_of =
                |payload: &nocturne_qdrant_double::Payload| payload["recording"] == name.into();
            points.iter().find(|(_, point)| is_of(&point.payload)).unwrap().0.clone()
        };
        let (of_a, of_b) = (of("a"), of("b"));
        points.remove(&of_a);
        points.get_mut(&of_b).unwrap().payload.insert("content".to_owned(), "0".repeat(32).into());
    });
    let entries = index.entries();
    let sketches = index.sketches(&[1.0; DIM], &entries).unwrap();
    assert_eq!(sketches.keys().collect::<Vec<_>>(), [&id("empty")]);
}
