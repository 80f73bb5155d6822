//! Sentences that list the measures of an epoch.

use super::CaptionKind;
use super::caption_claim::{CaptionClaim, Sentence};
use super::generate::SeededChoice;
use super::number_names::{NumberHeading, NumberName};
use super::templates::TEMPLATES;
use super::wording_grammar::sentence;
use crate::features::{Features, TrendSpan};

/// Returns a sentence for each heading with measures, and one for the position.
pub(super) fn sentences(
    kind: CaptionKind,
    features: &Features,
    draw: &mut SeededChoice,
) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for heading in NumberHeading::ALL.into_iter().filter(|heading| heading.kind() == kind) {
        sentences.extend(listing(heading, features, draw));
    }
    if kind == CaptionKind::PositionMuscle
        && let Some(position) = features.position
    {
        let words = draw.pick(&TEMPLATES.number.position[&position]);
        sentences.push(Sentence::new(sentence(words), CaptionClaim::Position(position)));
    }
    sentences
}

/// Returns the sentence of a heading, such as `EEG C3-A2: delta power of 61.20%, theta power of about 20%.`
fn listing(
    heading: NumberHeading,
    features: &Features,
    draw: &mut SeededChoice,
) -> Option<Sentence> {
    let mut parts: Vec<String> = heading
        .measured(features)
        .into_iter()
        .filter_map(|(name, value)| number(name, value, draw))
        .collect();
    parts.extend(heading.trends(features).iter().map(|trend| trend_part(trend, draw)));
    draw.shuffle(&mut parts);
    let (first, rest) = parts.split_first()?;
    let mut text = format!("{}: {first}", draw.pick(&TEMPLATES.number.head[&heading]));
    for part in rest {
        text.push_str(draw.pick(&TEMPLATES.number.connectives));
        text.push_str(part);
    }
    Some(Sentence::precise(text + "."))
}

/// Returns a measure with its name, exact or rounded, or `None` for one in five, as people leave things out.
fn number(name: NumberName, value: f64, draw: &mut SeededChoice) -> Option<String> {
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
        // After an integer without a unit, the full stop could be parsed as a decimal point.
        format!("{words} {tie} {value:.1}{unit}")
    })
}

fn trend_part(trend: &TrendSpan, draw: &mut SeededChoice) -> String {
    let words = draw.pick(TEMPLATES.number.trend.of(trend.trend));
    draw.pick(&TEMPLATES.number.trend.sentences)
        .replace("{trend}", words)
        .replace("{begin}", &format!("{:.1}", trend.start_s))
        .replace("{end}", &format!("{:.1}", trend.end_s))
}
