//! The kernels for 64-bit Intel and AMD processors (AVX-512 VNNI and AVX2).

#![expect(unsafe_code, reason = "instructions that not every processor has, and loads of lines")]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m256i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_prefetch,
    _mm_shuffle_epi32, _mm256_abs_epi8, _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_srli_epi16,
    _mm512_add_epi32, _mm512_and_si512, _mm512_dpbusd_epi32, _mm512_load_si512,
    _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_shuffle_i32x4,
    _mm512_srli_epi16, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};
use std::array::from_fn;

use super::packed::Packed;
use super::{Kernel, LINE, Line, gather_by_rows, product_by_rows, row_at};

/// Rows, and queries, of a tile whose 16 sums all stay in registers.
const TILE: usize = 4;

/// How many rows ahead of the current one are prefetched.
const AHEAD: usize = 4;

/// Returns the kernel with 512-bit registers, or `None` if the processor does not have the instructions.
pub(super) fn avx512_vnni() -> Option<Kernel> {
    let is_there = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    let kernel = Kernel {
        name: "avx512_vnni",
        dot: dot_512,
        product: product_512,
        gather: gather_512,
        four_bit: four_bit_512,
    };
    is_there.then_some(kernel)
}

/// Returns the kernel with 256-bit registers, or `None` if the processor does not have the instructions.
pub(super) fn avx2() -> Option<Kernel> {
    let kernel = Kernel {
        name: "avx2",
        dot: dot_256,
        product: product_256,
        gather: gather_256,
        four_bit: four_bit_256,
    };
    is_x86_feature_detected!("avx2").then_some(kernel)
}

/// Prefetches the cache lines that contain some bytes.
pub(super) fn prefetch_bytes(bytes: &[u8]) {
    for part in bytes.chunks(LINE) {
        // SAFETY: SSE is part of x86-64, and a prefetch accesses no memory that the program can observe.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(part.as_ptr().cast()) }
    }
}

fn dot_512(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: only `avx512_vnni` builds this kernel, after checking that the processor has the instructions.
    unsafe { dot_rows_512(query, rows, products) }
}

fn product_512(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    // SAFETY: as in `dot_512`.
    unsafe { product_of_packs(queries, rows, n_lines, products) }
}

fn gather_512(query: &[Line], rows: &[Line], numbers: &[u32], products: &mut [i32]) {
    // SAFETY: as in `dot_512`.
    unsafe { gather_rows_512(query, rows, numbers, products) }
}

fn four_bit_512(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: as in `dot_512`.
    unsafe { dot_4_bit_rows_512(query, rows, products) }
}

fn dot_256(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: only `avx2` builds this kernel, after checking that the processor has the instructions.
    unsafe { dot_rows_256(query, rows, products) }
}

fn product_256(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    product_by_rows(dot_256, queries, rows, n_lines, products);
}

fn gather_256(query: &[Line], rows: &[Line], numbers: &[u32], products: &mut [i32]) {
    gather_by_rows(dot_256, query, rows, numbers, products);
}

fn four_bit_256(query: &[Line], rows: &[Line], products: &mut [i32]) {
    // SAFETY: as in `dot_256`.
    unsafe { dot_4_bit_rows_256(query, rows, products) }
}

/// The instruction multiplies unsigned with signed codes. The codes of rows are therefore raised by 128, and 128 times the
/// sum of the query's codes, the excess, is subtracted again.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_rows_512(query: &[Line], rows: &[Line], products: &mut [i32]) {
    let excess = excess_512(query);
    // Explicit prefetching, because the hardware prefetcher stops at the end of each page.
    let ahead = rows.get(AHEAD * query.len()..).unwrap_or_default();
    let mut ahead = ahead.chunks_exact(query.len());
    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
        ahead.next().into_iter().for_each(|row| prefetch(row));
        *product = raised_dot(query, row).wrapping_sub(excess);
    }
}

/// Prefetches each row some time before it is needed: the hardware cannot predict rows in any order.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn gather_rows_512(query: &[Line], rows: &[Line], numbers: &[u32], products: &mut [i32]) {
    let excess = excess_512(query);
    numbers.iter().take(AHEAD).for_each(|row| prefetch(row_at(rows, *row, query.len())));
    for (i, (row, product)) in numbers.iter().zip(products).enumerate() {
        if let Some(later) = numbers.get(i + AHEAD) {
            prefetch(row_at(rows, *later, query.len()));
        }
        *product = raised_dot(query, row_at(rows, *row, query.len())).wrapping_sub(excess);
    }
}

#[target_feature(enable = "sse")]
#[inline]
pub(super) fn prefetch(row: &[Line]) {
    row.iter().for_each(|line| _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(line).cast()));
}

