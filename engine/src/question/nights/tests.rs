//! Questions about nights over small collections.

use nocturne_concepts::Source;
use nocturne_index::{Filter, RecordingDraft};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::statistics::NotMeasured;
use nocturne_psg::{Event, EventKind};

use super::*;
use crate::question::nights::value::NoInterval;
use crate::tests::collections::{damage, fill, live, night, pinned};

fn request(typed: &str) -> NightRequest {
    NightRequest { question: AskedQuestion::Typed(typed.to_owned()), ..NightRequest::default() }
}

fn words(words: &str) -> NightRequest {
    NightRequest { question: AskedQuestion::Words(words.to_owned()), ..NightRequest::default() }
}

fn ask(drafts: impl IntoIterator<Item = RecordingDraft>, request: &NightRequest) -> NightAnswer {
    let (_folder, space) = pinned(drafts);
    search_nights(&space, request).unwrap()
}

fn refusal(drafts: impl IntoIterator<Item = RecordingDraft>, request: &NightRequest) -> String {
    let (_folder, space) = pinned(drafts);
    search_nights(&space, request).unwrap_err().to_string()
}

/// Names of the nights of each block.
fn names(answer: &NightAnswer) -> Vec<Vec<&str>> {
    let nights = answer.blocks.iter().map(|block| &block.nights);
    nights.map(|nights| nights.iter().map(|night| night.recording.as_str()).collect()).collect()
}

fn values(answer: &NightAnswer) -> Vec<f64> {
    answer
        .blocks
        .iter()
        .flat_map(|block| &block.nights)
        .map(|night| night.values[0].value)
        .collect()
}

/// A night of `n` epochs with this pattern repeated.
fn long(name: &str, pattern: &str, times: usize) -> RecordingDraft {
    night(name, &pattern.repeat(times))
}

/// Adds scored events to a night.
fn scored(mut draft: RecordingDraft, events: &[(EventKind, f64, f64)]) -> RecordingDraft {
    draft.events =
        Some(events.iter().map(|(kind, onset_s, s)| Event::new(*kind, *onset_s, *s)).collect());
    draft
}

/// Nights of 2 h of N2 with arousals in half, a quarter and none of the epochs.
fn three_nights() -> [RecordingDraft; 3] {
    [long("half", "2!2", 120), long("quarter", "2!222", 60), long("none", "2", 240)]
}

#[test]
fn nights_are_ranked_by_the_models_rate() {
    let answer = ask(three_nights(), &words("nights with frequent arousals"));
    assert_eq!(answer.reading.typed, "rate(arousal), highest first");
    assert_eq!(names(&answer), [["half", "quarter", "none"]]);
    assert_eq!(answer.blocks[0].source, Source::Model);
    let rates = values(&answer);
    assert!(
        (rates[0] - 60.0).abs() < 2.0 && (rates[1] - 30.0).abs() < 2.0 && rates[2] < 2.0,
        "{rates:?}"
    );
}

#[test]
fn few_puts_the_lowest_rate_first() {
    assert_eq!(names(&ask(three_nights(), &words("few arousals"))), [["none", "quarter", "half"]]);
}

#[test]
fn numbers_of_recorded_nights_by_a_simulated_calibration_have_no_interval() {
    let answer = ask(three_nights(), &request("rate(arousal), highest first"));
    for night in &answer.blocks[0].nights {
        assert_eq!(night.values[0].interval, None);
        assert_eq!(night.values[0].no_interval, Some(NoInterval::OtherPopulation));
    }
    assert!(
        answer.cautions[0].contains("calibrated on simulated nights only"),
        "{:?}",
        answer.cautions
    );
}

#[test]
fn scored_events_come_before_the_model() {
    let events: Vec<_> = (0..30).map(|i| (EventKind::Arousal, 30.0 * f64::from(i), 5.0)).collect();
    let drafts = || [scored(long("scored", "2", 240), &events), long("half", "2!2", 120)];
    let answer = ask(drafts(), &request("rate(arousal), highest first"));
    let sources: Vec<Source> = answer.blocks.iter().map(|block| block.source).collect();
    assert_eq!(sources, [Source::Scored, Source::Model]);
    assert_eq!(names(&answer), [["scored"], ["half"]]);
    // 30 arousals in 2 h.
    assert_eq!(answer.blocks[0].nights[0].values[0].value, 15.0);
    assert_eq!(answer.blocks[0].nights[0].values[0].no_interval, None);
    let model =
        NightRequest { source: Some(Source::Model), ..request("rate(arousal), highest first") };
    assert_eq!(names(&ask(drafts(), &model)), [["half", "scored"]]);
    let only =
        NightRequest { source: Some(Source::Scored), ..request("rate(arousal), highest first") };
    let answer = ask(drafts(), &only);
    assert_eq!(names(&answer), [["scored"]]);
    assert_eq!(answer.skipped[0].reason, Unanswered::NotScored { concept: "arousal".to_owned() });
}

