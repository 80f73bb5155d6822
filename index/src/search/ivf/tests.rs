//! Lists that are saved, followed, merged and damaged.

use nocturne_psg::{EpochRef, RecordingId};

use super::*;
use crate::storage::publish;
use crate::test_collection::{Growing, queries};

const N_LISTS: usize = 12;

fn build(growing: &Growing) -> PartitionIndex {
    PartitionIndex::build(growing.exact(), Some(N_LISTS)).unwrap()
}

fn open(growing: &Growing) -> Option<PartitionIndex> {
    PartitionIndex::open(growing.exact(), growing.storage.as_ref()).unwrap()
}

/// Checks that all lists together hold what the exact index holds, and that lists were what was looked at.
#[track_caller]
fn assert_complete(index: &PartitionIndex) {
    let request = SearchRequest { recall: Some(1.0), ..SearchRequest::nearest(30) };
    for query in queries() {
        let Found { hits, plan } = index.find(&query, &request).unwrap();
        assert_eq!(hits, index.exact.search(&query, &request).unwrap());
        assert_eq!(plan, Plan::Partitions { lists: index.n_lists(), of: index.n_lists() });
    }
}

fn recall(index: &PartitionIndex, n_lists: usize) -> f64 {
    let request = SearchRequest::nearest(10);
    let both = |query| {
        let found = |hits: Vec<Hit>| -> BTreeSet<EpochRef> {
            hits.into_iter().map(|hit| hit.epoch).collect()
        };
        let truth = found(index.exact.search(&query, &request).unwrap());
        let hits = index.probe(&query, &request, n_lists).unwrap().unwrap();
        found(hits).intersection(&truth).count()
    };
    queries().map(both).sum::<usize>() as f64 / 200.0
}

#[test]
fn more_lists_find_more() {
    let index = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    assert_complete(&index);
    let recalls: Vec<f64> = [1, 3, 6, N_LISTS].map(|n| recall(&index, n)).to_vec();
    assert!(recalls.is_sorted() && recalls[0] < 0.9 && recalls[3] == 1.0, "{recalls:?}");
}

/// The epochs are without any order, so that queries of another seed are like those that were measured.
#[test]
fn as_many_lists_are_looked_at_as_the_recall_needs() {
    let index = build(&Growing::new(&[("a", 1, 900), ("b", 2, 600)]));
    let [some, most] = [0.5, 0.9].map(|recall| index.lists_for(recall));
    assert!(1 <= some && some < most && most < N_LISTS, "{some} and {most} lists");
    assert!(recall(&index, some) > 0.4 && recall(&index, most) > 0.8);
    assert_eq!(index.lists_for(1.0), N_LISTS);
}

#[test]
fn keys_sort_as_scores_do() {
    let scores = [1.0, 0.5, 1e-30, 0.0, -0.0, -1e-30, -0.25, -1.0];
    let keys = scores.map(|score| key(score, 3));
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    assert!(key(0.5, 3) < key(0.5, 4) && key(0.5, u32::MAX) < key(0.25, 0));
}

#[test]
fn new_nights_are_added_and_old_ones_go() {
    let mut growing = Growing::new(&[("a", 1, 300), ("b", 2, 300), ("d", 4, 300)]);
    let index = build(&growing);
    assert_eq!(index.due(), Due::Nothing);
    growing.commit("c", 3, 40);
    let index = index.followed_by(growing.exact()).unwrap();
    assert_eq!((index.layers.len(), index.due()), (2, Due::Nothing));
    assert_complete(&index);

    growing.commit("b", 5, 70);
    growing.writer.remove(&RecordingId::new("d").unwrap()).unwrap();
    growing.commit("aa", 6, 10);
    let index = index.followed_by(growing.exact()).unwrap();
    assert_complete(&index);
    assert_eq!(index.due(), Due::Merge);

    let merged = index.merged().unwrap();
    assert_eq!((merged.layers.len(), merged.due()), (1, Due::Nothing));
    assert_complete(&merged);
    assert_eq!(merged.lists_for(0.9), index.lists_for(0.9));
}

#[test]
fn lists_that_were_outgrown_are_made_anew() {
    let mut growing = Growing::new(&[("a", 1, 100)]);
    let index = build(&growing);
    growing.commit("b", 2, 150);
    assert_eq!(index.followed_by(growing.exact()).unwrap().due(), Due::Rebuild);
}

