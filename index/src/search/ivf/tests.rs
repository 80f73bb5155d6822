//! Inverted lists that are saved, extended, merged and damaged.

use nocturne_psg::{EpochRef, RecordingId};

use super::*;
use crate::contract::CollectionWriter;
use crate::contract::Hit;
use crate::storage::write_atomically;
use crate::test_collection::{TestCollection, queries};

const N_LISTS: usize = 12;

fn build(collection: &TestCollection) -> IvfIndex {
    IvfIndex::build(collection.exact(), Some(N_LISTS)).unwrap()
}

fn open(collection: &TestCollection) -> Option<IvfIndex> {
    IvfIndex::open(collection.exact(), collection.storage.as_ref()).unwrap()
}

/// Checks that all lists together contain what the exact index finds, and that lists were probed.
#[track_caller]
fn assert_complete(index: &IvfIndex) {
    let request = SearchRequest { recall: Some(1.0), ..SearchRequest::nearest(30) };
    for query in queries() {
        let SearchAnswer { hits, plan } = index.find(&query, &request).unwrap();
        assert_eq!(hits, index.exact.search(&query, &request).unwrap());
        let (n_probes, n_lists) = (index.n_lists(), index.n_lists());
        assert_eq!(plan, SearchPlan::Ivf { n_probes, n_lists });
    }
}

fn recall(index: &IvfIndex, n_probes: usize) -> f64 {
    let request = SearchRequest::nearest(10);
    let n_found = |query| {
        let epochs = |hits: Vec<Hit>| -> BTreeSet<EpochRef> {
            hits.into_iter().map(|hit| hit.epoch).collect()
        };
        let nearest = epochs(index.exact.search(&query, &request).unwrap());
        let allowed = index.exact.allowed(&request.filter).unwrap();
        let hits = index.probe(&query, &request, n_probes, &allowed).unwrap().unwrap();
        epochs(hits).intersection(&nearest).count()
    };
    queries().map(n_found).sum::<usize>() as f64 / 200.0
}

#[test]
fn more_probes_find_more() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    assert_complete(&index);
    let recalls: Vec<f64> = [1, 3, 6, N_LISTS].map(|n| recall(&index, n)).to_vec();
    assert!(recalls.is_sorted() && recalls[0] < 0.9 && recalls[3] == 1.0, "{recalls:?}");
}

/// The epochs are random, so that queries of another seed are like those that were measured.
#[test]
fn number_of_probes_follows_the_requested_recall() {
    let index = build(&TestCollection::new(&[("a", 1, 900), ("b", 2, 600)]));
    let [half, most] = [0.5, 0.9].map(|recall| index.n_probes(recall));
    assert!(1 <= half && half < most && most < N_LISTS, "{half} and {most} lists");
    assert!(recall(&index, half) > 0.4 && recall(&index, most) > 0.8);
    assert_eq!(index.n_probes(1.0), N_LISTS);
}

#[test]
fn recordings_are_added_and_removed() {
    let mut collection = TestCollection::new(&[("a", 1, 300), ("b", 2, 300), ("d", 4, 300)]);
    let index = build(&collection);
    assert_eq!(index.compaction_state(), CompactionState::UpToDate);
    collection.commit("c", 3, 40);
    let index = index.followed_by(collection.exact()).unwrap();
    assert_eq!(index.layers.len(), 2);
    assert_eq!(index.compaction_state(), CompactionState::UpToDate);
    assert_complete(&index);

    collection.commit("b", 5, 70);
    collection.writer.remove(&RecordingId::new("d").unwrap()).unwrap();
    collection.commit("aa", 6, 10);
    let index = index.followed_by(collection.exact()).unwrap();
    assert_complete(&index);
    assert_eq!(index.compaction_state(), CompactionState::NeedsMerge);

    let merged = index.merged().unwrap();
    assert_eq!(merged.layers.len(), 1);
    assert_eq!(merged.compaction_state(), CompactionState::UpToDate);
    assert_complete(&merged);
    assert_eq!(merged.n_probes(0.9), index.n_probes(0.9));
}

#[test]
fn index_is_rebuilt_when_the_rows_have_doubled() {
    let mut collection = TestCollection::new(&[("a", 1, 100)]);
    let index = build(&collection);
    collection.commit("b", 2, 150);
    let index = index.followed_by(collection.exact()).unwrap();
    assert_eq!(index.compaction_state(), CompactionState::NeedsRebuild);
}

