//! The contract of every index, exact or approximate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use half::f16;
use nocturne_encoder::Embedding;
use nocturne_index::storage::Simulated;
use nocturne_index::{
    CollectionReader, CollectionWriter, EmbeddingSpace, EpochPoint, Error, ExactIndex, Filter,
    FolderReader, FolderWriter, Hit, HnswGraph, HnswIndex, HnswSettings, IvfIndex, PlannedIndex,
    RecordingDraft, RecordingEntry, SearchAnswer, SearchPlan, SearchRequest, VectorIndex,
};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochRef, EventKind, EventSet, Stage};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::qdrant::{served, served_live};
use crate::support::{
    DIM, collection, draft, embedding, epoch, id, plain_draft, plain_epoch, random_embedding,
    space, space_of,
};

/// Returns every index over a collection, by name, with the graph and the lists also for small collections.
/// A real Qdrant server is the last, if one is configured.
fn indexes(collection: &FolderReader) -> Vec<(&'static str, Box<dyn VectorIndex>)> {
    let exact = Arc::new(ExactIndex::new(collection.segments().unwrap()));
    let graph = HnswIndex::build(Arc::clone(&exact), HnswSettings::default()).unwrap();
    let lists = IvfIndex::build(Arc::clone(&exact), None).unwrap();
    let planned = PlannedIndex::open(collection.segments().unwrap()).unwrap();
    let exact = ExactIndex::new(collection.segments().unwrap());
    let mut indexes: Vec<(&'static str, Box<dyn VectorIndex>)> = vec![
        ("exact", Box::new(exact)),
        ("hnsw", Box::new(WithCandidates { graph, ef: 256 })),
        ("ivf", Box::new(AllLists(lists))),
        ("planned", Box::new(planned)),
        ("qdrant", Box::new(served(collection))),
    ];
    if let Some(live) = served_live(collection) {
        indexes.push(("live qdrant", Box::new(live)));
    }
    indexes
}

/// Inverted lists; a request without a recall probes all of them.
struct AllLists(IvfIndex);

impl VectorIndex for AllLists {
    fn space(&self) -> &EmbeddingSpace {
        self.0.space()
    }

    fn n_epochs(&self) -> usize {
        self.0.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer, Error> {
        let recall = request.recall.or(Some(1.0));
        self.0.find(query, &SearchRequest { recall, ..request.clone() })
    }
}

/// A graph searched with `ef` candidates; falls back to a scan if they are too few.
struct WithCandidates {
    graph: HnswIndex,
    ef: usize,
}

impl VectorIndex for WithCandidates {
    fn space(&self) -> &EmbeddingSpace {
        self.graph.space()
    }

