//! Columns of numbers as bytes.

use crate::codes::Codes;
use crate::envelope::{Damage, Section};
use crate::storage::FileContent;

/// Returns the codes of `n` vectors; those of rows without a rest stay in the file.
pub(super) fn codes(
    content: &FileContent,
    [codes, scales, errors]: [Section<'_>; 3],
    n: usize,
    dim: usize,
) -> Result<Codes, Damage> {
    let count = length(codes, n, dim)?;
    if codes.bytes.len() != count {
        let problem = format!("`{}` has {} bytes; expected {count}", codes.name, codes.bytes.len());
        return Err(Damage::at(codes.offset, problem));
    }
    // Kernels rely on it that no code is -128.
    let least = i8::MIN.cast_unsigned();
    if codes.bytes.contains(&least)
        && let Some(place) = codes.bytes.iter().position(|code| *code == least)
    {
        let problem = format!("row {} of `{}` holds -128", place / dim, codes.name);
        return Err(Damage::at(codes.offset + place, problem));
    }
    let number = |bytes| Some(f32::from_le_bytes(bytes)).filter(|number| number.is_finite());
    let scale = |bytes| number(bytes).filter(|scale| *scale >= 0.0);
    let [scales, errors] = [scales.column(n, scale)?, errors.column(n, scale)?];
    Ok(Codes::of_file(dim, content, codes.offset, scales, errors))
}

/// Returns how many numbers `n` vectors have, unless no file can have as many.
fn length(section: Section<'_>, n: usize, dim: usize) -> Result<usize, Damage> {
    let too_many = || Damage::at(section.offset, format!("{n} vectors of {dim} numbers"));
    n.checked_mul(dim).ok_or_else(too_many)
}

/// Says at which row a column is out of order, given where the column begins and how long a row is.
pub(super) fn in_order<T>(
    section: Section<'_>,
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
