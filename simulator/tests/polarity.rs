//! Simulated nights with signals turned over by hand.

use nocturne_psg::{Night, Recording, Warning, WarningCode, ZScore};
use nocturne_simulator::{NightSpec, Site, simulate};

/// Returns the begin of each warning of a night whose signals of these labels are turned over.
fn warned(spec: &NightSpec, turned: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut night = simulate(spec);
    for (header, samples) in &mut night.signals {
        if turned.contains(&header.label.as_str()) {
            samples.iter_mut().for_each(|sample| *sample = -*sample);
        }
    }
    let written = night.write(folder.path()).unwrap();
    let recording = Recording::open(&written.recording).unwrap();
    let night = Night::read(&recording, ZScore::Recording).unwrap();
    let is_meant = |warning: &&Warning| warning.code == WarningCode::Polarity;
    let begin = |warning: &Warning| warning.message.split(" seems").next().unwrap().to_owned();
    night.warnings().iter().filter(is_meant).map(begin).collect()
}

fn spec(night: u32, site: Site) -> NightSpec {
    NightSpec { seed: 3, night, hours: 4.0, site: Some(site) }
}

#[test]
fn upright_nights_give_no_warning() {
    for site in Site::ALL {
        for night in 0..2 {
            assert_eq!(warned(&spec(night, site), &[]), [""; 0], "{}, {night}", site.name());
        }
    }
}

#[test]
fn a_signal_turned_over_is_told() {
    let check = |site, turned: &str, expected: &str| {
        for night in 0..2 {
            let found = warned(&spec(night, site), &[turned]);
            assert_eq!(found, [expected], "{}, {night}, {turned}", site.name());
        }
    };
    check(Site::Aasm, "EKG", "`EKG`, which feeds ECG,");
    check(Site::Shhs, "ECG", "`ECG`, which feeds ECG,");
    check(Site::Aasm, "Thor", "`Thor` or `Abdo`");
    check(Site::Aasm, "E2-M2", "`E1-M2` or `E2-M2`");
    check(Site::Plain, "EOG_L", "`EOG_L` or `EOG_R`");
}