#[test]
fn many_small_nights_make_few_layers() {
    let mut growing = Growing::new(&[("a", 1, 500)]);
    let mut index = build(&growing);
    for seed in 0..20 {
        growing.commit(&format!("night-{seed}"), seed, 10);
        index = index.followed_by(growing.exact()).unwrap();
        assert!(index.layers.len() <= 6, "{} layers", index.layers.len());
    }
    assert_complete(&index);
}

#[test]
fn lists_are_saved_and_followed() {
    let mut growing = Growing::new(&[("a", 1, 300), ("b", 2, 300)]);
    assert!(open(&growing).is_none(), "nothing was saved");
    build(&growing).save(growing.storage.as_ref()).unwrap();
    let first = growing.file(FILES);
    growing.commit("c", 3, 40);
    let index = open(&growing).unwrap();
    assert_complete(&index);
    index.merged().unwrap().save(growing.storage.as_ref()).unwrap();
    assert_ne!(growing.file(FILES), first, "the one before is gone");
    assert_complete(&open(&growing).unwrap());
}

/// Whatever byte is changed: the lists are refused, or give way to the exact index, and never give another answer.
#[test]
fn damaged_lists_are_never_trusted() {
    let growing = Growing::new(&[("a", 1, 1200), ("b", 2, 1000)]);
    build(&growing).save(growing.storage.as_ref()).unwrap();
    let file = growing.file(FILES);
    let whole = growing.content(&file);
    let request = SearchRequest { recall: Some(1.0), ..SearchRequest::nearest(9) };
    let query = queries().next().unwrap();
    let expect = growing.exact().search(&query, &request).unwrap();
    let mut n_refused = 0;
    let places = (0..whole.len()).step_by(4099);
    for place in places.clone() {
        growing.storage.tamper(&file, |bytes| bytes[place] ^= 4);
        if open(&growing).is_none() {
            n_refused += 1;
        }
        if let Some(index) = open(&growing) {
            let found = index.find(&query, &request).unwrap();
            assert_eq!((found.hits, found.plan), (expect.clone(), Plan::Scan), "byte {place}");
            assert_eq!(index.due(), Due::Rebuild);
        }
        growing.storage.tamper(&file, |bytes| bytes[place] ^= 4);
    }
    assert!(0 < n_refused && n_refused < places.len(), "damage is found at once and later");
    for length in [0, 40, whole.len() / 2, whole.len() - 1] {
        growing.storage.tamper(&file, |bytes| *bytes = whole[..length].to_vec());
        assert!(open(&growing).is_none(), "{length} bytes");
    }
    growing.storage.tamper(&file, |bytes| bytes.clone_from(&whole));
    assert_complete(&open(&growing).unwrap());
}

#[test]
fn lists_of_another_collection_are_refused() {
    let others = Growing::new(&[("a", 1, 60)]);
    build(&others).save(others.storage.as_ref()).unwrap();
    let file = others.file(FILES);
    let bytes = others.content(&file);
    // The same name and another content: nothing of the lists is used.
    let growing = Growing::new(&[("a", 9, 60), ("b", 2, 50)]);
    publish(growing.storage.as_ref(), FILES.folder, file.rsplit('/').next().unwrap(), &bytes)
        .unwrap();
    let index = open(&growing).unwrap();
    assert_eq!(index.layers[0].n_live(), 0);
    assert_complete(&index);
    // A file under another's name is none of ours.
    let other_name = format!("{:032x}{}", 7, FILES.suffix);
    publish(growing.storage.as_ref(), FILES.folder, &other_name, &bytes[..bytes.len() - 1])
        .unwrap();
    assert_complete(&open(&growing).unwrap());
}

#[test]
fn empty_collections_and_impossible_settings() {
    let growing = Growing::new(&[]);
    let index = build(&growing);
    let request = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(3) };
    let query = queries().next().unwrap();
    assert_eq!(index.search(&query, &request).unwrap(), []);
    let error = PartitionIndex::build(growing.exact(), Some(0)).unwrap_err();
    assert_eq!(error.to_string(), "`lists` is 0; expected 1 to 65536");
}
