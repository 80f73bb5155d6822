//! Splits and joins the fields of delimited tables, with quotes as in CSV.

/// Splits a line at a delimiter. A field in double quotes may contain it; two quotes inside represent one.
///
/// # Errors
///
/// A sentence if a quoted field does not end on the line, or if text follows it.
pub(in crate::annotation) fn split(line: &str, delimiter: char) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, delimiter)?,
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

/// Reads a field behind its opening quote; returns it and what follows the delimiter.
fn quoted_field(text: &str, delimiter: char) -> Result<(String, Option<&str>), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("a quoted field does not end on the line".to_owned());
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
                None => Err("text follows a quoted field".to_owned()),
            };
        }
    }
}

/// Returns the text with a blank for every character that ends a field, a line or a file.
pub(in crate::annotation) fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t', '\0', '\x1a'], " ")
}

/// Returns the text as one field: on one line, in quotes if needed.
pub(in crate::annotation) fn quote_field(text: &str, delimiter: char) -> String {
    let text = on_one_line(text);
    if text.starts_with([' ', '"']) || text.ends_with(' ') || text.contains(delimiter) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_split_at_delimiters_outside_quotes() {
        let check = |line, expected: &[&str]| assert_eq!(split(line, ',').unwrap(), expected);
        check("1, 2 ,a b", &["1", "2", "a b"]);
        check("1,\"a, b\",\"say \"\"hm\"\"\"", &["1", "a, b", "say \"hm\""]);
        check("", &[""]);
        check("a,", &["a", ""]);
        check("\"\",b", &["", "b"]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        assert_eq!(split("\"a", ',').unwrap_err(), "a quoted field does not end on the line");
        assert_eq!(split("\"a\"b", ',').unwrap_err(), "text follows a quoted field");
    }

    #[test]
    fn quoted_fields_are_split_as_they_were() {
        for text in ["a", "", " a", "a,b", "\"", "a\"b", "\"a\",", "é"] {
            let line = format!("{},{}", quote_field(text, ','), quote_field("x", ','));
            assert_eq!(split(&line, ',').unwrap(), [text, "x"], "{line}");
        }
    }
}
