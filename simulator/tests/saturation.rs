//! The measured oxygen saturation agrees with the samples in the file.

use std::path::Path;

use nocturne_psg::features::{FeatureExtractor, Saturation};
use nocturne_psg::{Night, Recording, ZScore};
use nocturne_simulator::{NightSpec, Site, simulate};

/// Measures the saturation of every epoch and compares it with the mean and minimum of the samples in the file.
fn measured(path: &Path) -> Vec<Option<Saturation>> {
    let recording = Recording::open(path).expect("a recording");
    let signal =
        recording.montage().saturation().expect("recordings in this test have an oximeter");
    let header = recording.file().header();
    let samples_per_epoch = (30.0 * header.rate_hz(&header.signals[signal])) as usize;
    let (gain, offset) = header.signals[signal].scaling().expect("a range");
    let mut percent: Vec<f64> = Vec::new();
    let all = 0..header.n_records;
    let physical = |sample: &i32| gain * f64::from(*sample) + offset;
    let keep = |_, samples: &[i32]| {
        percent.extend(samples.iter().map(physical));
    };
    recording.file().read_digital(&[signal], all, keep).expect("samples");
    let night = Night::read(&recording, ZScore::Recording).expect("epochs");
    let mut extractor = FeatureExtractor::default();
    (0..night.epochs().len())
        .map(|i| {
            let saturation = extractor.measure(&night, i).saturation;
            let of_file = &percent[i * samples_per_epoch..(i + 1) * samples_per_epoch];
            if let Some(saturation) = &saturation {
                let mean = of_file.iter().sum::<f64>() / of_file.len() as f64;
                let min = of_file.iter().copied().fold(f64::INFINITY, f64::min);
                assert!((saturation.mean_percent - mean).abs() < 0.2, "{saturation:?}, {mean} %");
                // The minimum is over 1-s means, so it may exceed the lowest sample.
                assert!((-0.01..1.0).contains(&(saturation.min_percent - min)), "{saturation:?}");
            }
            saturation
        })
        .collect()
}

#[test]
fn measures_the_saturation_of_simulated_nights() {
    for site in [Site::Shhs, Site::Referential, Site::Aasm] {
        let folder = tempfile::tempdir().unwrap();
        let spec = NightSpec { seed: 3, night: 1, hours: 0.3, site: Some(site) };
        let written = simulate(&spec).write(folder.path()).unwrap();
        let epochs = measured(&written.recording);
        assert!(epochs.iter().filter(|it| it.is_some()).count() >= 30, "{}", site.name());
    }
}

#[test]
fn measures_the_saturation_of_a_polygraph() {
    let folder = nocturne_testing::require!(nocturne_testing::shared_data());
    let epochs = measured(&folder.join("nox-excerpt/subject1.edf"));
    assert_eq!(epochs.len(), 4);
    assert!(epochs.iter().flatten().all(|it| it.min_percent > 80.0), "{epochs:?}");
}
