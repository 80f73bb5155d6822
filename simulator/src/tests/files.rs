//! The three files of a night are reproducible, complete and readable.

use std::fs;
use std::path::Path;

use nocturne_edf::EdfReader;
use nocturne_psg::{EPOCH_S, Event, EventKind};
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use crate::{NightPlan, NightSpec, Site, Truth, WrittenNight, simulate};

fn write(seed: u64, night: u32, site: Site, folder: &Path) -> WrittenNight {
    simulate(&NightSpec { seed, night, hours: 0.5, site: Some(site) }).write(folder).unwrap()
}

fn bytes(night: &WrittenNight) -> [Vec<u8>; 3] {
    [&night.recording, &night.scoring, &night.truth].map(|path| fs::read(path).unwrap())
}

#[test]
fn equal_seeds_give_identical_files() {
    for site in Site::ALL {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = bytes(&write(5, 3, site, first.path()));
        let second = bytes(&write(5, 3, site, second.path()));
        assert!(first == second, "{}", site.name());
    }
}

#[test]
fn different_nights_and_seeds_give_different_files() {
    let folder = tempfile::tempdir().unwrap();
    let one = bytes(&write(5, 3, Site::Plain, folder.path()));
    for (seed, night) in [(5, 4), (6, 3)] {
        let other = bytes(&write(seed, night, Site::Plain, folder.path()));
        for (one, other) in one.iter().zip(&other) {
            assert!(one != other, "seed {seed}, night {night}");
        }
    }
}

/// The training data of a bundle can be reproduced only while this holds; announce a change in the changelog.
///
/// The tolerance allows for machines that differ in the last digit of a sine.
#[test]
fn nights_never_change() {
    let plan =
        NightPlan::draw(&NightSpec { seed: 1, night: 1, hours: 0.5, site: Some(Site::Plain) });
    let truth = plan.truth();
    let stages: Vec<&str> = truth.stages.iter().map(|stage| stage.code()).collect();
    let expected = [
        ("W", 13),
        ("N1", 9),
        ("N2", 7),
        ("N3", 9),
        ("N1", 1),
        ("N2", 7),
        ("N3", 11),
        ("N1", 1),
        ("W", 2),
    ];
    let runs: Vec<(&str, usize)> =
        stages.chunk_by(PartialEq::eq).map(|run| (run[0], run.len())).collect();
    assert_eq!(runs, expected);
    let onsets_s: f64 = truth.events.iter().map(|event: &Event| event.onset_s).sum();
    assert_eq!((truth.events.len(), onsets_s.round()), (502, 620_998.0));
    let expected = [
        ("ECG", 0.211118),
        ("ABD", 0.1130851),
        ("THX", 0.2369228),
        ("AF", 0.2534792),
        ("EOG_L", 45.03592),
        ("EOG_R", 61.32257),
        ("EEG_C3_A2", 46.83695),
        ("EEG_C4_A1", 34.90779),
        ("EMG_CHIN", 4.144931),
        ("POS", 1.153256),
        ("SpO2", 94.40844),
    ];
    let night = plan.render();
    for ((signal, samples), (label, rms)) in night.signals.iter().zip(&expected) {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let found = (energy / samples.len() as f64).sqrt();
        assert_eq!(signal.label, *label);
        assert!((found / rms - 1.0).abs() < 1e-4, "{label}: {found}");
    }
}

#[test]
fn recordings_open_without_a_warning() {
    for site in Site::ALL {
        let folder = tempfile::tempdir().unwrap();
        let written = write(7, 12, site, folder.path());
        let recording = EdfReader::open(&written.recording).unwrap();
        assert_eq!(recording.warnings(), [], "{}", site.name());
        let truth = Truth::read(&written.truth).unwrap();
        assert_eq!(recording.start().unwrap().to_string(), truth.start);
        let header = recording.header();
        let recorded_s = header.n_records as f64 * header.record_duration_s;
        assert_eq!(recorded_s, truth.duration_s);
        assert_eq!(recording.runs().len(), 1);
    }
}

#[test]
fn writing_leaves_only_the_three_files() {
    let folder = tempfile::tempdir().unwrap();
    write(5, 3, Site::Shhs, folder.path());
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["night-0003-nsrr.xml", "night-0003.edf", "night-0003.truth.json"]);
}

#[test]
fn truth_files_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let night = simulate(&NightSpec { seed: 5, night: 9, hours: 0.5, site: None });
    let truth = night.truth.clone();
    let written = night.write(folder.path()).unwrap();
    assert_eq!(Truth::read(&written.truth).unwrap(), truth);
}

