//! The engine: a collection, the bundle that filled it, and the questions it answers.

use std::path::Path;
use std::sync::Arc;

use nocturne_concepts::{Calibration, Registry};
use nocturne_encoder::{Bundle, Provider, Runtime};
use nocturne_index::{EmbeddingSpace, FacetCounts, Filter, Location, Recording};
use nocturne_psg::{EpochRef, RecordingId};

use crate::calibration::{self, CalibrationReport, CalibrationRequest, ConceptEvaluation};
use crate::error::Result;
use crate::live::live_collection::{LiveCollection, LiveSpace};
use crate::live::snapshot::Snapshot;
use crate::live::switch::{SpaceSwitch, SwitchThread};
use crate::model::caption_thread::{GenerateRequest, GeneratedPart};
use crate::model::opened_bundle::OpenedBundle;
use crate::options::{EngineOptions, check_recall};
use crate::question::captions::{CaptionAnswer, CaptionRequest};
use crate::question::epochs::{EpochAnswer, EpochQuery, EpochRequest};
use crate::question::explain::{Explainer, Explanation};
use crate::question::labels::EpochLabels;
use crate::question::learned_concept::LearnedConcept;
use crate::question::nights::NightRequest;
use crate::question::nights::answer::NightAnswer;
use crate::question::rank_nights::{NightRanking, RankRequest};
use crate::question::recordings::RecordingPage;
use crate::question::{
    captions, epochs, explain, generate, labels, learned_concept, nights, rank_nights, recordings,
};

/// Answers questions about the nights of a collection. It can be shared between threads.
#[derive(Debug)]
pub struct Engine {
    live: Arc<LiveCollection>,
    switch: Arc<SpaceSwitch>,
    _switch_thread: Option<SwitchThread>,
}

/// What an engine serves.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EngineInfo {
    /// Name of the served space.
    pub space: String,
    /// Name of the bundle.
    pub bundle: String,
    /// SHA-256 over everything in the bundle that changes a vector.
    pub bundle_fingerprint: String,
    /// Dimensions of an embedding.
    pub embedding_dim: usize,
    /// Span over which signals are z-scored.
    pub z_score: nocturne_psg::ZScore,
    /// Whether [`Engine::generate_caption`] is available.
    pub captions: bool,
    /// Execution provider of the text tower: `cpu` or `cuda`.
    pub provider: &'static str,
    /// Number of recordings.
    pub recordings: usize,
    /// Number of epochs.
    pub epochs: usize,
    /// Generation of the snapshot.
    pub generation: u64,
    /// How epochs are searched by default: `exact` or `approximate`.
    pub search: &'static str,
}

impl Engine {
    /// Opens a collection with the bundle that filled its served space.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::OtherBundle`] if another bundle filled it, [`Error::Field`](crate::Error::Field) if
    /// [`EngineOptions::recall`] is out of range, and the errors of opening collection and bundle.
    pub fn open(
        collection: impl Into<Location>,
        bundle: &Bundle,
        runtime: Runtime,
        options: EngineOptions,
    ) -> Result<Self> {
        let options =
            EngineOptions { recall: options.recall.map(check_recall).transpose()?, ..options };
        let location = collection.into();
        let snapshot = Snapshot::open(&location)?;
        snapshot.expect_space(&EmbeddingSpace::of(bundle))?;
        let bundle = Arc::new(OpenedBundle::open(bundle, runtime, options)?);
        let live = Arc::new(LiveCollection::new(LiveSpace::new(bundle, snapshot, options)));
        let switch = Arc::new(SpaceSwitch::new(location, runtime, options, Arc::clone(&live)));
        let thread =
            options.keeps_up.then(|| SwitchThread::start(Arc::clone(&switch))).transpose()?;
        Ok(Self { live, switch, _switch_thread: thread })
    }

    /// Switches to the space that the collection serves now, with its bundle; returns whether it was another one.
    /// Questions in progress finish in the space in which they started.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`Error::BundleUnknown`](crate::Error::BundleUnknown). The engine then keeps
    /// the space that it has.
    pub fn follow(&self) -> Result<bool> {
        self.switch.follow()
    }

