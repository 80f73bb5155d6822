//! Properties: no text panics, and every question is read back from its normal form.

use nocturne_concepts::{Direction, Registry, Unit};
use proptest::prelude::*;

use super::super::sense::expected_instead;
use super::super::{
    Aggregate, Bound, Condition, Expression, Limit, MAX_NODES, Measure, Order, Part, Quantity,
    Question, Range, Relation, Scope, parse_expression, parse_typed, parse_words,
};

/// Words that the grammar knows, and some that it does not.
const SOUP: &[&str] = &[
    "nights",
    "with",
    "without",
    "no",
    "not",
    "many",
    "few",
    "arousals",
    "apneas",
    "REM",
    "supine",
    "AHI",
    "above",
    "below",
    "at least",
    "more than",
    "15",
    "5-15",
    "2.5",
    "per hour",
    "per night",
    "%",
    "hours",
    "minutes",
    "and",
    "or",
    "but",
    ",",
    "in",
    "during",
    "the first half",
    "within",
    "30 s",
    "after",
    "before",
    "than",
    "worse",
    "more",
    "twice as many",
    "as",
    "men",
    "women",
    "over 60",
    "aged",
    "years",
    "severe",
    "longest stretch of",
    "time in",
    "of sleep",
    "from",
    "to",
    "23:00",
    "midnight",
    "3 am",
    "absent",
    "free",
    "never",
    "between",
    "≥",
    "(",
    ")",
    "!",
    "&",
    "-",
    "banana",
    "é",
    "🦀",
    "e",
    "cohort",
    "where age > 60",
    "desaturations",
    "of at least 4%",
    "sleep",
    "or more",
    "+",
    "a",
    "an hour",
    "half an",
    "WASO",
];

fn concept(id: &'static str) -> impl Strategy<Value = Expression> {
    Just(Expression::concept(id))
}

fn expressions() -> BoxedStrategy<Expression> {
    let leaf = prop_oneof![
        concept("arousal"),
        concept("R"),
        concept("supine"),
        concept("k_complex"),
        concept("rem_without_atonia"),
        (1..10_u8).prop_map(|least| Expression::Concept {
            id: "desaturation".to_owned(),
            least_fall_percent: Some(f64::from(least) / 2.0),
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let pair = || (inner.clone(), inner.clone());
        let relations =
            prop_oneof![Just(Relation::After), Just(Relation::Before), Just(Relation::Of)];
        let is_positive = |it: &Expression| !matches!(it, Expression::Not(_));
        let not = inner
            .clone()
            .prop_filter("a double negation is not written", is_positive)
            .prop_map(Expression::negated);
        prop_oneof![
            pair().prop_map(|(a, b)| Expression::all([a, b])),
            pair().prop_map(|(a, b)| Expression::any([a, b])),
            not,
            (pair(), relations, 1..600_u16).prop_map(|((event, anchor), relation, window)| {
                Expression::Within {
                    event: Box::new(event),
                    relation,
                    window_s: f64::from(window),
                    anchor: Box::new(anchor),
                }
            }),
            pair().prop_map(|(event, other)| Expression::During {
                event: Box::new(event),
                other: Box::new(other),
            }),
        ]
    })
    .boxed()
}

fn parts() -> BoxedStrategy<Part> {
    let minutes = (1..6000_u16).prop_map(|tenths| f64::from(tenths) / 10.0);
    let clock = || prop::option::of(0..1440_u16);
    prop_oneof![
        (1..=4_u8, 2..=4_u8)
            .prop_filter("a part of that number", |(number, of)| number <= of)
            .prop_map(|(number, of)| Part::Fraction { number, of }),
        minutes.clone().prop_map(|minutes| Part::First { minutes }),
        minutes.prop_map(|minutes| Part::Last { minutes }),
        (clock(), clock())
            .prop_filter("one limit at least", |(from, to)| from.is_some() || to.is_some())
            .prop_map(|(from, to)| Part::Clock { from, to }),
    ]
    .boxed()
}

fn scopes() -> BoxedStrategy<Scope> {
    (prop::option::of(expressions()), prop::option::of(parts()))
        .prop_map(|(states, part)| Scope { states, part })
        .boxed()
}

fn measures() -> BoxedStrategy<Measure> {
    let aggregates = prop_oneof![
        expressions().prop_map(Aggregate::Rate),
        expressions().prop_map(Aggregate::Count),
        expressions().prop_map(Aggregate::Share),
        expressions().prop_map(Aggregate::Time),
        expressions().prop_map(Aggregate::LongestRun),
        Just(Aggregate::Statistic { id: "tst".to_owned(), unit: Unit::Minutes }),
        Just(Aggregate::Statistic { id: "sleep_efficiency".to_owned(), unit: Unit::Percent }),
    ];
    (aggregates, scopes()).prop_map(|(aggregate, scope)| Measure { aggregate, scope }).boxed()
}

fn quantities() -> BoxedStrategy<Quantity> {
    let over = prop_oneof![
        3 => Just(None),
        1 => measures().prop_map(|measure| Some(Some(measure))),
        1 => scopes().prop_map(|scope| Some(None::<Measure>.or(Some(Measure {
            aggregate: Aggregate::Rate(Expression::concept("arousal")),
            scope,
        })))),
    ];
    (measures(), over)
        .prop_map(|(measure, over)| Quantity { measure, over: over.flatten() })
        .prop_filter("a meaning", |quantity| {
            let mut measures = std::iter::once(&quantity.measure).chain(&quantity.over);
            measures.all(|measure| expected_instead(measure, Registry::shipped()).is_none())
        })
        .boxed()
}

fn limits() -> BoxedStrategy<Limit> {
    (1..4000_u16, any::<bool>())
        .prop_map(|(tenths, inclusive)| Limit { value: f64::from(tenths) / 10.0, inclusive })
        .boxed()
}

fn ranges() -> BoxedStrategy<Range> {
    prop_oneof![
        limits().prop_map(|limit| Range { lower: Some(limit), upper: None }),
        limits().prop_map(|limit| Range { lower: None, upper: Some(limit) }),
        (0..100_u8).prop_map(|value| Range::equal(f64::from(value))),
        (limits(), limits())
            .prop_filter("an order", |(low, high)| low.value < high.value)
            .prop_map(|(low, high)| Range { lower: Some(low), upper: Some(high) }),
    ]
    .boxed()
}

fn conditions() -> BoxedStrategy<Condition> {
    let bound = (quantities(), ranges())
        .prop_map(|(quantity, range)| Bound { quantity, range })
        .prop_filter("a share of at most 100 %", |bound| {
            let limits = [bound.range.lower, bound.range.upper];
            let is_share = bound.quantity.unit() == Unit::Percent;
            !is_share || limits.into_iter().flatten().all(|limit| limit.value <= 100.0)
        })
        .prop_map(Condition::Bound);
    bound
        .prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::all),
                prop::collection::vec(inner, 2..4).prop_map(Condition::any),
            ]
        })
        .boxed()
}

