//! Reads and writes tables of numbers in the format `.npy` of `NumPy`, version 1.0.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::set::Rows;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Reads a table of little-endian `float32` by rows.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    let table = Table::read(path).with_context(|| format!("`{}`", path.display()))?;
    ensure!(
        table.kind == "<f4",
        "`{}` contains `{}`; expected float32",
        path.display(),
        table.kind
    );
    let numbers = table.data.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number));
    Ok(Rows { dim: table.width, numbers: numbers.collect() })
}

/// Reads a table of little-endian integers of 32 or 64 bits, row by row.
pub(crate) fn read_integers(path: &Path) -> Result<Vec<Vec<u64>>> {
    let table = Table::read(path).with_context(|| format!("`{}`", path.display()))?;
    let data = table.data.as_slice();
    let numbers: Vec<u64> = match &*table.kind {
        "<i4" | "<u4" => {
            data.as_chunks().0.iter().map(|it| u64::from(u32::from_le_bytes(*it))).collect()
        }
        "<i8" | "<u8" => data.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it)).collect(),
        kind => bail!("`{}` contains `{kind}`; expected integers", path.display()),
    };
    Ok(numbers.chunks_exact(table.width).map(<[u64]>::to_vec).collect())
}

/// The contents of a file.
struct Table {
    /// Byte order, type and size of a number, such as `<f4`.
    kind: String,
    width: usize,
    data: Vec<u8>,
}

impl Table {
    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).context("cannot be read")?;
        let rest = bytes.strip_prefix(MAGIC).context("is not a NumPy file of version 1.0")?;
        let (length, rest) = rest.split_first_chunk().context("has no header")?;
        let (header, data) = rest
            .split_at_checked(usize::from(u16::from_le_bytes(*length)))
            .context("ends inside its header")?;
        let header = str::from_utf8(header)?;
        ensure!(header.contains("'fortran_order': False"), "is not stored by rows");
        let kind = header.split_once("'descr': '").and_then(|(_, rest)| rest.split_once('\''));
        let kind = kind.context("has no type of numbers")?.0.to_owned();
        let size: usize = kind.get(2..).context("has a type of numbers without a size")?.parse()?;
        let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
        let sizes =
            shape.map(|(shape, _)| shape.split(',').map(|size| size.trim().parse::<usize>()));
        let sizes: Vec<usize> = sizes.context("has no shape")?.collect::<Result<_, _>>()?;
        let [rows, width] = sizes[..] else { bail!("has {} dimensions; expected 2", sizes.len()) };
        ensure!(
            width > 0 && rows * width * size == data.len(),
            "has {} bytes of data; expected {rows} rows of {width} numbers",
            data.len()
        );
        Ok(Self { kind, width, data: data.to_vec() })
    }
}

/// Writes a table.
pub(crate) fn write(path: &Path, rows: &Rows) -> Result<()> {
    let shape = format!("({}, {})", rows.len(), rows.dim);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The format aligns the data to 64 bytes.
    let width = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(MAGIC)?;
    file.write_all(&(width as u16).to_le_bytes())?;
    writeln!(file, "{header:0$}", width - 1)?;
    rows.numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
    Ok(file.flush()?)
}
