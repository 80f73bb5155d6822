//! Tests against a real server, if `QDRANT_URL` names one, such as `http://localhost:6334`.
//!
//! `QDRANT_API_KEY` is its key, `NOCTURNE_REQUIRE_QDRANT=1` makes a missing server a failure, and
//! `NOCTURNE_QDRANT_ANY_HOST=1` allows servers on other machines. Collections are called `ci_…` and deleted afterwards.

#![expect(clippy::disallowed_methods, reason = "a test is opted into by the environment")]

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use nocturne_index::qdrant::{
    ApiKey, QdrantReader, QdrantSettings, QdrantUrl, QdrantWriter, wait_until_green,
};
use nocturne_index::{
    CollectionReader, CollectionWriter, ExactIndex, Filter, Recording, ScoreTable, SearchRequest,
    VectorIndex,
};
use nocturne_psg::Stage;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::conflicts::assert_conflict;
use nocturne_testing::{Absent, Resource};

use super::{aliases, copy_to};
use crate::spaces;
use crate::support::{DIM, collection, draft, id, random_embedding, space};

/// A collection on the server that is deleted when this is dropped.
pub(crate) struct Temporary {
    pub(super) settings: QdrantSettings,
    server: String,
}

impl Temporary {
    /// Names a new collection; `None`, with a record of the skip, if no server is configured.
    pub(super) fn on_server() -> Option<Self> {
        let is_set = |name| std::env::var(name).is_ok_and(|value| value == "1");
        let server = nocturne_testing::available!(
            std::env::var("QDRANT_URL")
                .map_err(|_| { Absent::new(Resource::Qdrant, "QDRANT_URL is not set") })
        )?;
        let server = server.trim_end_matches('/').replacen("http", "qdrant", 1);
        let number = RandomState::new().hash_one(std::process::id());
        let url = format!("{server}/ci_{number:016x}");
        let url: QdrantUrl = url.parse().unwrap();
        let is_allowed = url.is_loopback() || is_set("NOCTURNE_QDRANT_ANY_HOST");
        assert!(is_allowed, "`{url}` is not this machine, and `NOCTURNE_QDRANT_ANY_HOST` is not 1");
        let mut settings = QdrantSettings::at(url);
        settings.api_key = std::env::var("QDRANT_API_KEY").ok().map(ApiKey::new);
        Some(Self { settings, server: server.replacen("qdrant", "http", 1) })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = qdrant_client::Qdrant::from_url(&self.server).skip_compatibility_check();
        let client = client.api_key(std::env::var("QDRANT_API_KEY")).build().unwrap();
        let name = self.settings.url.collection();
        let of = |space: &str| {
            let name = format!("{name}{space}");
            [name.clone(), format!("{name}-recordings"), format!("{name}-tracks")]
        };
        for name in of("").into_iter().chain(of("@v2")) {
            let deleted = runtime.block_on(client.delete_collection(name));
            assert!(deleted.is_ok() || std::thread::panicking(), "{deleted:?}");
        }
    }
}

#[test]
fn server_gives_the_results_of_a_folder() {
    let Some(temporary) = Temporary::on_server() else { return };
    let settings = || temporary.settings.clone();
    let nights = collection(&space(), vec![draft("a", 1, 300), draft("b", 2, 200)]);
    copy_to(&nights, settings()).unwrap();
    let index = QdrantReader::open(settings()).unwrap();
    assert_eq!(index.verify().count(), 0);
    let exact = ExactIndex::new(nights.segments().unwrap());
    let stages = Filter { stages: Some([Stage::N2].into()), ..Filter::default() };
    let text = "recording = a stage != N2 OR clock > \"23:30\" -event:arousal epoch >= 20";
    let written = Filter { expression: Some(text.parse().unwrap()), ..Filter::default() };
    let mut random = Pcg64Mcg::seed_from_u64(1);
    let prompts = [random_embedding(&mut random, DIM)];
    let table = |_: &Recording, scores: &ScoreTable| scores.clone();
    let expect = exact.score_all(&prompts, |_| true, table).unwrap();
    let there: &dyn CollectionReader = &index;
    assert_eq!(there.score_all(&prompts, |_| true, table).unwrap(), expect);
    for filter in [Filter::default(), stages, written] {
        for min_score in [None, Some(0.3)] {
            let query = random_embedding(&mut random, DIM);
            let filter = filter.clone();
            let request = SearchRequest { filter, min_score, ..SearchRequest::nearest(25) };
            let expect = exact.search(&query, &request).unwrap();
            assert_eq!(index.search(&query, &request).unwrap(), expect);
        }
        let request = SearchRequest { filter, ..SearchRequest::nearest(1000) };
        let n_hits = exact.search(&random_embedding(&mut random, DIM), &request).unwrap().len();
        assert_eq!(index.count(&request.filter).unwrap(), n_hits);
    }
    let mut writer = QdrantWriter::open_or_create(settings(), &space()).unwrap();
    writer.remove(&id("a")).unwrap();
    let index = QdrantReader::open(settings()).unwrap();
    assert_eq!(index.count(&Filter::default()).unwrap(), 200);
}

#[test]
fn aliases_of_a_server_behave_as_those_of_the_double() {
    let Some(temporary) = Temporary::on_server() else { return };
    let api_key = std::env::var("QDRANT_API_KEY").ok();
    let name = temporary.settings.url.collection();
    aliases::check(&temporary.server, api_key.as_deref(), name);
}

#[test]
fn server_serves_the_promoted_space() {
    let Some(temporary) = Temporary::on_server() else { return };
    spaces::qdrant::promote_and_roll_back(&temporary.settings);
}

#[test]
fn conflicts_are_detected_by_a_server() {
    let Some(temporary) = Temporary::on_server() else { return };
    let settings = || temporary.settings.clone();
    let writer = || QdrantWriter::open_or_create(settings(), &space()).unwrap();
    let (mut first, mut second) = (writer(), writer());
    first.commit(draft("a", 1, 50)).unwrap();
    assert_conflict(&second.commit(draft("a", 2, 40)).unwrap_err(), "a");
    second.commit(draft("a", 2, 40)).unwrap();
    first.commit(draft("b", 3, 30)).unwrap();
    assert_conflict(&first.remove(&id("a")).unwrap_err(), "a");
    first.remove(&id("a")).unwrap();
    let there = QdrantReader::open(settings()).unwrap();
    assert_eq!((there.verify().count(), there.n_epochs()), (0, 30));
}

#[test]
fn writers_fill_one_collection_of_a_server_at_the_same_time() {
    let Some(temporary) = Temporary::on_server() else { return };
    let settings = temporary.settings.clone();
    QdrantWriter::open_or_create(settings.clone(), &space()).unwrap();
    std::thread::scope(|scope| {
        for shard in 0..4 {
            let settings = settings.clone();
            scope.spawn(move || {
                let mut writer = QdrantWriter::open_or_create(settings, &space()).unwrap();
                for night in (shard..12).step_by(4) {
                    writer.commit(draft(&format!("n{night}"), night, 60)).unwrap();
                }
            });
        }
    });
    let status = wait_until_green(settings.clone(), Duration::from_mins(2), &mut |_| {}).unwrap();
    assert!(status.is_green, "{status:?}");
    let there = QdrantReader::open(settings).unwrap();
    assert_eq!((there.verify().count(), there.n_epochs()), (0, 12 * 60));
}
