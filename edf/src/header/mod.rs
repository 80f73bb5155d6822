//! The header of a file, and of each signal in it.

mod equipment;
pub(crate) mod layout;
mod parser;
mod start;

use std::fs::File;
use std::path::Path;

use jiff::civil::{Date, DateTime, Time};

use crate::error::Result;
use crate::format::EdfFormat;
use crate::warning::EdfWarning;

pub use equipment::SIMULATOR_EQUIPMENT;
pub(crate) use equipment::simulator_code;
pub(crate) use start::{MONTHS, START_DATE_PREFIX};

/// Largest physical limit that is accepted. Beyond it, `f32` cannot represent differences between 24-bit samples.
const MAX_PHYSICAL: f64 = 1e12;

/// The header of a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalHeader {
    /// The label, trimmed, decoded as UTF-8 or else as Latin-1.
    pub label: String,
    /// The physical dimension as written, such as `uV`; often empty.
    pub unit: String,
    /// Physical value of [`digital_min`](Self::digital_min). May be above the maximum: the signal is then inverted.
    pub physical_min: f64,
    /// Physical value of [`digital_max`](Self::digital_max).
    pub physical_max: f64,
    /// Smallest digital value, as declared.
    pub digital_min: i32,
    /// Largest digital value, as declared.
    pub digital_max: i32,
    /// Samples in each data record.
    pub samples_per_record: usize,
    /// Whether the signal contains annotations instead of samples.
    pub is_annotations: bool,
}

impl SignalHeader {
    /// Returns gain and offset such that `physical = gain * digital + offset`.
    ///
    /// `None` if the digital range is empty or the physical one is too large to be scaled exactly.
    pub fn scaling(&self) -> Option<(f64, f64)> {
        let digital = f64::from(self.digital_max) - f64::from(self.digital_min);
        if digital == 0.0 || self.has_excessive_range() {
            return None;
        }
        let gain = (self.physical_max - self.physical_min) / digital;
        Some((gain, self.physical_min - gain * f64::from(self.digital_min)))
    }

    fn has_excessive_range(&self) -> bool {
        self.physical_min.abs().max(self.physical_max.abs()) > MAX_PHYSICAL
    }
}

/// The header of a file, checked against the length of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct EdfHeader {
    /// The container format.
    pub format: EdfFormat,
    /// The date on which the recording started, if the file gives a valid one.
    pub start_date: Option<Date>,
    /// The time of day at which the recording started, to the second.
    pub start_time: Option<Time>,
    /// Whether the recording field says that the file was made by Nocturne's simulator ([`SIMULATOR_EQUIPMENT`]).
    pub is_simulated: bool,
    /// Duration of a data record in seconds; 0 only if there are no ordinary signals.
    pub record_duration_s: f64,
    /// Complete data records in the file, by its length.
    pub n_records: u64,
    /// The signals in the order of the file, including those with annotations.
    pub signals: Vec<SignalHeader>,
    /// Bytes before the first data record.
    pub(crate) data_offset: u64,
}

impl EdfHeader {
    /// Reads the header of an open file of `file_bytes` bytes; faults that do not prevent reading become warnings.
    pub(crate) fn read(
        path: &Path,
        file: &File,
        file_bytes: u64,
        warnings: &mut Vec<EdfWarning>,
    ) -> Result<Self> {
        parser::read(path, file, file_bytes, warnings)
    }

    /// Returns the start of the recording by the recorder's clock, without a time zone.
    pub fn start(&self) -> Option<DateTime> {
        Some(DateTime::from_parts(self.start_date?, self.start_time?))
    }

    /// Returns the sampling rate of a signal in hertz; 0 if data records have no duration.
    pub fn rate_hz(&self, signal: &SignalHeader) -> f64 {
        if self.record_duration_s == 0.0 {
            0.0
        } else {
            signal.samples_per_record as f64 / self.record_duration_s
        }
    }

    /// Returns the bytes of one data record.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.offset_in_record(self.signals.len())
    }

    /// Returns the bytes of a data record before the samples of a signal.
    pub(crate) fn offset_in_record(&self, signal: usize) -> u64 {
        let samples: u64 =
            self.signals[..signal].iter().map(|signal| signal.samples_per_record as u64).sum();
        samples * self.format.sample_bytes() as u64
    }
}
