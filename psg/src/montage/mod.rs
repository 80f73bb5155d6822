//! Which signal feeds which channel of the encoder's input.
//!
//! A [`Profile`] tells what the labels of a cohort or recorder mean. Those of the program are TOML files in
//! `psg/data/profiles`; a user's own file has the same form and is named by [`ProfileChoice::File`]:
//!
//! ```toml
//! name = "our-lab"
//! title = "Our laboratory"
//! source = "the manual of our recorder"   # where the knowledge comes from; never empty
//! extends = "general"                     # optional: what else is known, after the rows of this file
//!
//! [position]                              # optional: what the codes of the position signal mean
//! codes = { "1" = "supine", "2" = "left", "3" = "right", "4" = "prone" }
//! source = "the manual, page 12"
//!
//! [[channel]]                             # ways to feed a channel, the best first
//! name = "EEG_C4_A1"
//! confidence = "exact"                    # exact, documented, assumed or substitute
//! sources = ["C4A1", { plus = "C4", minus = "A1" }]
//! polarity = "inverted"                   # optional: stored upside down
//! meaning = "C4-A1"                       # optional: what it is, where the label does not tell
//! unit = "uV"                             # optional: the unit where a header names none
//!
//! [other]                                 # signals that are known and feed no channel
//! spo2 = ["SAT"]
//! ```
//!
//! Labels are compared without regard to case, blanks and `_`, and `/` and `:` are read as `-`.

mod channel;
mod choice;
mod detect;
mod embedded;
mod file;
mod label;
mod position;
mod profile;
mod profile_lookup;
mod report;
mod resolve;
mod rule;
mod unit;
mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

pub use channel::{Channel, ChannelMask};
pub use choice::ProfileChoice;
pub use position::Position;
pub use profile::Profile;
pub use profile_lookup::PreferredSource;
pub use report::{MontageLine, UnknownLabel, UnusedSignal};
pub use resolve::{ResolvedChannel, ResolvedMontage};
pub use rule::{Confidence, Polarity};
pub use unit::VoltageUnit;
pub(crate) use unit::typical_deviation_uv;

/// Name of the montage: the ten channels of SleepLM at 64 Hz.
pub const NAME: &str = "sleeplm-10";
