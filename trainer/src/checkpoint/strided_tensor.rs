//! Tensors as strided views into storages.

use super::byte_range::ByteRange;
use super::element::{ByteOrder, ElementType};
use super::error::{Result, expect, invalid};
use super::file::CheckpointFile;

/// Maximum number of axes, as in PyTorch.
pub(super) const MAX_AXES: usize = 64;

/// A tensor: which numbers of a storage, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StridedTensor {
    /// Index of the storage.
    pub(super) storage: usize,
    pub(super) element: ElementType,
    pub(super) shape: Vec<usize>,
    /// Step along each axis, in numbers.
    strides: Vec<u64>,
    /// Index of the first number in the storage.
    first: u64,
    /// One past the index of the last number; equal to `first` if the tensor is empty.
    end: u64,
}

/// The layout of a tensor in its storage, as stated in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct StridedLayout<'a> {
    pub(super) first: i64,
    pub(super) shape: &'a [i64],
    pub(super) strides: &'a [i64],
}

impl StridedTensor {
    /// Checks that every number is inside a storage of `storage_bytes` bytes.
    pub(super) fn new(
        storage: usize,
        element: ElementType,
        storage_bytes: u64,
        layout: &StridedLayout<'_>,
    ) -> Result<Self> {
        let StridedLayout { first, shape, strides } = *layout;
        expect(shape.len() == strides.len() && shape.len() <= MAX_AXES, || {
            format!("a tensor has {} axes and {} strides", shape.len(), strides.len())
        })?;
        let is_negative = |value: &i64| *value < 0;
        let holds = first >= 0 && !shape.iter().chain(strides).any(is_negative);
        expect(holds, || {
            format!(
                "a tensor has first {first}, shape {shape:?} and strides {strides:?}; expected no negative values"
            )
        })?;
        let (first, strides) = (first as u64, strides.iter().map(|it| *it as u64).collect());
        let lengths = shape.iter().map(|it| *it as usize).collect();
        let view = Self { storage, element, shape: lengths, strides, first, end: first };
        let end = view.checked_end().filter(|end| {
            end.checked_mul(element.size()).is_some_and(|bytes| bytes <= storage_bytes)
        });
        let end = end.ok_or_else(|| {
            invalid(format!(
                "a tensor with first {first}, shape {shape:?} and strides {:?} exceeds its storage of {} elements",
                view.strides,
                storage_bytes / element.size()
            ))
        })?;
        Ok(Self { end, ..view })
    }

    /// Returns the view of all numbers of a storage in row-major order.
    pub(super) fn rows(
        storage: usize,
        element: ElementType,
        storage_bytes: u64,
        shape: &[usize],
    ) -> Result<Self> {
        let mut strides = vec![1i64; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis] as i64);
        }
        let shape: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let layout = StridedLayout { first: 0, shape: &shape, strides: &strides };
        Self::new(storage, element, storage_bytes, &layout)
    }

    /// Returns the number of elements.
    pub(super) fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns one past the index of the last number, or `None` if it or the number of elements exceeds 64 bits.
    fn checked_end(&self) -> Option<u64> {
        self.shape.iter().try_fold(1usize, |n, length| n.checked_mul((*length).max(1)))?;
        if self.shape.contains(&0) {
            return Some(self.first);
        }
        let reach = |end: u64, (length, stride): (&usize, &u64)| {
            end.checked_add((*length as u64 - 1).checked_mul(*stride)?)
        };
        self.shape.iter().zip(&self.strides).try_fold(self.first.checked_add(1)?, reach)
    }

    /// Returns the numbers in row-major order.
    pub(super) fn read(
        &self,
        file: &CheckpointFile,
        range: &ByteRange,
        order: ByteOrder,
    ) -> Result<Vec<f32>> {
        let (size, n) = (self.element.size(), self.end - self.first);
        let mut values = Vec::with_capacity(n as usize);
        range.pieces(file, self.first * size, n * size, |piece| {
            self.element.decode(piece, order, &mut values);
        })?;
        Ok(if self.is_in_rows() { values } else { self.gather(&values) })
    }

    fn is_in_rows(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(length, stride)| {
            let is_next = *length == 1 || *stride == expected;
            expected = expected.saturating_mul(*length as u64);
            is_next
        })
    }

    /// Picks the numbers of the view from those between the first and the last.
    fn gather(&self, values: &[f32]) -> Vec<f32> {
        let mut picked = Vec::with_capacity(self.n_elements());
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.n_elements() {
            let steps = index.iter().zip(&self.strides).map(|(at, stride)| *at as u64 * stride);
            picked.push(values[steps.sum::<u64>() as usize]);
            for (at, length) in index.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < *length {
                    break;
                }
                *at = 0;
            }
        }
        picked
    }
}