    fn n_epochs(&self) -> usize {
        self.graph.n_epochs()
    }

    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer, Error> {
        let plan = SearchPlan::Hnsw { ef: self.ef };
        match self.graph.search_with(query, request, self.ef)? {
            Some(hits) => Ok(SearchAnswer { hits, plan }),
            None => self.graph.exact().find(query, request),
        }
    }
}

/// Checks that every index finds these epochs, in this order.
#[track_caller]
fn check(
    collection: &FolderReader,
    query: &Embedding,
    request: &SearchRequest,
    expect: &[EpochRef],
) {
    for (name, index) in indexes(collection) {
        let hits = index.search(query, request).unwrap();
        let found: Vec<_> = hits.into_iter().map(|hit| hit.epoch).collect();
        assert_eq!(found, expect, "{name}");
    }
}

/// Returns recordings in a plane: each epoch is a direction in degrees.
fn plane(nights: &[(&str, &[f32])]) -> FolderReader {
    let point = |(number, degrees): (u32, &f32)| plain_epoch(number, direction(*degrees));
    let draft = |(name, degrees): &(&str, &[f32])| {
        plain_draft(name, (0..).zip(degrees.iter()).map(point).collect())
    };
    collection(&space_of("flat", 2), nights.iter().map(draft).collect())
}

fn direction(degrees: f32) -> Embedding {
    let (sin, cos) = degrees.to_radians().sin_cos();
    embedding(&[cos, sin])
}

#[test]
fn nearest_come_first() {
    let nights = plane(&[("b", &[80.0, 0.0, -30.0]), ("a", &[10.0, 170.0])]);
    let expect = [epoch("b", 1), epoch("a", 0), epoch("b", 2)];
    check(&nights, &direction(0.0), &SearchRequest::nearest(3), &expect);
    for (name, index) in indexes(&nights) {
        let hits = index.search(&direction(0.0), &SearchRequest::nearest(9)).unwrap();
        let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
        let expect = [0.0_f32, 10.0, -30.0, 80.0, 170.0].map(|degrees| degrees.to_radians().cos());
        let is_close = |(score, expect): (&f32, &f32)| (score - expect).abs() < 1e-3;
        assert!(scores.iter().zip(&expect).all(is_close), "{name}: {scores:?}");
    }
}

#[test]
fn ties_are_ordered_by_recording_and_epoch() {
    let nights = plane(&[("b", &[0.0, 90.0, 0.0]), ("a", &[0.0, 0.0]), ("c", &[0.0])]);
    let expect = [epoch("a", 0), epoch("a", 1), epoch("b", 0), epoch("b", 2), epoch("c", 0)];
    check(&nights, &direction(0.0), &SearchRequest::nearest(5), &expect);
    // Scores of a right angle tie too, whatever the sign of the zero.
    let expect = [epoch("b", 1), epoch("a", 0), epoch("a", 1)];
    check(&nights, &direction(90.0), &SearchRequest::nearest(3), &expect);
}

#[test]
fn k_may_be_zero_or_exceed_the_number_of_epochs() {
    let nights = plane(&[("a", &[10.0, 0.0])]);
    check(&nights, &direction(0.0), &SearchRequest::nearest(0), &[]);
    let all = [epoch("a", 1), epoch("a", 0)];
    check(&nights, &direction(0.0), &SearchRequest::nearest(3), &all);
    check(&nights, &direction(0.0), &SearchRequest::nearest(usize::MAX), &all);
}

#[test]
fn empty_collections_have_no_hits() {
    check(&plane(&[]), &direction(0.0), &SearchRequest::nearest(3), &[]);
    check(&plane(&[("a", &[]), ("b", &[])]), &direction(0.0), &SearchRequest::nearest(3), &[]);
    let gaps = plane(&[("a", &[]), ("b", &[5.0]), ("c", &[]), ("d", &[0.0])]);
    let expect = [epoch("d", 0), epoch("b", 0)];
    check(&gaps, &direction(0.0), &SearchRequest::nearest(3), &expect);
}

#[test]
fn thresholds_include_their_value() {
    let nights = plane(&[("a", &[20.0, 0.0, 90.0]), ("b", &[30.0])]);
    let exact = ExactIndex::new(nights.segments().unwrap());
    let hits = exact.search(&direction(0.0), &SearchRequest::nearest(2)).unwrap();
    let min_score = Some(hits[1].score);
    let request = SearchRequest { min_score, ..SearchRequest::nearest(9) };
    check(&nights, &direction(0.0), &request, &[epoch("a", 1), epoch("a", 0)]);
    let request = SearchRequest { min_score: Some(1.5), ..SearchRequest::nearest(9) };
    check(&nights, &direction(0.0), &request, &[]);
}

#[test]
fn replaced_recordings_are_no_longer_found() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space_of("flat", 2)).unwrap();
    let night = |degrees| plain_draft("a", vec![plain_epoch(0, direction(degrees))]);
    writer.commit(night(0.0)).unwrap();
    let before = FolderReader::open_in(storage.clone()).unwrap();
    writer.commit(night(90.0)).unwrap();
    let before_indexes = indexes(&before);
    let after = FolderReader::open_in(storage).unwrap();
    for (indexes, expect) in [(before_indexes, 1.0), (indexes(&after), 0.0)] {
        for (name, index) in indexes {
            let hits = index.search(&direction(0.0), &SearchRequest::nearest(9)).unwrap();
            assert_eq!(hits.len(), 1, "{name}");
            assert!((hits[0].score - expect).abs() < 1e-3, "{name}");
        }
    }
}

