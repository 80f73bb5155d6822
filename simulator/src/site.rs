//! The sites: which signals each records, with which labels, units, rates and ranges.

use nocturne_psg::montage::Channel;
use serde::{Deserialize, Serialize};

/// A laboratory with its own recorder, labels, rates and ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// As in the Sleep Heart Health Study: short labels, 8-bit EEG up to ±125 µV, belts at 10 Hz.
    Shhs,
    /// As in `MrOS` or CFS: each electrode against a common reference, so that derivations must be computed.
    Referential,
    /// Derivations with the labels of the AASM manual.
    Aasm,
    /// Labels of the encoder's montage.
    Plain,
    /// As digitised tapes: 8 bits, narrow filters, a high noise floor, large drift.
    Cassette,
    /// As a modern laboratory: wide filters, little noise, no notch filter.
    Wideband,
}

/// The quantity that a signal of a site records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SignalSource {
    /// A channel of the montage.
    Channel(Channel),
    /// An electrode against the common reference.
    Electrode(Electrode),
    /// Oxygen saturation in percent.
    Spo2,
    /// Heart rate of the oximeter in beats per minute.
    HeartRate,
    /// 1 while the lights are on, else 0.
    Light,
    /// State of the oximeter: 0 good, 3 disconnected.
    OximeterStatus,
}

/// An electrode of a recording against a common reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Electrode {
    C3,
    C4,
    A1,
    A2,
    EyeLeft,
    EyeRight,
    EcgPlus,
    EcgMinus,
    ChinLeft,
    ChinRight,
}

impl Electrode {
    /// Returns the channel that needs the electrode; `None` for the references A1 and A2, which several channels share.
    pub(super) const fn channel(self) -> Option<Channel> {
        match self {
            Self::C3 => Some(Channel::EegC3A2),
            Self::C4 => Some(Channel::EegC4A1),
            Self::A1 | Self::A2 => None,
            Self::EyeLeft => Some(Channel::EogLeft),
            Self::EyeRight => Some(Channel::EogRight),
            Self::EcgPlus | Self::EcgMinus => Some(Channel::Ecg),
            Self::ChinLeft | Self::ChinRight => Some(Channel::EmgChin),
        }
    }
}

/// The physical range of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PhysicalRange {
    /// The same on every night: minimum and maximum.
    Fixed(f64, f64),
    /// ± [`Recorder::rail_uv`](super::Recorder::rail_uv).
    Rail,
}

/// One signal of a site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SiteSignal {
    pub(super) label: &'static str,
    pub(super) unit: &'static str,
    /// Samples per second.
    pub(super) rate_hz: u32,
    pub(super) range: PhysicalRange,
    /// Number of converter levels over the range: 256 for 8 bits.
    pub(super) levels: u32,
    pub(super) source: SignalSource,
}

const fn signal(
    label: &'static str,
    unit: &'static str,
    rate_hz: u32,
    range: PhysicalRange,
    source: SignalSource,
) -> SiteSignal {
    SiteSignal { label, unit, rate_hz, range, levels: 65_536, source }
}

const fn in_8_bits(signal: SiteSignal) -> SiteSignal {
    SiteSignal { levels: 256, ..signal }
}

const fn whole_numbers(signal: SiteSignal, levels: u32) -> SiteSignal {
    SiteSignal { levels, ..signal }
}

const UV_125: PhysicalRange = PhysicalRange::Fixed(-125.0, 125.0);
const UNIT: PhysicalRange = PhysicalRange::Fixed(-1.0, 1.0);
const PERCENT: PhysicalRange = PhysicalRange::Fixed(0.0, 100.0);