/// Returns the product of a query with a row whose codes are raised by 128.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn raised_dot(query: &[Line], row: &[Line]) -> i32 {
    // Two sums, because an instruction has a latency of several cycles and would wait for the previous sum.
    let mut sums = [_mm512_setzero_si512(); 2];
    let (query_pairs, query_rest) = query.as_chunks::<2>();
    let (row_pairs, row_rest) = row.as_chunks::<2>();
    for (a, b) in query_pairs.iter().zip(row_pairs) {
        sums[0] = _mm512_dpbusd_epi32(sums[0], load_raised(&b[0]), load_512(&a[0]));
        sums[1] = _mm512_dpbusd_epi32(sums[1], load_raised(&b[1]), load_512(&a[1]));
    }
    for (a, b) in query_rest.iter().zip(row_rest) {
        sums[0] = _mm512_dpbusd_epi32(sums[0], load_raised(b), load_512(a));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]))
}

/// 4-bit codes are unsigned, as the instruction requires; nothing has to be raised or subtracted.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_4_bit_rows_512(query: &[Line], rows: &[Line], products: &mut [i32]) {
    let low_bits = _mm512_set1_epi8(15);
    let n_lines = query.len().div_ceil(2);
    let mut ahead = rows.get(AHEAD * n_lines..).unwrap_or_default().chunks_exact(n_lines);
    for (row, product) in rows.chunks_exact(n_lines).zip(products) {
        ahead.next().into_iter().for_each(|row| prefetch(row));
        let mut sums = [_mm512_setzero_si512(); 2];
        for (pair, line) in query.chunks(2).zip(row) {
            let both = load_512(line);
            let low = _mm512_and_si512(both, low_bits);
            sums[0] = _mm512_dpbusd_epi32(sums[0], low, load_512(&pair[0]));
            if let [_, second] = pair {
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(both), low_bits);
                sums[1] = _mm512_dpbusd_epi32(sums[1], high, load_512(second));
            }
        }
        *product = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
    }
}

/// Computes the products with 16 queries at a time, and with the remaining queries in tiles.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn product_of_packs(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    let n_queries = queries.len() / n_lines;
    let packed = Packed::of(queries, n_lines);
    packed.product(rows, n_queries, products);
    let rest = &queries[packed.len() * n_lines..];
    if rest.is_empty() {
        return;
    }
    if packed.len() == 0 {
        product_of_tiles(queries, rows, n_lines, products);
        return;
    }
    let n_rest = n_queries - packed.len();
    let mut others = vec![0; rows.len() / n_lines * n_rest];
    product_of_tiles(rest, rows, n_lines, &mut others);
    for (products, others) in products.chunks_exact_mut(n_queries).zip(others.chunks_exact(n_rest))
    {
        products[packed.len()..].copy_from_slice(others);
    }
}

/// Computes tiles of 4 rows and 4 queries, and the remaining rows and queries one by one.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn product_of_tiles(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    let n_queries = queries.len() / n_lines;
    let n_tiled = n_queries / TILE * TILE;
    let (tiled, rest) = queries.split_at(n_tiled * n_lines);
    let excesses: Vec<i32> = queries.chunks_exact(n_lines).map(|query| excess_512(query)).collect();
    let row_tiles = rows.chunks(TILE * n_lines);
    for (rows, products) in row_tiles.zip(products.chunks_mut((TILE * n_queries).max(1))) {
        if rows.len() < TILE * n_lines {
            product_by_rows(dot_512, queries, rows, n_lines, products);
            return;
        }
        for (tile, queries) in tiled.chunks_exact(TILE * n_lines).enumerate() {
            let sums = tile_of_products(queries, rows, n_lines);
            for (row, sums) in sums.as_chunks::<TILE>().0.iter().enumerate() {
                let excesses = &excesses[tile * TILE..][..TILE];
                let products = &mut products[row * n_queries + tile * TILE..][..TILE];
                for query in 0..TILE {
                    products[query] = sums[query].wrapping_sub(excesses[query]);
                }
            }
        }
        for (row, products) in
            rows.chunks_exact(n_lines).zip(products.chunks_exact_mut(n_queries.max(1)))
        {
            if !rest.is_empty() {
                dot_rows_512(row, rest, &mut products[n_tiled..]);
            }
        }
    }
}

