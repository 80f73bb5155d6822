//! Reads and writes EDF, EDF+, BDF and BDF+ files.
//!
//! - [`EdfReader`] opens a file: header, annotations and gaps are read at once, samples are streamed on demand.
//! - [`EdfWriter`] writes continuous EDF+ files.
//! - [`deidentify`] copies a file without the fields that identify a person.
//! - [`durable`] writes files of any kind that are complete or not there.
//!
//! ```
//! use nocturne_edf::{Annotation, EdfReader, EdfWriter, NewRecording, NewSignal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("night.edf");
//! let recording = NewRecording {
//!     start: "2021-03-04T22:15:00".parse()?,
//!     equipment: None,
//!     n_records: 2,
//!     record_duration_s: 30.0,
//!     signals: vec![NewSignal {
//!         label: "EEG C3-M2".to_owned(),
//!         unit: "uV".to_owned(),
//!         physical_range: (-500.0, 500.0),
//!         samples_per_record: 3000,
//!     }],
//!     annotations: vec![Annotation::new(12.5, Some(4.0), "Arousal")],
//! };
//! let mut writer = EdfWriter::create(&path, recording)?;
//! writer.write_samples(&[vec![0.0; 6000]])?;
//! writer.commit()?;
//!
//! let reader = EdfReader::open(&path)?;
//! let signal = &reader.header().signals[0];
//! assert_eq!((signal.label.as_str(), reader.header().rate_hz(signal)), ("EEG C3-M2", 100.0));
//! assert_eq!(reader.annotations()[0].text, "Arousal");
//! # Ok(())
//! # }
//! ```
//!
//! # What is guaranteed
//!
//! - Memory follows the size of the file, never a number that its header claims.
//! - A file that is not read exactly as its header says has a [warning](EdfReader::warnings); a file that cannot be read
//!   is refused with an [`Error`] that names the field, its value and what was expected.
//! - The patient field is never decoded, except to report whether it is empty.
//! - No input makes the reader panic; `fuzz/` and `tests/` look for one.
//!
//! # Why not an EDF crate from the registry?
//!
//! Archives contain files that the specification forbids. Of the crates in the registry, none reads all of the
//! following, which this crate does (tested with generated files):
//!
//! | file | `edfplus` 0.1.0 | `edf-rs` 0.2.0 |
//! |---|---|---|
//! | plain EDF | refused | read |
//! | EDF+D | refused | read |
//! | −1 data records in the header | refused | opened, then an error |
//! | incomplete last data record | refused | error after the last complete one |
//! | Latin-1 in the header (`µV`) | refused | refused |
//! | anonymised date `00.00.00` | refused | refused |
//!
//! `edf-reader` 0.6.0 panics on malformed numbers. None of them reports what it corrected, bounds its memory, or
//! de-identifies.
//!
//! # Sources
//!
//! Kemp et al. 1992 (EDF), Kemp and Olivan 2003 (EDF+, with the FAQ of edfplus.info), BioSemi's description of BDF.

mod annotation;
mod annotation_signals;
mod deidentify;
pub mod durable;
mod error;
mod format;
mod header;
mod quoted;
mod reader;
mod regular_file;
mod tal;
#[cfg(feature = "test-files")]
pub mod test_files;
mod timeline;
mod unwritten;
mod warning;
mod writer;

pub use annotation::Annotation;
pub use deidentify::{DeidentifyOptions, IdentifyingContent, deidentify, identifying_content};
pub use error::{
    AnnotationLimit, Error, HeaderField, HeaderFieldSignal, Result, TimelineProblem, WriteProblem,
};
pub use format::EdfFormat;
pub use header::{EdfHeader, SIMULATOR_EQUIPMENT, SignalHeader};
pub use reader::{EdfReader, has_only_annotations};
pub use timeline::{GAP_TOLERANCE_S, RecordRun};
pub use warning::{EdfWarning, TextEncoding};
pub use writer::{EdfWriter, NewRecording, NewSignal};
