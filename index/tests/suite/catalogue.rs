//! Lists of recordings: pages and facets.

use std::sync::Arc;

use nocturne_index::storage::Simulated;
use nocturne_index::{
    Catalogue, CollectionReader, CollectionWriter, Error, Facet, FacetValue, Filter, FolderReader,
    FolderWriter,
};
use nocturne_psg::{Event, EventKind, EventSet, Stage};

use crate::support::{embedding, id, plain_draft, plain_epoch, space_of};

/// Commits `n` recordings `n00`, `n01`, … with three epochs each.
///
/// Every second one, from the first, is in cohort `x` and has an epoch of N2 with an arousal.
fn cohort(storage: &Arc<Simulated>, n: usize) -> FolderWriter {
    let mut writer = FolderWriter::create_in(storage.clone(), &space_of("flat", 2)).unwrap();
    for number in 0..n {
        let mut epochs: Vec<_> =
            (0..3).map(|epoch| plain_epoch(epoch, embedding(&[1.0, epoch as f32]))).collect();
        let is_even = number % 2 == 0;
        if is_even {
            epochs[1].stage = Some(Stage::N2);
            epochs[1].events = EventSet::from_iter([EventKind::Arousal]);
        }
        let mut draft = plain_draft(&format!("n{number:02}"), epochs);
        draft.events = is_even.then(|| vec![Event::new(EventKind::Arousal, 31.0, 3.0)]);
        if is_even {
            draft.metadata.insert("cohort".to_owned(), "x".to_owned());
        }
        writer.commit(draft).unwrap();
    }
    writer
}

fn open(storage: &Arc<Simulated>) -> FolderReader {
    FolderReader::open_in(storage.clone()).unwrap()
}

fn filter(text: &str) -> Filter {
    Filter { expression: Some(text.parse().unwrap()), ..Filter::default() }
}

/// Returns the names on a page, the token of the next page, and the number of recordings in the list.
fn names(
    collection: &FolderReader,
    filter: &Filter,
    token: &str,
) -> (Vec<String>, Option<String>, usize) {
    let catalogue = Catalogue::new(collection, filter).unwrap();
    let page = catalogue.page(3, token).unwrap();
    let names = page.recordings.iter().map(|listed| listed.entry.id.to_string()).collect();
    (names, page.next_token, page.n_recordings)
}

#[test]
fn pages_continue_after_the_last_name_when_recordings_change() {
    let storage = Arc::new(Simulated::default());
    let mut writer = cohort(&storage, 8);
    let all = Filter::default();
    let (first, token, n) = names(&open(&storage), &all, "");
    assert_eq!((first.join(" "), n), ("n00 n01 n02".to_owned(), 8));
    writer.remove(&id("n02")).unwrap();
    for name in ["n00a", "n03a"] {
        writer.commit(plain_draft(name, vec![])).unwrap();
    }
    let (second, token, n) = names(&open(&storage), &all, &token.unwrap());
    assert_eq!((second.join(" "), n), ("n03 n03a n04".to_owned(), 9));
    let (third, token, _) = names(&open(&storage), &all, &token.unwrap());
    assert_eq!((third.join(" "), token), ("n05 n06 n07".to_owned(), None));
}

#[test]
fn pages_list_recordings_with_an_allowed_epoch() {
    let storage = Arc::new(Simulated::default());
    drop(cohort(&storage, 8));
    let collection = open(&storage);
    for text in ["cohort = x", "stage = N2", "event:arousal epoch > 0", "NOT (stage != N2) stage:*"]
    {
        let filter = filter(text);
        let (first, token, n) = names(&collection, &filter, "");
        assert_eq!((first.join(" "), n), ("n00 n02 n04".to_owned(), 4), "{text}");
        let (second, token, n) = names(&collection, &filter, &token.unwrap());
        assert_eq!((second.join(" "), token, n), ("n06".to_owned(), None, 4), "{text}");
    }
    let filter = filter("stage = N2 OR epoch = 2");
    let page = Catalogue::new(&collection, &filter).unwrap().page(9, "").unwrap();
    let allowed: Vec<usize> = page.recordings.iter().map(|it| it.n_epochs_allowed).collect();
    assert_eq!(allowed, [2, 1, 2, 1, 2, 1, 2, 1]);
}

