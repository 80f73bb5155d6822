//! Memory for great blocks of vectors, in huge pages where the system grants them.

#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "the advice has no safe binding"))]

use super::Line;

/// Returns room for lines. The system is asked for huge pages, with which a scan waits less for addresses.
pub(crate) fn room_for(n_lines: usize) -> Vec<Line> {
    let mut lines = Vec::with_capacity(n_lines);
    advise_huge_pages(&mut lines);
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
    fn room_holds_what_is_put_there() {
        for n_lines in [0, 1, 100, 3 << 15] {
            let mut lines = room_for(n_lines);
            let place = lines.as_ptr();
            lines.resize(n_lines, Line([7; 64]));
            assert!(lines.iter().all(|line| *line == Line([7; 64])));
            assert_eq!(lines.as_ptr(), place, "the room was enough");
        }
    }
}
