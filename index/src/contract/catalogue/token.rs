//! Page tokens: where the next page starts, bound to the filter, and opaque so that clients do not construct them.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::filter::Filter;

/// Returns the token of the page that starts after an id.
pub(super) fn token(id: &str, filter: &Filter) -> String {
    let bytes = [&checksum(id, filter)[..], id.as_bytes()].concat();
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns the id after which a token's page starts, or `None` for the first page, whose token is empty.
pub(super) fn id_in(token: &str, filter: &Filter) -> Result<Option<String>> {
    if token.is_empty() {
        return Ok(None);
    }
    let id = decoded_id(token).filter(|id| self::token(id, filter) == token);
    id.map(Some).ok_or(Error::PageToken)
}

fn decoded_id(token: &str) -> Option<String> {
    let digits: Option<Vec<u8>> =
        token.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, it| byte << 4 | it)).collect();
    String::from_utf8(bytes.get(8..)?.to_vec()).ok()
}

/// Distinguishes filters and ids. The debug form of a filter has everything that narrows a list.
fn checksum(id: &str, filter: &Filter) -> [u8; 8] {
    let expression = filter.expression.as_ref().map(ToString::to_string);
    let others = Filter { expression: None, ..filter.clone() };
    xxh3_64(format!("{others:?}\n{expression:?}\n{id}").as_bytes()).to_be_bytes()
}