fn questions() -> BoxedStrategy<Question> {
    let directions = || prop_oneof![Just(Direction::Highest), Just(Direction::Lowest)];
    let orders =
        move || (quantities(), directions()).prop_map(|(by, direction)| Order { by, direction });
    let filters = prop::option::of(prop_oneof![
        Just("sex = male AND age > 60".to_owned()),
        Just("cohort = \"shhs and more\" OR NOT (bmi >= 30)".to_owned()),
    ]);
    let body = prop_oneof![
        orders().prop_map(|order| (None, Some(order))),
        (conditions(), prop::option::of(orders())).prop_map(|(it, order)| (Some(it), order)),
    ];
    (body, filters)
        .prop_map(|((condition, order), filter)| Question { condition, order, filter })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn questions_are_read_back_from_their_normal_form(question in questions()) {
        let text = question.to_string();
        let read = parse_typed(&text, Registry::shipped());
        let is_large = question.n_nodes() > MAX_NODES || text.len() > 1900;
        prop_assert!(is_large || read == Ok(question), "{text}\n{read:?}");
    }

    #[test]
    fn expressions_are_read_back_from_their_normal_form(expression in expressions()) {
        let text = format!("R & ({expression})");
        let expected = Expression::all([Expression::concept("R"), expression]);
        prop_assert_eq!(parse_expression(&text, Registry::shipped()), Ok(Some(expected)));
    }

    #[test]
    fn no_words_panic_and_what_is_read_has_a_normal_form(
        words in prop::collection::vec(prop::sample::select(SOUP), 0..14)
    ) {
        let text = words.join(" ");
        let columns = super::columns();
        let _ = parse_typed(&text, Registry::shipped());
        let _ = parse_expression(&text, Registry::shipped());
        if let Ok(question) = parse_words(&text, Registry::shipped(), &columns) {
            let normal = question.to_string();
            prop_assert_eq!(parse_typed(&normal, Registry::shipped()), Ok(question), "{} -> {}", text, normal);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = parse_words(&text, Registry::shipped(), &[]);
        let _ = parse_typed(&text, Registry::shipped());
        let _ = parse_expression(&text, Registry::shipped());
    }
}
