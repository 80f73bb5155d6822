//! Element types of tensors.

use half::{bf16, f16};

/// The element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit IEEE 754 float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
    /// 16-bit integer.
    I16,
    /// 8-bit integer.
    I8,
    /// 64-bit unsigned integer.
    U64,
    /// 32-bit unsigned integer.
    U32,
    /// 16-bit unsigned integer.
    U16,
    /// Byte.
    U8,
    /// Boolean in a byte.
    Bool,
}

/// The byte order of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ElementType {
    /// Every type.
    pub const ALL: [Self; 13] = [
        Self::F64,
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::U64,
        Self::U32,
        Self::U16,
        Self::U8,
        Self::Bool,
    ];

    /// Returns PyTorch's name, such as `float32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::I64 => "int64",
            Self::I32 => "int32",
            Self::I16 => "int16",
            Self::I8 => "int8",
            Self::U64 => "uint64",
            Self::U32 => "uint32",
            Self::U16 => "uint16",
            Self::U8 => "uint8",
            Self::Bool => "bool",
        }
    }

    /// Returns the size of one number in bytes.
    pub const fn size(self) -> u64 {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Appends the numbers, rounded to 32-bit floats; trailing bytes that do not fill a number are ignored.
    pub(super) fn decode(self, bytes: &[u8], order: ByteOrder, values: &mut Vec<f32>) {
        match self {
            Self::F64 => extend(bytes, order, values, |it| f64::from_le_bytes(it) as f32),
            Self::F32 => extend(bytes, order, values, f32::from_le_bytes),
            Self::F16 => extend(bytes, order, values, |it| f16::from_le_bytes(it).to_f32()),
            Self::Bf16 => extend(bytes, order, values, |it| bf16::from_le_bytes(it).to_f32()),
            Self::I64 => extend(bytes, order, values, |it| i64::from_le_bytes(it) as f32),
            Self::I32 => extend(bytes, order, values, |it| i32::from_le_bytes(it) as f32),
            Self::I16 => extend(bytes, order, values, |it| f32::from(i16::from_le_bytes(it))),
            Self::I8 => extend(bytes, order, values, |it| f32::from(i8::from_le_bytes(it))),
            Self::U64 => extend(bytes, order, values, |it| u64::from_le_bytes(it) as f32),
            Self::U32 => extend(bytes, order, values, |it| u32::from_le_bytes(it) as f32),
            Self::U16 => extend(bytes, order, values, |it| f32::from(u16::from_le_bytes(it))),
            Self::U8 => extend(bytes, order, values, |[it]| f32::from(it)),
            Self::Bool => extend(bytes, order, values, |[it]| f32::from(u8::from(it != 0))),
        }
    }
}

fn extend<const N: usize>(
    bytes: &[u8],
    order: ByteOrder,
    values: &mut Vec<f32>,
    read: impl Fn([u8; N]) -> f32,
) {
    let numbers = bytes.as_chunks::<N>().0.iter();
    match order {
        ByteOrder::Little => values.extend(numbers.map(|number| read(*number))),
        ByteOrder::Big => values.extend(numbers.map(|number| {
            let mut number = *number;
            number.reverse();
            read(number)
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(element: ElementType, little: &[u8], expected: f32) {
        let mut values = Vec::new();
        element.decode(little, ByteOrder::Little, &mut values);
        let big: Vec<u8> = little.iter().rev().copied().collect();
        element.decode(&big, ByteOrder::Big, &mut values);
        assert_eq!(values, [expected, expected], "{}", element.name());
        assert_eq!(little.len() as u64, element.size());
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_float() {
        check(ElementType::F64, &0.1f64.to_le_bytes(), 0.1);
        check(ElementType::F32, &(-2.5f32).to_le_bytes(), -2.5);
        check(ElementType::F16, &[0x00, 0x3e], 1.5);
        check(ElementType::Bf16, &[0xc0, 0x3f], 1.5);
        check(ElementType::I64, &(-7i64).to_le_bytes(), -7.0);
        check(ElementType::I32, &16_777_217i32.to_le_bytes(), 16_777_216.0);
        check(ElementType::I16, &(-300i16).to_le_bytes(), -300.0);
        check(ElementType::I8, &[0xff], -1.0);
        check(ElementType::U64, &u64::MAX.to_le_bytes(), 1.844_674_4e19);
        check(ElementType::U32, &7u32.to_le_bytes(), 7.0);
        check(ElementType::U16, &60_000u16.to_le_bytes(), 60_000.0);
        check(ElementType::U8, &[200], 200.0);
        check(ElementType::Bool, &[1], 1.0);
    }
}