#[test]
fn none_of_a_scored_family_is_zero_and_not_scored_is_unanswered() {
    let hypopnea = [(EventKind::Hypopnea, 300.0, 20.0)];
    let drafts = [scored(long("hypopneas", "2", 240), &hypopnea), long("unscored", "2", 240)];
    let answer = ask(drafts, &request("count(apnea) = 0"));
    assert_eq!(names(&answer), [["hypopneas"]]);
    assert_eq!(answer.skipped[0].recording, "unscored");
}

#[test]
fn conditions_are_joined() {
    let both = [(EventKind::Hypopnea, 300.0, 20.0), (EventKind::ObstructiveApnea, 600.0, 20.0)];
    let drafts = [scored(long("a", "2", 240), &both[..1]), scored(long("b", "2", 240), &both)];
    let answer = ask(drafts, &words("nights with hypopneas but no apneas"));
    assert_eq!(answer.reading.typed, "count(hypopnea) > 0 and count(apnea) = 0");
    assert_eq!(names(&answer), [["a"]]);
}

#[test]
fn scope_counts_events_and_hours_of_its_stages() {
    // One hour of N2 with 10 arousals, half an hour of R with 20.
    let mut events: Vec<_> =
        (0..10).map(|i| (EventKind::Arousal, 60.0 * f64::from(i), 5.0)).collect();
    events.extend((0..20).map(|i| (EventKind::Arousal, 3600.0 + 60.0 * f64::from(i), 5.0)));
    let draft = || scored(night("a", &format!("{}{}", "2".repeat(120), "R".repeat(60))), &events);
    assert_eq!(values(&ask([draft()], &request("rate(arousal) in R, highest first"))), [40.0]);
    assert_eq!(values(&ask([draft()], &request("rate(arousal), highest first"))), [20.0]);
    assert_eq!(values(&ask([draft()], &request("rate(arousal) in R / in NREM > 1"))), [4.0]);
}

#[test]
fn short_sleep_has_no_rate_and_short_strata_are_refused() {
    let events = [(EventKind::Arousal, 0.0, 5.0)];
    let drafts =
        [scored(long("short", "2", 100), &events), scored(long("long", "2", 119), &events)];
    let answer = ask(drafts, &request("rate(arousal), highest first"));
    assert!(answer.blocks.is_empty());
    assert!(answer.skipped.iter().all(|night| matches!(
        night.reason,
        Unanswered::NotMeasured { why: NotMeasured::TooShort { least_min: 60.0, .. } }
    )));
}

#[test]
fn stages_and_statistics_are_measured_from_the_scoring() {
    let draft = || {
        night(
            "a",
            &format!("{}{}{}{}", "W".repeat(20), "2".repeat(100), "3".repeat(60), "R".repeat(20)),
        )
    };
    assert_eq!(values(&ask([draft()], &request("tst < 360 min"))), [90.0]);
    assert_eq!(values(&ask([draft()], &request("sleep_onset_latency, longest first"))), [10.0]);
    assert_eq!(values(&ask([draft()], &request("longest_run(N3), longest first"))), [30.0]);
    let share = values(&ask([draft()], &request("share(N3) of sleep, lowest first")));
    assert!((share[0] - 100.0 / 3.0).abs() < 1e-3, "{share:?}");
}

#[test]
fn events_within_a_time_of_others_are_counted() {
    let events = [
        (EventKind::Hypopnea, 300.0, 20.0),
        (EventKind::Arousal, 340.0, 5.0),
        (EventKind::Arousal, 1000.0, 5.0),
    ];
    let draft = scored(long("a", "2", 240), &events);
    let answer = ask([draft], &words("arousals within 30 s after hypopneas"));
    assert_eq!(values(&answer), [0.5]);
}

