//! Streams the bytes of some signals from the data records, in few reads and little memory.

use std::ops::Range;

use super::EdfReader;
use crate::error::{Error, Result};
use crate::regular_file;

/// Maximum number of bytes that are read at once.
const BUFFER_BYTES: u64 = 1 << 20;

/// Data records up to this length are read whole even if few of their bytes are needed: a page of memory.
const PAGE_BYTES: u64 = 4096;

/// Data records are read whole if at least one in this many bytes is needed; else a seek is cheaper.
const MAX_WASTE: u64 = 16;

impl EdfReader {
    /// Returns the bytes of a signal in a data record.
    pub(super) fn range_in_record(&self, signal: usize) -> Range<u64> {
        let bytes =
            self.header.signals[signal].samples_per_record * self.header.format.sample_bytes();
        let offset = self.header.offset_in_record(signal);
        offset..offset + bytes as u64
    }

    /// Streams the bytes of some signals.
    ///
    /// `sink` receives a position in `signals` and the pieces of that signal in a block of data records: one piece for
    /// each record, or, if records are long, one piece that may be a part of a record.
    pub(super) fn read_blocks(
        &self,
        signals: &[usize],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &mut dyn Iterator<Item = &[u8]>) -> Result<()>,
    ) -> Result<()> {
        let record_bytes = self.header.record_bytes();
        let ranges: Vec<Range<u64>> =
            signals.iter().map(|signal| self.range_in_record(*signal)).collect();
        let needed_bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let is_sparse = record_bytes > PAGE_BYTES && needed_bytes * MAX_WASTE < record_bytes;
        if record_bytes > BUFFER_BYTES || is_sparse {
            return self.read_signals_apart(&ranges, records, sink);
        }
        let mut block = Vec::new();
        let records_per_block = (BUFFER_BYTES / record_bytes.max(1)).max(1);
        let mut next = records.start;
        while next < records.end {
            let n = records_per_block.min(records.end - next);
            block.resize((n * record_bytes) as usize, 0);
            self.read_at(self.header.data_offset + next * record_bytes, &mut block)?;
            for (position, range) in ranges.iter().enumerate() {
                let range = range.start as usize..range.end as usize;
                let records = block.chunks_exact(record_bytes as usize);
                sink(position, &mut records.map(|record| &record[range.clone()]))?;
            }
            next += n;
        }
        Ok(())
    }

    /// Streams the bytes of some signals with at least one read for each signal in each data record.
    fn read_signals_apart(
        &self,
        ranges: &[Range<u64>],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &mut dyn Iterator<Item = &[u8]>) -> Result<()>,
    ) -> Result<()> {
        // A piece never ends inside a sample.
        let sample_bytes = self.header.format.sample_bytes() as u64;
        let max_piece_bytes = BUFFER_BYTES / sample_bytes * sample_bytes;
        let mut piece = Vec::new();
        for record in records {
            let record_offset = self.header.data_offset + record * self.header.record_bytes();
            for (position, range) in ranges.iter().enumerate() {
                let mut start = range.start;
                while start < range.end {
                    let n = max_piece_bytes.min(range.end - start);
                    piece.resize(n as usize, 0);
                    self.read_at(record_offset + start, &mut piece)?;
                    sink(position, &mut std::iter::once(&piece[..]))?;
                    start += n;
                }
            }
        }
        Ok(())
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        regular_file::read_at(&self.file, offset, buffer).map_err(Error::io(&self.path, "read"))
    }
}
