//! The engine: a collection, the bundle that filled it, and the questions it answers.

use std::path::Path;
use std::sync::Arc;

use nocturne_encoder::{BatchOptions, Bundle, Device, Provider, Runtime};
use nocturne_index::Filter;
use nocturne_psg::EpochRef;

use crate::follower::{Follower, Following};
use crate::served::{Current, OpenBundle, Served, Space};
use crate::snapshot::Snapshot;
use crate::{
    CaptionAnswer, CaptionRequest, EpochAnswer, EpochLabels, EpochQuery, EpochRequest, Error,
    GenerateRequest, GeneratedPart, LearnedConcept, NightAnswer, NightRequest, Result, Source,
};

/// Answers questions about the nights of a collection. It may be shared between threads.
#[derive(Debug)]
pub struct Engine {
    current: Arc<Current>,
    follower: Arc<Follower>,
    _following: Option<Following>,
}

/// How an engine runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Where the text tower runs.
    pub device: Device,
    /// Share of the nearest epochs that a search is to find on average, above 0 and up to 1, where the search does not say;
    /// with nothing, every epoch is looked at and none is missed.
    pub recall: Option<f32>,
    /// Whether threads keep up in the background with what becomes of the collection: one makes lists for great ones, with
    /// which some of the nearest may be missed, and one goes over to the space that is promoted, with its bundle. Without,
    /// the engine stays in the space that it was opened in until [`Engine::follow`] is called.
    pub keeps_up: bool,
    /// How texts are worked through.
    pub batch: BatchOptions,
    /// Whether the signal tower and the caption decoder are opened too, of a bundle that has one, for
    /// [`generate_caption`](Engine::generate_caption).
    pub captions: bool,
}

/// What an engine serves.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Info {
    /// Name of the space that is served.
    pub space: String,
    /// Name of the bundle.
    pub bundle: String,
    /// Hash of all that changes a vector.
    pub bundle_fingerprint: String,
    /// Length of an embedding.
    pub embedding_dim: usize,
    /// Span over which signals are scaled.
    pub z_score: nocturne_psg::ZScore,
    /// Whether captions can be made.
    pub captions: bool,
    /// What the encoder runs on.
    pub provider: &'static str,
    /// Number of recordings.
    pub recordings: usize,
    /// Number of epochs.
    pub epochs: usize,
    /// Number of the collection's snapshot.
    pub generation: u64,
    /// How epochs are searched where the search does not say: `exact`, or `approximate` where some may be missed.
    pub search: &'static str,
}

impl Engine {
    /// Opens a collection with the bundle that filled the space that it serves.
    ///
    /// # Errors
    ///
    /// [`nocturne_index::Error::OtherBundle`] where another bundle filled it, and what opening either may give.
    pub fn open(
        collection: impl Into<Source>,
        bundle: &Bundle,
        runtime: Runtime,
        options: Options,
    ) -> Result<Self> {
        let options = Options { recall: options.recall.map(check_recall).transpose()?, ..options };
        let source = collection.into();
        let snapshot = Snapshot::open(&source)?;
        snapshot.expect_space(&nocturne_index::Space::of(bundle))?;
        let open = Arc::new(OpenBundle::open(bundle, runtime, options)?);
        let current = Arc::new(Current::new(Space::new(open, snapshot, options)));
        let follower = Arc::new(Follower::new(source, runtime, options, Arc::clone(&current)));
        let following =
            options.keeps_up.then(|| Following::start(Arc::clone(&follower))).transpose()?;
        Ok(Self { current, follower, _following: following })
    }

    /// Goes over to the space that is served now, with its bundle, and returns whether that was another one. Questions
    /// that are under way end in the space in which they began.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`Error::BundleUnknown`]; the space of before is served on then.
    pub fn follow(&self) -> Result<bool> {
        self.follower.follow()
    }

    /// Returns what the engine serves at this moment.
    ///
    /// # Errors
    ///
    /// Those of reading the collection.
    pub fn info(&self) -> Result<Info> {
        let served = self.served()?;
        let (OpenBundle { manifest, fingerprint, provider, .. }, snapshot) =
            (&*served.bundle, served.snapshot());
        let is_approximate = served.recall.is_some_and(|it| it < 1.0);
        Ok(Info {
            space: snapshot.space_name().to_string(),
            bundle: manifest.name.clone(),
            bundle_fingerprint: fingerprint.clone(),
            embedding_dim: manifest.embedding_dim,
            z_score: manifest.preprocessing.z_score,
            captions: served.bundle.captions.is_some(),
            provider: provider.name,
            recordings: snapshot.recordings().entries().len(),
            epochs: snapshot.n_epochs(),
            generation: snapshot.generation(),
            search: if is_approximate { "approximate" } else { "exact" },
        })
    }