    /// Returns what the engine serves at this moment.
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub fn info(&self) -> Result<EngineInfo> {
        let space = self.live.newest()?;
        let (bundle, snapshot) = (&*space.bundle, space.snapshot());
        let is_approximate = space.default_recall.is_some_and(|recall| recall < 1.0);
        Ok(EngineInfo {
            space: snapshot.space_name().to_string(),
            bundle: bundle.manifest.name.clone(),
            bundle_fingerprint: bundle.fingerprint.clone(),
            embedding_dim: bundle.manifest.embedding_dim,
            z_score: bundle.manifest.preprocessing.z_score,
            captions: bundle.captions.is_some(),
            provider: bundle.provider.name,
            recordings: snapshot.entries().len(),
            epochs: snapshot.n_epochs(),
            generation: snapshot.generation(),
            search: if is_approximate { "approximate" } else { "exact" },
        })
    }

    /// Returns the execution provider of the text tower.
    pub fn provider(&self) -> Provider {
        self.live.cached().bundle.provider.clone()
    }

    /// Checks once, without a retry, that the collection can be read.
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub fn check_reachable(&self) -> Result<()> {
        Ok(self.live.cached().snapshot().check_reachable()?)
    }

    /// Finds the epochs nearest to a query.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) if the query or a number of the request is out of range,
    /// [`Error::Overloaded`](crate::Error::Overloaded), and [`nocturne_index::Error::UnknownRecording`] or
    /// [`UnknownEpoch`](nocturne_index::Error::UnknownEpoch) for an epoch that the collection does not contain.
    pub fn search_epochs(&self, query: &EpochQuery, request: EpochRequest) -> Result<EpochAnswer> {
        epochs::search_epochs(&self.live.newest()?, query, request)
    }

    /// Ranks nights by how often a concept occurs per hour of sleep.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) if the question is empty or a number is out of range,
    /// [`Error::Overloaded`](crate::Error::Overloaded), and [`nocturne_index::Error::UnknownRecording`] or
    /// [`Filter`](nocturne_index::Error::Filter) if the filter does not fit the collection.
    pub fn search_nights(&self, request: &NightRequest) -> Result<NightAnswer> {
        nights::search_nights(&self.live.newest()?, request)
    }

    /// Ranks nights by similarity to any words; it measures nothing. `progress` receives the number of nights read and
    /// that of all.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`](crate::Error::Unreadable) if no word occurred in the training of the bundle, and
    /// [`Error::Field`](crate::Error::Field) for words that a similarity cannot express, and on a server with too many
    /// recordings.
    pub fn rank_nights(
        &self,
        request: RankRequest,
        progress: impl FnMut(usize, usize),
    ) -> Result<NightRanking> {
        rank_nights::rank_nights(&self.live.newest()?, request, progress)
    }

    /// Learns how far the model can be believed, from the scored nights of the collection. They should be of different
    /// subjects, none of whom the bundle was trained on.
    ///
    /// What the model finds in each night is compared with the scoring, by curves that were fitted to other nights; see
    /// [`nocturne_concepts::calibration`]. `progress` receives a line for each step.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) if there are fewer than 39 such nights, or simulated and recorded ones.
    pub fn calibrate(
        &self,
        request: &CalibrationRequest,
        progress: impl FnMut(&str),
    ) -> Result<CalibrationReport> {
        calibration::calibrate(&self.live.newest()?, request, progress)
    }

    /// Checks the calibration of the bundle on scored nights of the collection, which should not be those that it was
    /// learned from. `progress` receives the number of nights so far.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) if the bundle has no calibration.
    pub fn evaluate_calibration(
        &self,
        filter: &Filter,
        progress: impl FnMut(usize),
    ) -> Result<ConceptEvaluation> {
        calibration::evaluate(&self.live.newest()?, filter, progress)
    }

    /// Returns the concepts that can be asked about, and the calibration of the bundle if it has one.
    ///
    /// # Errors
    ///
    /// Those of opening the newest state of the collection.
    pub fn concepts(&self) -> Result<(&'static Registry, Option<Calibration>)> {
        let space = self.live.newest()?;
        Ok((space.bundle.registry(), space.bundle.calibration().cloned()))
    }

    /// Labels every epoch that a filter allows and passes each to `take`, in order, until `take` returns `false`.
    ///
    /// An exclusive set is judged by softmax with the bundle's logit scale. Other labels are judged one by one against
    /// their negative prompts; labels that the channels of the epoch do not show are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) for an unknown set, [`nocturne_index::Error::UnknownRecording`] or
    /// [`Filter`](nocturne_index::Error::Filter) if the filter does not fit the collection. If recordings that the
    /// filter may allow are damaged, the others are labelled first, then the damage is returned.
    pub fn label_epochs(
        &self,
        filter: &Filter,
        set: &str,
        take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        labels::label_epochs(&self.live.newest()?, filter, set, take)
    }

