//! Compares the tokenizer with Python's `open_clip`.
//!
//! The reference tokens are not part of the repository; without them the test is skipped.

use nocturne_encoder::Tokenizer;
use nocturne_testing::require;
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    sot: u32,
    eot: u32,
    context_length: usize,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    /// Tokens between start and end, before truncation to the context.
    ids: Vec<u32>,
}

#[test]
fn tokens_match_open_clip() {
    let path = require!(nocturne_testing::golden("tokenizer.json"));
    let text = std::fs::read_to_string(path).unwrap();
    let goldens: Goldens = serde_json::from_str(&text).unwrap();
    let tokenizer = Tokenizer::clip();
    for row in goldens.rows {
        let mut expected = vec![goldens.sot];
        expected.extend(&row.ids);
        expected.push(goldens.eot);
        if expected.len() > goldens.context_length {
            expected.truncate(goldens.context_length);
            expected[goldens.context_length - 1] = goldens.eot;
        }
        assert_eq!(tokenizer.encode(&row.text).ids, expected, "{:?}", row.text);
    }
}
