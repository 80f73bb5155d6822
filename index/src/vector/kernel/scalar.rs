//! The kernel that runs on every processor, and the reference for the others.

use super::{Kernel, Line, gather_by_rows, product_by_rows};

pub(super) const KERNEL: Kernel = Kernel { name: "scalar", dot, product, gather, four_bit };

fn dot(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
        *product = query.iter().zip(row).map(|(a, b)| dot_of_line(a, b)).sum();
    }
}

fn product(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    product_by_rows(dot, queries, rows, n_lines, products);
}

fn gather(query: &[Line], rows: &[Line], numbers: &[u32], products: &mut [i32]) {
    gather_by_rows(dot, query, rows, numbers, products);
}

fn four_bit(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len().div_ceil(2)).zip(products) {
        let pairs = query.chunks(2).zip(row);
        *product = pairs.map(|(pair, row)| dot_of_4_bit_line(pair, row)).sum();
    }
}

fn dot_of_4_bit_line(pair: &[Line], row: &Line) -> i32 {
    let half = |shift: u32| Line(row.0.map(|both| (both.cast_unsigned() >> shift & 15) as i8));
    pair.iter().zip([0, 4]).map(|(codes, shift)| dot_of_line(codes, &half(shift))).sum()
}

fn dot_of_line(a: &Line, b: &Line) -> i32 {
    a.0.iter().zip(&b.0).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
