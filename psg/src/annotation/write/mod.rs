//! Writes annotations for other programs: Luna, the National Sleep Research Resource, BIDS.
//!
//! Properties that a dialect cannot store are dropped: `.eannot` has stages only, NSRR XML has no scorer.
//! EDF+ annotations are written with their recording, see [`EdfWriter`](nocturne_edf::EdfWriter).

mod bids;
mod luna;
mod nsrr_xml;

pub use bids::bids_tsv;
pub use luna::{luna_annot, luna_eannot};
pub use nsrr_xml::{NsrrHeader, NsrrXmlWriter, nsrr_xml};

#[cfg(test)]
mod tests;
