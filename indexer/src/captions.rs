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

/// A caption before it is encoded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Caption {
    pub(crate) epoch: EpochNumber,
    pub(crate) kind: CaptionKind,
    pub(crate) text: String,
}

/// Writes the captions of a night. The same recording always gets the same texts.
pub(crate) fn captions(
    kinds: &CaptionKinds,
    id: &RecordingId,
    night: &Night,
    events_scored: bool,
) -> Vec<Caption> {
    if kinds.0.is_empty() {
        return Vec::new();
    }
    let mut extractor = FeatureExtractor::default();
    let seed = seed(id);
    let mut captions = Vec::new();
    for (i, epoch) in night.epochs().iter().enumerate() {
        let facts = EpochFacts::gather(&mut extractor, night, i, events_scored);
        for kind in &kinds.0 {
            let written = caption(*kind, &facts, seed.wrapping_add(u64::from(epoch.number.0)));
            captions.extend(written.map(|written| Caption {
                epoch: epoch.number,
                kind: *kind,
                text: written.text,
            }));
        }
    }
    captions
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