#[test]
fn evidence_is_the_epochs_with_the_highest_probability() {
    let answer = ask(
        three_nights(),
        &NightRequest { evidence: 2, ..request("rate(arousal), highest first") },
    );
    let evidence: Vec<u32> =
        answer.blocks[0].nights[0].evidence.iter().map(|hit| hit.epoch).collect();
    assert_eq!(evidence, [0, 2]);
}

#[test]
fn concept_without_calibration_is_refused_for_the_collection() {
    let message = refusal(three_nights(), &request("rate(k_complex), highest first"));
    assert!(
        message.contains(
            "`k_complex` is not measurable with this bundle: the bundle has no calibration of it"
        ),
        "{message}"
    );
}

#[test]
fn concept_that_no_input_shows_is_refused() {
    let message = refusal(three_nights(), &words("who snores"));
    assert!(message.contains("`snore` was not scored"), "{message}");
}

#[test]
fn night_without_the_channels_is_skipped_with_the_channels() {
    let mut blind = long("blind", "2", 240);
    let airflow: ChannelMask = [Channel::Airflow].into_iter().collect();
    blind.epochs.iter_mut().for_each(|epoch| epoch.mask = airflow);
    let answer = ask([blind, long("half", "2!2", 120)], &request("rate(arousal), highest first"));
    assert_eq!(names(&answer), [["half"]]);
    let needs = "EEG_C3_A2 or EEG_C4_A1".to_owned();
    assert_eq!(
        answer.skipped[0].reason,
        Unanswered::NoChannels { concept: "arousal".to_owned(), needs }
    );
}

#[test]
fn damaged_night_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), [long("broken", "2", 240), long("good", "2!2", 120)]);
    damage(folder.path(), "broken");
    let space = live(folder.path()).newest().unwrap();
    let answer = search_nights(&space, &request("rate(arousal), highest first")).unwrap();
    assert_eq!(names(&answer), [["good"]]);
    assert_eq!(answer.skipped[0].reason, Unanswered::Damaged);
}

#[test]
fn filter_restricts_the_epochs_and_the_nights() {
    let filter = |expression: &str| Filter {
        expression: Some(expression.parse().unwrap()),
        ..Filter::default()
    };
    let first =
        NightRequest { filter: filter("epoch < 120"), ..request("rate(arousal), highest first") };
    let draft = night("a", &format!("{}{}", "2!".repeat(120), "2".repeat(120)));
    let rates = values(&ask([draft.clone()], &first));
    assert!((rates[0] - 120.0).abs() < 2.0, "{rates:?}");
    let other =
        NightRequest { filter: filter("recording = b"), ..request("rate(arousal), highest first") };
    assert_eq!(names(&ask([draft, long("b", "2", 240)], &other)), [["b"]]);
}

#[test]
fn question_about_metadata_uses_its_columns_or_is_refused() {
    let mut old = long("old", "2!2", 120);
    old.metadata =
        [("sex".to_owned(), "male".to_owned()), ("age".to_owned(), "70".to_owned())].into();
    let answer = ask([old, long("unknown", "2", 240)], &words("men over 60 with many arousals"));
    assert_eq!(names(&answer), [["old"]]);
    let message = refusal([long("unknown", "2", 240)], &words("men over 60 with many arousals"));
    assert!(message.contains("no recording has the metadata"), "{message}");
}

#[test]
fn the_same_night_in_two_files_is_counted_once() {
    let start = Some(jiff::civil::date(2026, 1, 2).at(22, 30, 0, 0));
    let [mut a, mut b] = [long("a", "2!2", 120), long("b", "2!2", 120)];
    (a.start, b.start) = (start, start);
    let answer = ask([a, b, long("c", "2!2", 120)], &request("rate(arousal), highest first"));
    assert_eq!(names(&answer), [["a", "c"]]);
    assert_eq!(answer.blocks[0].nights[0].same_night, ["b"]);
}

#[test]
fn requests_out_of_range_are_refused() {
    let ranked = || request("rate(arousal), highest first");
    let none = NightRequest { k: 0, ..ranked() };
    assert_eq!(refusal(three_nights(), &none), "`top_k` is 0; expected 1 to 1000");
    let much = NightRequest { evidence: 21, ..ranked() };
    assert_eq!(refusal(three_nights(), &much), "`evidence` is 21; expected 0 to 20");
    assert!(refusal(three_nights(), &words("  ")).starts_with("`question` is empty"));
    assert!(
        refusal(three_nights(), &words("banana")).contains("no word of it names a known concept")
    );
}