/// Returns the products of 4 raised rows with 4 queries, those of the first row first.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn tile_of_products(queries: &[Line], rows: &[Line], n_lines: usize) -> [i32; TILE * TILE] {
    let rows: [&[Line]; TILE] = from_fn(|row| &rows[row * n_lines..][..n_lines]);
    let queries: [&[Line]; TILE] = from_fn(|query| &queries[query * n_lines..][..n_lines]);
    let mut sums = [[_mm512_setzero_si512(); TILE]; TILE];
    for line in 0..n_lines {
        let rows = rows.map(|row| load_raised(&row[line]));
        for (query, codes) in queries.iter().enumerate() {
            let codes = load_512(&codes[line]);
            for row in 0..TILE {
                sums[row][query] = _mm512_dpbusd_epi32(sums[row][query], rows[row], codes);
            }
        }
    }
    let sums = add_up(sums.map(|row| transposed_sum(row)));
    // SAFETY: both types are 64 bytes, and every bit pattern is valid.
    unsafe { std::mem::transmute::<__m512i, [i32; TILE * TILE]>(sums) }
}

/// Adds the lanes of four registers in groups of four: each 128 bits of the result have one partial sum per register.
#[target_feature(enable = "avx512f")]
#[inline]
fn transposed_sum([a, b, c, d]: [__m512i; TILE]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd))
}

/// Adds the four 128-bit parts of each register; the sums of the first register come first.
#[target_feature(enable = "avx512f")]
#[inline]
fn add_up([a, b, c, d]: [__m512i; TILE]) -> __m512i {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let halves = |a, b| {
        _mm512_add_epi32(_mm512_shuffle_i32x4::<EVEN>(a, b), _mm512_shuffle_i32x4::<ODD>(a, b))
    };
    halves(halves(a, b), halves(c, d))
}

/// Returns the excess of products of a vector with raised codes: 128 times the sum of its own codes.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
pub(super) fn excess_512(codes: &[Line]) -> i32 {
    let raised_zero = _mm512_set1_epi8(i8::MIN);
    let sum = codes.iter().fold(_mm512_setzero_si512(), |sum, line| {
        _mm512_dpbusd_epi32(sum, raised_zero, load_512(line))
    });
    _mm512_reduce_add_epi32(sum)
}

/// Loads a line of codes raised by 128, as unsigned numbers.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load_raised(line: &Line) -> __m512i {
    _mm512_xor_si512(load_512(line), _mm512_set1_epi8(i8::MIN))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_512(line: &Line) -> __m512i {
    // SAFETY: a line has the 64 bytes that are read, and their alignment.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
}

#[target_feature(enable = "avx2")]
fn dot_rows_256(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (a, b) in query.iter().zip(row) {
            let ([a0, a1], [b0, b1]) = (load_256(a), load_256(b));
            sums[0] = add_products(sums[0], a0, b0);
            sums[1] = add_products(sums[1], a1, b1);
        }
        *product = sum_256(_mm256_add_epi32(sums[0], sums[1]));
    }
}

#[target_feature(enable = "avx2")]
fn dot_4_bit_rows_256(query: &[Line], rows: &[Line], products: &mut [i32]) {
    let low_bits = _mm256_set1_epi8(15);
    for (row, product) in rows.chunks_exact(query.len().div_ceil(2)).zip(products) {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (pair, line) in query.chunks(2).zip(row) {
            let halves = load_256(line);
            for (sum, (codes, both)) in sums.iter_mut().zip(load_256(&pair[0]).iter().zip(halves)) {
                *sum = add_4_bit_products(*sum, _mm256_and_si256(both, low_bits), *codes);
            }
            if let [_, second] = pair {
                for (sum, (codes, both)) in sums.iter_mut().zip(load_256(second).iter().zip(halves))
                {
                    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(both), low_bits);
                    *sum = add_4_bit_products(*sum, high, *codes);
                }
            }
        }
        *product = sum_256(_mm256_add_epi32(sums[0], sums[1]));
    }
}

/// Adds 32 products of 4-bit with 8-bit codes. The sum of two is at most 2 · 15 · 127, which fits 16 bits.
#[target_feature(enable = "avx2")]
#[inline]
fn add_4_bit_products(sum: __m256i, four_bit: __m256i, codes: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(four_bit, codes);
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// Adds 32 products. The sum of two fits 16 bits because no code is -128.
#[target_feature(enable = "avx2")]
#[inline]
fn add_products(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(b), _mm256_sign_epi8(a, b));
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn sum_256(sums: __m256i) -> i32 {
    let low = _mm256_castsi256_si128(sums);
    let sums = _mm_add_epi32(low, _mm256_extracti128_si256::<1>(sums));
    let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_00_11_10>(sums));
    _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32::<0b10_11_00_01>(sums)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_256(line: &Line) -> [__m256i; 2] {
    let halves: *const __m256i = std::ptr::from_ref(line).cast();
    // SAFETY: a line has twice the 32 bytes that each load reads, and a larger alignment.
    unsafe { [_mm256_load_si256(halves), _mm256_load_si256(halves.add(1))] }
}
