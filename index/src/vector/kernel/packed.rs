//! Products with many queries at once, in 512-bit registers.
//!
//! Sixteen queries are packed so that their codes of the same four dimensions are adjacent. One instruction then
//! multiplies four codes of a row with those of sixteen queries, and the sixteen lanes of the register are the sums of
//! sixteen queries: no lanes have to be added up at the end.

#![expect(unsafe_code, reason = "loads and stores of registers")]

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_set1_epi32, _mm512_storeu_si512,
};
use std::array::from_fn;

use super::{LINE, Line};

/// Queries per pack.
pub(super) const PACK: usize = 16;

/// Dimensions that one instruction multiplies for each query.
const GROUP: usize = 4;

/// Four codes of each of sixteen queries, raised by 128 to be unsigned as the instruction requires.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Pack([[u8; GROUP]; PACK]);

/// Complete packs of queries of one dimension.
pub(super) struct Packed {
    /// For each sixteen queries, one pack per four dimensions.
    packs: Vec<Pack>,
    n_packs: usize,
    n_lines: usize,
}

impl Packed {
    /// Packs consecutive queries of `n_lines` lines; the last queries that do not fill a pack are left out.
    pub(super) fn of(queries: &[Line], n_lines: usize) -> Self {
        let n_groups = n_lines * LINE / GROUP;
        let n_packs = queries.len() / (PACK * n_lines);
        let mut packs = vec![Pack([[0; GROUP]; PACK]); n_packs * n_groups];
        let sixteens = queries.chunks_exact(PACK * n_lines);
        for (packs, queries) in packs.chunks_exact_mut(n_groups).zip(sixteens) {
            for (lane, query) in queries.chunks_exact(n_lines).enumerate() {
                let groups = query.iter().flat_map(|line| line.0.as_chunks::<GROUP>().0);
                for (pack, codes) in packs.iter_mut().zip(groups) {
                    pack.0[lane] = codes.map(|code| code.cast_unsigned() ^ 0x80);
                }
            }
        }
        Self { packs, n_packs, n_lines }
    }

    /// Returns the number of packed queries.
    pub(super) fn len(&self) -> usize {
        self.n_packs * PACK
    }

    /// Computes the products of each row with the packed queries; those of a row start `stride` after those of the previous.
    ///
    /// # Panics
    ///
    /// Panics if there is not enough room for the products.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn product(&self, rows: &[Line], stride: usize, products: &mut [i32]) {
        // The sums of four rows and four packs stay in registers, and so do those of eight rows and one pack.
        let n_in_fours = self.n_packs / 4 * 4;
        for pack in (0..n_in_fours).step_by(4) {
            self.product_of::<4, 4>(rows, pack, stride, products);
        }
        for pack in n_in_fours..self.n_packs {
            self.product_of::<8, 1>(rows, pack, stride, products);
        }
    }

    /// Multiplies tiles of `ROWS` rows with `PACKS` packs from `first` on.
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
            // The hardware prefetcher stops at the end of each page.
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
        let n_groups = self.n_lines * LINE / GROUP;
        let packs: [&[Pack]; PACKS] =
            from_fn(|pack| &self.packs[(first + pack) * n_groups..][..n_groups]);
        // Codes of queries are 128 too high, so each sum starts as much too low.
        let mut sums = rows.map(|row| [_mm512_set1_epi32(excess(row)); PACKS]);
        for line in 0..self.n_lines {
            let rows: [&[[i8; GROUP]; LINE / GROUP]; ROWS] = rows.map(|row| {
                row[line].0.as_chunks().0.first_chunk().expect("a line is whole groups of four")
            });
            let packs: [&[Pack; LINE / GROUP]; PACKS] = packs.map(|packs| {
                packs[line * (LINE / GROUP)..].first_chunk().expect("one pack per four dimensions")
            });
            for group in 0..LINE / GROUP {
                let queries = packs.map(|packs| load(&packs[group]));
                for (row, sums) in rows.iter().zip(&mut sums) {
                    let codes =
                        _mm512_set1_epi32(i32::from_ne_bytes(row[group].map(i8::cast_unsigned)));
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

/// Returns the initial value of the sums of a row, which makes up for the queries being 128 too high.
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
