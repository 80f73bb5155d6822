//! Notices signals that are stored upside down.
use crate::edf::Header;
use crate::montage::ResolvedMontage;
use crate::{Epoch, Warning};
pub(super) fn warnings(
    _: &ResolvedMontage,
    _: &Header,
    _: &[Epoch],
    _: &[Vec<f32>],
) -> Vec<Warning> {
    Vec::new()
}