#[test]
fn many_small_recordings_make_few_layers() {
    let mut collection = TestCollection::new(&[("a", 1, 500)]);
    let mut index = build(&collection);
    for seed in 0..20 {
        collection.commit(&format!("night-{seed}"), seed, 10);
        index = index.followed_by(collection.exact()).unwrap();
        assert!(index.layers.len() <= 6, "{} layers", index.layers.len());
    }
    assert_complete(&index);
}

#[test]
fn saved_lists_are_opened_and_extended() {
    let mut collection = TestCollection::new(&[("a", 1, 300), ("b", 2, 300)]);
    assert!(open(&collection).is_none(), "nothing was saved");
    build(&collection).save(collection.storage.as_ref()).unwrap();
    let first = collection.file(CacheFiles::IVF);
    collection.commit("c", 3, 40);
    let index = open(&collection).unwrap();
    assert_complete(&index);
    index.merged().unwrap().save(collection.storage.as_ref()).unwrap();
    assert_ne!(collection.file(CacheFiles::IVF), first, "the previous file is removed");
    assert_complete(&open(&collection).unwrap());
}

/// Whichever byte is changed: the file is refused, or the exact index answers, but no answer changes.
#[test]
fn damaged_lists_are_never_trusted() {
    let collection = TestCollection::new(&[("a", 1, 1200), ("b", 2, 1000)]);
    build(&collection).save(collection.storage.as_ref()).unwrap();
    let file = collection.file(CacheFiles::IVF);
    let undamaged = collection.content(&file);
    let request = SearchRequest { recall: Some(1.0), ..SearchRequest::nearest(9) };
    let query = queries().next().unwrap();
    let expect = collection.exact().search(&query, &request).unwrap();
    let mut n_refused = 0;
    let offsets = (0..undamaged.len()).step_by(4099);
    for offset in offsets.clone() {
        collection.storage.tamper(&file, |bytes| bytes[offset] ^= 4);
        if open(&collection).is_none() {
            n_refused += 1;
        }
        if let Some(index) = open(&collection) {
            let SearchAnswer { hits, plan } = index.find(&query, &request).unwrap();
            assert_eq!((hits, plan), (expect.clone(), SearchPlan::Scan), "byte {offset}");
            assert_eq!(index.compaction_state(), CompactionState::NeedsRebuild);
        }
        collection.storage.tamper(&file, |bytes| bytes[offset] ^= 4);
    }
    assert!(0 < n_refused && n_refused < offsets.len(), "found on opening, and on searching");
    for length in [0, 40, undamaged.len() / 2, undamaged.len() - 1] {
        collection.storage.tamper(&file, |bytes| *bytes = undamaged[..length].to_vec());
        assert!(open(&collection).is_none(), "{length} bytes");
    }
    collection.storage.tamper(&file, |bytes| bytes.clone_from(&undamaged));
    assert_complete(&open(&collection).unwrap());
}

#[test]
fn lists_of_another_collection_are_refused() {
    let others = TestCollection::new(&[("a", 1, 60)]);
    build(&others).save(others.storage.as_ref()).unwrap();
    let file = others.file(CacheFiles::IVF);
    let bytes = others.content(&file);
    // The same id with other content: no row of the lists is used.
    let collection = TestCollection::new(&[("a", 9, 60), ("b", 2, 50)]);
    let write = |name: &str, bytes: &[u8]| {
        write_atomically(collection.storage.as_ref(), CacheFiles::IVF.folder, name, bytes).unwrap();
    };
    write(file.rsplit('/').next().unwrap(), &bytes);
    let index = open(&collection).unwrap();
    assert_eq!(index.layers[0].n_live(), 0);
    assert_complete(&index);
    // A file that is not what its name says is ignored.
    write(&format!("{:032x}{}", 7, CacheFiles::IVF.suffix), &bytes[..bytes.len() - 1]);
    assert_complete(&open(&collection).unwrap());
}

#[test]
fn empty_collections_are_searched_and_invalid_settings_refused() {
    let collection = TestCollection::new(&[]);
    let index = build(&collection);
    let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(3) };
    let query = queries().next().unwrap();
    assert_eq!(index.search(&query, &request).unwrap(), []);
    let error = IvfIndex::build(collection.exact(), Some(0)).unwrap_err();
    assert_eq!(error.to_string(), "`lists` is 0; expected 1 to 65536");
}
