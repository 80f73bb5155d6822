//! A night stored in the format of a profile is read back as the same night.

use nocturne_psg::dsp::{Ratio, Resampler};
use nocturne_psg::montage::{Channel, Profile, ProfileChoice};
use nocturne_psg::{Night, OpenOptions, Recording, RecordingOrigin, WarningCode, ZScore};

use crate::{NightSpec, SimulatedNight, Site, simulate, simulate_as};

const SPEC: NightSpec = NightSpec { seed: 11, night: 4, hours: 0.2, site: Some(Site::Plain) };

fn read(night: SimulatedNight, profile: ProfileChoice) -> (Recording, Night) {
    let folder = tempfile::tempdir().unwrap();
    let written = night.write(folder.path()).unwrap();
    let options = OpenOptions { profile, ..OpenOptions::default() };
    let recording = Recording::open_with(&written.recording, &options).unwrap();
    let night = Night::read(&recording, ZScore::Recording).unwrap();
    (recording, night)
}

/// Returns the cosine similarity of two signals: 1 if they are equal up to a positive factor.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// Resamples a 64-Hz signal to another rate and back.
fn resampled_through(samples: &[f32], rate_hz: f64) -> Vec<f32> {
    let mut samples = samples.to_vec();
    for (from_hz, to_hz) in [(64.0, rate_hz), (rate_hz, 64.0)] {
        let mut resampler = Resampler::new(Ratio::of_rates(from_hz, to_hz).unwrap());
        let mut outputs = Vec::new();
        resampler.push(&samples, &mut outputs);
        resampler.finish(&mut outputs);
        samples = outputs;
    }
    samples
}

#[test]
fn every_profile_reads_nights_in_its_own_format() {
    let (_, plain) = read(simulate(&SPEC), ProfileChoice::Auto);
    for profile in Profile::embedded() {
        let choice = match profile.name.as_str() {
            "general" | "stages" | "homepap" => ProfileChoice::Named(profile.name.clone()),
            _ => ProfileChoice::Auto,
        };
        let (recording, night) = read(simulate_as(&SPEC, profile), choice);
        assert_eq!(recording.origin(), RecordingOrigin::Simulated, "{}", profile.name);
        let montage = recording.montage();
        assert_eq!(montage.profile().name, profile.name, "{}", montage.reason());
        assert_eq!(night.epochs().len(), plain.epochs().len());
        for channel in Channel::ALL {
            let what = format!("{channel} of {}", profile.name);
            let expected = profile.preferred_source(channel).is_some();
            assert_eq!(montage.mask().contains(channel), expected, "{what}");
            if !expected {
                continue;
            }
            let mut n_compared = 0;
            let rate_hz =
                profile.preferred_source(channel).and_then(|it| it.rate_hz).unwrap_or(64.0);
            for epoch_idx in 2..plain.epochs().len() - 2 {
                if channel == Channel::Position {
                    let expected = plain
                        .position(epoch_idx)
                        .and_then(|it| profile.position_code(it).map(|_| it));
                    assert_eq!(night.position(epoch_idx), expected, "{what}");
                    continue;
                }
                let (found, expected) =
                    (night.samples(epoch_idx, channel), plain.samples(epoch_idx, channel));
                assert_eq!(found.is_some(), expected.is_some(), "{what}, epoch {epoch_idx}");
                let Some((found, expected)) = found.zip(expected) else { continue };
                n_compared += 1;
                // A rate below 64 Hz removes the highest frequencies.
                let expected = resampled_through(expected, rate_hz.min(64.0));
                let similarity = cosine(found, &expected);
                assert!(similarity > 0.97, "{what}, epoch {epoch_idx}: {similarity}");
            }
            assert!(n_compared >= 10 || channel == Channel::Position, "{what}");
        }
    }
}

#[test]
fn millivolts_labelled_as_microvolts_give_a_warning() {
    let mut night = simulate(&SPEC);
    for (header, samples) in &mut night.signals {
        if header.label.starts_with("EEG") {
            let (low, high) = header.physical_range;
            header.physical_range = (low / 1000.0, high / 1000.0);
            samples.iter_mut().for_each(|sample| *sample /= 1000.0);
        }
    }
    let (recording, night) = read(night, ProfileChoice::Auto);
    assert_eq!(recording.warnings(), []);
    let codes: Vec<_> = night.warnings().iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::Unit, WarningCode::Unit]);
    assert!(night.warnings()[0].message.ends_with("; its values are plausible in mV"));
}
