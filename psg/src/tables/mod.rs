//! Tables about recordings: lists of files, metadata, and subjects.

mod metadata_table;
mod parquet;
mod recording_list;
mod row;
mod rows;
mod subject;

pub use metadata_table::{MatchedMetadata, MetadataTable};
pub use recording_list::{ListedRecording, RecordingList};
pub use row::RowProblem;
pub use subject::subject_of;
