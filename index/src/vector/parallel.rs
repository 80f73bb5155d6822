//! Splits work on many rows among a few threads.
//!
//! Why not rayon? A scan starts at most four threads and takes milliseconds; scoped threads of the standard library do
//! that without a pool that outlives the scan.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

/// Maximum number of threads of a scan; a few saturate the memory bandwidth.
const MAX_THREADS: usize = 4;

/// Minimum number of rows per thread: about a millisecond of work, many times the cost of starting a thread.
const MIN_ROWS: usize = 65_536;

/// Splits items into consecutive ranges of about the same number of rows, one range per thread.
pub(crate) fn ranges(n_rows: impl ExactSizeIterator<Item = usize> + Clone) -> Vec<Range<usize>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let total: usize = n_rows.clone().sum();
    let n_ranges = cores.min(MAX_THREADS).min(total / MIN_ROWS).max(1);
    split(n_rows, total.div_ceil(n_ranges).max(1))
}

/// Returns ranges that end as soon as they have `min_rows` rows; the last one may have fewer.
fn split(n_rows: impl ExactSizeIterator<Item = usize>, min_rows: usize) -> Vec<Range<usize>> {
    let n = n_rows.len();
    let mut ranges = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for (item, more) in n_rows.enumerate() {
        rows += more;
        if rows >= min_rows {
            ranges.push(start..item + 1);
            (start, rows) = (item + 1, 0);
        }
    }
    if start < n || ranges.is_empty() {
        ranges.push(start..n);
    }
    ranges
}

/// Works on all ranges at once and returns the results in the order of the ranges. A panic in a thread is passed on.
pub(crate) fn map<T: Send>(
    ranges: Vec<Range<usize>>,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let mut ranges = ranges.into_iter();
    let Some(first) = ranges.next() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = ranges.map(|range| scope.spawn(move || work(range))).collect();
        // The calling thread does its share, so that small scans start no thread.
        let first = work(first);
        let join = |other: thread::ScopedJoinHandle<'_, T>| other.join();
        let others = others.into_iter().map(join);
        std::iter::once(first)
            .chain(others.map(|result| result.unwrap_or_else(|panic| resume_unwind(panic))))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n_rows: &[usize], min_rows: usize, expect: &[Range<usize>]) {
        let ranges = split(n_rows.iter().copied(), min_rows);
        assert_eq!(ranges, expect);
        let sums = map(ranges, |range| n_rows[range].iter().sum::<usize>());
        assert_eq!(sums.iter().sum::<usize>(), n_rows.iter().sum::<usize>());
    }

    #[test]
    fn items_are_split_by_their_rows() {
        check(&[1, 2, 3, 4], 5, &[0..3, 3..4]);
        check(&[9, 1, 1, 9], 10, &[0..2, 2..4]);
        check(&[0, 0], 1, std::slice::from_ref(&(0..2)));
        check(&[], 1, std::slice::from_ref(&(0..0)));
    }
}