#[test]
fn computed_tracks_are_stored_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), three_nights());
    let space = live(folder.path()).newest().unwrap();
    search_nights(&space, &request("rate(arousal), highest first")).unwrap();
    let version = space.bundle.track_builder().unwrap().version().to_owned();
    let fresh = live(folder.path()).newest().unwrap();
    let entries = fresh.snapshot().entries();
    for track in fresh.snapshot().tracks(Some(&version), &entries).unwrap() {
        assert!(track.bytes().is_ok(), "{:?}", track.known_problem());
    }
}

#[test]
fn awakenings_count_in_the_sleep_that_they_interrupt() {
    // Six hours of N2, woken three times; the wake before and after the sleep does not count.
    let night =
        long("woken", &format!("WW{}", ["2".repeat(200), "W".to_owned()].concat().repeat(3)), 1);
    let mut draft = night;
    draft.epochs.extend(long("rest", "2", 120).epochs.into_iter().zip(605..).map(
        |(mut epoch, n)| {
            epoch.number = nocturne_psg::EpochNumber(n);
            epoch.onset_s = 30.0 * f64::from(n);
            epoch
        },
    ));
    let answer = ask([draft], &request("count(awakening), highest first"));
    assert_eq!(values(&answer), [3.0]);
}

#[test]
fn depth_of_desaturations_is_not_taken_from_annotations() {
    let draft = scored(long("a", "2", 240), &[(EventKind::Desaturation, 300.0, 30.0)]);
    let why = refusal([draft.clone()], &request("rate(desaturation >= 4 %), highest first"));
    assert!(why.contains("no signal of the recording shows `desaturation`"), "{why}");
    let answer = ask([draft], &request("rate(desaturation), highest first"));
    assert_eq!(values(&answer), [0.5]);
}

#[test]
fn a_source_that_never_answers_is_refused_by_name() {
    let why = refusal(
        three_nights(),
        &NightRequest { source: Some(Source::Signal), ..request("rate(arousal), highest first") },
    );
    assert!(why.contains("`arousal` does not come from a rule on a signal; it comes from annotations or the model"), "{why}");
    let why = refusal(
        three_nights(),
        &NightRequest { source: Some(Source::Model), ..request("lowest_spo2, lowest first") },
    );
    assert!(
        why.contains(
            "`lowest_spo2` does not come from the model; it comes from a rule on a signal"
        ),
        "{why}"
    );
}

#[test]
fn scope_without_sleep_is_named() {
    let answer = ask(
        [long("a", "2!2", 120)],
        &NightRequest { source: Some(Source::Scored), ..request("share(N3) of R, highest first") },
    );
    assert!(
        answer.skipped[0]
            .reason
            .to_string()
            .contains("no sleep in the part that the question asks about (`R`)"),
        "{answer:?}"
    );
}

#[test]
fn halves_are_those_of_the_sleep_period() {
    // Two hours of wake, then an hour of N2 and an hour of R: the second half of the sleep is all R.
    let draft = long("late", &["W".repeat(240), "2".repeat(120), "R".repeat(120)].concat(), 1);
    let share = |typed: &str| values(&ask([draft.clone()], &request(typed)))[0];
    assert_eq!(share("share(R) of sleep in the second half, highest first"), 100.0);
    assert_eq!(share("share(R) of sleep in the first half, highest first"), 0.0);
}

#[test]
fn rem_sleep_without_atonia_is_a_raised_chin_tone_in_rem_sleep() {
    use nocturne_psg::signal_rules::{CHIN_TONE_PERCENT, EpochColumn, NoSignal, SignalMeasures};
    // Three hours of N2 and one of R; the tone is raised in N2 and in a quarter of R.
    let mut draft = long("a", &["2".repeat(360), "R".repeat(120)].concat(), 1);
    let tone = |epoch: usize| if epoch < 390 { 90.0 } else { 30.0 };
    let tones: Vec<Option<f64>> = (0..480).map(|epoch| Some(tone(epoch))).collect();
    draft.signals = Some(SignalMeasures {
        saturation: Err(NoSignal::NoChannel),
        heart_rate: Err(NoSignal::NoChannel),
        position: Err(NoSignal::NoChannel),
        chin_tone: Ok(EpochColumn::of(CHIN_TONE_PERCENT, tones)),
        legs: Err(NoSignal::NoChannel),
    });
    let answer = ask([draft], &words("REM sleep without atonia"));
    assert_eq!(answer.blocks[0].source, Source::Signal);
    assert_eq!(values(&answer), [25.0]);
    assert!(answer.cautions[0].contains("experimental"), "{:?}", answer.cautions);
}