#[test]
fn tokens_of_other_lists_are_rejected() {
    let storage = Arc::new(Simulated::default());
    drop(cohort(&storage, 8));
    let collection = open(&storage);
    let (one, other) = (filter("cohort = x"), filter("stage = N2"));
    let token = names(&collection, &one, "").1.unwrap();
    // The same condition in another spelling.
    assert_eq!(names(&collection, &filter("(cohort='x')"), &token).0, ["n06"]);
    let longer = format!("{token}00");
    for (filter, token) in [
        (&other, token.as_str()),
        (&one, "n03"),
        (&one, "0"),
        (&one, "é"),
        (&one, &longer),
        (&one, &token[2..]),
    ] {
        let error = Catalogue::new(&collection, filter).unwrap().page(3, token).unwrap_err();
        assert!(matches!(error, Error::PageToken), "{token}: {error}");
    }
}

#[test]
fn facets_count_recordings_and_epochs() {
    let storage = Arc::new(Simulated::default());
    drop(cohort(&storage, 5));
    let collection = open(&storage);
    let check = |text: &str, name: &str, expect: &[(Option<&str>, usize, usize)]| {
        let filter = filter(text);
        let catalogue = Catalogue::new(&collection, &filter).unwrap();
        let counts = catalogue.facet(&Facet::of(name, &collection).unwrap()).unwrap();
        let expect = expect.iter().map(|(value, n_recordings, n_epochs)| FacetValue {
            value: value.map(str::to_owned),
            n_recordings: *n_recordings,
            n_epochs: *n_epochs,
        });
        assert_eq!(counts.values, expect.collect::<Vec<_>>(), "{text} {name}");
    };
    check("", "cohort", &[(Some("x"), 3, 9), (None, 2, 6)]);
    check("", "stage", &[(Some("N2"), 3, 3), (None, 5, 12)]);
    check("epoch > 0", "event", &[(Some("arousal"), 3, 3), (None, 5, 7)]);
    check("epoch = 1 stage:*", "metadata.cohort", &[(Some("x"), 3, 3)]);
    check("recording = n01 epoch = 1", "channel", &{
        nocturne_psg::montage::Channel::ALL.map(|channel| (Some(channel.name()), 1, 1))
    });
    let error = Facet::of("mood", &collection).unwrap_err().to_string();
    let expect = "recordings cannot be counted by `mood`; expected one of `stage`, `event`, `channel`, `cohort`";
    assert_eq!(error, expect);
}

#[test]
fn damaged_recordings_are_reported_if_epochs_are_filtered() {
    let storage = Arc::new(Simulated::default());
    drop(cohort(&storage, 4));
    let collection = open(&storage);
    let name = collection.entry(&id("n02")).unwrap().segment.file_name();
    nocturne_index::storage::Storage::remove(storage.as_ref(), &format!("segments/{name}"))
        .unwrap();
    let by_epoch = filter("stage = N2");
    let page = Catalogue::new(&collection, &by_epoch).unwrap().page(9, "").unwrap();
    assert_eq!((page.n_recordings, page.missing), (1, vec![id("n02")]));
    let by_recording = filter("cohort = x");
    let page = Catalogue::new(&collection, &by_recording).unwrap().page(9, "").unwrap();
    assert_eq!((page.n_recordings, page.missing), (2, vec![]));
    let counts = Catalogue::new(&collection, &by_epoch).unwrap().facet(&Facet::Stage).unwrap();
    assert_eq!(counts.missing, [id("n02")]);
}
