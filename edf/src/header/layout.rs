//! Where the fields of a header are: EDF specification, "Detailed digital format".
//!
//! The header has one block of fixed fields and then, column by column, the fields of the signals: all labels, all
//! transducer types, and so on.

use std::ops::Range;

/// Bytes of the fixed block, and of all fields of one signal together.
pub(crate) const BLOCK: usize = 256;

pub(crate) const VERSION: Range<usize> = 0..8;
pub(crate) const PATIENT: Range<usize> = 8..88;
pub(crate) const RECORDING: Range<usize> = 88..168;
pub(crate) const START_DATE: Range<usize> = 168..176;
pub(crate) const START_TIME: Range<usize> = 176..184;
pub(crate) const HEADER_BYTES: Range<usize> = 184..192;
pub(crate) const RESERVED: Range<usize> = 192..236;
pub(crate) const N_RECORDS: Range<usize> = 236..244;
pub(crate) const RECORD_DURATION: Range<usize> = 244..252;
pub(crate) const N_SIGNALS: Range<usize> = 252..256;

/// A column of signal fields: where it starts if there is one signal, and the width of a field, both in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    offset: usize,
    pub(crate) width: usize,
}

pub(crate) const LABEL: Column = Column { offset: 0, width: 16 };
pub(crate) const TRANSDUCER: Column = Column { offset: 16, width: 80 };
pub(crate) const UNIT: Column = Column { offset: 96, width: 8 };
pub(crate) const PHYSICAL_MIN: Column = Column { offset: 104, width: 8 };
pub(crate) const PHYSICAL_MAX: Column = Column { offset: 112, width: 8 };
pub(crate) const DIGITAL_MIN: Column = Column { offset: 120, width: 8 };
pub(crate) const DIGITAL_MAX: Column = Column { offset: 128, width: 8 };
pub(crate) const PREFILTERING: Column = Column { offset: 136, width: 80 };
pub(crate) const SAMPLES_PER_RECORD: Column = Column { offset: 216, width: 8 };
pub(crate) const SIGNAL_RESERVED: Column = Column { offset: 224, width: 32 };

impl Column {
    /// Returns the field of a signal in the bytes behind the fixed block, of a header with `n_signals` signals.
    pub(crate) fn field(self, signals: &[u8], n_signals: usize, signal: usize) -> &[u8] {
        // The columns before this one take `offset` bytes for each signal.
        let start = n_signals * self.offset + signal * self.width;
        &signals[start..start + self.width]
    }
}

/// Decodes a field as UTF-8, or else as Latin-1, and removes the padding of spaces and zero bytes around it.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.trim_matches([' ', '\0', '\t', '\r', '\n']).to_owned()
}
