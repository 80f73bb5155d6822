//! The sections that files of inverted lists and of graphs have in common: centroids, and where each cluster ends.

use std::sync::Arc;

use crate::storage::envelope::{Damage, Envelope, EnvelopeBuilder};
use crate::vector::kernel::{LINE, Line};
use crate::vector::{Int8Codes, SharedBytes};

const CENTROIDS: &str = "centroids";
const SCALES: &str = "centroid_scales";
const ENDS: &str = "list_ends";

/// Appends centroids, padded to whole lines, and their scales.
pub(super) fn write_centroids(builder: &mut EnvelopeBuilder, centroids: &Int8Codes) {
    builder.section(CENTROIDS, |bytes| write_lines(bytes, centroids.lines(0..centroids.len())));
    builder.section(SCALES, |bytes| {
        bytes.extend(centroids.scales().iter().flat_map(|scale| scale.to_le_bytes()));
    });
}

/// Reads `n` centroids.
pub(super) fn read_centroids(
    envelope: &Envelope,
    dim: usize,
    n: usize,
) -> Result<Int8Codes, Damage> {
    let codes = envelope.section(CENTROIDS)?;
    let finite = |bytes| Some(f32::from_le_bytes(bytes)).filter(|scale| scale.is_finite());
    let scales = envelope.section(SCALES)?.column(n, finite)?;
    let width = padded_dim(dim);
    if n.checked_mul(width) != Some(codes.bytes.len()) {
        let problem =
            format!("`{CENTROIDS}` has {} bytes; expected {n} of {width}", codes.bytes.len());
        return Err(Damage::at(codes.offset, problem));
    }
    let bytes: SharedBytes = Arc::new(envelope.bytes().clone());
    // Read with the padding as further dimensions, all zero, so that the rows are whole lines and need not be copied.
    let codes = Int8Codes::from_bytes(width, &bytes, codes.offset, scales, vec![0.0; n]);
    Ok(codes.with_dim(dim))
}

/// Appends the row at which each cluster ends.
pub(super) fn write_ends(builder: &mut EnvelopeBuilder, ends: &[usize]) {
    builder.section(ENDS, |bytes| {
        bytes.extend(ends.iter().flat_map(|end| (*end as u64).to_le_bytes()));
    });
}

/// Reads the row at which each of `n` clusters ends; together they have `n_rows` rows.
pub(super) fn read_ends(
    envelope: &Envelope,
    n: usize,
    n_rows: usize,
) -> Result<Vec<usize>, Damage> {
    let section = envelope.section(ENDS)?;
    let ends = section.column(n, |bytes| usize::try_from(u64::from_le_bytes(bytes)).ok())?;
    if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != n_rows {
        return Err(Damage::at(section.offset, format!("its lists do not end at row {n_rows}")));
    }
    Ok(ends)
}

/// Appends lines of codes.
pub(super) fn write_lines(bytes: &mut Vec<u8>, lines: &[Line]) {
    lines.iter().for_each(|line| bytes.extend(line.0.map(i8::cast_unsigned)));
}

/// Returns the number of bytes of a row of 8-bit codes that is padded to whole lines.
pub(super) fn padded_dim(dim: usize) -> usize {
    dim.div_ceil(LINE) * LINE
}
