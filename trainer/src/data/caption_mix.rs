//! Shares of the kinds of captions that are generated.

use nocturne_psg::caption::{Caption, CaptionKind, EpochFacts, caption, phrase};
use rand::{Rng, RngExt};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::model::NO_CONDITION;

/// Condition slots of a caption: a caption has one kind or two.
pub const CONDITION_SLOTS: usize = 2;

/// A caption and the condition of the decoder that writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConditionedCaption {
    pub(super) caption: Caption,
    /// The indices of the caption's kinds in [`CaptionKind::ALL`], [`NO_CONDITION`] in unused slots.
    pub(super) condition: [i64; CONDITION_SLOTS],
}

/// Relative frequency of each kind of caption.
///
/// Phrases are what users type and get the largest share; full captions of a kind are what SleepLM was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptionMix {
    /// Short phrases in plain words.
    pub phrase: f64,
    /// Stage and events.
    pub stage_event: f64,
    /// EEG and eye movements.
    pub brain: f64,
    /// Heart rate.
    pub heart: f64,
    /// Breathing.
    pub respiratory: f64,
    /// Muscle tone and position.
    pub position_muscle: f64,
    /// Share of captions of the four kinds above that start with stage and events.
    pub with_stage_event: f64,
}

impl Default for CaptionMix {
    fn default() -> Self {
        Self {
            phrase: 0.4,
            stage_event: 0.3,
            brain: 0.1,
            heart: 0.06,
            respiratory: 0.08,
            position_muscle: 0.06,
            with_stage_event: 0.2,
        }
    }
}

impl ConditionedCaption {
    fn of<const N: usize>(kinds: [CaptionKind; N], caption: Caption) -> Self {
        let mut condition = [NO_CONDITION; CONDITION_SLOTS];
        // The variants of `CaptionKind` are in the order of SleepLM's conditions.
        condition.iter_mut().zip(kinds).for_each(|(slot, kind)| *slot = kind as i64);
        Self { caption, condition }
    }
}

impl CaptionMix {
    /// Makes a caption of a random kind, or of another kind if there is nothing to describe with that one.
    ///
    /// Returns `None` if nothing is known of the epoch.
    ///
    /// # Which condition does a phrase have?
    ///
    /// None: it is worded like a question, not like a report, and may mention any kind. With a condition, the decoder
    /// should write a full caption of that kind.
    pub(super) fn make(
        &self,
        facts: &EpochFacts,
        random: &mut Pcg64Mcg,
    ) -> Option<ConditionedCaption> {
        let kinds = self.order(random);
        let seed = random.next_u64();
        kinds.into_iter().find_map(|kind| match kind {
            None => Some(ConditionedCaption::of([], phrase(facts, seed)?)),
            Some(kind @ CaptionKind::StageEvent) => {
                Some(ConditionedCaption::of([kind], caption(kind, facts, seed)?))
            }
            Some(kind) => {
                let measured = caption(kind, facts, seed)?;
                let has_stage_event = random.random_bool(self.with_stage_event);
                let stage_event = has_stage_event
                    .then(|| caption(CaptionKind::StageEvent, facts, seed))
                    .flatten();
                Some(match stage_event {
                    Some(stage_event) => ConditionedCaption::of(
                        [CaptionKind::StageEvent, kind],
                        stage_event.followed_by(measured),
                    ),
                    None => ConditionedCaption::of([kind], measured),
                })
            }
        })
    }

    /// Returns the kinds, the drawn one first; `None` is a phrase.
    fn order(&self, random: &mut Pcg64Mcg) -> Vec<Option<CaptionKind>> {
        let mut kinds = vec![
            (None, self.phrase),
            (Some(CaptionKind::StageEvent), self.stage_event),
            (Some(CaptionKind::Brain), self.brain),
            (Some(CaptionKind::Heart), self.heart),
            (Some(CaptionKind::Respiratory), self.respiratory),
            (Some(CaptionKind::PositionMuscle), self.position_muscle),
        ];
        let total: f64 = kinds.iter().map(|(_, weight)| weight).sum();
        let mut at = random.random::<f64>() * total;
        let drawn = kinds.iter().position(|(_, weight)| {
            at -= weight;
            at < 0.0
        });
        kinds.swap(0, drawn.unwrap_or(0));
        kinds.into_iter().map(|(kind, _)| kind).collect()
    }
}
