//! Reads the codes of a segment, and checks the order of columns.

use std::sync::Arc;

use super::{CODES, ERRORS, SCALES};
use crate::storage::envelope::{Damage, Envelope, Section};
use crate::vector::{Int8Codes, SharedBytes};

/// Returns the codes of `n` vectors; they stay in the file if its rows are whole lines.
pub(super) fn codes(envelope: &Envelope, n: usize, dim: usize) -> Result<Int8Codes, Damage> {
    let range = envelope.rows(CODES, n, dim)?;
    // Every scan reads the codes again; everything else in the file is copied when it is needed.
    envelope.bytes().advise_in_place(&range);
    let codes = envelope.verified(range.clone())?;
    // The kernels rely on it that no code is -128: its absolute value does not fit 8 bits. `contains` compares several
    // bytes at a time, so the common case costs little.
    let forbidden = i8::MIN.cast_unsigned();
    if codes.contains(&forbidden)
        && let Some(position) = codes.iter().position(|code| *code == forbidden)
    {
        let problem = format!("row {} of `{CODES}` has the value -128", position / dim);
        return Err(Damage::at(range.start + position, problem));
    }
    let not_negative = |bytes| {
        let value = f32::from_le_bytes(bytes);
        Some(value).filter(|value| value.is_finite() && *value >= 0.0)
    };
    let scales = envelope.section(SCALES)?.column(n, not_negative)?;
    let errors = envelope.section(ERRORS)?.column(n, not_negative)?;
    let bytes: SharedBytes = Arc::new(envelope.bytes().clone());
    Ok(Int8Codes::from_bytes(dim, &bytes, range.start, scales, errors))
}

/// Checks that each pair of neighbouring values is in order; a value takes `size` bytes in the section.
pub(super) fn expect_order<T>(
    section: &Section,
    size: usize,
    values: &[T],
    is_ordered: impl Fn(&T, &T) -> bool,
) -> Result<(), Damage> {
    match values.windows(2).position(|pair| !is_ordered(&pair[0], &pair[1])) {
        Some(row) => {
            let problem = format!("row {} of `{}` is out of order", row + 1, section.name);
            Err(Damage::at(section.offset + (row + 1) * size, problem))
        }
        None => Ok(()),
    }
}