/// Labels, units, rates and ranges of a header of SHHS visit 1, except that the study stores its belts inverted (range
/// 1 to −1).
const SHHS: &[SiteSignal] = &[
    signal("SaO2", "%", 1, PERCENT, SignalSource::Spo2),
    signal("H.R.", "bpm", 1, PhysicalRange::Fixed(0.0, 250.0), SignalSource::HeartRate),
    in_8_bits(signal("EEG(sec)", "uV", 125, UV_125, SignalSource::Channel(Channel::EegC3A2))),
    in_8_bits(signal(
        "ECG",
        "mV",
        125,
        PhysicalRange::Fixed(-1.25, 1.25),
        SignalSource::Channel(Channel::Ecg),
    )),
    in_8_bits(signal(
        "EMG",
        "uV",
        125,
        PhysicalRange::Fixed(-31.5, 31.5),
        SignalSource::Channel(Channel::EmgChin),
    )),
    in_8_bits(signal("EOG(L)", "uV", 50, UV_125, SignalSource::Channel(Channel::EogLeft))),
    in_8_bits(signal("EOG(R)", "uV", 50, UV_125, SignalSource::Channel(Channel::EogRight))),
    in_8_bits(signal("EEG", "uV", 125, UV_125, SignalSource::Channel(Channel::EegC4A1))),
    in_8_bits(signal("THOR RES", "", 10, UNIT, SignalSource::Channel(Channel::Thorax))),
    in_8_bits(signal("ABDO RES", "", 10, UNIT, SignalSource::Channel(Channel::Abdomen))),
    whole_numbers(
        signal(
            "POSITION",
            "",
            1,
            PhysicalRange::Fixed(0.0, 3.0),
            SignalSource::Channel(Channel::Position),
        ),
        4,
    ),
    whole_numbers(signal("LIGHT", "", 1, PhysicalRange::Fixed(0.0, 1.0), SignalSource::Light), 2),
    in_8_bits(signal("NEW AIR", "", 10, UNIT, SignalSource::Channel(Channel::Airflow))),
    whole_numbers(
        signal("OX stat", "", 1, PhysicalRange::Fixed(0.0, 3.0), SignalSource::OximeterStatus),
        4,
    ),
];

const REFERENTIAL: &[SiteSignal] = &[
    signal("C3", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::C3)),
    signal("C4", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::C4)),
    signal("A1", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::A1)),
    signal("A2", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::A2)),
    signal("LOC", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::EyeLeft)),
    signal("ROC", "uV", 100, PhysicalRange::Rail, SignalSource::Electrode(Electrode::EyeRight)),
    signal(
        "ECG1",
        "mV",
        100,
        PhysicalRange::Fixed(-5.0, 5.0),
        SignalSource::Electrode(Electrode::EcgPlus),
    ),
    signal(
        "ECG2",
        "mV",
        100,
        PhysicalRange::Fixed(-5.0, 5.0),
        SignalSource::Electrode(Electrode::EcgMinus),
    ),
    signal(
        "L Chin",
        "uV",
        100,
        PhysicalRange::Fixed(-1000.0, 1000.0),
        SignalSource::Electrode(Electrode::ChinLeft),
    ),
    signal(
        "R Chin",
        "uV",
        100,
        PhysicalRange::Fixed(-1000.0, 1000.0),
        SignalSource::Electrode(Electrode::ChinRight),
    ),
    signal("Airflow", "", 20, UNIT, SignalSource::Channel(Channel::Airflow)),
    signal("Thoracic", "", 20, UNIT, SignalSource::Channel(Channel::Thorax)),
    signal("Abdominal", "", 20, UNIT, SignalSource::Channel(Channel::Abdomen)),
    signal(
        "Position",
        "",
        1,
        PhysicalRange::Fixed(0.0, 5.0),
        SignalSource::Channel(Channel::Position),
    ),
    signal("SpO2", "%", 1, PERCENT, SignalSource::Spo2),
    signal("HR", "bpm", 1, PhysicalRange::Fixed(0.0, 250.0), SignalSource::HeartRate),
];