    /// Returns what the text tower runs on.
    pub fn provider(&self) -> Provider {
        self.current.held().bundle.provider.clone()
    }

    /// Finds the epochs nearest to a query.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where the query or a number of the request is out of range, [`Error::Overloaded`], and
    /// [`nocturne_index::Error::UnknownRecording`] or `UnknownEpoch` for what is not there.
    pub fn search_epochs(&self, query: &EpochQuery, request: EpochRequest) -> Result<EpochAnswer> {
        self.served()?.search_epochs(query, request)
    }

    /// Ranks nights by how often a concept occurs per hour of sleep.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where the question is empty or a number is out of range, [`Error::Overloaded`], and
    /// [`nocturne_index::Error::UnknownRecording`] and `Filter` for what is not there.
    pub fn search_nights(&self, request: &NightRequest) -> Result<NightAnswer> {
        self.served()?.search_nights(request)
    }

    /// Labels every epoch that a filter allows, and hands each to `take`, in order; it ends where `take` says `false`.
    ///
    /// An exclusive set is judged by softmax with the bundle's learned scale. Other labels are judged one by one against
    /// their negatives; those that the channels do not show are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] for an unknown set, [`nocturne_index::Error::UnknownRecording`] and `Filter` for what is not there;
    /// [`nocturne_index::Error::DamagedSegment`] after the others where one that may be wanted cannot be read.
    pub fn label_epochs(
        &self,
        filter: &Filter,
        set: &str,
        take: impl FnMut(EpochLabels) -> bool,
    ) -> Result<()> {
        self.served()?.label_epochs(filter, set, take)
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
        self.served()?.label_epochs_by(filter, concept, take)
    }

    /// Finds the captions nearest to an epoch of the collection; each text comes once, with its best epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] where `k` is out of range, and
    /// [`nocturne_index::Error::UnknownRecording`] or `UnknownEpoch` for what is not there.
    pub fn search_captions(
        &self,
        epoch: &EpochRef,
        request: &CaptionRequest,
    ) -> Result<Vec<CaptionAnswer>> {
        self.served()?.search_captions(epoch, request)
    }

    /// Says in words what the encoder sees in an epoch, and gives `take` the parts as they are made; it ends early
    /// where `take` returns `false`.
    ///
    /// # Errors
    ///
    /// [`Error::Lacks`] where the bundle cannot do it or the engine was opened without, [`Error::Overloaded`],
    /// [`Error::Deadline`], and [`nocturne_encoder::Error::Search`] where the search is out of range.
    pub fn generate_caption(
        &self,
        request: GenerateRequest,
        take: impl FnMut(GeneratedPart) -> bool,
    ) -> Result<()> {
        self.current.held().generate_caption(request, take)
    }

    /// Returns whether [`generate_caption`](Self::generate_caption) can be asked.
    pub fn makes_captions(&self) -> bool {
        self.current.held().bundle.captions.is_some()
    }

    /// Reads a concept that `nocturne-train fewshot` has learned on embeddings of the bundle in use.
    ///
    /// # Errors
    ///
    /// [`nocturne_encoder::Error::OtherConcept`] where it was learned on those of another bundle,
    /// [`nocturne_encoder::Error::Concept`] where the file breaks its format, and
    /// [`nocturne_encoder::Error::Io`].
    pub fn read_concept(&self, path: &Path) -> Result<LearnedConcept> {
        self.current.held().read_concept(path)
    }

    /// Looks whether the collection can be reached, and asks once.
    pub(crate) fn look(&self) -> Result<()> {
        Ok(self.current.held().snapshot().look()?)
    }

    /// Returns what a question is answered with, which it keeps to its end.
    pub(crate) fn served(&self) -> Result<Served> {
        self.current.get()
    }
}

/// Refuses what is no share.
pub(crate) fn check_recall(recall: f32) -> Result<f32> {
    if recall > 0.0 && recall <= 1.0 {
        return Ok(recall);
    }
    Err(Error::field("recall", recall, "more than 0 and at most 1"))
}
