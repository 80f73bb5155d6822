//! Columns of numbers as bytes.

use super::{CODES, ERRORS, SCALES};
use crate::storage::envelope::{Damage, Envelope, Section};
use crate::vector::Codes;

/// Returns the codes of `n` vectors; those of rows without a rest stay in the file.
pub(super) fn codes(envelope: &Envelope, n: usize, dim: usize) -> Result<Codes, Damage> {
    let range = envelope.place(CODES)?;
    if n.checked_mul(dim) != Some(range.len()) {
        let problem = format!("`{CODES}` has {} bytes; expected {n} of {dim}", range.len());
        return Err(Damage::at(range.start, problem));
    }
    // A scan goes through the codes again and again; all else is copied when it is needed.
    envelope.bytes().look_only_at(&range);
    let codes = envelope.checked(range.clone())?;
    // Kernels rely on it that no code is -128.
    let least = i8::MIN.cast_unsigned();
    if codes.contains(&least)
        && let Some(place) = codes.iter().position(|code| *code == least)
    {
        let problem = format!("row {} of `{CODES}` holds -128", place / dim);
        return Err(Damage::at(range.start + place, problem));
    }
    let number = |bytes| Some(f32::from_le_bytes(bytes)).filter(|number| number.is_finite());
    let scale = |bytes| number(bytes).filter(|scale| *scale >= 0.0);
    let scales = envelope.section(SCALES)?.column(n, scale)?;
    let errors = envelope.section(ERRORS)?.column(n, scale)?;
    Ok(Codes::of_file(dim, envelope.bytes(), range.start, scales, errors))
}

/// Says at which row a column is out of order, given where the column begins and how long a row is.
pub(super) fn in_order<T>(
    section: &Section,
    size: usize,
    values: &[T],
    is_order: impl Fn(&T, &T) -> bool,
) -> Result<(), Damage> {
    match values.windows(2).position(|pair| !is_order(&pair[0], &pair[1])) {
        Some(row) => {
            let problem = format!("row {} of `{}` is out of order", row + 1, section.name);
            Err(Damage::at(section.offset + (row + 1) * size, problem))
        }
        None => Ok(()),
    }
}
