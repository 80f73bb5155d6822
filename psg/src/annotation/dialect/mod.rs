//! Readers of the dialects, one module each.
//!
//! A reader takes the lines or the XML of a file and returns a [`ParsedFile`](parsed_file::ParsedFile).

pub(super) mod domino;
pub(super) mod dreams;
pub(super) mod epoch_table;
pub(super) mod event_table;
pub(super) mod luna;
pub(super) mod noxturnal;
pub(super) mod parsed_file;
pub(super) mod remlogic;
pub(super) mod stage_codes;
pub(super) mod stage_list;
pub(super) mod twin;
pub(super) mod ucddb;
mod used_columns;
pub(super) mod xml;
