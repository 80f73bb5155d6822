//! The allocator of the program.
//!
//! A step allocates and frees the same large blocks as the step before. The system's allocator maps and unmaps each,
//! and every page is faulted in and zeroed anew; one that keeps them takes half the processor time of a step.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, which the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Freed memory is never given back to the system.
const NEVER: std::ffi::c_long = -1;

/// Keeps freed memory for the next step.
#[expect(unsafe_code, reason = "the allocator's options have no safe binding")]
pub(crate) fn keep_memory() {
    // SAFETY: `mi_option_set` may be called at any time and ignores an option that it does not know.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER) };
}
