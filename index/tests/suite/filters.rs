//! Filter expressions: their meaning, their errors, and the round trip of their text.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nocturne_index::qdrant::QdrantReader;
use nocturne_index::{
    CollectionReader, EpochPoint, Error, ExactIndex, Expression, Filter, MAX_FILTER_BYTES,
    MAX_FILTER_DEPTH, RecordingDraft, SearchRequest, VectorIndex,
};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{EpochRef, EventKind, EventSet, Stage};
use proptest::prelude::*;

use crate::qdrant::{Served, served};
use crate::support::{DIM, collection, draft, embedding, id, space};
use nocturne_qdrant_double::QdrantDouble;

/// Recordings with different missing fields.
fn drafts() -> [RecordingDraft; 4] {
    let metadata = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let a = RecordingDraft {
        metadata: metadata(&[("age", "61"), ("sex", "F"), ("subject", "007"), ("AND", "x")]),
        ..draft("a", 1, 20)
    };
    let b = RecordingDraft {
        metadata: metadata(&[("age", "90+"), ("sex", "M"), ("bmi (kg)", "31.5")]),
        start: None,
        events: None,
        ..draft("b", 2, 20)
    };
    let mut c = draft("c", 3, 20);
    c.metadata = metadata(&[("age", "40.0"), ("bmi (kg)", "22")]);
    c.start = Some("2026-03-02T01:59:00".parse().unwrap());
    c.epochs.iter_mut().for_each(|point| point.stage = None);
    let mut d = draft("deep/night 4", 4, 20);
    d.metadata.clear();
    d.epochs.iter_mut().for_each(|point| {
        point.mask = ChannelMask::from_iter([Channel::Ecg]);
    });
    [a, b, c, d]
}

/// Returns whether a comparison allows an epoch of a recording.
type Meaning = fn(&RecordingDraft, &EpochPoint) -> bool;

fn age(draft: &RecordingDraft) -> Option<f64> {
    draft.metadata.get("age")?.parse().ok()
}

fn is_scored(draft: &RecordingDraft) -> bool {
    draft.events.is_some()
}

fn clock_s(draft: &RecordingDraft, point: &EpochPoint) -> Option<f64> {
    let time = draft.start?.time();
    let start_s = f64::from(time.hour()) * 3600.0
        + f64::from(time.minute()) * 60.0
        + f64::from(time.second());
    Some((start_s + point.onset_s) % 86_400.0)
}

