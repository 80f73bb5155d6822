//! Questions about nights over small collections.

use nocturne_encoder::{ConceptTarget, Embedding};
use nocturne_index::{Filter, RecordingDraft};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{Event, EventKind, Stage};

use super::*;
use crate::question::nights::answer::StageSource;
use crate::question::threshold::Threshold;
use crate::tests::collections::{damage, fill, live, night, pinned};
use crate::tests::models::{AROUSAL, AROUSAL_CALIBRATION, FREE, FREE_WORDS, epoch_vector, vector};

fn request(question: &str) -> NightRequest {
    NightRequest { question: question.to_owned(), k: 10, evidence: 2, ..NightRequest::default() }
}

fn ask(drafts: impl IntoIterator<Item = RecordingDraft>, request: &NightRequest) -> NightAnswer {
    let (_folder, space) = pinned(drafts);
    search_nights(&space, request).unwrap()
}

fn names(answer: &NightAnswer) -> Vec<&str> {
    answer.nights.iter().map(|night| night.recording.as_str()).collect()
}

/// Three nights with arousals in 1, 3 and 0 of 4 epochs of sleep.
fn three_nights() -> [RecordingDraft; 3] {
    [night("one", "W2!222"), night("three", "W2!2!2!2"), night("zero", "W!2222")]
}

#[test]
fn nights_are_ranked_by_rate() {
    let answer = ask(three_nights(), &request("nights with frequent arousals"));
    assert_eq!(names(&answer), ["three", "one", "zero"]);
    let night = &answer.nights[0];
    assert_eq!((night.epochs_found, night.epochs_judged, night.epochs_not_judged), (3, 4, 0));
    assert!((night.hours_of_sleep - 4.0 / 120.0).abs() < 1e-9);
    let (low, high) = night.rate_ci95;
    assert!(low < night.rate_per_hour && night.rate_per_hour < high, "{night:?}");
    assert_eq!((answer.plan.as_str(), answer.skipped.len()), ("scan", 0));
}

#[test]
fn few_puts_the_lowest_rate_first() {
    assert_eq!(names(&ask(three_nights(), &request("few arousals"))), ["zero", "one", "three"]);
}

#[test]
fn nights_of_equal_rate_are_sorted_by_name() {
    let drafts = [night("b", "2!2"), night("a", "2!2")];
    assert_eq!(names(&ask(drafts, &request("arousals"))), ["a", "b"]);
}

#[test]
fn bound_and_number_restrict_the_answer() {
    // One epoch of four is a rate of 34.5 per hour.
    let answer = ask(three_nights(), &request("more than 30 arousals per hour"));
    assert_eq!(names(&answer), ["three", "one"]);
    let answer = ask(three_nights(), &NightRequest { k: 1, ..request("arousals") });
    assert_eq!(names(&answer), ["three"]);
}

#[test]
fn wake_is_not_judged() {
    let answer = ask(three_nights(), &request("arousals"));
    let zero = answer.nights.iter().find(|night| night.recording == "zero").unwrap();
    assert_eq!((zero.epochs_found, zero.epochs_judged), (0, 4));
}

#[test]
fn only_the_stages_of_the_question_are_judged() {
    let drafts = [night("a", "2!2R!R!R!"), night("b", "2!2!R")];
    let answer = ask(drafts, &request("frequent arousals in REM sleep"));
    assert_eq!(names(&answer), ["a", "b"]);
    assert_eq!(answer.nights[0].epochs_judged, 3);
    assert!(answer.reading.sentence.contains("per hour of R"), "{}", answer.reading.sentence);
}

#[test]
fn evidence_is_the_epochs_with_the_highest_probability() {
    let mut draft = night("a", "2222");
    let strong = vector(&[(Stage::N2.index(), 1.0), (AROUSAL, 3.0)]);
    draft.epochs[3].vector = Embedding::new(strong).unwrap();
    draft.epochs[1].vector = Embedding::new(epoch_vector(Stage::N2, true)).unwrap();
    let answer = ask([draft], &request("arousals"));
    let evidence: Vec<u32> = answer.nights[0].evidence.iter().map(|hit| hit.epoch).collect();
    assert_eq!(evidence, [3, 1]);
    let scores: Vec<f32> = answer.nights[0].evidence.iter().map(|hit| hit.score).collect();
    assert!(scores[0] > scores[1] && scores[1] > 0.5, "{scores:?}");
}

