//! Page tokens: where the next page begins, bound to the filter, and opaque so that nobody makes one up.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::filter::Filter;

/// Returns the token of the page that comes after a name.
pub(super) fn token(name: &str, filter: &Filter) -> String {
    let bytes = [&checksum(name, filter)[..], name.as_bytes()].concat();
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns the name that a token's page comes after; an empty one is that of the first page.
pub(super) fn name_in(token: &str, filter: &Filter) -> Result<Option<String>> {
    if token.is_empty() {
        return Ok(None);
    }
    let name = name(token).filter(|name| self::token(name, filter) == token);
    name.map(Some).ok_or(Error::PageToken)
}

fn name(token: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        token.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, it| byte << 4 | it)).collect();
    String::from_utf8(bytes.get(8..)?.to_vec()).ok()
}

/// Tells filters and names apart: all of a filter that narrows a list is in its debug form.
fn checksum(name: &str, filter: &Filter) -> [u8; 8] {
    let expression = filter.expression.as_ref().map(ToString::to_string);
    let others = Filter { expression: None, ..filter.clone() };
    xxh3_64(format!("{others:?}\n{expression:?}\n{name}").as_bytes()).to_be_bytes()
}