#[test]
fn rejects_truth_files_of_another_format() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(5, 3, Site::Plain, folder.path());
    let text = fs::read_to_string(&written.truth).unwrap();
    fs::write(&written.truth, text.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    let error = Truth::read(&written.truth).unwrap_err().to_string();
    let expected = format!(
        "`{}`: the field `format` is 2; expected {}",
        written.truth.display(),
        Truth::FORMAT
    );
    assert_eq!(error, expected);
}

/// The elements of a scored event, name and text.
type Scored = Vec<(String, String)>;

/// Parses the scored events; fails on XML that is not well-formed.
fn scored_events(xml: &str) -> Vec<Scored> {
    let mut reader = Reader::from_str(xml);
    let (mut events, mut name, mut text) = (Vec::<Scored>::new(), String::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Xml::Start(tag) => {
                name = String::from_utf8_lossy(tag.name().as_ref().as_ref()).into_owned();
                text.clear();
                if name == "ScoredEvent" {
                    events.push(Vec::new());
                }
            }
            Xml::Text(part) => text.push_str(&part),
            Xml::End(tag) => {
                let is_same = String::from_utf8_lossy(tag.name().as_ref().as_ref()) == name;
                if let Some(event) = events.last_mut().filter(|_| is_same) {
                    event.push((name.clone(), text.clone()));
                }
            }
            Xml::Eof => return events,
            Xml::Empty(_)
            | Xml::CData(_)
            | Xml::Comment(_)
            | Xml::Decl(_)
            | Xml::PI(_)
            | Xml::DocType(_)
            | Xml::GeneralRef(_) => {}
        }
    }
}

#[test]
fn scoring_is_well_formed_and_complete() {
    let folder = tempfile::tempdir().unwrap();
    let night = simulate(&NightSpec { seed: 11, night: 2, hours: 3.0, site: Some(Site::Shhs) });
    let written = night.write(folder.path()).unwrap();
    let truth = Truth::read(&written.truth).unwrap();
    let events = scored_events(&fs::read_to_string(&written.scoring).unwrap());
    let field = |event: &Scored, name: &str| {
        event.iter().find(|(field, _)| field == name).map(|(_, text)| text.clone())
    };
    let concept = |event: &Scored| field(event, "EventConcept").unwrap();
    assert_eq!(concept(&events[0]), "Recording Start Time");

    let of_type = |kind: &'static str| {
        events.iter().filter(move |event| field(event, "EventType").as_deref() == Some(kind))
    };
    let staged_s: f64 = of_type("Stages|Stages")
        .map(|event| field(event, "Duration").unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(staged_s, truth.stages.len() as f64 * EPOCH_S);
    let marks: Vec<(String, f64)> = of_type("Recording events")
        .map(|event| (concept(event), field(event, "Start").unwrap().parse().unwrap()))
        .collect();
    let expected =
        [("Lights off|Lights off", truth.lights_off_s), ("Lights on|Lights on", truth.lights_on_s)];
    assert_eq!(marks, expected.map(|(mark, onset_s)| (mark.to_owned(), onset_s)));
    let count = |kind: EventKind| truth.events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(of_type("Arousals|Arousals").count(), count(EventKind::Arousal));
    let desaturations: Vec<&Scored> = of_type("Respiratory|Respiratory")
        .filter(|event| concept(event) == "SpO2 desaturation|SpO2 desaturation")
        .collect();
    assert_eq!(desaturations.len(), count(EventKind::Desaturation));
    for fall in desaturations {
        let percent = |name| field(fall, name).unwrap().parse::<f64>().unwrap();
        assert!(percent("SpO2Baseline") - percent("SpO2Nadir") >= 3.0);
    }
}

#[test]
fn every_site_records_short_nights() {
    for site in Site::ALL {
        for hours in [f64::NAN, 0.0, 0.2] {
            let night = simulate(&NightSpec { seed: 1, night: 1, hours, site: Some(site) });
            assert!(night.n_epochs >= 12);
            let seconds = night.n_epochs as f64 * EPOCH_S;
            for (signal, samples) in &night.signals {
                let records = seconds / f64::from(site.record_duration_s());
                assert_eq!(samples.len() as f64, signal.samples_per_record as f64 * records);
                assert!(samples.iter().all(|sample| sample.is_finite()), "{}", signal.label);
            }
        }
    }
}
