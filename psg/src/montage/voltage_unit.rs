//! Units of voltage as written in headers.

use super::Channel;

/// A unit of voltage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoltageUnit {
    /// V.
    Volt,
    /// mV.
    Millivolt,
    /// µV.
    Microvolt,
    /// nV.
    Nanovolt,
}

impl VoltageUnit {
    /// Every unit, the largest first.
    pub(crate) const ALL: [Self; 4] =
        [Self::Volt, Self::Millivolt, Self::Microvolt, Self::Nanovolt];

    /// Parses a physical dimension such as `uV`, `µV` with either Greek letter, `microvolts`, `mV` or `V`.
    ///
    /// Returns `None` for an empty text and for anything that is not a unit of voltage.
    pub fn of(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
        match text.to_lowercase().trim_start_matches('\u{e2}') {
            "v" | "volt" | "volts" => Some(Self::Volt),
            "mv" | "millivolt" | "millivolts" => Some(Self::Millivolt),
            // The micro sign, the Greek letter, and the micro sign of UTF-8 decoded as Latin-1.
            "uv" | "\u{b5}v" | "\u{3bc}v" | "mcv" | "microv" | "microvolt" | "microvolts" => {
                Some(Self::Microvolt)
            }
            "nv" | "nanovolt" | "nanovolts" => Some(Self::Nanovolt),
            _ => None,
        }
    }

    /// Returns the number of microvolts in one unit.
    pub const fn microvolts(self) -> f64 {
        match self {
            Self::Volt => 1e6,
            Self::Millivolt => 1e3,
            Self::Microvolt => 1.0,
            Self::Nanovolt => 1e-3,
        }
    }

    /// Returns the symbol.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Volt => "V",
            Self::Millivolt => "mV",
            Self::Microvolt => "µV",
            Self::Nanovolt => "nV",
        }
    }
}

impl Channel {
    /// Returns whether the channel is a voltage between electrodes on the skin.
    pub(crate) const fn is_voltage(self) -> bool {
        plausible_deviation_uv(self).is_some()
    }
}

/// Returns the range of standard deviations over a night, in microvolts, that is plausible for a channel; `None` if the
/// channel is not a voltage between electrodes.
///
/// The ranges are wide, because they distinguish volts from microvolts, not good recordings from bad ones.
pub(crate) const fn plausible_deviation_uv(channel: Channel) -> Option<(f64, f64)> {
    match channel {
        Channel::EegC3A2 | Channel::EegC4A1 | Channel::EogLeft | Channel::EogRight => {
            Some((1.0, 3000.0))
        }
        Channel::EmgChin => Some((0.3, 3000.0)),
        Channel::Ecg => Some((10.0, 30_000.0)),
        Channel::Abdomen | Channel::Thorax | Channel::Airflow | Channel::Position => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_units_in_every_spelling() {
        let check = |unit, texts: &[&str]| {
            for text in texts {
                assert_eq!(VoltageUnit::of(text), unit, "{text}");
            }
        };
        check(Some(VoltageUnit::Volt), &["V", "v", "Volts"]);
        check(Some(VoltageUnit::Millivolt), &["mV", "MV", "millivolt"]);
        check(Some(VoltageUnit::Microvolt), &["uV", "µV", "μV", "UV", "microvolt", " u V", "ÂµV"]);
        check(Some(VoltageUnit::Nanovolt), &["nV"]);
        check(None, &["", "%", "cmH2O", "Ohm", "V/s"]);
    }
}
