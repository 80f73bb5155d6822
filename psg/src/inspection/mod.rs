//! Descriptions of one recording and summaries of many, for people and for JSON.

mod recording;
mod survey;

pub use recording::{Inspection, SignalInspection};
pub use survey::{ChannelCount, LabelCount, Survey, SurveyedAnnotations};
