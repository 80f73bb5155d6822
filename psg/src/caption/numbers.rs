//! Sentences that give the measured numbers of an epoch.

use super::CaptionKind;
use super::claim::{Claim, Sentence};
use super::maker::Draw;
use super::number::{NumberHead, NumberName};
use super::templates::TEMPLATES;
use super::text::sentence;
use crate::features::{Features, TrendStretch};

/// Returns one sentence for each channel that was measured, in the order of the montage, and one for the position.
pub(super) fn sentences(kind: CaptionKind, features: &Features, draw: &mut Draw) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for head in NumberHead::ALL.into_iter().filter(|head| head.kind() == kind) {
        sentences.extend(listing(head, features, draw));
    }
    if kind == CaptionKind::PositionMuscle
        && let Some(position) = features.position
    {
        let words = draw.pick(&TEMPLATES.number.position[&position]);
        sentences.push(Sentence::new(sentence(words), Claim::Position(position)));
    }
    sentences
}

/// Returns what is said of a channel, such as `EEG C3-A2: delta power of 61.20%, theta power of about 20%.`
fn listing(head: NumberHead, features: &Features, draw: &mut Draw) -> Option<Sentence> {
    let mut parts: Vec<String> = head
        .measured(features)
        .into_iter()
        .filter_map(|(name, value)| number(name, value, draw))
        .collect();
    parts.extend(head.trends(features).iter().map(|trend| trend_part(trend, draw)));
    draw.shuffle(&mut parts);
    let (first, rest) = parts.split_first()?;
    let mut text = format!("{}: {first}", draw.pick(&TEMPLATES.number.head[&head]));
    for part in rest {
        text.push_str(draw.pick(&TEMPLATES.number.connectives));
        text.push_str(part);
    }
    Some(Sentence::precise(text + "."))
}

/// Returns a number with its name, precisely or rounded; sometimes nothing, as a scorer leaves things out.
fn number(name: NumberName, value: f64, draw: &mut Draw) -> Option<String> {
    if draw.chance(0.2) {
        return None;
    }
    let (words, unit) = (draw.pick(&TEMPLATES.number.name[&name]), name.unit());
    let is_precise = draw.chance(0.5);
    let tie = if is_precise { &TEMPLATES.number.verbs } else { &TEMPLATES.number.rounded };
    let tie = draw.pick(tie);
    Some(if is_precise {
        format!("{words} {tie} {value:.2}{unit}")
    } else if value.abs() >= 10.0 && !unit.is_empty() {
        format!("{words} {tie} {value:.0}{unit}")
    } else {
        // Behind a whole number without a unit, the dot of the sentence could be read as its decimal point.
        format!("{words} {tie} {value:.1}{unit}")
    })
}

fn trend_part(trend: &TrendStretch, draw: &mut Draw) -> String {
    let words = draw.pick(TEMPLATES.number.trend.of(trend.trend));
    draw.pick(&TEMPLATES.number.trend.sentences)
        .replace("{trend}", words)
        .replace("{begin}", &format!("{:.1}", trend.start_s))
        .replace("{end}", &format!("{:.1}", trend.end_s))
}
