//! The container formats: EDF, EDF+, BDF, BDF+.

use std::fmt;

/// The container format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdfFormat {
    /// European Data Format, 16-bit samples.
    Edf,
    /// EDF+ whose data records are contiguous.
    EdfPlusContinuous,
    /// EDF+ with gaps between its data records.
    EdfPlusDiscontinuous,
    /// BioSemi's 24-bit variant of EDF.
    Bdf,
    /// BDF+ whose data records are contiguous.
    BdfPlusContinuous,
    /// BDF+ with gaps between its data records.
    BdfPlusDiscontinuous,
}

impl EdfFormat {
    /// Returns the name: `EDF`, `EDF+C`, `EDF+D`, `BDF`, `BDF+C` or `BDF+D`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edf => "EDF",
            Self::EdfPlusContinuous => "EDF+C",
            Self::EdfPlusDiscontinuous => "EDF+D",
            Self::Bdf => "BDF",
            Self::BdfPlusContinuous => "BDF+C",
            Self::BdfPlusDiscontinuous => "BDF+D",
        }
    }

    /// Returns the size of a sample in bytes: 2 for EDF, 3 for BDF.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::Edf | Self::EdfPlusContinuous | Self::EdfPlusDiscontinuous => 2,
            Self::Bdf | Self::BdfPlusContinuous | Self::BdfPlusDiscontinuous => 3,
        }
    }

    /// Returns whether there may be gaps between data records.
    pub const fn is_discontinuous(self) -> bool {
        matches!(self, Self::EdfPlusDiscontinuous | Self::BdfPlusDiscontinuous)
    }
}

impl fmt::Display for EdfFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
