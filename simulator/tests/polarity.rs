//! The reader warns of signals stored with inverted sign.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use nocturne_psg::{Night, Recording, Warning, WarningCode, ZScore};
use nocturne_simulator::{NightSpec, Site, simulate};

/// Inverts the signals with the given labels and returns the start of each polarity warning.
fn polarity_warnings(spec: &NightSpec, inverted: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut night = simulate(spec);
    for (header, samples) in &mut night.signals {
        if inverted.contains(&header.label.as_str()) {
            samples.iter_mut().for_each(|sample| *sample = -*sample);
        }
    }
    let written = night.write(folder.path()).unwrap();
    let recording = Recording::open(&written.recording).unwrap();
    let night = Night::read(&recording, ZScore::Recording).unwrap();
    let is_polarity = |warning: &&Warning| warning.code == WarningCode::Polarity;
    let start = |warning: &Warning| warning.message.split(" seems").next().unwrap().to_owned();
    night.warnings().iter().filter(is_polarity).map(start).collect()
}

fn spec(night: u32, site: Site) -> NightSpec {
    NightSpec { seed: 3, night, hours: 4.0, site: Some(site) }
}

#[test]
fn nights_with_correct_polarity_give_no_warning() {
    for site in Site::ALL {
        for night in 0..2 {
            assert_eq!(
                polarity_warnings(&spec(night, site), &[]),
                [""; 0],
                "{}, {night}",
                site.name()
            );
        }
    }
}

#[test]
fn inverted_signals_give_a_warning() {
    let check = |site, inverted: &str, expected: &str| {
        for night in 0..2 {
            let found = polarity_warnings(&spec(night, site), &[inverted]);
            assert_eq!(found, [expected], "{}, {night}, {inverted}", site.name());
        }
    };
    check(Site::Aasm, "EKG", "`EKG`, which feeds ECG,");
    check(Site::Shhs, "ECG", "`ECG`, which feeds ECG,");
    check(Site::Aasm, "Thor", "`Thor` or `Abdo`");
    check(Site::Aasm, "E2-M2", "`E1-M2` or `E2-M2`");
    check(Site::Plain, "EOG_L", "`EOG_L` or `EOG_R`");
}
