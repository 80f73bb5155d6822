//! Which signal feeds which channel of the encoder's input.

mod channel;
mod position;
mod profile;
mod resolve;

pub use channel::{Channel, ChannelMask};
pub use position::Position;
pub use profile::{Confidence, Profile};
pub use resolve::{MontageLine, ResolvedChannel, ResolvedMontage};

/// Name of the montage: the ten channels of SleepLM at 64 Hz.
pub const NAME: &str = "sleeplm-10";
