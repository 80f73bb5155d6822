//! Parses and formats lists of epoch numbers, such as `10,12-20`.

use std::collections::BTreeSet;
use std::str::FromStr;

use nocturne_psg::EpochNumber;

/// Maximum number of epochs in a list, more than any recording has.
const MAX_EPOCHS: usize = 100_000;

/// Epochs of a recording, sorted and without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochNumbers(pub(crate) BTreeSet<EpochNumber>);

impl FromStr for EpochNumbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = BTreeSet::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!("the range `{part}` ends before it starts"));
            }
            if (last - first) as usize >= MAX_EPOCHS || numbers.len() > MAX_EPOCHS {
                return Err(format!("`{part}` has too many epochs; expected at most {MAX_EPOCHS}"));
            }
            numbers.extend((first..=last).map(EpochNumber));
        }
        Ok(Self(numbers))
    }
}

fn number(text: &str) -> Result<u32, String> {
    let number = text.trim().parse();
    number.map_err(|_| {
        format!("`{text}` is not an epoch number; expected a list such as `10` or `10,12-20`")
    })
}

/// Formats numbers as ranges, `0 to 10 and 15 to 20`; of more than four ranges, the first three and the last.
pub(crate) fn ranges(numbers: impl IntoIterator<Item = EpochNumber>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for EpochNumber(number) in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => runs.push((number, number)),
        }
    }
    let n = runs.len();
    if n > 4 {
        runs.drain(3..n - 1);
    }
    let mut words: Vec<String> = runs
        .iter()
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first} to {last}") }
            },
        )
        .collect();
    if n > 4 {
        words.insert(3, "…".to_owned());
    }
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        Some((last, _)) => last.clone(),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u32>, String> {
        let EpochNumbers(numbers) = text.parse()?;
        Ok(numbers.into_iter().map(|number| number.0).collect())
    }

    #[test]
    fn numbers_and_ranges_are_parsed() {
        assert_eq!(read("10"), Ok(vec![10]));
        assert_eq!(read("12-14, 10,13"), Ok(vec![10, 12, 13, 14]));
        let expected = "is not an epoch number; expected a list such as `10` or `10,12-20`";
        for (text, part) in
            [("", ""), ("3,", ""), ("a", "a"), ("-3", ""), ("1-", ""), ("1.5", "1.5")]
        {
            assert_eq!(read(text), Err(format!("`{part}` {expected}")));
        }
        assert_eq!(read("5-3"), Err("the range `5-3` ends before it starts".to_owned()));
        let error = "`0-4000000000` has too many epochs; expected at most 100000";
        assert_eq!(read("0-4000000000"), Err(error.to_owned()));
    }

    #[test]
    fn ranges_are_abbreviated() {
        let formatted = |numbers: &[u32]| ranges(numbers.iter().copied().map(EpochNumber));
        assert_eq!(formatted(&[]), "none");
        assert_eq!(formatted(&[0, 1, 2, 7]), "0 to 2 and 7");
        assert_eq!(formatted(&[0, 2, 4, 6, 8, 9]), "0, 2, 4, … and 8 to 9");
    }
}