/// Comparisons, each with a direct implementation of its meaning.
const COMPARISONS: [(&str, Meaning); 40] = [
    ("recording = a", |it, _| it.id == id("a")),
    ("recording != a", |it, _| it.id != id("a")),
    ("recording = \"deep/*\"", |it, _| it.id == id("deep/night 4")),
    ("recording:deep/*", |it, _| it.id == id("deep/night 4")),
    ("recording >= b", |it, _| it.id != id("a")),
    ("recording = ('a' OR \"deep/night 4\")", |it, _| {
        it.id == id("a") || it.epochs[0].mask.bits() == 1
    }),
    ("age > 50", |it, _| age(it).is_some_and(|age| age > 50.0)),
    ("age <= 40", |it, _| age(it).is_some_and(|age| age <= 40.0)),
    ("age = 61.0", |it, _| age(it) == Some(61.0)),
    ("metadata.age != 61", |it, _| it.metadata.contains_key("age") && it.id != id("a")),
    ("age = 9*", |it, _| it.id == id("b")),
    ("age:*", |it, _| it.metadata.contains_key("age")),
    ("metadata:sex", |it, _| it.metadata.contains_key("sex")),
    ("sex = F", |it, _| it.id == id("a")),
    ("sex != F", |it, _| it.id == id("b")),
    ("sex < G", |it, _| it.id == id("a")),
    ("subject = 7", |_, _| false),
    ("subject = 007", |it, _| it.id == id("a")),
    ("metadata.AND = x", |it, _| it.id == id("a")),
    ("\"bmi (kg)\" >= 30", |it, _| it.id == id("b")),
    ("start:*", |it, _| it.start.is_some()),
    ("start = 2026-03-01", |it, _| it.id == id("a") || it.id == id("deep/night 4")),
    ("start > 2026-03-01", |it, _| it.id == id("c")),
    ("start <= \"2026-03-01T22:58:30\"", |it, _| it.id == id("a") || it.id == id("deep/night 4")),
    ("start != \"2026-03-02T01:59\"", |it, _| it.start.is_some() && it.id != id("c")),
    ("epoch < 16", |_, point| point.number.0 < 16),
    ("epoch = 13", |_, point| point.number.0 == 13),
    ("onset >= 450s", |_, point| point.onset_s >= 450.0),
    ("onset < 60.5", |_, point| point.onset_s < 60.5),
    ("clock < \"23:05\"", |it, point| {
        clock_s(it, point).is_some_and(|s| (43_200.0..23.0 * 3600.0 + 300.0).contains(&s))
    }),
    ("clock = \"02:06\"", |it, point| {
        clock_s(it, point).is_some_and(|s| (7560.0..7620.0).contains(&s))
    }),
    ("stage = N2", |_, point| point.stage == Some(Stage::N2)),
    ("stage != n2", |_, point| point.stage.is_some_and(|stage| stage != Stage::N2)),
    ("stage:*", |_, point| point.stage.is_some()),
    ("stage = N*", |_, point| point.stage.is_some_and(|stage| stage.to_string().starts_with('N'))),
    ("event:arousal", |it, point| is_scored(it) && point.events.contains(EventKind::Arousal)),
    ("event != arousal", |it, point| is_scored(it) && !point.events.contains(EventKind::Arousal)),
    ("event = *_apnea", |it, point| {
        let kinds = [EventKind::ObstructiveApnea, EventKind::CentralApnea, EventKind::MixedApnea];
        is_scored(it) && kinds.iter().any(|kind| point.events.contains(*kind))
    }),
    ("channel:ecg", |_, point| point.mask.contains(Channel::Ecg)),
    ("flat != (EEG_C3_A2 OR pos)", |_, point| {
        let flat = |channel| point.quality.flat.contains(channel);
        !flat(Channel::EegC3A2) || !flat(Channel::Position)
    }),
];

/// A tree of conditions, with the spelling of its operators.
#[derive(Debug, Clone)]
enum Tree {
    Comparison(usize),
    Not(Box<Self>, &'static str),
    All(Vec<Self>, &'static str),
    Any(Vec<Self>),
}

impl Tree {
    fn holds(&self, draft: &RecordingDraft, point: &EpochPoint) -> bool {
        match self {
            Self::Comparison(index) => COMPARISONS[*index].1(draft, point),
            Self::Not(tree, _) => !tree.holds(draft, point),
            Self::All(trees, _) => trees.iter().all(|tree| tree.holds(draft, point)),
            Self::Any(trees) => trees.iter().any(|tree| tree.holds(draft, point)),
        }
    }

    fn text(&self) -> String {
        let joined = |trees: &[Self], word: &str| {
            let parts: Vec<String> = trees.iter().map(Self::term).collect();
            parts.join(word)
        };
        match self {
            Self::Comparison(index) => COMPARISONS[*index].0.to_owned(),
            Self::Not(tree, word) => format!("{word}{}", tree.term()),
            Self::All(trees, word) => joined(trees, word),
            Self::Any(trees) => joined(trees, " OR "),
        }
    }

    fn term(&self) -> String {
        match self {
            Self::Comparison(_) => self.text(),
            Self::Not(..) | Self::All(..) | Self::Any(_) => format!("( {})", self.text()),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = (0..COMPARISONS.len()).prop_map(Tree::Comparison);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["NOT ", "-"]))
                .prop_map(|(tree, word)| Tree::Not(Box::new(tree), word)),
            (several(), prop::sample::select(vec![" AND ", " ", "\n AND\t"]))
                .prop_map(|(trees, word)| Tree::All(trees, word)),
            several().prop_map(Tree::Any),
        ]
    })
}

