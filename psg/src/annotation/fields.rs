//! Splits the lines of delimited tables, joins them, and joins what else a file says of an annotation.

/// Splits a line at a delimiter; a field in double quotes may hold it, and two quotes there stand for one.
///
/// # Errors
///
/// A sentence where a quoted field does not end on the line.
pub(super) fn split(line: &str, delimiter: char) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => unquoted(quoted, delimiter)?,
            None => match rest.split_once(delimiter) {
                Some((field, after)) => (field.trim().to_owned(), Some(after)),
                None => (rest.trim().to_owned(), None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// Reads a field from after its opening quote; returns it and what follows the delimiter.
fn unquoted(text: &str, delimiter: char) -> Result<(String, Option<&str>), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("a field in quotes does not end on the line".to_owned());
        };
        field.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            field.push('"');
            rest = after;
        } else {
            let after = after.trim_start_matches(' ');
            return match after.strip_prefix(delimiter) {
                Some(after) => Ok((field, Some(after))),
                None if after.trim().is_empty() => Ok((field, None)),
                None => Err("text follows a field in quotes".to_owned()),
            };
        }
    }
}

/// Returns a text as one field: what ends fields and lines becomes a blank, and quotes are put where needed.
pub(super) fn field(text: &str, delimiter: char) -> String {
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\t' | '\0' | '\x1a');
    let text: String = text.chars().map(|c| if is_end(c) { ' ' } else { c }).collect();
    if text.starts_with([' ', '"']) || text.ends_with(' ') || text.contains(delimiter) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Returns the values that are there as meta-data, `key=value;…`; a `;` within a value becomes `,`.
pub(super) fn meta(values: &[(&str, &str)]) -> Option<String> {
    let filled = values.iter().filter(|(_, value)| !value.trim().is_empty());
    let parts: Vec<String> =
        filled.map(|(key, value)| format!("{key}={}", value.trim().replace(';', ","))).collect();
    Some(parts.join(";")).filter(|meta| !meta.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_delimiters_outside_of_quotes() {
        let check = |line, expected: &[&str]| assert_eq!(split(line, ',').unwrap(), expected);
        check("1, 2 ,a b", &["1", "2", "a b"]);
        check("1,\"a, b\",\"say \"\"hm\"\"\"", &["1", "a, b", "say \"hm\""]);
        check("", &[""]);
        check("a,", &["a", ""]);
        check("\"\",b", &["", "b"]);
    }

    #[test]
    fn quotes_that_do_not_end_are_refused() {
        assert_eq!(split("\"a", ',').unwrap_err(), "a field in quotes does not end on the line");
        assert_eq!(split("\"a\"b", ',').unwrap_err(), "text follows a field in quotes");
    }

    #[test]
    fn every_field_is_split_again_as_it_was() {
        for text in ["a", "", " a", "a,b", "\"", "a\"b", "\"a\",", "é"] {
            let line = format!("{},{}", field(text, ','), field("x", ','));
            assert_eq!(split(&line, ',').unwrap(), [text, "x"], "{line}");
        }
    }
}
