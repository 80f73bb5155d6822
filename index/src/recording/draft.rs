//! A recording that is to be committed, and what must hold of it.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, Event, EventSet, Quality, RecordingId, Stage};

use crate::error::{Error, Result};
use crate::recording::Space;

/// A recording on its way into a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingDraft {
    /// Its name; a recording of that name in the collection is replaced.
    pub id: RecordingId,
    /// Path of the recording, as given.
    pub source: String,
    /// SHA-256 of the recording, in hexadecimal.
    pub source_sha256: String,
    /// SHA-256 of its annotations, in hexadecimal, where there are any.
    pub annotations_sha256: Option<String>,
    /// Start in wall-clock time without a zone, where it is known.
    pub start: Option<DateTime>,
    /// What else is said of it, such as cohort or age.
    pub metadata: BTreeMap<String, String>,
    /// How the montage's channels were found, as a report to keep.
    pub montage: serde_json::Value,
    /// Every scored event; nothing where events were not scored, which is not the same as none.
    pub events: Option<Vec<Event>>,
    /// The epochs, by ascending number.
    pub epochs: Vec<EpochPoint>,
    /// The captions of those epochs, in any order; the order within an epoch is kept.
    pub captions: Vec<CaptionPoint>,
}

/// One epoch on its way into a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochPoint {
    /// Its place on the recording's grid.
    pub number: EpochNumber,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// Channels that carried something.
    pub mask: ChannelMask,
    /// What is wrong with which channel.
    pub quality: Quality,
    /// The scored stage, where there is one.
    pub stage: Option<Stage>,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
    /// What the encoder made of it.
    pub vector: Embedding,
}

/// One caption on its way into a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptionPoint {
    /// The epoch that it describes.
    pub epoch: EpochNumber,
    /// What it speaks of.
    pub kind: CaptionKind,
    /// Its words.
    pub text: String,
    /// What the encoder made of them.
    pub vector: Embedding,
}

impl RecordingDraft {
    /// Brings the captions into the order of their epochs and checks all that the collection relies on.
    ///
    /// # Errors
    ///
    /// [`Error::Draft`] and [`Error::Dimension`].
    pub(crate) fn checked(mut self, space: &Space) -> Result<Self> {
        self.captions.sort_by_key(|caption| caption.epoch);
        self.check_dimensions(space)?;
        let problem = self
            .problem_of_sizes()
            .or_else(|| self.problem_of_epochs())
            .or_else(|| self.problem_of_captions())
            .or_else(|| self.problem_of_events());
        match problem {
            Some(problem) => Err(Error::Draft { recording: self.id, problem }),
            None => Ok(self),
        }
    }

    fn check_dimensions(&self, space: &Space) -> Result<()> {
        let epochs = self.epochs.iter().map(|epoch| &epoch.vector);
        let captions = self.captions.iter().map(|caption| &caption.vector);
        match epochs.chain(captions).find(|vector| vector.dim() != space.dim) {
            Some(vector) => Err(Error::Dimension { expected: space.dim, received: vector.dim() }),
            None => Ok(()),
        }
    }

    /// Positions in a segment's columns are 32-bit numbers.
    fn problem_of_sizes(&self) -> Option<String> {
        let text_bytes = self.captions.iter().map(|caption| caption.text.len()).sum();
        [
            ("epochs", self.epochs.len()),
            ("captions", self.captions.len()),
            ("bytes of captions", text_bytes),
        ]
        .into_iter()
        .find(|(_, size)| u32::try_from(*size).is_err())
        .map(|(what, size)| format!("it has {size} {what}; expected at most {}", u32::MAX))
    }

    fn problem_of_epochs(&self) -> Option<String> {
        if let Some(epoch) = self.epochs.iter().find(|epoch| !epoch.onset_s.is_finite()) {
            return Some(format!("epoch {} begins at {} s", epoch.number, epoch.onset_s));
        }
        let pair = self.epochs.windows(2).find(|pair| pair[0].number >= pair[1].number)?;
        let (before, after) = (pair[0].number, pair[1].number);
        Some(format!("epoch {after} follows epoch {before}; expected ascending numbers"))
    }

    fn problem_of_captions(&self) -> Option<String> {
        let has_epoch = |number| self.epochs.binary_search_by_key(&number, |epoch| epoch.number);
        let caption = self.captions.iter().find(|caption| has_epoch(caption.epoch).is_err())?;
        Some(format!("a caption describes epoch {}, which is not there", caption.epoch))
    }

    fn problem_of_events(&self) -> Option<String> {
        let is_sound = |event: &Event| event.onset_s.is_finite() && event.duration_s.is_finite();
        let event = self.events.iter().flatten().find(|event| !is_sound(event))?;
        let Event { kind, onset_s, duration_s, .. } = event;
        Some(format!("its event `{kind}` begins at {onset_s} s and lasts {duration_s} s"))
    }
}
