//! Detection of nights that are stored twice.

use nocturne_index::{Duplicate, DuplicateSettings, FolderReader, RecordingDraft, find_duplicates};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::{collection, embedding, id, plain_draft, plain_epoch, space_of};

const DIM: usize = 32;

/// Returns the vectors of a night: each is the sum of a vector of the subject, of the stage and of the epoch.
fn night(subject: u64, seed: u64, n: u32) -> Vec<Vec<f32>> {
    let vector = |random: &mut Pcg64Mcg, size: f32| -> Vec<f32> {
        (0..DIM).map(|_| random.random_range(-size..size)).collect()
    };
    let mut of_subject = Pcg64Mcg::seed_from_u64(subject);
    let own = vector(&mut of_subject, 1.0);
    let stages: Vec<_> = (0..5).map(|_| vector(&mut of_subject, 0.5)).collect();
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let epoch = |number: u32| -> Vec<f32> {
        let stage = &stages[(number / 20 % 5) as usize];
        let noise = vector(&mut random, 0.3);
        own.iter().zip(stage).zip(noise).map(|((own, stage), noise)| own + stage + noise).collect()
    };
    (0..n).map(epoch).collect()
}

fn draft(name: &str, vectors: &[Vec<f32>]) -> RecordingDraft {
    let points = (0..).zip(vectors).map(|(number, vector)| plain_epoch(number, embedding(vector)));
    RecordingDraft { source_sha256: name.to_owned(), ..plain_draft(name, points.collect()) }
}

fn noisy(vectors: &[Vec<f32>], size: f32) -> Vec<Vec<f32>> {
    let mut random = Pcg64Mcg::seed_from_u64(99);
    let mut noisy = |number: &f32| number + random.random_range(-size..size);
    vectors.iter().map(|vector| vector.iter().map(&mut noisy).collect()).collect()
}

fn pairs(collection: &FolderReader) -> Vec<Duplicate> {
    find_duplicates(collection, DuplicateSettings::default()).unwrap().pairs
}

#[test]
fn copies_and_excerpts_are_found_with_their_offset() {
    let [one, two, three] = [(1, 11), (2, 12), (3, 13)].map(|(it, seed)| night(it, seed, 200));
    let collection = collection(
        &space_of("flat", DIM),
        vec![
            draft("copy", &one),
            draft("cut", &noisy(&two[30..140], 0.02)),
            draft("end", &three[80..]),
            draft("beginning", &three[..160]),
            draft("one", &one),
            draft("two", &two),
        ],
    );
    let found: Vec<_> = pairs(&collection)
        .iter()
        .map(|it| (it.first.to_string(), it.second.to_string(), it.offset_epochs, it.n_overlapping))
        .collect();
    let expect = [("beginning", "end", -80, 80), ("copy", "one", 0, 200), ("cut", "two", 30, 110)];
    let expect = expect.map(|(a, b, offset, n)| (a.to_owned(), b.to_owned(), offset, n));
    assert_eq!(found, expect);
    assert!(pairs(&collection).iter().all(|it| it.share() > 0.99 && it.mean_cosine > 0.98));
}

#[test]
fn other_nights_of_a_subject_are_not_copies() {
    let nights: Vec<RecordingDraft> =
        (0..6).map(|seed| draft(&format!("n{seed}"), &night(1, 100 + seed, 150))).collect();
    let of_one = collection(&space_of("flat", DIM), nights);
    assert_eq!(pairs(&of_one), []);
    // Nights of nearly constant vectors are not copies either.
    let still = vec![vec![1.0; DIM]; 100];
    let off = [draft("a", &noisy(&still, 0.001)), draft("b", &still), draft("c", &still[..60])];
    assert_eq!(pairs(&collection(&space_of("flat", DIM), off.to_vec())), []);
}

#[test]
fn copies_are_found_among_many_nights() {
    let mut drafts: Vec<RecordingDraft> = (0..90)
        .map(|seed| draft(&format!("n{seed:02}"), &night(1 + seed % 30, 500 + seed, 60)))
        .collect();
    drafts.push(draft("x", &noisy(&night(4, 503, 60)[5..], 0.02)));
    let collection = collection(&space_of("flat", DIM), drafts);
    let found = pairs(&collection);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].first, &found[0].second), (&id("n03"), &id("x")));
    assert_eq!((found[0].offset_epochs, found[0].n_overlapping), (-5, 55));
}

#[test]
fn nights_with_few_epochs_or_none_are_not_copies() {
    let none: Vec<Vec<f32>> = vec![];
    let drafts = vec![
        draft("a", &none),
        draft("b", &none),
        draft("c", &night(1, 1, 9)),
        draft("d", &night(1, 1, 9)),
    ];
    assert_eq!(pairs(&collection(&space_of("flat", DIM), drafts)), []);
}
