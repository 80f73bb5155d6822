//! The montage: which signal feeds which channel of the encoder's input.
//!
//! A [`Profile`] defines the labels of a cohort or recorder. The embedded profiles are TOML files in
//! `psg/data/profiles`; a user's profile has the same format and is selected by [`ProfileChoice::File`]:
//!
//! ```toml
//! name = "our-lab"
//! title = "Our laboratory"
//! source = "the manual of our recorder"   # where the definitions come from; required
//! extends = "general"                     # optional: a profile whose rules follow those of this file
//!
//! [position]                              # optional: codes of the position signal
//! codes = { "1" = "supine", "2" = "left", "3" = "right", "4" = "prone" }
//! source = "the manual, page 12"
//!
//! [scored]                                # optional: families of events that are scored in every night, so that none
//! families = ["respiratory"]              # of them means that none occurred
//! annotations = "NSRR XML"                # optional: only if the recording has annotations of this format
//!
//! [[channel]]                             # sources of a channel, the preferred one first
//! name = "EEG_C4_A1"
//! confidence = "exact"                    # exact, documented, assumed or substitute
//! sources = ["C4A1", { plus = "C4", minus = "A1" }]
//! polarity = "inverted"                   # optional: stored with inverted sign
//! meaning = "C4-A1"                       # optional: the derivation, if the label does not say it
//! unit = "uV"                             # optional: the unit if the header has none
//!
//! [other]                                 # known signals that feed no channel
//! spo2 = ["SAT"]                          # measured: oxygen saturation
//! left_leg = ["Tib L"]                    # measured: leg EMG; also `right_leg` and `legs`
//! ```
//!
//! Labels are compared without case; runs of blanks and `_` count as one blank, and `/` and `:` count as `-`.

mod embedded_profiles;
mod labels;
mod profile_choice;
mod profile_detection;
mod profile_file;

mod channel_rule;
mod label_vocabulary;
mod leg_signals;
mod montage_report;
mod profile;
mod profile_lookup;
mod resolve;
mod voltage_unit;

#[cfg(test)]
pub(crate) mod tests;

// The channels are part of the vocabulary; they are re-exported because a montage is a list of them.
pub use crate::sleep::{Channel, ChannelMask, Position};
pub use profile_choice::ProfileChoice;

pub use channel_rule::{Confidence, Polarity};
pub use leg_signals::LegSignal;
pub use montage_report::{MontageLine, UnknownLabel, UnusedSignal};
pub use profile::{Profile, ScoredByDefault};
pub use profile_lookup::PreferredSource;
pub use resolve::{ResolvedChannel, ResolvedMontage};
pub use voltage_unit::VoltageUnit;
pub(crate) use voltage_unit::plausible_deviation_uv;

/// Name of the montage: the ten channels of SleepLM at 64 Hz.
pub const NAME: &str = "sleeplm-10";
