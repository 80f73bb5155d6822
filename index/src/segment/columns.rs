//! Columns of numbers as bytes.

use half::f16;

use super::envelope::{Damage, Section};
use crate::codes::Codes;
use crate::vectors::Vectors;

impl<'a> Section<'a> {
    /// Returns the rows of a column, each of `SIZE` bytes, or says that there are more or fewer than `n`.
    pub(super) fn rows<const SIZE: usize>(self, n: usize) -> Result<&'a [[u8; SIZE]], Damage> {
        let (rows, rest) = self.bytes.as_chunks();
        if rows.len() != n || !rest.is_empty() {
            let problem =
                format!("`{}` has {} bytes; expected {n} of {SIZE}", self.name, self.bytes.len());
            return Err(Damage::at(self.offset, problem));
        }
        Ok(rows)
    }

    /// Returns a column whose every row `decode` understands.
    pub(super) fn column<const SIZE: usize, T>(
        self,
        n: usize,
        decode: impl Fn([u8; SIZE]) -> Option<T>,
    ) -> Result<Vec<T>, Damage> {
        let rows = self.rows(n)?;
        let values: Vec<T> = rows.iter().map_while(|row| decode(*row)).collect();
        if values.len() < n {
            let row = values.len();
            let problem = format!("row {row} of `{}` holds {:02x?}", self.name, rows[row]);
            return Err(Damage::at(self.offset + row * SIZE, problem));
        }
        Ok(values)
    }

    /// Returns `n` vectors.
    pub(super) fn vectors(self, n: usize, dim: usize) -> Result<Vectors, Damage> {
        let too_many = || Damage::at(self.offset, format!("{n} vectors of {dim} numbers"));
        let count = n.checked_mul(dim).ok_or_else(too_many)?;
        let values = self.column(count, |half| Some(f16::from_le_bytes(half)))?;
        Vectors::new(dim, values).map_err(|invalid| {
            let problem = format!("`{}` {}", self.name, invalid.problem);
            Damage::at(self.offset + 2 * invalid.at, problem)
        })
    }
}

/// Returns the codes of `n` vectors.
pub(super) fn codes(
    [codes, scales, errors]: [Section<'_>; 3],
    n: usize,
    dim: usize,
) -> Result<Codes, Damage> {
    let too_many = || Damage::at(codes.offset, format!("{n} vectors of {dim} codes"));
    let count = n.checked_mul(dim).ok_or_else(too_many)?;
    // Kernels rely on it that no code is -128.
    let code = |[code]: [u8; 1]| Some(code.cast_signed()).filter(|code| *code != i8::MIN);
    let number = |bytes| Some(f32::from_le_bytes(bytes)).filter(|number| number.is_finite());
    let scale = |bytes| number(bytes).filter(|scale| *scale >= 0.0);
    Ok(Codes::from_parts(
        dim,
        &codes.column(count, code)?,
        scales.column(n, scale)?,
        errors.column(n, scale)?,
    ))
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