/// Returns the epochs that a filter allows.
///
/// Checks that `may_allow` agrees, and that testing all rows at once and one by one agree.
fn allowed(collection: &dyn CollectionReader, filter: &Filter) -> Vec<EpochRef> {
    let mut allowed = Vec::new();
    for entry in collection.entries() {
        let recording = collection.recording(&entry.id).unwrap();
        let rows = recording.filter(filter);
        assert_eq!(rows.is_some(), filter.may_allow(entry));
        let Some(rows) = rows else { continue };
        let all = 0..recording.n_epochs() as u32;
        let one_by_one: Vec<u32> = all.clone().filter(|row| rows.allows(*row as usize)).collect();
        assert_eq!(rows.rows().unwrap_or_else(|| all.collect()), one_by_one);
        let numbers = one_by_one.into_iter().map(|row| recording.numbers()[row as usize]);
        allowed.extend(numbers.map(|epoch| EpochRef { recording: entry.id.clone(), epoch }));
    }
    allowed
}

/// Returns the epochs for which `holds` is true.
fn expected(
    drafts: &[RecordingDraft],
    holds: impl Fn(&RecordingDraft, &EpochPoint) -> bool,
) -> Vec<EpochRef> {
    let epochs = drafts.iter().flat_map(|draft| draft.epochs.iter().map(move |it| (draft, it)));
    let expected = epochs.filter(|(draft, point)| holds(draft, point));
    expected
        .map(|(draft, point)| EpochRef { recording: draft.id.clone(), epoch: point.number })
        .collect()
}

fn filter(text: &str) -> Filter {
    Filter { expression: Some(text.parse().unwrap()), ..Filter::default() }
}

#[test]
fn every_comparison_allows_the_expected_epochs() {
    let drafts = drafts();
    let collection = collection(&space(), drafts.to_vec());
    for (text, holds) in COMPARISONS {
        let found = allowed(&collection, &filter(text));
        assert_eq!(found, expected(&drafts, holds), "{text}");
        let not = allowed(&collection, &filter(&format!("NOT ({text})")));
        assert_eq!(not.len() + found.len(), 80, "{text}");
        filter(text).check(&collection.entries().into_iter()).unwrap();
    }
}

/// The same recordings in a test double of Qdrant.
fn in_qdrant() -> &'static Served<QdrantDouble> {
    static SERVED: OnceLock<Served<QdrantDouble>> = OnceLock::new();
    SERVED.get_or_init(|| served(&collection(&space(), drafts().to_vec())))
}

/// Returns the epochs that a filter allows in Qdrant.
fn allowed_in_qdrant(filter: &Filter) -> Vec<EpochRef> {
    let request = SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(usize::MAX) };
    let hits = in_qdrant().search(&embedding(&[1.0; DIM]), &request).unwrap();
    let mut found: Vec<_> = hits.into_iter().map(|hit| hit.epoch).collect();
    found.sort();
    found
}

#[test]
fn every_comparison_allows_the_same_in_qdrant() {
    let drafts = drafts();
    for (text, holds) in COMPARISONS {
        let not = format!("NOT ({text})");
        assert_eq!(allowed_in_qdrant(&filter(text)), expected(&drafts, holds), "{text}");
        let expect = expected(&drafts, |draft, point| !holds(draft, point));
        assert_eq!(allowed_in_qdrant(&filter(&not)), expect, "{not}");
        assert_eq!(in_qdrant().index.count(&filter(&not)).unwrap(), expect.len(), "{not}");
    }
}