#[test]
fn fragmentation_adds_awakenings_to_arousals() {
    // Three hours of N2 with ten awakenings of an epoch, and 20 arousals.
    let stages = format!("{}W", "2".repeat(35)).repeat(10);
    let arousals: Vec<_> =
        (0..20).map(|i| (EventKind::Arousal, 30.0 * f64::from(i * 18), 5.0)).collect();
    let draft = scored(long("a", &format!("{stages}2"), 1), &arousals);
    let value = |typed: &str| values(&ask([draft.clone()], &request(typed)))[0];
    assert_eq!(value("count(awakening), highest first"), 10.0);
    assert_eq!(value("count(arousal or awakening), highest first"), 30.0);
    let hours = 351.0 / 120.0;
    let rate = value("rate(arousal or awakening), highest first");
    assert!((rate - 30.0 / hours).abs() < 1e-9, "{rate}");
}

#[test]
fn counts_of_scored_events_are_whole_numbers() {
    // 7 h 11.5 min of sleep: the rate and its hours do not multiply to 17 exactly.
    let events: Vec<_> =
        (0..17).map(|i| (EventKind::Arousal, 30.0 * f64::from(i * 40), 5.0)).collect();
    let draft = scored(long("a", "2", 863), &events);
    for typed in ["count(arousal) = 17", "count(arousal) >= 17", "count(arousal) <= 17"] {
        assert_eq!(values(&ask([draft.clone()], &request(typed))), [17.0], "{typed}");
    }
}

#[test]
fn a_short_or_mostly_unstaged_recording_has_no_sleep_times() {
    let short = NightRequest { source: Some(Source::Model), ..request("tst, highest first") };
    let answer = ask([long("short", "2", 4), long("long", "2", 240)], &short);
    assert_eq!(names(&answer), [["long"]]);
    assert!(answer.skipped[0].reason.to_string().contains("only 2.0 min have a stage"));
    // An hour and a half of N2 at each end of eight hours.
    let mut gap = long("gap", "2", 360);
    for epoch in &mut gap.epochs[180..] {
        epoch.number.0 += 600;
        epoch.onset_s += 18_000.0;
    }
    let answer = ask([gap, long("long", "2", 240)], &request("sleep_efficiency, highest first"));
    assert_eq!(names(&answer), [["long"]]);
    assert!(
        answer.skipped[0].reason.to_string().contains("only 180 min of 480 min have a stage"),
        "{}",
        answer.skipped[0].reason
    );
}

#[test]
fn a_position_is_that_of_sleep() {
    use nocturne_psg::signal_rules::{NoSignal, SignalMeasures};
    use nocturne_psg::sleep::Position;
    // Two hours of wake and two of N2 on the back, two of N2 on the side; 8 arousals in N2 on the back, 2 on the side.
    let mut draft = long("a", &["W".repeat(240), "2".repeat(480)].concat(), 1);
    let position = |epoch: usize| if epoch < 480 { Position::Supine } else { Position::Left };
    draft.signals = Some(SignalMeasures {
        saturation: Err(NoSignal::NoChannel),
        heart_rate: Err(NoSignal::NoChannel),
        position: Ok((0..720).map(|epoch| Some(position(epoch))).collect()),
        chin_tone: Err(NoSignal::NoChannel),
        legs: Err(NoSignal::NoChannel),
    });
    let at =
        [250, 260, 270, 280, 290, 300, 310, 320, 500, 510].map(|epoch| 30.0 * f64::from(epoch));
    let draft = scored(draft, &at.map(|onset_s| (EventKind::Arousal, onset_s, 5.0)));
    let value = |typed: &str| values(&ask([draft.clone()], &request(typed)))[0];
    assert_eq!(value("rate(arousal) in supine, highest first"), 4.0);
    assert_eq!(value("rate(arousal) in (supine & sleep), highest first"), 4.0);
    assert_eq!(value("rate(arousal) in non_supine, highest first"), 1.0);
    assert_eq!(value("rate(arousal) in !supine, highest first"), 1.0);
    assert_eq!(value("rate(arousal) in supine / outside of it, highest first"), 4.0);
    assert_eq!(value("share(N2) in supine, highest first"), 100.0);
    assert_eq!(value("time(W) in supine, highest first"), 120.0);
}