const AASM: &[SiteSignal] = &[
    signal("C3-M2", "uV", 200, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC3A2)),
    signal("C4-M1", "uV", 200, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC4A1)),
    signal("E1-M2", "uV", 100, PhysicalRange::Rail, SignalSource::Channel(Channel::EogLeft)),
    signal("E2-M2", "uV", 100, PhysicalRange::Rail, SignalSource::Channel(Channel::EogRight)),
    signal(
        "Chin1-Chin2",
        "uV",
        100,
        PhysicalRange::Fixed(-500.0, 500.0),
        SignalSource::Channel(Channel::EmgChin),
    ),
    signal("EKG", "mV", 100, PhysicalRange::Fixed(-5.0, 5.0), SignalSource::Channel(Channel::Ecg)),
    signal(
        "Airflow",
        "",
        25,
        PhysicalRange::Fixed(-2.0, 2.0),
        SignalSource::Channel(Channel::Airflow),
    ),
    signal("Thor", "", 25, PhysicalRange::Fixed(-2.0, 2.0), SignalSource::Channel(Channel::Thorax)),
    signal(
        "Abdo",
        "",
        25,
        PhysicalRange::Fixed(-2.0, 2.0),
        SignalSource::Channel(Channel::Abdomen),
    ),
    signal(
        "PosSensor",
        "",
        1,
        PhysicalRange::Fixed(0.0, 5.0),
        SignalSource::Channel(Channel::Position),
    ),
    signal("SpO2", "%", 1, PERCENT, SignalSource::Spo2),
    signal("Pulse", "bpm", 1, PhysicalRange::Fixed(0.0, 250.0), SignalSource::HeartRate),
];

const PLAIN: &[SiteSignal] = &[
    signal("ECG", "mV", 128, PhysicalRange::Fixed(-5.0, 5.0), SignalSource::Channel(Channel::Ecg)),
    signal("ABD", "", 16, UNIT, SignalSource::Channel(Channel::Abdomen)),
    signal("THX", "", 16, UNIT, SignalSource::Channel(Channel::Thorax)),
    signal("AF", "", 16, UNIT, SignalSource::Channel(Channel::Airflow)),
    signal("EOG_L", "uV", 64, PhysicalRange::Rail, SignalSource::Channel(Channel::EogLeft)),
    signal("EOG_R", "uV", 64, PhysicalRange::Rail, SignalSource::Channel(Channel::EogRight)),
    signal("EEG_C3_A2", "uV", 128, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC3A2)),
    signal("EEG_C4_A1", "uV", 128, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC4A1)),
    signal(
        "EMG_CHIN",
        "uV",
        128,
        PhysicalRange::Fixed(-500.0, 500.0),
        SignalSource::Channel(Channel::EmgChin),
    ),
    signal("POS", "", 1, PhysicalRange::Fixed(0.0, 5.0), SignalSource::Channel(Channel::Position)),
    signal("SpO2", "%", 1, PERCENT, SignalSource::Spo2),
];

const CASSETTE: &[SiteSignal] = &[
    in_8_bits(signal(
        "C3-A2",
        "uV",
        96,
        PhysicalRange::Rail,
        SignalSource::Channel(Channel::EegC3A2),
    )),
    in_8_bits(signal(
        "C4-A1",
        "uV",
        96,
        PhysicalRange::Rail,
        SignalSource::Channel(Channel::EegC4A1),
    )),
    in_8_bits(signal(
        "LOC-A2",
        "uV",
        48,
        PhysicalRange::Rail,
        SignalSource::Channel(Channel::EogLeft),
    )),
    in_8_bits(signal(
        "ROC-A2",
        "uV",
        48,
        PhysicalRange::Rail,
        SignalSource::Channel(Channel::EogRight),
    )),
    in_8_bits(signal(
        "Chin EMG",
        "uV",
        96,
        PhysicalRange::Fixed(-63.5, 63.5),
        SignalSource::Channel(Channel::EmgChin),
    )),
    in_8_bits(signal(
        "ECG",
        "mV",
        96,
        PhysicalRange::Fixed(-2.5, 2.5),
        SignalSource::Channel(Channel::Ecg),
    )),
    in_8_bits(signal("Airflow", "", 8, UNIT, SignalSource::Channel(Channel::Airflow))),
    in_8_bits(signal("Chest", "", 8, UNIT, SignalSource::Channel(Channel::Thorax))),
    in_8_bits(signal("Abdomen", "", 8, UNIT, SignalSource::Channel(Channel::Abdomen))),
    signal(
        "Body Position",
        "",
        1,
        PhysicalRange::Fixed(0.0, 5.0),
        SignalSource::Channel(Channel::Position),
    ),
    signal("SaO2", "%", 1, PERCENT, SignalSource::Spo2),
];