#[test]
fn qdrant_returns_k_hits_for_conditions_it_cannot_express() {
    let query = embedding(&[1.0; DIM]);
    let collection = collection(&space(), drafts().to_vec());
    let exact = ExactIndex::new(collection.segments().unwrap());
    for text in
        ["clock >= \"23:05\" clock < \"23:09\"", "onset > 300s -age > 50", "-stage:* OR epoch = 3"]
    {
        for (k, recall, min_score) in [(5, None, None), (3, Some(0.5), None), (40, None, Some(0.1))]
        {
            let filter = filter(text);
            let request = SearchRequest { k, filter, min_score, recall };
            let expect = exact.search(&query, &request).unwrap();
            let hits = in_qdrant().search(&query, &request).unwrap();
            assert!(!expect.is_empty(), "{text}");
            assert_eq!(hits.len(), expect.len(), "{text}");
            assert!(recall.is_some() || hits == expect, "{text}");
        }
    }
}

#[test]
fn rare_conditions_are_searched_recording_by_recording() {
    let query = embedding(&[1.0; DIM]);
    let collection = collection(&space(), drafts().to_vec());
    let exact = ExactIndex::new(collection.segments().unwrap());
    let mut settings = in_qdrant().index.settings().clone();
    settings.largest_answer = 20;
    let index = QdrantReader::open(settings).unwrap();
    for text in ["clock = \"23:06\"", "clock > \"02:03\" clock < \"05:00\"", "-clock:* onset > 300"]
    {
        let request = SearchRequest { filter: filter(text), ..SearchRequest::nearest(2) };
        let expect = exact.search(&query, &request).unwrap();
        assert_eq!(expect.len(), 2, "{text}");
        assert_eq!(index.search(&query, &request).unwrap(), expect, "{text}");
    }
}