#[test]
fn known_concept_has_a_calibrated_threshold() {
    let reading = ask(three_nights(), &request("micro-arousals")).reading;
    assert_eq!((reading.concept.as_str(), reading.known), ("arousal", true));
    assert_eq!(reading.threshold, Threshold::Probability(0.5));
    assert_eq!(reading.cautions, Vec::<String>::new());
}

#[test]
fn best_epochs_count_if_the_words_are_not_a_known_concept() {
    let mut draft = night("a", &"2".repeat(40));
    for (i, epoch) in draft.epochs.iter_mut().enumerate() {
        let vector = vector(&[(Stage::N2.index(), 1.0), (FREE, i as f32 / 40.0)]);
        epoch.vector = Embedding::new(vector).unwrap();
    }
    let answer = ask([draft], &request(&format!("nights with {FREE_WORDS}")));
    let NightAnswer { nights, reading, .. } = &answer;
    assert_eq!((reading.concept.as_str(), reading.known), (FREE_WORDS, false));
    // 5 % of 40 epochs are 2, and the threshold is the score of the next.
    assert_eq!(nights[0].epochs_found, 3);
    let Threshold::Cosine(cosine) = reading.threshold else { panic!("{reading:?}") };
    assert!((0.5..0.8).contains(&cosine), "{cosine}");
    assert!(reading.cautions[0].contains("not a known concept"), "{:?}", reading.cautions);
    assert!(reading.cautions[1].contains("`saw`"), "{:?}", reading.cautions);
}

#[test]
fn learned_concept_replaces_the_one_of_the_words() {
    let concept = LearnedConcept {
        fingerprint: "5d41".to_owned(),
        target: ConceptTarget::Stage(Stage::N3),
        direction: Embedding::new(vector(&[(Stage::N3.index(), 1.0)])).unwrap(),
        calibration: AROUSAL_CALIBRATION,
    };
    let request = NightRequest { concept: Some(concept), ..request("few of these") };
    let answer = ask([night("a", "2333"), night("b", "2223")], &request);
    assert_eq!(names(&answer), ["b", "a"]);
    assert_eq!(answer.reading.concept, "N3");
    assert_eq!(answer.nights[0].epochs_found, 1);
}

#[test]
fn unscored_nights_use_zero_shot_stages() {
    let mut draft = night("a", "W2!2");
    draft.epochs.iter_mut().for_each(|epoch| epoch.stage = None);
    let answer = ask([draft], &request("arousals"));
    let night = &answer.nights[0];
    assert_eq!(night.stage_source, StageSource::ZeroShot);
    assert_eq!((night.epochs_found, night.epochs_judged), (1, 2), "wake is not judged");
}

#[test]
fn scored_rate_is_compared_if_the_scorer_marked_the_event() {
    let event = |kind, onset_s| Event::new(kind, onset_s, 5.0);
    let mut scored = night("scored", "W2!22");
    // One in wake, two in sleep; the desaturation is something else.
    let arousals = [10.0, 40.0, 70.0].map(|onset_s| event(EventKind::Arousal, onset_s));
    scored.events =
        Some(arousals.into_iter().chain([event(EventKind::Desaturation, 80.0)]).collect());
    let mut others = night("others", "W222");
    others.events = Some(vec![event(EventKind::Desaturation, 50.0)]);
    let answer = ask([scored, others, night("unscored", "W222")], &request("arousals"));
    let rates: Vec<(&str, Option<f64>)> = answer
        .nights
        .iter()
        .map(|night| (night.recording.as_str(), night.scored_rate_per_hour))
        .collect();
    let expected = 2.0 / (3.0 / 120.0);
    assert_eq!(rates, [("scored", Some(expected)), ("others", None), ("unscored", None)]);
}

