//! Captions generated from random facts are parsed back.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::templates::TEMPLATES;
use super::*;
use crate::features::{
    Airflow, Breathing, ChinMuscle, EegPowers, EyeMovements, Features, HeartRate, Saturation,
    Trend, TrendSpan,
};
use crate::sleep::{Event, EventKind, Position, Stage};

const EXACT: NumberTolerance = NumberTolerance { relative: 0.0, time_s: 0.0 };

/// Random facts whose numbers all have three digits before the decimal point, unlike any number in a wording.
fn facts(random: &mut Pcg64Mcg) -> EpochFacts {
    let mut number = || random.random_range(100.0..1000.0_f64);
    let eye = |slow, rapid| Some(EyeMovements { slow, rapid });
    let belt = |rate_bpm, interval_deviation_s| Some(Breathing { rate_bpm, interval_deviation_s });
    let directions = [Trend::Increasing, Trend::Stable, Trend::Decreasing];
    let mut trends =
        || directions.map(|trend| TrendSpan { trend, start_s: number(), end_s: number() }).to_vec();
    let (rate_trends, saturation_trends) = (trends(), trends());
    let features = Features {
        eog_left: eye(number(), number()),
        eog_right: eye(number(), number()),
        eeg_c3: Some(EegPowers {
            delta: number(),
            theta: number(),
            alpha: number(),
            beta: number(),
        }),
        eeg_c4: Some(EegPowers {
            delta: number(),
            theta: number(),
            alpha: number(),
            beta: number(),
        }),
        heart: Some(HeartRate {
            rate_bpm: number(),
            rmssd_ms: number(),
            min_bpm: number(),
            max_bpm: number(),
            mean_bpm: number(),
            trends: rate_trends,
        }),
        saturation: Some(Saturation {
            min_percent: number(),
            mean_percent: number(),
            trends: saturation_trends,
        }),
        abdomen: belt(number(), number()),
        thorax: belt(number(), number()),
        airflow: Some(Airflow { rate_bpm: number(), flatness: number() }),
        chin: Some(ChinMuscle {
            median_frequency_hz: number(),
            burst_ratio: number(),
            burst_rate_hz: number(),
            tone_percent: Some(number()),
        }),
        position: Some(Position::Left),
    };
    let is_timed = |kind: &EventKind| !TEMPLATES.event.counted_kinds.contains(kind);
    let timed: Vec<EventKind> = EventKind::ALL.into_iter().filter(is_timed).collect();
    let events = (0..3)
        .map(|_| {
            let kind = timed[random.random_range(0..timed.len())];
            Event::new(kind, random.random_range(100.0..500.0), 120.0)
        })
        .collect();
    let stage = Some(Stage::ALL[random.random_range(0..5)]);
    EpochFacts { features, stage, events, events_scored: true }
}

/// Returns the number of numbers with three digits before the decimal point in a text.
fn n_long_numbers(text: &str) -> usize {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .filter(|run| run.split('.').next().is_some_and(|whole| whole.len() >= 3))
        .count()
}

#[test]
fn parses_every_number_of_thousands_of_captions() {
    let mut random = Pcg64Mcg::seed_from_u64(17);
    for seed in 0..600 {
        let facts = facts(&mut random);
        for kind in CaptionKind::ALL {
            let Some(Caption { text, .. }) = caption(kind, &facts, seed) else { continue };
            let read = CaptionNumbers::parse(&text);
            let n_times = 2 * (read.trends.len() + read.events.len());
            assert_eq!(read.numbers.len() + n_times, n_long_numbers(&text), "{text}\n{read:?}");
            let NumberAccuracy { counted, right } = number_accuracy(&text, &facts, EXACT);
            assert_eq!(counted, right, "{text}\n{read:?}");
            assert_eq!(read.counts, [], "{text}");
        }
    }
}

#[test]
fn parses_counts_of_events() {
    let mut n_parsed = 0;
    for kind in &TEMPLATES.event.counted_kinds {
        for seed in 0..200 {
            let count = 2 + (seed % 4) as usize;
            let mut events = vec![Event::new(*kind, 3.0, 1.0); count];
            // A number after the full stop of another sentence.
            events.push(Event::new(EventKind::Arousal, 3.0, 5.0));
            let stage = Some(Stage::N2);
            let facts = EpochFacts { stage, events, events_scored: true, ..EpochFacts::default() };
            let text = caption(CaptionKind::StageEvent, &facts, seed).unwrap().text;
            assert_eq!(CaptionNumbers::parse(&text).counts, [(*kind, count)], "{text}");
            n_parsed += 1;
        }
    }
    assert_eq!(n_parsed, 1000);
}

#[test]
fn parses_text_with_blanks_between_all_letters() {
    let mut random = Pcg64Mcg::seed_from_u64(23);
    for seed in 0..100 {
        let facts = facts(&mut random);
        for kind in CaptionKind::ALL {
            let Some(Caption { text, .. }) = caption(kind, &facts, seed) else { continue };
            let spread: String =
                text.to_lowercase().chars().flat_map(|letter| [letter, ' ']).collect();
            assert_eq!(CaptionNumbers::parse(&spread), CaptionNumbers::parse(&text));
        }
    }
}

#[test]
fn wrong_numbers_channels_and_times_count_as_wrong() {
    let facts = EpochFacts {
        features: Features {
            eeg_c3: Some(EegPowers { delta: 61.2, theta: 20.0, alpha: 13.8, beta: 5.0 }),
            ..Features::default()
        },
        events: vec![Event::new(EventKind::Arousal, 3.0, 7.0)],
        ..EpochFacts::default()
    };
    let check = |text, counted, right| {
        let expected = NumberAccuracy { counted, right };
        assert_eq!(number_accuracy(text, &facts, NumberTolerance::default()), expected, "{text}");
    };
    check("EEG C3-A2: delta power of 61.20%.", 1, 1);
    check("EEG C3-A2: delta power of 66%.", 1, 1);
    check("EEG C3-A2: delta power of 71.20%.", 1, 0);
    check("EEG C4-A1: delta power of 61.20%.", 1, 0);
    check("EEG C3-A2: delta power of 61.20% and theta power about 20% and so on.", 2, 2);
    check("[Arousal] event from 3.0 to 10.0 seconds.", 1, 1);
    check("[Arousal] event from 3.0 to 12.0 seconds.", 1, 0);
    check("[Hypopnea] event from 3.0 to 10.0 seconds.", 1, 0);
    check("Stage N2. Deep sleep at 3.0 to 10.0 seconds.", 0, 0);
}

#[test]
fn names_and_headings_are_unambiguous() {
    let mut owners: BTreeMap<String, EventKind> = BTreeMap::new();
    for (kind, words) in &TEMPLATES.event.event {
        for name in words.names.iter().chain(&words.plurals) {
            if let Some(other) = owners.insert(name.to_lowercase(), *kind) {
                assert_eq!(other, *kind, "{name}");
            }
        }
    }
    let mut heads: BTreeMap<String, NumberHeading> = BTreeMap::new();
    for (head, wordings) in &TEMPLATES.number.head {
        for wording in wordings {
            assert_eq!(heads.insert(wording.to_lowercase(), *head), None, "{wording}");
        }
    }
    for head in NumberHeading::ALL {
        let names = head.names();
        let mut wordings: BTreeMap<String, NumberName> = BTreeMap::new();
        for name in names {
            for wording in &TEMPLATES.number.name[name] {
                assert_eq!(wordings.insert(wording.to_lowercase(), *name), None, "{wording}");
            }
        }
    }
}