    /// Labels epochs as [`label_epochs`](Self::label_epochs) does, by a learned concept.
    ///
    /// # Errors
    ///
    /// Those of [`label_epochs`](Self::label_epochs).
    pub fn label_epochs_by(
        &self,
        filter: &Filter,
        concept: &LearnedConcept,
        take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        labels::label_epochs_by(&self.live.newest()?, filter, concept, take)
    }

    /// Finds the captions nearest to an epoch of the collection; each text is returned once, with its best epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Field`](crate::Error::Field) if `k` is out of range, and [`nocturne_index::Error::UnknownRecording`] or
    /// [`UnknownEpoch`](nocturne_index::Error::UnknownEpoch) for an epoch that the collection does not contain.
    pub fn search_captions(
        &self,
        epoch: &EpochRef,
        request: &CaptionRequest,
    ) -> Result<Vec<CaptionAnswer>> {
        captions::search_captions(&self.live.newest()?, epoch, request)
    }

    /// Generates captions of an epoch and passes the parts to `take` as they are generated, until `take` returns
    /// `false`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) if the bundle has no captioner or the engine was opened
    /// without it, [`Error::Overloaded`](crate::Error::Overloaded), [`Error::Deadline`](crate::Error::Deadline), and
    /// [`nocturne_encoder::Error::DecodingOption`] if a decoding parameter is out of range.
    pub fn generate_caption(
        &self,
        request: GenerateRequest,
        take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        generate::generate_caption(&self.live.cached(), request, take)
    }

    /// Returns whether [`generate_caption`](Self::generate_caption) is available.
    pub fn has_captioner(&self) -> bool {
        self.live.cached().bundle.captions.is_some()
    }

    /// Reads a concept file that was learned on embeddings of the bundle in use.
    ///
    /// # Errors
    ///
    /// [`nocturne_encoder::Error::OtherConcept`] if it was learned on those of another bundle,
    /// [`nocturne_encoder::Error::Concept`] if the file is not a valid concept file, and
    /// [`nocturne_encoder::Error::Io`].
    pub fn read_concept(&self, path: &Path) -> Result<LearnedConcept> {
        learned_concept::read_concept(&self.live.cached(), path)
    }

    /// Explains epochs of the collection, in their order: where in each the query matches. A recording that was moved
    /// or changed since it was indexed makes its epochs unexplained, and so does a query that is not answered by
    /// similarity; neither is an error.
    ///
    /// # Errors
    ///
    /// Those of [`search_epochs`](Self::search_epochs), and [`nocturne_encoder::Error::Model`].
    pub fn explain(
        &self,
        explainer: &mut Explainer,
        query: &EpochQuery,
        epochs: &[EpochRef],
    ) -> Result<Vec<Explanation>> {
        explain::explain(&self.live.newest()?, explainer, query, epochs)
    }

