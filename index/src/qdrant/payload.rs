//! The payload of epochs and captions, and a reader of payloads.

use std::collections::HashMap;

use nocturne_psg::caption::CaptionKind;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochNumber, EventKind, EventSet, Quality, RecordingId, Stage};
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    ListValue, PointId, Struct, Value, VectorsOutput, point_id::PointIdOptions,
    vector_output::Vector,
};

use super::QdrantError;
use super::recording_points::{CaptionDetails, PointKind};
use crate::error::{Error, Result};
use crate::recording::{EpochRow, RecordingEntry};

/// The fields of a point.
pub(super) type Payload = HashMap<String, Value>;

/// Values of the field `point`.
pub(super) const EPOCH_POINT: &str = "epoch";
pub(super) const CAPTION_POINT: &str = "caption";

/// Returns the payload of an epoch, or of a caption of that epoch, as it is written with a revision.
pub(super) fn payload(
    entry: &RecordingEntry,
    epoch: &EpochRow,
    kind: &PointKind,
    revision: u64,
) -> Payload {
    let mut payload = Payload::new();
    let mut set = |name: &str, value: Value| payload.insert(name.to_owned(), value);
    set("recording", entry.id.as_str().into());
    set("content", entry.segment.hash.to_string().into());
    set("revision", revision.cast_signed().into());
    set("epoch", i64::from(epoch.number.0).into());
    set("onset_s", epoch.onset_s.into());
    set("onset_bits", epoch.onset_s.to_bits().cast_signed().into());
    set("events", word_list(epoch.events.iter().map(EventKind::name)));
    set("channels", word_list(epoch.mask.iter().map(Channel::name)));
    let Quality { missing, flat, clipped } = epoch.quality;
    for (name, channels) in [("missing", missing), ("flat", flat), ("clipped", clipped)] {
        if !channels.is_empty() {
            set(name, word_list(channels.iter().map(Channel::name)));
        }
    }
    if let Some(stage) = epoch.stage {
        set("stage", stage.code().into());
    }
    if let Some(start) = entry.start {
        set("start", start.to_string().into());
    }
    if !entry.metadata.is_empty() {
        let fields = entry.metadata.iter();
        let fields = fields.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        set("metadata", Value { kind: Some(Kind::StructValue(Struct { fields })) });
    }
    match kind {
        PointKind::Epoch => set("point", EPOCH_POINT.into()),
        PointKind::Caption(CaptionDetails { ordinal, kind, text }) => {
            set("kind", kind.name().into());
            set("ordinal", i64::from(*ordinal).into());
            set("text", text.as_str().into());
            set("point", CAPTION_POINT.into())
        }
    };
    payload
}

fn word_list<'a>(words: impl Iterator<Item = &'a str>) -> Value {
    let values = words.map(Value::from).collect();
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

/// Reads the fields of a point that the server returned.
pub(super) struct PayloadReader<'a> {
    /// Address of the collection, for messages.
    pub(super) address: &'a str,
    pub(super) id: Option<&'a PointId>,
    pub(super) payload: &'a Payload,
    pub(super) vectors: Option<&'a VectorsOutput>,
}