#[test]
fn nights_that_cannot_be_judged_are_skipped_with_a_reason() {
    let mut blind = night("blind", "22");
    let airflow: ChannelMask = [Channel::Airflow].into_iter().collect();
    blind.epochs.iter_mut().for_each(|epoch| epoch.mask = airflow);
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), [night("awake", "WW"), blind, night("broken", "22"), night("good", "2!2")]);
    damage(folder.path(), "broken");
    let space = live(folder.path()).newest().unwrap();
    let answer = search_nights(&space, &request("arousals")).unwrap();
    assert_eq!(names(&answer), ["good"]);
    let mut skipped = answer.skipped;
    skipped.sort_by(|a, b| a.recording.cmp(&b.recording));
    let needs = vec!["EEG_C3_A2", "EEG_C4_A1"];
    let expected = [
        ("awake", SkipReason::NoSleep),
        ("blind", SkipReason::NoChannels { needs }),
        ("broken", SkipReason::Damaged),
    ];
    let expected =
        expected.map(|(name, reason)| SkippedNight { recording: name.to_owned(), reason });
    assert_eq!(skipped, expected);
}

#[test]
fn epochs_without_the_channels_are_counted_apart() {
    let mut draft = night("a", "2!22");
    draft.epochs[2].mask = [Channel::Airflow].into_iter().collect();
    let answer = ask([draft], &request("arousals"));
    let night = &answer.nights[0];
    assert_eq!((night.epochs_judged, night.epochs_not_judged), (2, 1));
    assert_eq!(answer.reading.cautions, Vec::<String>::new(), "most epochs have all channels");
}

#[test]
fn nights_with_few_channels_are_cautioned_about() {
    let mut draft = night("a", "2!22");
    let eeg: ChannelMask = [Channel::EegC3A2].into_iter().collect();
    draft.epochs.iter_mut().for_each(|epoch| epoch.mask = eeg);
    let cautions = ask([draft], &request("arousals")).reading.cautions;
    assert!(cautions[0].starts_with("1 of 1 nights have missing channels"), "{cautions:?}");
}

#[test]
fn filter_restricts_the_judged_epochs_and_the_nights() {
    let filter = |expression: &str| Filter {
        expression: Some(expression.parse().unwrap()),
        ..Filter::default()
    };
    let drafts = || [night("a", "2!222"), night("b", "2222!")];
    let late = NightRequest { filter: filter("epoch >= 2"), ..request("arousals") };
    let answer = ask(drafts(), &late);
    assert_eq!(names(&answer), ["b", "a"]);
    assert_eq!((answer.nights[0].epochs_found, answer.nights[0].epochs_judged), (1, 2));
    let one = NightRequest { filter: filter("recording = a"), ..request("arousals") };
    assert_eq!(names(&ask(drafts(), &one)), ["a"]);
}

#[test]
fn questions_out_of_range_are_refused() {
    let (_folder, space) = pinned([night("a", "2")]);
    let refusal = |request: NightRequest| search_nights(&space, &request).unwrap_err().to_string();
    assert_eq!(refusal(request("  ")), "`question` is empty; expected a sentence");
    assert_eq!(
        refusal(NightRequest { k: 0, ..request("arousals") }),
        "`top_k` is 0; expected 1 to 1000"
    );
    let much = NightRequest { evidence: 21, ..request("arousals") };
    assert_eq!(refusal(much), "`evidence` is 21; expected 0 to 20");
    let unknown = Filter { recordings: Some(["x".parse().unwrap()].into()), ..Filter::default() };
    let unknown = NightRequest { filter: unknown, ..request("arousals") };
    assert!(refusal(unknown).contains("`x`"));
}

#[test]
fn question_without_a_concept_is_refused() {
    let (_folder, space) = pinned([night("a", "2")]);
    let error = search_nights(&space, &request("more than 5 per hour")).unwrap_err();
    assert_eq!(error.to_string(), "`question` is empty; expected a sentence");
}
