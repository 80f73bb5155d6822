//! Sentences about an epoch, as SleepLM was taught to read them.

mod kind;

pub use kind::CaptionKind;
