//! Encodes one recording: its epochs and its captions.

use std::collections::HashMap;
use std::path::PathBuf;

use nocturne_encoder::{Embedding, SignalEncoder, TextEncoder};
use nocturne_index::{CaptionPoint, EpochPoint, RecordingDraft};
use nocturne_psg::{Epoch, Night, Warning};

use crate::captions::Caption;
use crate::error::RecordingError;
use crate::read_recording::ReadRecording;

/// Both towers of a bundle.
pub(crate) struct Encoder {
    pub(crate) signal: SignalEncoder,
    pub(crate) text: TextEncoder,
}

/// A recording that is ready to be committed.
pub(crate) struct EncodedRecording {
    pub(crate) draft: RecordingDraft,
    pub(crate) warnings: Vec<Warning>,
}

impl Encoder {
    pub(crate) fn encode(
        &mut self,
        read: ReadRecording,
    ) -> Result<EncodedRecording, RecordingError> {
        let path = PathBuf::from(&read.source.path);
        let error = |source| RecordingError::Encoder { path: path.clone(), source };
        let vectors = self.signal.encode_night(&read.night).map_err(error)?;
        let epochs = read
            .night
            .epochs()
            .iter()
            .zip(vectors)
            .map(|(epoch, vector)| point(epoch, vector))
            .collect();
        let captions = self.encode_captions(read.captions).map_err(error)?;
        let draft = RecordingDraft {
            id: read.id,
            source: read.source.path,
            source_sha256: read.source.sha256,
            annotations_sha256: read.source.annotations_sha256,
            origin: read.night.origin(),
            declared_events: read.declared_events,
            start: read.night.start(),
            metadata: read.metadata,
            montage: read.montage,
            events: read.events,
            signals: Some(read.signals),
            epochs,
            captions,
        };
        Ok(EncodedRecording { draft, warnings: read.warnings })
    }

    /// Encodes the epochs of a night with these indices, in this order.
    pub(crate) fn encode_epochs(
        &mut self,
        night: &Night,
        epochs: &[usize],
    ) -> nocturne_encoder::Result<Vec<Embedding>> {
        self.signal.encode_some(night, epochs)
    }

    /// Encodes captions; a text that several epochs share is encoded once.
    pub(crate) fn encode_captions(
        &mut self,
        captions: Vec<Caption>,
    ) -> nocturne_encoder::Result<Vec<CaptionPoint>> {
        let mut index_of: HashMap<&str, usize> = HashMap::new();
        let mut texts = Vec::new();
        for caption in &captions {
            index_of.entry(&caption.text).or_insert_with(|| {
                texts.push(caption.text.as_str());
                texts.len() - 1
            });
        }
        let encoded = self.text.encode_all(&texts)?;
        let indices: Vec<usize> =
            captions.iter().map(|caption| index_of[caption.text.as_str()]).collect();
        let points = captions.into_iter().zip(indices).map(|(caption, index)| CaptionPoint {
            epoch: caption.epoch,
            kind: caption.kind,
            text: caption.text,
            vector: encoded[index].embedding.clone(),
        });
        Ok(points.collect())
    }
}

fn point(epoch: &Epoch, vector: Embedding) -> EpochPoint {
    EpochPoint {
        number: epoch.number,
        onset_s: epoch.onset_s,
        mask: epoch.mask,
        quality: epoch.quality,
        stage: epoch.stage,
        events: epoch.event_set(),
        vector,
    }
}