#[test]
fn or_binds_more_tightly_than_and_as_in_aip_160() {
    let written = |text: &str| text.parse::<Expression>().unwrap().to_string();
    let expect = r#"epoch = "1" AND (epoch = "2" OR epoch = "3") AND epoch = "4""#;
    for text in [
        "epoch=1 AND epoch=2 OR epoch=3 AND epoch=4",
        "epoch=1 epoch=2 OR epoch=3 epoch=4",
        "(epoch=1) AND (epoch=(2 OR 3)) epoch = '4'",
    ] {
        assert_eq!(written(text), expect, "{text}");
    }
    assert_eq!(written("-epoch:1 NOT(stage=N1)"), r#"(NOT epoch : "1") AND (NOT stage = "N1")"#);
    assert_eq!(written(" \n"), "");
    assert_eq!(written(r#"subject = "a\"b\*c*""#), r#"subject = "a\"b\*c*""#);
}

#[test]
fn searches_find_exactly_the_allowed_epochs() {
    let drafts = drafts();
    let collection = collection(&space(), drafts.to_vec());
    let index = ExactIndex::new(collection.segments().unwrap());
    let filter = filter("(age > 50 OR NOT start:*) stage = N* -event:snore epoch < 25");
    let request = SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(1000) };
    let hits = index.search(&embedding(&[1.0; DIM]), &request).unwrap();
    let mut found: Vec<EpochRef> = hits.into_iter().map(|hit| hit.epoch).collect();
    found.sort();
    let expect = expected(&drafts, |draft, point| {
        (age(draft).is_some_and(|age| age > 50.0) || draft.start.is_none())
            && point.stage.is_some_and(|stage| stage.to_string().starts_with('N'))
            && !(is_scored(draft) && point.events.contains(EventKind::Snore))
            && point.number.0 < 25
    });
    assert!(expect.len() > 3);
    assert_eq!(found, expect);
    // The expression and the other conditions must both hold.
    let both = Filter { any_event: EventSet::from_iter([EventKind::Rera]), ..filter };
    let alone = Filter { expression: None, ..both.clone() };
    let (all, narrow) = (allowed(&collection, &both), allowed(&collection, &alone));
    assert!(all.iter().all(|epoch| expect.contains(epoch) && narrow.contains(epoch)));
}

#[test]
fn errors_have_a_column_and_a_hint() {
    let collection = collection(&space(), drafts().to_vec());
    let index = ExactIndex::new(collection.segments().unwrap());
    let check = |text: &str, expect: &str, hint: &str| {
        let error = text.parse::<Expression>().map_err(Error::Filter).and_then(|expression| {
            let filter = Filter { expression: Some(expression), ..Filter::default() };
            let request = SearchRequest { filter, ..SearchRequest::nearest(1) };
            index.search(&embedding(&[1.0; DIM]), &request)
        });
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), format!("filter, column {expect}"));
        assert!(error.hint().is_some_and(|it| it.contains(hint)), "{text}: {:?}", error.hint());
    };
    check("stage = N4", "9, at `N4`: there is no stage `N4`", "`W`, `N1`");
    check("stage = ''", "9, at `''`: there is no stage ``", "`NOT stage:*`");
    check("event:yawn", "7, at `yawn`: there is no event `yawn`", "`arousal`, ");
    check("channel:C3", "9, at `C3`: there is no channel `C3`", "`EEG_C3_A2`");
    check(
        "weight > 3",
        "1, at `weight > 3`: no recording has a field `weight`",
        "metadata is `AND`, `age`",
    );
    check(
        "sex > 3",
        "7, at `3`: `sex` is a word such as `F` and compared with a number",
        "sex = F",
    );
    check(
        "'bmi (kg)' > old",
        "14, at `old`: `bmi (kg)` is a number and compared with the word `old`",
        ">= 60",
    );
    check("epoch = x", "9, at `x`: `epoch` is compared with `x`; expected a number", "epoch >=");
    check(
        "onset < 1h",
        "9, at `1h`: `onset` is compared with `1h`; expected a number of seconds",
        "3600",
    );
    check(
        "clock > 2am",
        "9, at `2am`: `clock` is compared with `2am`; expected a time of day",
        "23:30",
    );
    check(
        "clock > 02:30",
        "11, at `:30`: a comparator after a value",
        "quote texts with blanks or special characters",
    );
    check(
        "start = 2026-02-30",
        "9, at `2026-02-30`: `start` is compared with `2026-02-30`; expected a date or a date with a time",
        "2001-01-31",
    );
    check(
        "stage > N1",
        "1, at `stage > N1`: a stage has no order; expected `=`, `!=` or `:`",
        "N2",
    );
    check("age > 6*", "7, at `6*`: `>` has no order with `*`", "`*` may follow");
    check(
        "sleepy",
        "1, at `sleepy`: `sleepy` has no comparator; expected one after it",
        "stage = N2",
    );
    check(
        "near(N2) > 1",
        "1, at `near(N2) > 1`: `near` is a function; this filter has none",
        "stage = N2",
    );
    check("metadata = 3", "1, at `metadata = 3`: `metadata` is not a single value", "metadata:age");
    check("(stage = N2", "1, at `(stage = N2`: this `(` is never closed", "AND");
    check("stage = N2)", "11, at `)`: a `)` closes nothing", "AND");
    check("stage = \"N2", "9, at `\"N2`: this \" is never closed", "same quote");
    check("stage = N2 AND", "15, at its end: expected the name of a field", "AND");
    check("stage =", "8, at its end: expected a value", "quote texts");
    check("é = 1 OR", "9, at its end: expected the name of a field", "comparisons");
}

#[test]
fn examples_of_the_documentation_parse() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/filters.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("```filter\n").unwrap();
    let (examples, _) = rest.split_once("```").unwrap();
    let columns = ["age", "cohort", "sex", "subject"];
    let metadata =
        columns.map(|name| (name.to_owned(), if name == "age" { "61" } else { "x" }.to_owned()));
    let collection = collection(
        &space(),
        vec![RecordingDraft { metadata: metadata.into(), ..draft("a", 1, 9) }],
    );
    for example in examples.lines() {
        filter(example).check(&collection.entries().into_iter()).unwrap();
    }
    assert_eq!(examples.lines().count(), 9);
}

