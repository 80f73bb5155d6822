//! Inner products of 8-bit vectors, by the best instructions that the processor has.
//!
//! Every kernel returns the same numbers to the bit; the scalar one defines them.
//!
//! # Why not a library?
//!
//! faiss answers one exact query from single precision, 140 ms for a million vectors of 512 numbers on one thread, where
//! these kernels take 20 ms from 8-bit codes and the rescoring keeps the answer exact. The crate `gemm` takes 1.6 to 2.1
//! times as long for 64 labels (`BENCHMARKS.md`). Neither has 4-bit codes beside an 8-bit query in the layout that
//! inverted lists need.
//!
//! # `unsafe`
//!
//! This folder holds the only `unsafe` code of the crate beside `storage/file_content.rs`, which maps files: calls of
//! functions that need an instruction set, made only after the processor was asked for it, loads of whole [`Line`]s, and
//! the view of bytes as lines.

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod packed;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

/// Codes in a [`Line`].
pub(crate) const LINE: usize = 64;

/// Maximum dimension of a vector: `127 · 128 · 65536` still fits the 32-bit sums of every kernel.
pub(crate) const MAX_DIM: usize = 65_536;

/// A cache line of a vector: 64 codes from -127 to 127. The last line of a vector is padded with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [i8; LINE]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; LINE]);

    /// Returns bytes as lines, or `None` if they are not aligned or not a whole number of lines.
    #[expect(unsafe_code, reason = "a view of plain numbers as plain numbers has no safe binding")]
    pub(crate) fn in_bytes(bytes: &[u8]) -> Option<&[Self]> {
        // SAFETY: a line is 64 numbers of 8 bits without padding, and every byte is a valid one.
        let (before, lines, after) = unsafe { bytes.align_to() };
        (before.is_empty() && after.is_empty()).then_some(lines)
    }
}

/// One implementation of the products, as a table of functions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    name: &'static str,
    dot: fn(&[Line], &[Line], &mut [i32]),
    product: fn(&[Line], &[Line], usize, &mut [i32]),
    gather: Gather,
    four_bit: fn(&[Line], &[Line], &mut [i32]),
}

/// Computes products of a query with the rows of the given numbers.
type Gather = fn(&[Line], &[Line], &[u32], &mut [i32]);

impl Kernel {
    /// Returns the fastest kernel that this processor can run.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Returns every kernel that this processor can run, the fastest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        kernels.extend([x86::avx512_vnni(), x86::avx2()].into_iter().flatten());
        #[cfg(target_arch = "aarch64")]
        kernels.extend(neon::neon());
        kernels.push(scalar::KERNEL);
        kernels
    }

    /// Returns the name of its instruction set: `avx512_vnni`, `avx2`, `neon` or `scalar`.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Computes the product of a query with each row; rows are consecutive, each as long as the query.
    ///
    /// # Panics
    ///
    /// Panics if there is not one row for each product.
    pub(crate) fn dot(self, query: &[Line], rows: &[Line], products: &mut [i32]) {
        assert_eq!(rows.len(), query.len() * products.len(), "one row for each product");
        (self.dot)(query, rows, products);
    }

    /// Computes the product of a query with the rows of the given numbers, in any order.
    ///
    /// # Panics
    ///
    /// Panics if there is no row of a number, or not one product for each number.
    pub(crate) fn gather(
        self,
        query: &[Line],
        rows: &[Line],
        numbers: &[u32],
        products: &mut [i32],
    ) {
        assert_eq!(numbers.len(), products.len(), "one number for each product");
        (self.gather)(query, rows, numbers, products);
    }

    /// Computes the product of an 8-bit query with each row of 4-bit codes; rows are consecutive, each half as long as
    /// the query.
    ///
    /// A 4-bit code is an integer from 0 to 15. A line of a row meets two lines of the query: the low halves of its bytes
    /// the first, the high halves the second. If the query has an odd number of lines, the last high halves meet nothing.
    ///
    /// # Panics
    ///
    /// Panics if there is not one row for each product.
    pub(crate) fn four_bit(self, query: &[Line], rows: &[Line], products: &mut [i32]) {
        let n_lines = query.len().div_ceil(2);
        assert_eq!(rows.len(), n_lines * products.len(), "one row for each product");
        (self.four_bit)(query, rows, products);
    }

    /// Computes the product of each row with each query into a table: one row per row, one column per query.
    ///
    /// Rows and queries are consecutive, each of `n_lines` lines.
    ///
    /// # Panics
    ///
    /// Panics if a vector is incomplete or the table has another size.
    pub(crate) fn product(
        self,
        queries: &[Line],
        rows: &[Line],
        n_lines: usize,
        products: &mut [i32],
    ) {
        let is_whole = |lines: &[Line]| lines.len().is_multiple_of(n_lines);
        assert!(n_lines > 0 && is_whole(queries) && is_whole(rows), "vectors are whole");
        let n_products = (queries.len() / n_lines) * (rows.len() / n_lines);
        assert_eq!(products.len(), n_products, "one place for each product");
        (self.product)(queries, rows, n_lines, products);
    }
}