const WIDEBAND: &[SiteSignal] = &[
    signal("EEG C3-M2", "uV", 256, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC3A2)),
    signal("EEG C4-M1", "uV", 256, PhysicalRange::Rail, SignalSource::Channel(Channel::EegC4A1)),
    signal("EOG Left", "uV", 256, PhysicalRange::Rail, SignalSource::Channel(Channel::EogLeft)),
    signal("EOG Right", "uV", 256, PhysicalRange::Rail, SignalSource::Channel(Channel::EogRight)),
    signal(
        "Chin",
        "uV",
        256,
        PhysicalRange::Fixed(-1000.0, 1000.0),
        SignalSource::Channel(Channel::EmgChin),
    ),
    signal(
        "ECG",
        "mV",
        256,
        PhysicalRange::Fixed(-10.0, 10.0),
        SignalSource::Channel(Channel::Ecg),
    ),
    signal("Resp Flow", "", 32, UNIT, SignalSource::Channel(Channel::Airflow)),
    signal("RIP Thorax", "", 32, UNIT, SignalSource::Channel(Channel::Thorax)),
    signal("RIP Abdomen", "", 32, UNIT, SignalSource::Channel(Channel::Abdomen)),
    signal(
        "Position",
        "",
        1,
        PhysicalRange::Fixed(0.0, 5.0),
        SignalSource::Channel(Channel::Position),
    ),
    signal("SpO2", "%", 1, PERCENT, SignalSource::Spo2),
];

impl Site {
    /// Every site.
    pub const ALL: [Self; 6] =
        [Self::Shhs, Self::Referential, Self::Aasm, Self::Plain, Self::Cassette, Self::Wideband];

    /// Sites that are never drawn from the seed, so that a model trained on simulated nights can be tested on recorders
    /// it has not seen.
    pub const HELD_OUT: [Self; 2] = [Self::Cassette, Self::Wideband];

    /// Returns the name in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shhs => "shhs",
            Self::Referential => "referential",
            Self::Aasm => "aasm",
            Self::Plain => "plain",
            Self::Cassette => "cassette",
            Self::Wideband => "wideband",
        }
    }

    /// Returns the signals of the site, in file order.
    pub(super) const fn signals(self) -> &'static [SiteSignal] {
        match self {
            Self::Shhs => SHHS,
            Self::Referential => REFERENTIAL,
            Self::Aasm => AASM,
            Self::Plain => PLAIN,
            Self::Cassette => CASSETTE,
            Self::Wideband => WIDEBAND,
        }
    }

    /// Returns the rate in hertz at which EEG, EOG, EMG and ECG are rendered before downsampling.
    pub(super) const fn rate_hz(self) -> u32 {
        match self {
            Self::Shhs => 125,
            Self::Referential => 100,
            Self::Aasm => 200,
            Self::Plain => 128,
            Self::Cassette => 96,
            Self::Wideband => 256,
        }
    }

    /// Returns the duration of a data record in seconds, a divisor of 30.
    pub(super) const fn record_duration_s(self) -> u32 {
        match self {
            Self::Shhs | Self::Aasm | Self::Wideband => 1,
            Self::Referential => 10,
            Self::Cassette => 15,
            Self::Plain => 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_site_records_all_channels_of_the_montage() {
        for site in Site::ALL {
            for channel in Channel::ALL {
                let feeds = site.signals().iter().any(|signal| match signal.source {
                    SignalSource::Channel(fed) => fed == channel,
                    SignalSource::Electrode(electrode) => electrode.channel() == Some(channel),
                    SignalSource::Spo2
                    | SignalSource::HeartRate
                    | SignalSource::Light
                    | SignalSource::OximeterStatus => false,
                });
                assert!(feeds, "{} does not record {channel}", site.name());
            }
        }
    }

    #[test]
    fn data_record_durations_divide_an_epoch() {
        for site in Site::ALL {
            assert_eq!(30 % site.record_duration_s(), 0);
        }
    }
}
