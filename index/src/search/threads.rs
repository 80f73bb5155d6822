//! Shares the recordings of a scan out among threads.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

/// Most threads of one scan; a few are enough to read memory as fast as it can be read.
const MOST: usize = 4;

/// Least rows of a thread: about a millisecond, many times what it takes to start one.
const LEAST_ROWS: usize = 65_536;

/// Returns ranges of recordings with about the same number of rows, one for each thread.
pub(crate) fn parts(n_rows: impl ExactSizeIterator<Item = usize> + Clone) -> Vec<Range<usize>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let all: usize = n_rows.clone().sum();
    let n_parts = cores.min(MOST).min(all / LEAST_ROWS).max(1);
    split(n_rows, all.div_ceil(n_parts).max(1))
}

/// Returns ranges that end as soon as they have `most` rows.
fn split(n_rows: impl ExactSizeIterator<Item = usize>, most: usize) -> Vec<Range<usize>> {
    let n = n_rows.len();
    let mut parts = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for (number, more) in n_rows.enumerate() {
        rows += more;
        if rows >= most {
            parts.push(start..number + 1);
            (start, rows) = (number + 1, 0);
        }
    }
    if start < n || parts.is_empty() {
        parts.push(start..n);
    }
    parts
}

/// Works on every part at once and returns the results in the order of the parts.
pub(crate) fn in_parts<T: Send>(
    parts: Vec<Range<usize>>,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
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
    fn check(n_rows: &[usize], most: usize, expect: &[Range<usize>]) {
        let parts = split(n_rows.iter().copied(), most);
        assert_eq!(parts, expect);
        let worked = in_parts(parts, |part| n_rows[part].iter().sum::<usize>());
        assert_eq!(worked.iter().sum::<usize>(), n_rows.iter().sum::<usize>());
    }

    #[test]
    fn recordings_are_shared_out_by_their_rows() {
        check(&[1, 2, 3, 4], 5, &[0..3, 3..4]);
        check(&[9, 1, 1, 9], 10, &[0..2, 2..4]);
        check(&[0, 0], 1, std::slice::from_ref(&(0..2)));
        check(&[], 1, std::slice::from_ref(&(0..0)));
    }
}