impl PayloadReader<'_> {
    /// Returns the recording of the point.
    ///
    /// # Errors
    ///
    /// [`QdrantError::InvalidPoint`] if the field is not one that this library writes, as for all methods.
    pub(super) fn recording(&self) -> Result<RecordingId> {
        let expected = "the id of a recording";
        RecordingId::new(self.text("recording", expected)?)
            .map_err(|_| self.error("recording", expected))
    }

    pub(super) fn epoch(&self) -> Result<EpochRow> {
        let stage = self.has("stage").then(|| self.stage()).transpose()?;
        Ok(EpochRow {
            number: EpochNumber(self.number("epoch")?),
            onset_s: f64::from_bits(self.integer("onset_bits")?.cast_unsigned()),
            stage,
            events: self.events()?,
            mask: self.channels("channels")?,
            quality: Quality {
                missing: self.channels_or_none("missing")?,
                flat: self.channels_or_none("flat")?,
                clipped: self.channels_or_none("clipped")?,
            },
        })
    }

    pub(super) fn kind(&self) -> Result<PointKind> {
        const EXPECTED: &str = "`epoch` or `caption`";
        match self.text("point", EXPECTED)? {
            EPOCH_POINT => Ok(PointKind::Epoch),
            CAPTION_POINT => {
                let expected = "a kind of caption";
                let kind = CaptionKind::from_name(self.text("kind", expected)?);
                Ok(PointKind::Caption(CaptionDetails {
                    ordinal: self.number("ordinal")?,
                    kind: kind.ok_or_else(|| self.error("kind", expected))?,
                    text: self.text("text", "words")?.to_owned(),
                }))
            }
            _ => Err(self.error("point", EXPECTED)),
        }
    }

    /// Returns a vector of the point, with finite numbers alone.
    pub(super) fn vector(&self, name: &'static str, dim: usize) -> Result<Vec<f32>> {
        match self.vectors.and_then(|vectors| vectors.get_vector_by_name(name)) {
            Some(Vector::Dense(vector))
                if vector.data.len() == dim && vector.data.iter().all(|it| it.is_finite()) =>
            {
                Ok(vector.data)
            }
            Some(Vector::Dense(_) | Vector::Sparse(_) | Vector::MultiDense(_)) | None => {
                Err(self.error(name, "a finite vector of the collection's dimension"))
            }
        }
    }

    /// Returns whether the point has a field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.payload.contains_key(field)
    }

    pub(super) fn text(&self, field: &'static str, expected: &'static str) -> Result<&str> {
        match self.value(field) {
            Some(Kind::StringValue(text)) => Ok(text),
            _other => Err(self.error(field, expected)),
        }
    }

    pub(super) fn integer(&self, field: &'static str) -> Result<i64> {
        match self.value(field) {
            Some(Kind::IntegerValue(number)) => Ok(*number),
            _other => Err(self.error(field, "an integer")),
        }
    }

    fn number(&self, field: &'static str) -> Result<u32> {
        let number = u32::try_from(self.integer(field)?);
        number.map_err(|_| self.error(field, "an integer of 32 bits"))
    }

    fn stage(&self) -> Result<Stage> {
        let expected = "`W`, `N1`, `N2`, `N3` or `R`";
        self.text("stage", expected)?.parse().map_err(|_| self.error("stage", expected))
    }

    fn events(&self) -> Result<EventSet> {
        let kinds = self.word_list("events")?.into_iter().map(EventKind::from_name);
        let kinds: Option<EventSet> = kinds.collect();
        kinds.ok_or_else(|| self.error("events", "names of events"))
    }

    fn channels_or_none(&self, field: &'static str) -> Result<ChannelMask> {
        if self.has(field) { self.channels(field) } else { Ok(ChannelMask::NONE) }
    }

    fn channels(&self, field: &'static str) -> Result<ChannelMask> {
        let channels = self.word_list(field)?.into_iter().map(Channel::from_name);
        let channels: Option<ChannelMask> = channels.collect();
        channels.ok_or_else(|| self.error(field, "names of channels"))
    }

    fn word_list(&self, field: &'static str) -> Result<Vec<&str>> {
        let Some(Kind::ListValue(list)) = self.value(field) else {
            return Err(self.error(field, "a list"));
        };
        let words = list.values.iter().map(|value| match &value.kind {
            Some(Kind::StringValue(word)) => Some(word.as_str()),
            _other => None,
        });
        let words: Option<Vec<&str>> = words.collect();
        words.ok_or_else(|| self.error(field, "a list of words"))
    }

    fn value(&self, field: &str) -> Option<&Kind> {
        self.payload.get(field)?.kind.as_ref()
    }

    pub(super) fn error(&self, field: &'static str, expected: &'static str) -> Error {
        let point = match self.id.and_then(|id| id.point_id_options.as_ref()) {
            Some(PointIdOptions::Uuid(uuid)) => uuid.clone(),
            Some(PointIdOptions::Num(number)) => number.to_string(),
            None => "?".to_owned(),
        };
        QdrantError::InvalidPoint { address: self.address.to_owned(), point, field, expected }
            .into()
    }
}