/// Prefetches bytes that will be needed soon, if the processor has such an instruction.
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch_bytes(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Computes a table of products row by row, for kernels without a faster way.
fn product_by_rows(
    dot: impl Fn(&[Line], &[Line], &mut [i32]),
    queries: &[Line],
    rows: &[Line],
    n_lines: usize,
    products: &mut [i32],
) {
    let n_queries = queries.len() / n_lines;
    if n_queries == 0 {
        return;
    }
    // The product is symmetric, so the row takes the part of the query: it stays in the first-level cache.
    for (row, products) in rows.chunks_exact(n_lines).zip(products.chunks_exact_mut(n_queries)) {
        dot(row, queries, products);
    }
}

/// Returns the row of a number among rows of `n_lines` lines.
fn row_at(rows: &[Line], number: u32, n_lines: usize) -> &[Line] {
    &rows[number as usize * n_lines..][..n_lines]
}

/// Computes products of rows one by one, for kernels without a faster way.
fn gather_by_rows(
    dot: impl Fn(&[Line], &[Line], &mut [i32]),
    query: &[Line],
    rows: &[Line],
    numbers: &[u32],
    products: &mut [i32],
) {
    for (number, product) in numbers.iter().zip(products) {
        dot(query, row_at(rows, *number, query.len()), std::slice::from_mut(product));
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn random_lines(n: usize, random: &mut Pcg64Mcg) -> Vec<Line> {
        let line = |_| Line(std::array::from_fn(|_| random.random_range(-127..=127)));
        (0..n).map(line).collect()
    }

    /// Computes the products as a textbook would.
    fn expected(queries: &[Line], rows: &[Line], n_lines: usize) -> Vec<i32> {
        let numbers = |lines: &[Line]| -> Vec<i32> {
            lines.iter().flat_map(|line| line.0).map(i32::from).collect()
        };
        let products = rows.chunks(n_lines).flat_map(|row| {
            let row = numbers(row);
            queries
                .chunks(n_lines)
                .map(move |query| numbers(query).iter().zip(&row).map(|(a, b)| a * b).sum())
        });
        products.collect()
    }

    #[track_caller]
    fn check(queries: &[Line], rows: &[Line], n_lines: usize) {
        let expect = expected(queries, rows, n_lines);
        let n_queries = queries.len() / n_lines;
        for kernel in Kernel::available() {
            let mut products = vec![i32::MIN; expect.len()];
            kernel.product(queries, rows, n_lines, &mut products);
            assert_eq!(products, expect, "{}", kernel.name());
            for (column, query) in queries.chunks(n_lines).enumerate() {
                let mut products = vec![i32::MIN; rows.len() / n_lines];
                kernel.dot(query, rows, &mut products);
                let expect = expect.iter().skip(column).step_by(n_queries);
                assert!(products.iter().eq(expect), "{}", kernel.name());
                let backwards: Vec<u32> = (0..products.len() as u32).rev().collect();
                let mut gathered = vec![i32::MIN; products.len()];
                kernel.gather(query, rows, &backwards, &mut gathered);
                assert!(gathered.iter().rev().eq(&products), "{}", kernel.name());
            }
        }
    }

    #[test]
    fn all_kernels_return_the_same_products() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        for n_lines in [1, 2, 3, 8, 11] {
            for (n_queries, n_rows) in [
                (1, 1),
                (1, 9),
                (3, 5),
                (4, 4),
                (6, 7),
                (9, 21),
                (2, 0),
                (16, 3),
                (23, 17),
                (85, 9),
            ] {
                let queries = random_lines(n_queries * n_lines, &mut random);
                let rows = random_lines(n_rows * n_lines, &mut random);
                check(&queries, &rows, n_lines);
            }
        }
    }

    fn check_four_bit(query: &[Line], rows: &[Line]) {
        let n_lines = query.len().div_ceil(2);
        let numbers = |line: &Line, shift: u32| -> Vec<i32> {
            line.0.iter().map(|both| i32::from(both.cast_unsigned() >> shift & 15)).collect()
        };
        let expect = rows.chunks(n_lines).map(|row| {
            let codes_4 = row.iter().flat_map(|line| [numbers(line, 0), numbers(line, 4)].concat());
            let codes_8 = query.iter().flat_map(|line| line.0).map(i32::from);
            codes_8.zip(codes_4).map(|(a, b)| a * b).sum()
        });
        let expect: Vec<i32> = expect.collect();
        for kernel in Kernel::available() {
            let mut products = vec![i32::MIN; expect.len()];
            kernel.four_bit(query, rows, &mut products);
            assert_eq!(products, expect, "{}", kernel.name());
        }
    }

    #[test]
    fn all_kernels_return_the_same_4_bit_products() {
        let mut random = Pcg64Mcg::seed_from_u64(2);
        for n_lines in [1, 2, 3, 8, 11] {
            for n_rows in [0, 1, 9] {
                let query = random_lines(n_lines, &mut random);
                let any = |_| Line(std::array::from_fn(|_| random.random()));
                let rows: Vec<Line> = (0..n_rows * n_lines.div_ceil(2)).map(any).collect();
                check_four_bit(&query, &rows);
            }
        }
        for code in [-127, 127] {
            let n_lines = MAX_DIM / LINE;
            check_four_bit(
                &vec![Line([code; LINE]); n_lines],
                &vec![Line([-1; LINE]); n_lines / 2],
            );
        }
    }

    #[test]
    fn largest_products_do_not_overflow() {
        let n_lines = MAX_DIM / LINE;
        let [low, high] = [-127, 127].map(|code| vec![Line([code; LINE]); n_lines]);
        let both: Vec<Line> = low.iter().chain(&high).copied().collect();
        check(&both, &both, n_lines);
    }

    #[test]
    fn bytes_are_lines_if_aligned_and_whole() {
        let bytes: Vec<u8> = (0..4 * LINE).map(|i| i as u8).collect();
        let start = bytes.as_ptr().align_offset(LINE);
        let view = |range: std::ops::Range<usize>| Line::in_bytes(&bytes[range]);
        let found = view(start..start + 2 * LINE).unwrap();
        assert_eq!((found.len(), found[1].0[3].cast_unsigned()), (2, bytes[start + 67]));
        assert_eq!(view(start + 1..start + 1 + LINE), None);
        assert_eq!(view(start..start + LINE + 1), None);
        assert_eq!(view(start..start), Some(&[][..]));
    }

    #[test]
    fn scalar_kernel_is_always_available() {
        assert_eq!(Kernel::available().last().unwrap().name(), "scalar");
        assert_eq!(Kernel::best().name(), Kernel::available()[0].name());
    }
}
