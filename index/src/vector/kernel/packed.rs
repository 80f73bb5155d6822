//! Products of many queries at once, by 512-bit registers.
//!
//! Sixteen queries are packed so that their codes of the same four numbers lie side by side. Four codes of a row are then
//! multiplied with those of sixteen queries by one instruction, and what comes out are the sums of sixteen queries, which no
//! lanes have to be added up for.

#![expect(unsafe_code, reason = "loads and stores of registers")]

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_set1_epi32, _mm512_storeu_si512,
};
use std::array::from_fn;

use super::{LINE, Line};

/// Queries that are packed together.
pub(super) const PACK: usize = 16;

/// Numbers that one instruction multiplies for each query.
const NUMBERS: usize = 4;

/// Numbers of sixteen queries: four codes of each, 128 higher and without a sign.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Pack([[u8; NUMBERS]; PACK]);

/// Whole packs of queries of one length.
pub(super) struct Packed {
    /// For each sixteen queries, a pack for each four numbers.
    packs: Vec<Pack>,
    n_packs: usize,
    n_lines: usize,
}

impl Packed {
    /// Packs queries of `n_lines` lines that follow one another; those that fill no pack are left out.
    pub(super) fn of(queries: &[Line], n_lines: usize) -> Self {
        let n_groups = n_lines * LINE / NUMBERS;
        let n_packs = queries.len() / (PACK * n_lines);
        let mut packs = vec![Pack([[0; NUMBERS]; PACK]); n_packs * n_groups];
        let sixteens = queries.chunks_exact(PACK * n_lines);
        for (packs, queries) in packs.chunks_exact_mut(n_groups).zip(sixteens) {
            for (place, query) in queries.chunks_exact(n_lines).enumerate() {
                let groups = query.iter().flat_map(|line| line.0.as_chunks::<NUMBERS>().0);
                for (pack, codes) in packs.iter_mut().zip(groups) {
                    pack.0[place] = codes.map(|code| code.cast_unsigned() ^ 0x80);
                }
            }
        }
        Self { packs, n_packs, n_lines }
    }

    /// Returns how many queries are packed.
    pub(super) fn len(&self) -> usize {
        self.n_packs * PACK
    }

    /// Writes the products of each row with the packed queries: those of a row begin `stride` after those of the row before.
    ///
    /// # Panics
    ///
    /// Panics where there is no room for the products.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn product(&self, rows: &[Line], stride: usize, products: &mut [i32]) {
        // Sums of four rows and four packs stay in registers, and so do those of eight rows and one pack.
        let in_fours = self.n_packs / 4 * 4;
        for pack in (0..in_fours).step_by(4) {
            self.product_of::<4, 4>(rows, pack, stride, products);
        }
        for pack in in_fours..self.n_packs {
            self.product_of::<8, 1>(rows, pack, stride, products);
        }
    }

    /// Does so for some packs, some rows at a time.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn product_of<const ROWS: usize, const PACKS: usize>(
        &self,
        rows: &[Line],
        first: usize,
        stride: usize,
        products: &mut [i32],
    ) {
        let tiles = rows.chunks_exact(ROWS * self.n_lines);
        let rest = tiles.remainder();
        let n_tiled = rows.len() / self.n_lines / ROWS * ROWS;
        let mut later = tiles.clone().skip(1);
        for (tile, products) in tiles.zip(products.chunks_mut(ROWS * stride)) {
            // What fetches rows by itself stops at the end of each page.
            later.next().into_iter().for_each(|rows| super::x86::prefetch(rows));
            self.tile::<ROWS, PACKS>(tile, first, stride, products);
        }
        let products = products.get_mut(n_tiled * stride..).unwrap_or_default();
        for (row, products) in rest.chunks_exact(self.n_lines).zip(products.chunks_mut(stride)) {
            self.tile::<1, PACKS>(row, first, stride, products);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    fn tile<const ROWS: usize, const PACKS: usize>(
        &self,
        rows: &[Line],
        first: usize,
        stride: usize,
        products: &mut [i32],
    ) {
        let rows: [&[Line]; ROWS] = from_fn(|row| &rows[row * self.n_lines..][..self.n_lines]);
        let n_groups = self.n_lines * LINE / NUMBERS;
        let packs: [&[Pack]; PACKS] =
            from_fn(|pack| &self.packs[(first + pack) * n_groups..][..n_groups]);
        // Queries are 128 too high, so each sum begins as much too low.
        let mut sums = rows.map(|row| [_mm512_set1_epi32(excess(row)); PACKS]);
        for line in 0..self.n_lines {
            let rows: [&[[i8; NUMBERS]; LINE / NUMBERS]; ROWS] = rows.map(|row| {
                row[line].0.as_chunks().0.first_chunk().expect("a line is whole groups of four")
            });
            let packs: [&[Pack; LINE / NUMBERS]; PACKS] = packs.map(|packs| {
                packs[line * (LINE / NUMBERS)..]
                    .first_chunk()
                    .expect("a pack for each four numbers")
            });
            for place in 0..LINE / NUMBERS {
                let queries = packs.map(|packs| load(&packs[place]));
                for (row, sums) in rows.iter().zip(&mut sums) {
                    let codes =
                        _mm512_set1_epi32(i32::from_ne_bytes(row[place].map(i8::cast_unsigned)));
                    for (sum, queries) in sums.iter_mut().zip(queries) {
                        *sum = _mm512_dpbusd_epi32(*sum, queries, codes);
                    }
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (pack, sums) in sums.iter().enumerate() {
                let start = row * stride + (first + pack) * PACK;
                store(*sums, products[start..].first_chunk_mut().expect("room for every product"));
            }
        }
    }
}

/// Returns what the sum of a row's products begins with where queries are 128 too high.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn excess(row: &[Line]) -> i32 {
    -super::x86::excess_512(row)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(pack: &Pack) -> __m512i {
    // SAFETY: a pack has the 64 bytes that are read, and their alignment.
    unsafe { _mm512_load_si512(std::ptr::from_ref(pack).cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(sums: __m512i, products: &mut [i32; PACK]) {
    // SAFETY: sixteen sums take the 64 bytes that are written, which need no alignment.
    unsafe { _mm512_storeu_si512(products.as_mut_ptr().cast(), sums) }
}
