//! The page of measures names every measure, index and family, and the limits of the code.

use nocturne_psg::EventFamily;
use nocturne_psg::statistics::{
    EventIndex, HypnogramMeasure, LEAST_SLEEP_PERIOD_SHARE, LONGEST_UNMARKED_NIGHT_MIN, Severity,
    least_minutes,
};

fn page() -> String {
    std::fs::read_to_string(nocturne_testing::root().join("docs/measures.md"))
        .expect("the page exists")
}

#[test]
fn every_measure_index_and_family_is_defined() {
    let page = page();
    let names = HypnogramMeasure::all()
        .map(HypnogramMeasure::name)
        .chain(EventIndex::ALL.map(EventIndex::name))
        .chain(EventFamily::ALL.map(EventFamily::name));
    let missing: Vec<&str> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn limits_are_those_of_the_code() {
    let page = page();
    let least = [
        ("an estimate with an interval", least_minutes::INTERVAL),
        ("a rate", least_minutes::RATE),
        ("each side of a comparison", least_minutes::COMPARED_SIDE),
        ("a stratum: stage, position, part of the night", least_minutes::STRATUM),
    ];
    for (answer, minutes) in least {
        assert!(page.contains(&format!("\n| {answer} | {minutes} |")), "{answer}");
    }
    assert!(page.contains(&format!("it lasts {LONGEST_UNMARKED_NIGHT_MIN} min at most")));
    assert_eq!(LEAST_SLEEP_PERIOD_SHARE, 0.5);
    assert!(page.contains("fills at least half of it"));
    for severity in [Severity::Mild, Severity::Moderate] {
        let bounds = severity.bounds_per_hour();
        let row = format!("\n| {severity} | {} to below {} |", bounds.start, bounds.end);
        assert!(page.contains(&row), "{row}");
    }
}
