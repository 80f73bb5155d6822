//! Memory for great blocks of vectors, in huge pages where the system grants them.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "advice to the system has no safe binding")
)]

use super::Line;

/// Returns lines of zeros. The system is asked for huge pages, with which a scan waits less for addresses.
pub(crate) fn zeroed_lines(n_lines: usize) -> Vec<Line> {
    let mut lines = Vec::with_capacity(n_lines);
    advise_huge_pages(&mut lines);
    // The first touch of the memory, after the advice.
    lines.resize(n_lines, Line::ZERO);
    lines
}

#[cfg(target_os = "linux")]
fn advise_huge_pages(lines: &mut Vec<Line>) {
    const PAGE: usize = 4096;
    let room = lines.spare_capacity_mut();
    let start = room.as_ptr().addr();
    let skipped = start.next_multiple_of(PAGE) - start;
    let length = size_of_val(room).saturating_sub(skipped) / PAGE * PAGE;
    if length > 0 {
        let first_page = room.as_mut_ptr().cast::<u8>().wrapping_add(skipped);
        // SAFETY: the range lies within the vector's own memory and begins at a page; the advice changes no content.
        // A system that knows nothing of it refuses, and nothing is lost but time.
        let _ = unsafe { libc::madvise(first_page.cast(), length, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages(_: &mut Vec<Line>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_zero_however_many_there_are() {
        for n_lines in [0, 1, 100, 3 << 15] {
            let lines = zeroed_lines(n_lines);
            assert_eq!(lines.len(), n_lines);
            assert!(lines.iter().all(|line| *line == Line::ZERO));
        }
    }
}