#[test]
fn invalid_requests_are_typed_errors() {
    let nights = plane(&[("a", &[0.0])]);
    let filter = Filter { recordings: Some([id("a"), id("z")].into()), ..Filter::default() };
    for (name, index) in indexes(&nights) {
        let error = index.search(&embedding(&[1.0; 3]), &SearchRequest::nearest(1)).unwrap_err();
        assert!(matches!(error, Error::Dimension { expected: 2, received: 3 }), "{name}: {error}");
        let request = SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(1) };
        let error = index.search(&direction(0.0), &request).unwrap_err();
        let is_named =
            matches!(&error, Error::UnknownRecording { recording } if *recording == id("z"));
        assert!(is_named, "{name}: {error}");
    }
}

/// Checks every index against a filtered sort of all epochs.
#[track_caller]
fn check_filter(filter: Filter, is_allowed: impl Fn(&RecordingDraft, &EpochPoint) -> bool) {
    let drafts = [draft("a", 1, 70), draft("b", 2, 50), draft("c", 3, 60)];
    let collection = collection(&space(), drafts.to_vec());
    let query = random_embedding(&mut Pcg64Mcg::seed_from_u64(9), DIM);
    let mut expect: Vec<(f32, EpochRef)> = drafts
        .iter()
        .flat_map(|draft| draft.epochs.iter().map(move |point| (draft, point)))
        .filter(|(draft, point)| is_allowed(draft, point))
        .map(|(draft, point)| {
            let epoch = EpochRef { recording: draft.id.clone(), epoch: point.number };
            (point.vector.cosine(&query), epoch)
        })
        .collect();
    expect.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert!(expect.len() < 180 && !expect.is_empty(), "the filter has an effect");
    let expect: Vec<_> = expect.into_iter().map(|(_, epoch)| epoch).take(20).collect();
    check(&collection, &query, &SearchRequest { filter, ..SearchRequest::nearest(20) }, &expect);
}

#[test]
fn filters_by_recording() {
    let recordings = Some([id("a"), id("c")].into());
    check_filter(Filter { recordings, ..Filter::default() }, |draft, _| draft.id != id("b"));
    let excluded_recordings = [id("a"), id("unknown")].into();
    let filter = Filter { excluded_recordings, ..Filter::default() };
    check_filter(filter, |draft, _| draft.id != id("a"));
}

#[test]
fn filters_by_stage() {
    let stages = BTreeSet::from([Stage::N2, Stage::Rem]);
    let filter = Filter { stages: Some(stages.clone()), ..Filter::default() };
    check_filter(filter, |_, point| point.stage.is_some_and(|stage| stages.contains(&stage)));
}

#[test]
fn filters_by_channels() {
    let channels = ChannelMask::from_iter([Channel::EegC3A2, Channel::Airflow]);
    let filter = Filter { channels, ..Filter::default() };
    check_filter(filter, |_, point| point.mask.contains_all(channels));
}

#[test]
fn filters_by_events() {
    let kinds = [EventKind::Arousal, EventKind::Hypopnea];
    let has = |point: &EpochPoint| kinds.iter().any(|kind| point.events.contains(*kind));
    let events = EventSet::from_iter(kinds);
    check_filter(Filter { any_event: events, ..Filter::default() }, |_, point| has(point));
    check_filter(Filter { no_event: events, ..Filter::default() }, |_, point| !has(point));
}

#[test]
fn filters_out_epochs() {
    let excluded_epochs = BTreeSet::from([epoch("a", 1), epoch("b", 20), epoch("b", 21)]);
    let filter = Filter { excluded_epochs: excluded_epochs.clone(), ..Filter::default() };
    check_filter(filter, |draft, point| {
        let epoch = EpochRef { recording: draft.id.clone(), epoch: point.number };
        !excluded_epochs.contains(&epoch)
    });
}

