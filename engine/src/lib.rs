//! Answers questions about nights of sleep.
//!
//! An [`Engine`] holds a collection, in a folder or in Qdrant, and the model bundle that filled it:
//!
//! - [`search_epochs`](Engine::search_epochs): text, an epoch, a vector or a learned concept → epochs;
//! - [`search_nights`](Engine::search_nights): a question → the nights that fit it, with their numbers;
//! - [`rank_nights`](Engine::rank_nights): any words → nights by similarity;
//! - [`label_epochs`](Engine::label_epochs): epochs → stages or events;
//! - [`search_captions`](Engine::search_captions): an epoch → the nearest captions;
//! - [`generate_caption`](Engine::generate_caption): the signals of an epoch → a caption;
//! - [`list_recordings`](Engine::list_recordings), [`count_facets`](Engine::count_facets): what the collection contains.
//!
//! [`Explainer`] shows where in an epoch a query matches, and [`compare`] measures how far two spaces agree.
//! The engine opens no socket and writes nothing to a collection but caches (the approximate index).
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - [`grammar`]: from words to the typed question.
//! - `error`, `options`.
//! - `model`: an opened bundle and the threads that own its sessions.
//! - `live`: snapshots of the collection, their tracks, refresh, and the switch to a promoted space.
//! - `question`: one module for each kind of question.
//! - `calibration`: how far the model can be believed, learned and checked on scored nights.
//! - `engine`: the public entry point.

mod calibration;
mod engine;
mod error;
pub mod grammar;
mod live;
mod model;
mod options;
mod question;
#[cfg(test)]
mod tests;

pub use calibration::{
    CalibrationReport, CalibrationRequest, ClassCheck, ConceptCheck, ConceptEvaluation,
    IntervalCoverage, LeftOut, LeftOutNight, MeasureCheck, RiskPoint,
};
pub use engine::{Engine, EngineInfo};
pub use error::{Error, Result};
pub use model::caption_thread::{GenerateRequest, GeneratedPart};
pub use model::epoch_signal::EpochSignal;
pub use options::{CalibrationChoice, EngineOptions};
pub use question::captions::{CaptionAnswer, CaptionRequest};
pub use question::compare;
pub use question::epochs::{
    EpochAnswer, EpochHit, EpochQuery, EpochRequest, ScoreKind, TextReading,
};
pub use question::explain::{Explainer, Explanation};
pub use question::labels::EpochLabels;
pub use question::learned_concept::LearnedConcept;
pub use question::limits::{MAX_HITS, MAX_TEXT_BYTES};
pub use question::nights::answer::{
    NightAnswer, NightBlock, NightHit, QuestionReading, SkippedNight,
};
pub use question::nights::unanswered::Unanswered;
pub use question::nights::value::{Measurement, NoInterval};
pub use question::nights::{AskedQuestion, MAX_EVIDENCE, NightRequest};
pub use question::rank_nights::{NightRank, NightRanking, RankRequest};
pub use question::recordings::RecordingPage;
pub use question::skip_reason::SkipReason;
pub use question::threshold::Threshold;
