//! The captions that are stored with the epochs.

use std::str::FromStr;

use nocturne_psg::caption::{CaptionKind, EpochFacts, caption};
use nocturne_psg::features::FeatureExtractor;
use nocturne_psg::hash::sha256;
use nocturne_psg::{EpochNumber, Night, RecordingId};

/// Kinds of caption to write and encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionKinds(pub Vec<CaptionKind>);

impl Default for CaptionKinds {
    /// Stage and events, as scored.
    fn default() -> Self {
        Self(vec![CaptionKind::StageEvent])
    }
}

impl FromStr for CaptionKinds {
    type Err = String;

    /// Parses `all`, `none`, or names separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(CaptionKind::ALL.to_vec())),
            "none" => Ok(Self(Vec::new())),
            _ => text.split(',').map(|name| kind(name.trim())).collect::<Result<_, _>>().map(Self),
        }
    }
}

fn kind(name: &str) -> Result<CaptionKind, String> {
    CaptionKind::from_name(name).ok_or_else(|| {
        let known = CaptionKind::ALL.map(CaptionKind::name).join("`, `");
        format!("`{name}` is not a kind of caption; expected `all`, `none` or some of `{known}`")
    })
}

/// A caption written by rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Caption {
    /// The epoch it describes.
    pub epoch: EpochNumber,
    /// What it is about.
    pub kind: CaptionKind,
    /// The text.
    pub text: String,
}

/// Writes captions of a recording by rule. The same recording always gets the same texts.
#[expect(missing_debug_implementations, reason = "the transforms in it have none")]
pub struct CaptionWriter {
    kinds: CaptionKinds,
    extractor: FeatureExtractor,
    seed: u64,
    events_scored: bool,
}

impl CaptionWriter {
    /// Creates a writer for a recording; `events_scored` is whether its absent events are known to be absent.
    pub fn new(kinds: CaptionKinds, id: &RecordingId, events_scored: bool) -> Self {
        Self { kinds, extractor: FeatureExtractor::default(), seed: seed(id), events_scored }
    }

    /// Writes the captions of an epoch, one for each kind about which something is known.
    pub fn of_epoch(&mut self, night: &Night, epoch_idx: usize) -> Vec<Caption> {
        let number = night.epochs()[epoch_idx].number;
        let facts = EpochFacts::gather(&mut self.extractor, night, epoch_idx, self.events_scored);
        let seed = self.seed.wrapping_add(u64::from(number.0));
        let written =
            self.kinds.0.iter().filter_map(|kind| Some((*kind, caption(*kind, &facts, seed)?)));
        written.map(|(kind, it)| Caption { epoch: number, kind, text: it.text }).collect()
    }
}

/// Writes the captions of a night.
pub(crate) fn captions(
    kinds: &CaptionKinds,
    id: &RecordingId,
    night: &Night,
    events_scored: bool,
) -> Vec<Caption> {
    if kinds.0.is_empty() {
        return Vec::new();
    }
    let mut writer = CaptionWriter::new(kinds.clone(), id, events_scored);
    (0..night.epochs().len()).flat_map(|epoch_idx| writer.of_epoch(night, epoch_idx)).collect()
}

/// Returns a seed from the recording's name.
fn seed(id: &RecordingId) -> u64 {
    u64::from_str_radix(&sha256(id.as_str())[..16], 16).expect("a hash is hexadecimal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_parsed_by_name() {
        assert_eq!("none".parse(), Ok(CaptionKinds(vec![])));
        assert_eq!(
            "brain, heart".parse(),
            Ok(CaptionKinds(vec![CaptionKind::Brain, CaptionKind::Heart]))
        );
        assert_eq!("all".parse::<CaptionKinds>().unwrap().0.len(), 5);
        let error = "mood".parse::<CaptionKinds>().unwrap_err();
        assert!(
            error.starts_with(
                "`mood` is not a kind of caption; expected `all`, `none` or some of `brain`"
            ),
            "{error}"
        );
    }

    #[test]
    fn seed_depends_on_the_name_only() {
        let seed = |name: &str| seed(&RecordingId::new(name).unwrap());
        assert_eq!(seed("a"), seed("a"));
        assert_ne!(seed("a"), seed("b"));
    }
}