#[test]
fn filters_by_everything_at_once() {
    let filter = Filter {
        recordings: Some([id("a"), id("b")].into()),
        stages: Some([Stage::Wake, Stage::N1, Stage::N3].into()),
        no_event: EventSet::from_iter([EventKind::Snore]),
        ..Filter::default()
    };
    let stages = filter.stages.clone().unwrap();
    check_filter(filter, |draft, point| {
        draft.id != id("c")
            && point.stage.is_some_and(|stage| stages.contains(&stage))
            && !point.events.contains(EventKind::Snore)
    });
}

#[test]
fn filters_by_expression() {
    let filter =
        |text: &str| Filter { expression: Some(text.parse().unwrap()), ..Filter::default() };
    check_filter(filter("recording != b (stage = N2 OR event:arousal)"), |draft, point| {
        let has_arousal = point.events.contains(EventKind::Arousal);
        draft.id != id("b") && (point.stage == Some(Stage::N2) || has_arousal)
    });
    check_filter(
        filter("recording = a AND stage = W OR recording = c -epoch < 35"),
        |draft, point| {
            let is_wake = point.stage == Some(Stage::Wake);
            (draft.id == id("a") && (is_wake || draft.id == id("c"))) && point.number.0 >= 35
        },
    );
    let late =
        Filter { stages: Some([Stage::N1, Stage::N3].into()), ..filter("clock > \"23:10\"") };
    check_filter(late, |_, point| {
        // Recordings start at 22:58:30; the minute of 23:10 ends 750 s later.
        matches!(point.stage, Some(Stage::N1 | Stage::N3)) && point.onset_s >= 750.0
    });
}

#[test]
fn hits_describe_their_epoch() {
    let night = draft("a", 1, 30);
    let collection = collection(&space(), vec![night.clone()]);
    for (name, index) in indexes(&collection) {
        let point = &night.epochs[17];
        let hits = index.search(&point.vector, &SearchRequest::nearest(1)).unwrap();
        let expect = Hit {
            epoch: EpochRef { recording: id("a"), epoch: point.number },
            score: hits[0].score,
            onset_s: point.onset_s,
            stage: point.stage,
            mask: point.mask,
            events: point.events,
        };
        assert_eq!(hits, [expect], "{name}");
        assert!(hits[0].score > 0.999, "{name}");
    }
}

/// Returns nights whose epochs are near 20 centres, and queries near the same centres.
fn clustered(n_nights: usize, n_epochs: u32, dim: usize) -> (FolderReader, Vec<Embedding>) {
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let centres: Vec<_> = (0..20).map(|_| random_embedding(&mut random, dim)).collect();
    let mut near = |spread: f32| {
        let centre = &centres[random.random_range(0..centres.len())];
        let noise = random_embedding(&mut random, dim);
        let pairs = centre.as_slice().iter().zip(noise.as_slice());
        embedding(&pairs.map(|(centre, noise)| centre + spread * noise).collect::<Vec<_>>())
    };
    let queries = (0..50).map(|_| near(0.5)).collect();
    let nights = (0..n_nights).map(|night| {
        let epochs = (0..n_epochs).map(|number| plain_epoch(number, near(0.7))).collect();
        plain_draft(&format!("night-{night}"), epochs)
    });
    (collection(&space_of("clustered", dim), nights.collect()), queries)
}

fn recall(index: &dyn VectorIndex, oracle: &dyn VectorIndex, queries: &[Embedding]) -> f64 {
    let request = SearchRequest::nearest(10);
    let found = |index: &dyn VectorIndex, query| -> BTreeSet<EpochRef> {
        index.search(query, &request).unwrap().into_iter().map(|hit| hit.epoch).collect()
    };
    let both = |query| found(index, query).intersection(&found(oracle, query)).count();
    queries.iter().map(both).sum::<usize>() as f64 / (10 * queries.len()) as f64
}

