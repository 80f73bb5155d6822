//! The kernel for 64-bit ARM (NEON).

#![expect(unsafe_code, reason = "instructions that not every processor has, and loads of lines")]

use std::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vaddvq_s32, vandq_u8, vdupq_n_s32, vdupq_n_u8, vget_high_s8,
    vget_low_s8, vld1q_s8, vmull_s8, vpadalq_s16, vreinterpretq_s8_u8, vreinterpretq_u8_s8,
    vshrq_n_u8,
};
use std::arch::is_aarch64_feature_detected;

use super::{Kernel, Line, gather_by_rows, product_by_rows};

/// Returns the kernel, or `None` if the processor has no NEON.
pub(super) fn neon() -> Option<Kernel> {
    let kernel = Kernel { name: "neon", dot, product, gather, four_bit };
    is_aarch64_feature_detected!("neon").then_some(kernel)
}

fn dot(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: only `neon` builds this kernel, after checking that the processor has the instructions.
    unsafe { dot_rows(query, rows, products) }
}

fn product(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    product_by_rows(dot, queries, rows, n_lines, products);
}

fn gather(query: &[Line], rows: &[Line], numbers: &[u32], products: &mut [i32]) {
    gather_by_rows(dot, query, rows, numbers, products);
}

fn four_bit(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: as in `dot`.
    unsafe { dot_4_bit_rows(query, rows, products) }
}

#[target_feature(enable = "neon")]
fn dot_4_bit_rows(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len().div_ceil(2)).zip(products) {
        let mut sums = [vdupq_n_s32(0); 2];
        for (pair, row) in query.chunks(2).zip(row) {
            for quarter in 0..4 {
                let both = vreinterpretq_u8_s8(load(row, quarter));
                let low = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
                sums[0] = add_products(sums[0], load(&pair[0], quarter), low);
                if let [_, second] = pair {
                    let high = vreinterpretq_s8_u8(vshrq_n_u8::<4>(both));
                    sums[1] = add_products(sums[1], load(second, quarter), high);
                }
            }
        }
        *product = vaddvq_s32(vaddq_s32(sums[0], sums[1]));
    }
}

#[target_feature(enable = "neon")]
fn dot_rows(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
        let mut sums = [vdupq_n_s32(0); 2];
        for (a, b) in query.iter().zip(row) {
            for quarter in 0..4 {
                let sum = &mut sums[quarter % 2];
                *sum = add_products(*sum, load(a, quarter), load(b, quarter));
            }
        }
        *product = vaddvq_s32(vaddq_s32(sums[0], sums[1]));
    }
}

/// Adds 16 products; each fits 16 bits because no code is -128.
#[target_feature(enable = "neon")]
#[inline]
fn add_products(sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)))
}

#[target_feature(enable = "neon")]
#[inline]
fn load(line: &Line, quarter: usize) -> int8x16_t {
    let codes = &line.0[16 * quarter..][..16];
    // SAFETY: the slice has the 16 bytes that are read.
    unsafe { vld1q_s8(codes.as_ptr()) }
}