    /// Returns a recording of the collection.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::UnknownRecording`], and those of reading it.
    pub fn recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        recordings::recording(&self.live.newest()?, id)
    }

    /// Lists recordings with at least one epoch that a filter allows, by ascending name, `page_size` at a time.
    /// `token` is [`RecordingPage::next_token`] of the previous page, or empty for the first.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::Filter`], [`UnknownRecording`](nocturne_index::Error::UnknownRecording),
    /// [`PageToken`](nocturne_index::Error::PageToken) and those of reading the recordings.
    pub fn list_recordings(
        &self,
        filter: &Filter,
        page_size: usize,
        token: &str,
    ) -> Result<RecordingPage> {
        recordings::list_recordings(&self.live.newest()?, filter, page_size, token)
    }

    /// Counts the recordings and epochs that a filter allows by facet: `stage`, `event`, `channel`, or a metadata
    /// column.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::UnknownFacet`], and those of [`list_recordings`](Self::list_recordings).
    pub fn count_facets(&self, filter: &Filter, facets: &[String]) -> Result<Vec<FacetCounts>> {
        recordings::count_facets(&self.live.newest()?, filter, facets)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use nocturne_encoder::head::LogisticHead;
    use nocturne_encoder::{Concept, ConceptTarget, ConceptValidation};
    use nocturne_index::{CollectionWriter, FolderWriter};
    use nocturne_psg::Stage;

    use super::*;
    use crate::error::Error;
    use crate::tests::collections::{FINGERPRINT, fill, live, night, space};
    use crate::tests::models::DIM;

    impl Engine {
        /// Opens a collection with the bundle for tests.
        fn for_tests(folder: &Path) -> Self {
            let live = Arc::new(live(folder));
            let open = |_: &Path, _: &Snapshot| Err(Error::EncoderLost);
            let switch = SpaceSwitch::with(
                folder.into(),
                EngineOptions::default(),
                Arc::clone(&live),
                Box::new(open),
            );
            Self { live, switch: Arc::new(switch), _switch_thread: None }
        }
    }

    fn engine() -> (tempfile::TempDir, Engine) {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), [night("a", "W2!3R"), night("b", "W2")]);
        let engine = Engine::for_tests(folder.path());
        (folder, engine)
    }

    #[test]
    fn info_describes_what_is_served() {
        let (_folder, engine) = engine();
        let info = engine.info().unwrap();
        assert_eq!((info.space.as_str(), info.bundle.as_str()), ("main", "small"));
        assert_eq!((info.recordings, info.epochs, info.embedding_dim), (2, 6, DIM));
        assert_eq!((info.search, info.captions, info.provider), ("exact", false, "cpu"));
        assert_eq!(info.bundle_fingerprint, FINGERPRINT);
    }

    #[test]
    fn questions_see_the_newest_commit() {
        let (folder, engine) = engine();
        let mut writer = FolderWriter::open(folder.path(), &space(DIM)).unwrap();
        writer.commit(night("c", "333")).unwrap();
        assert_eq!(engine.info().unwrap().recordings, 3);
        let query = EpochQuery::Text("deep sleep".to_owned());
        let answer = engine.search_epochs(&query, EpochRequest { k: 3, ..EpochRequest::default() });
        assert!(answer.unwrap().hits.iter().any(|hit| hit.recording == "c"));
    }

    #[test]
    fn collection_that_is_gone_cannot_be_reached() {
        let (folder, engine) = engine();
        engine.check_reachable().unwrap();
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(engine.check_reachable().is_err());
    }

    #[test]
    fn captions_need_a_captioner() {
        let (_folder, engine) = engine();
        assert!(!engine.has_captioner());
        let request = GenerateRequest {
            signal: crate::EpochSignal::new(
                vec![1.0; nocturne_psg::night::INPUT_LEN],
                nocturne_psg::montage::ChannelMask::ALL,
            )
            .unwrap(),
            kinds: vec![nocturne_psg::caption::CaptionKind::Brain],
            search: nocturne_encoder::caption::DecodingOptions::default(),
            explain: false,
            deadline: std::time::Instant::now(),
        };
        let error = engine.generate_caption(request, |_| true).unwrap_err();
        assert_eq!(error.to_string(), "the bundle `small` does not support generated captions");
    }

    /// Writes a concept that was learned on a bundle, whose weights are along N3.
    fn write_concept(folder: &Path, fingerprint: &str) -> PathBuf {
        let mut weights = vec![0.0; DIM];
        weights[Stage::N3.index()] = 20.0;
        let head = LogisticHead { weights, bias: -6.0 };
        let validation = ConceptValidation {
            folds: 3,
            auroc: 0.99,
            true_positive_rate: 1.0,
            false_positive_rate: 0.0,
        };
        let target = ConceptTarget::Stage(Stage::N3);
        let concept = Concept::new(target, fingerprint.to_owned(), head, [10, 10], validation);
        let path = folder.join("deep.toml");
        std::fs::write(&path, concept.to_toml()).unwrap();
        path
    }

    #[test]
    fn concept_file_becomes_a_direction_and_a_calibration() {
        let (folder, engine) = engine();
        let path = write_concept(folder.path(), FINGERPRINT);
        let concept = engine.read_concept(&path).unwrap();
        assert_eq!(concept.name(), "N3");
        let mut labelled = Vec::new();
        let take = |labels: EpochLabels| {
            labelled.push((labels.epoch, !labels.labels.is_empty()));
            true
        };
        let filter =
            Filter { recordings: Some(["a".parse().unwrap()].into()), ..Filter::default() };
        engine.label_epochs_by(&filter, &concept, take).unwrap();
        assert_eq!(labelled, [(0, false), (1, false), (2, true), (3, false)]);
    }

    #[test]
    fn concept_of_another_bundle_is_refused() {
        use nocturne_encoder::Error::OtherConcept;
        let (folder, engine) = engine();
        let path = write_concept(folder.path(), "f00");
        let error = engine.read_concept(&path).unwrap_err();
        assert!(matches!(error, Error::Encoder(OtherConcept { .. })), "{error}");
    }
}
