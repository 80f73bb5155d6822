//! Which signal feeds which channel of the encoder's input.

mod channel;
mod position;

pub use channel::{Channel, ChannelMask};
pub use position::Position;