#[test]
fn empty_collections_accept_any_field() {
    let index = ExactIndex::new(collection(&space(), vec![]).segments().unwrap());
    let request = SearchRequest { filter: filter("age > 3"), ..SearchRequest::nearest(1) };
    assert_eq!(index.search(&embedding(&[1.0; DIM]), &request).unwrap(), []);
}

#[test]
fn long_and_deep_expressions_are_rejected_early() {
    let nested = |n: usize| format!("{}epoch=1{}", "(".repeat(n), ")".repeat(n));
    nested(MAX_FILTER_DEPTH).parse::<Expression>().unwrap();
    let problem = nested(MAX_FILTER_DEPTH + 1).parse::<Expression>().unwrap_err();
    assert_eq!(problem.problem, "more than 50 nested parentheses");
    let negated = "-(".repeat(4000);
    assert_eq!(negated.parse::<Expression>().unwrap_err().problem, problem.problem);
    let long = "epoch=1 ".repeat(MAX_FILTER_BYTES / 8);
    long.parse::<Expression>().unwrap();
    let problem = format!("{long} ").parse::<Expression>().unwrap_err().problem;
    assert_eq!(problem, "it has 8193 bytes; expected at most 8192");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_expression_allows_the_same_in_qdrant(tree in trees()) {
        let expect = expected(&drafts(), |draft, point| tree.holds(draft, point));
        let filter = filter(&tree.text());
        prop_assert_eq!(in_qdrant().index.count(&filter).unwrap(), expect.len());
        prop_assert_eq!(allowed_in_qdrant(&filter), expect);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_expression_allows_the_same_as_a_naive_evaluation(tree in trees()) {
        let drafts = drafts();
        let collection = collection(&space(), drafts.to_vec());
        let filter = filter(&tree.text());
        let expect = expected(&drafts, |draft, point| tree.holds(draft, point));
        prop_assert_eq!(allowed(&collection, &filter), expect);
    }

    #[test]
    fn expressions_round_trip(tree in trees()) {
        let once: Expression = tree.text().parse().unwrap();
        let twice: Expression = once.to_string().parse().unwrap();
        prop_assert_eq!(once.to_string(), twice.to_string());
        let drafts = drafts();
        let collection = collection(&space(), drafts.to_vec());
        let filter = Filter { expression: Some(twice), ..Filter::default() };
        prop_assert_eq!(
            allowed(&collection, &filter),
            expected(&drafts, |draft, point| tree.holds(draft, point))
        );
    }

    #[test]
    fn literals_round_trip(text in ".{0,12}", name in "[a-zA-Z.\"' (*-]{1,6}") {
        let quoted: String = text.chars().flat_map(|it| ['\\', it]).collect();
        let name: String = name.chars().flat_map(|it| ['\\', it]).collect();
        let once: Expression = format!("metadata.x.'{name}' = \"{quoted}\"").parse().unwrap();
        let twice: Expression = once.to_string().parse().unwrap();
        prop_assert_eq!(once.to_string(), twice.to_string());
    }

    #[test]
    fn parser_never_panics_on_text(text in any::<String>()) {
        if let Ok(expression) = text.parse::<Expression>() {
            prop_assert_eq!(&expression.to_string().parse::<Expression>().unwrap(), &expression);
        }
    }

    #[test]
    fn parser_never_panics_on_tokens(
        words in prop::collection::vec(prop::sample::select(vec![
            "(", ")", "-", "NOT", "AND", "OR", "=", "!=", ":", "<", ">=", "\"", "'", "\\", "*", ".", ",", " ",
            "stage", "N2", "age", "6", "é", "clock", "metadata", "f(",
        ]), 0..24)
    ) {
        if let Ok(expression) = words.concat().parse::<Expression>() {
            prop_assert_eq!(&expression.to_string().parse::<Expression>().unwrap(), &expression);
        }
    }
}
