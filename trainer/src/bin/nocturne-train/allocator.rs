//! The allocator of the program.
//!
//! Every step allocates and frees the same large blocks. The system's allocator maps and unmaps each of them, so every
//! page is faulted in and zeroed again; an allocator that keeps them halves the processor time of a step.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, which the bindings do not define.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Never return freed memory to the system.
const NEVER: std::ffi::c_long = -1;

/// Keeps freed memory for the next step.
#[expect(unsafe_code, reason = "the allocator's options have no safe binding")]
pub(crate) fn keep_memory() {
    // SAFETY: `mi_option_set` may be called at any time and ignores unknown options.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER) };
}
