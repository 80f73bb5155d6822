//! Sentences that give the measured numbers of an epoch.

use super::CaptionKind;
use super::claim::{Claim, Sentence};
use super::maker::Draw;
use super::templates::{TEMPLATES, Wordings};
use crate::features::{
    Airflow, Breathing, EegPowers, EyeMovements, Features, HeartRate, HeartTrend, Trend,
};

/// Returns one sentence for each channel that was measured, in the order of the montage.
pub(super) fn sentences(kind: CaptionKind, features: &Features, draw: &mut Draw) -> Vec<Sentence> {
    match kind {
        CaptionKind::Brain => brain(features, draw),
        CaptionKind::Heart => {
            features.heart.as_ref().map(|heart| self::heart(heart, draw)).unwrap_or_default()
        }
        CaptionKind::Respiratory => respiratory(features, draw),
        CaptionKind::PositionMuscle => position_muscle(features, draw),
        CaptionKind::StageEvent => Vec::new(),
    }
}

fn brain(features: &Features, draw: &mut Draw) -> Vec<Sentence> {
    let words = &TEMPLATES.brain;
    let eyes = [("left_eog", features.eog_left), ("right_eog", features.eog_right)];
    let eegs = [("c3", features.eeg_c3), ("c4", features.eeg_c4)];
    let mut sentences = Vec::new();
    for (name, eye) in eyes {
        sentences.extend(eye.and_then(|eye| eye_sentence(&words[name], eye, draw)));
    }
    for (name, eeg) in eegs {
        sentences.extend(eeg.and_then(|eeg| eeg_sentence(&words[name], eeg, draw)));
    }
    sentences
}

fn eye_sentence(head: &Wordings, eye: EyeMovements, draw: &mut Draw) -> Option<Sentence> {
    let words = &TEMPLATES.brain;
    let parts =
        [draw.number(&words["slow"], eye.slow, "%"), draw.number(&words["rapid"], eye.rapid, "%")];
    let head = draw.pick(head);
    draw.listing(head, parts.into_iter().flatten().collect())
}

fn eeg_sentence(head: &Wordings, eeg: EegPowers, draw: &mut Draw) -> Option<Sentence> {
    let bands =
        [("delta", eeg.delta), ("theta", eeg.theta), ("alpha", eeg.alpha), ("beta", eeg.beta)];
    let parts = bands
        .into_iter()
        .filter_map(|(name, share)| draw.number(&TEMPLATES.brain[name], share, "%"))
        .collect();
    let head = draw.pick(head);
    draw.listing(head, parts)
}

fn heart(heart: &HeartRate, draw: &mut Draw) -> Vec<Sentence> {
    let words = &TEMPLATES.heart;
    let beats = [
        draw.number(&words["rate"], heart.rate_bpm, " bpm"),
        draw.number(&words["rmssd"], heart.rmssd_ms, " ms"),
    ];
    let mut range: Vec<String> =
        [("minimum", heart.min_bpm), ("maximum", heart.max_bpm), ("mean", heart.mean_bpm)]
            .into_iter()
            .filter_map(|(name, rate)| draw.number(&words[name], rate, " bpm"))
            .collect();
    range.extend(heart.trends.iter().map(|trend| trend_part(trend, draw)));
    let head = draw.pick(&words["ecg"]);
    let first = draw.listing(head, beats.into_iter().flatten().collect());
    let head = draw.pick(&words["heart_rate"]);
    first.into_iter().chain(draw.listing(head, range)).collect()
}

fn trend_part(trend: &HeartTrend, draw: &mut Draw) -> String {
    let words = &TEMPLATES.heart;
    let name = match trend.trend {
        Trend::Increasing => &words["increasing"],
        Trend::Decreasing => &words["decreasing"],
        Trend::Stable => &words["stable"],
    };
    let part = draw.pick(&words["trend"]).replace("{trend}", draw.pick(name));
    part.replace("{begin}", &format!("{:.1}", trend.start_s))
        .replace("{end}", &format!("{:.1}", trend.end_s))
}

fn respiratory(features: &Features, draw: &mut Draw) -> Vec<Sentence> {
    let words = &TEMPLATES.respiratory;
    let mut sentences = Vec::new();
    for (name, belt) in [("abdomen", features.abdomen), ("thorax", features.thorax)] {
        if let Some(Breathing { rate_bpm, interval_deviation_s }) = belt {
            let rate = draw.number(&words["rate"], rate_bpm, " bpm");
            let deviation = draw.number(&words["deviation"], interval_deviation_s, " s");
            let head = draw.pick(&words[name]);
            sentences.extend(draw.listing(head, rate.into_iter().chain(deviation).collect()));
        }
    }
    if let Some(Airflow { rate_bpm, flatness }) = features.airflow {
        let rate = draw.number(&words["flow_rate"], rate_bpm, " bpm");
        let flatness = draw.number(&words["flatness"], flatness, "");
        let head = draw.pick(&words["airflow"]);
        sentences.extend(draw.listing(head, rate.into_iter().chain(flatness).collect()));
    }
    sentences
}

fn position_muscle(features: &Features, draw: &mut Draw) -> Vec<Sentence> {
    let words = &TEMPLATES.position_muscle;
    let mut sentences = Vec::new();
    if let Some(chin) = features.chin {
        let parts = [
            draw.number(&words.names["median_frequency"], chin.median_frequency_hz, " Hz"),
            draw.number(&words.names["burst_ratio"], chin.burst_ratio, ""),
            draw.number(&words.names["burst_rate"], chin.burst_rate_hz, " Hz"),
        ];
        let head = draw.pick(&words.names["chin"]);
        sentences.extend(draw.listing(head, parts.into_iter().flatten().collect()));
    }
    let lying =
        |position| Sentence::new(draw.pick(&words.position[&position]), Claim::Position(position));
    sentences.extend(features.position.map(lying));
    sentences
}