#[test]
fn graph_has_high_recall_with_many_candidates() {
    let (collection, queries) = clustered(4, 400, 32);
    let oracle = Arc::new(ExactIndex::new(collection.segments().unwrap()));
    let found = |ef| {
        let graph = HnswIndex::build(Arc::clone(&oracle), ONE_THREAD).unwrap();
        recall(&WithCandidates { graph, ef }, oracle.as_ref(), &queries)
    };
    let wide = found(128);
    assert!(wide >= 0.95, "recall is {wide}");
    let narrow = found(10);
    assert!(narrow < wide, "the graph is searched: recall is {narrow} with few candidates");
}

/// Settings that build the same graph every time.
const ONE_THREAD: HnswSettings =
    HnswSettings { max_connections: 16, ef_construction: 200, threads: 1 };

#[test]
fn frozen_graph_has_at_least_the_recall_of_the_library() {
    let (collection, queries) = clustered(4, 400, 32);
    let oracle = Arc::new(ExactIndex::new(collection.segments().unwrap()));
    let graph = HnswGraph::build(Arc::clone(&oracle), ONE_THREAD).unwrap();
    for ef in [10, 16, 32, 64] {
        let both = |query| {
            let truth = oracle.search(query, &SearchRequest::nearest(10)).unwrap();
            let found = graph.search(query, 10, ef).unwrap();
            truth.iter().filter(|hit| found.contains(&hit.epoch)).count()
        };
        let own = queries.iter().map(both).sum::<usize>() as f64 / (10 * queries.len()) as f64;
        let frozen = WithCandidates { graph: HnswIndex::freeze(&graph).unwrap(), ef };
        let found = recall(&frozen, oracle.as_ref(), &queries);
        assert!(found >= own, "{ef} candidates: {found}, the library {own}");
    }
}

/// Returns the cosine of a query with every epoch of the selected recordings, from the stored vectors.
fn scores_of_vectors(
    collection: &FolderReader,
    query: &Embedding,
    is_in: impl Fn(&RecordingEntry) -> bool,
) -> Vec<(f64, EpochRef)> {
    let mut scores = Vec::new();
    for entry in collection.entries().into_iter().filter(|entry| is_in(entry)) {
        let recording = collection.recording(&entry.id).unwrap();
        for (row, number) in recording.numbers().iter().enumerate() {
            let bytes = recording.vectors().row_bytes(row).unwrap();
            let halves = bytes.as_chunks().0.iter().map(|half| f16::from_le_bytes(*half));
            let products = halves.zip(query.as_slice()).map(|(a, b)| a.to_f64() * f64::from(*b));
            let epoch = EpochRef { recording: entry.id.clone(), epoch: *number };
            scores.push((products.sum::<f64>(), epoch));
        }
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    scores
}

/// The scan scores 8-bit codes first, and must find the same epochs as a scan of the vectors.
#[test]
fn scan_of_codes_finds_the_same_as_a_scan_of_vectors() {
    let (collection, queries) = clustered(6, 500, 64);
    let index = ExactIndex::new(collection.segments().unwrap());
    let filter = Filter { excluded_recordings: [id("night-3")].into(), ..Filter::default() };
    for (query, k) in queries.iter().zip([1, 10, 100, 1000].into_iter().cycle()) {
        let request = SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(k) };
        let hits = index.search(query, &request).unwrap();
        let expect = scores_of_vectors(&collection, query, |entry| entry.id != id("night-3"));
        assert_eq!(hits.iter().map(|hit| &hit.epoch).collect::<BTreeSet<_>>().len(), k);
        for (hit, (score, _)) in hits.iter().zip(&expect) {
            let own = expect.iter().find(|(_, epoch)| *epoch == hit.epoch).unwrap().0;
            // Scores that differ by less than single precision does are a tie.
            assert!((f64::from(hit.score) - own).abs() < 1e-6 && (own - score).abs() < 1e-6, "{k}");
        }
    }
}

