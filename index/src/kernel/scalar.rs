//! The kernel that runs everywhere, and says what the others must give.

use super::{Kernel, Line, gather_by_rows, product_by_rows};

pub(super) const KERNEL: Kernel = Kernel { name: "scalar", dot, product, gather };

fn dot(query: &[Line], rows: &[Line], products: &mut [i32]) {
    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
        *product = query.iter().zip(row).map(|(a, b)| dot_of_line(a, b)).sum();
    }
}

fn product(queries: &[Line], rows: &[Line], n_lines: usize, products: &mut [i32]) {
    product_by_rows(dot, queries, rows, n_lines, products);
}

fn gather(query: &[Line], rows: &[Line], places: &[u32], products: &mut [i32]) {
    gather_by_rows(dot, query, rows, places, products);
}

fn dot_of_line(a: &Line, b: &Line) -> i32 {
    a.0.iter().zip(&b.0).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