#[test]
fn answers_report_their_plan() {
    let (collection, queries) = clustered(2, 200, 16);
    let plans = indexes(&collection).into_iter().map(|(name, index)| {
        let found = index.find(&queries[0], &SearchRequest::nearest(5)).unwrap();
        (name, found.plan.to_string())
    });
    let expect = [
        ("exact", "scan"),
        ("hnsw", "hnsw (256 candidates)"),
        ("ivf", "ivf (80 of 80 lists)"),
        ("planned", "scan"),
        ("qdrant", "qdrant exact"),
    ];
    let plans: BTreeMap<_, _> = plans.collect();
    for (name, plan) in expect {
        assert_eq!(plans[name], plan, "{name}");
    }
}

#[test]
fn requests_that_inverted_lists_cannot_answer_are_scanned() {
    let (collection, queries) = clustered(2, 200, 16);
    let exact = Arc::new(ExactIndex::new(collection.segments().unwrap()));
    let lists = IvfIndex::build(exact, None).unwrap();
    let approximate = SearchRequest { recall: Some(0.9), ..SearchRequest::nearest(5) };
    let plan = |request: &SearchRequest| lists.find(&queries[0], request).unwrap().plan;
    assert!(!plan(&approximate).is_exact());
    assert_eq!(plan(&SearchRequest::nearest(5)), SearchPlan::Scan);
    assert_eq!(plan(&SearchRequest { k: 201, ..approximate.clone() }), SearchPlan::Scan);
    assert_eq!(plan(&SearchRequest { min_score: Some(0.1), ..approximate }), SearchPlan::Scan);
}

#[test]
fn graph_built_on_one_thread_is_reproducible() {
    let (collection, queries) = clustered(2, 200, 16);
    let search = || {
        let exact = Arc::new(ExactIndex::new(collection.segments().unwrap()));
        let graph = HnswIndex::build(exact, ONE_THREAD).unwrap();
        let search =
            |query| graph.search_with(query, &SearchRequest::nearest(10), 10).unwrap().unwrap();
        queries.iter().map(search).collect::<Vec<_>>()
    };
    assert_eq!(search(), search());
}

#[test]
fn graph_finds_epochs_among_many_equal_ones() {
    let degrees: Vec<f32> = (0..300).map(|number| if number < 280 { 0.0 } else { 90.0 }).collect();
    let nights = plane(&[("a", &degrees)]);
    for (name, index) in indexes(&nights) {
        let hits = index.search(&direction(90.0), &SearchRequest::nearest(30)).unwrap();
        assert_eq!(hits.len(), 30, "{name}");
        assert!(hits[0].score > 0.99, "{name}");
    }
}

#[test]
fn settings_that_crash_the_library_are_rejected() {
    let exact = Arc::new(ExactIndex::new(plane(&[]).segments().unwrap()));
    let settings = HnswSettings { max_connections: 257, ..HnswSettings::default() };
    let error = HnswIndex::build(exact, settings).unwrap_err();
    assert_eq!(error.to_string(), "`max_connections` is 257; expected 4 to 128");
}

#[test]
fn captions_are_found_by_kind_and_epoch() {
    let night = draft("a", 1, 30);
    let collection = collection(&space(), vec![night.clone(), draft("b", 2, 30)]);
    let index = ExactIndex::new(collection.segments().unwrap());
    let caption = &night.captions[5];
    let hits = index.search_captions(&caption.vector, &SearchRequest::nearest(3), None).unwrap();
    assert_eq!(hits.len(), 3);
    assert_eq!((hits[0].epoch.epoch, &hits[0].text), (caption.epoch, &caption.text));
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));

    let kinds = BTreeSet::from([CaptionKind::Brain]);
    let filter = Filter { excluded_recordings: [id("a")].into(), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(usize::MAX) };
    let hits = index.search_captions(&caption.vector, &request, Some(&kinds)).unwrap();
    assert_eq!(hits.len(), 15);
    let is_expected = |hit: &nocturne_index::CaptionHit| {
        hit.kind == CaptionKind::Brain && hit.epoch.recording == id("b")
    };
    assert!(hits.iter().all(is_expected));
}
