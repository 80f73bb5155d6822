//! Tables of 32-bit numbers in files of `NumPy`, version 1.0.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::set::Rows;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Reads a table of little-endian `float32` by rows.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    let table = Table::read(path).with_context(|| format!("`{}`", path.display()))?;
    ensure!(table.kind == "<f4", "`{}` holds `{}`; expected float32", path.display(), table.kind);
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
        kind => bail!("`{}` holds `{kind}`; expected integers", path.display()),
    };
    Ok(numbers.chunks_exact(table.width).map(<[u64]>::to_vec).collect())
}

/// What is in a file.
struct Table {
    /// Byte order, kind and size of a number, such as `<f4`.
    kind: String,
    width: usize,
    data: Vec<u8>,
}

impl Table {
    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).context("it cannot be read")?;
        let rest = bytes.strip_prefix(MAGIC).context("it is no NumPy file of version 1.0")?;
        let (length, rest) = rest.split_first_chunk().context("it has no header")?;
        let (header, data) = rest
            .split_at_checked(usize::from(u16::from_le_bytes(*length)))
            .context("it ends inside its header")?;
        let header = str::from_utf8(header)?;
        ensure!(header.contains("'fortran_order': False"), "it is not stored by rows");
        let kind = header.split_once("'descr': '").and_then(|(_, rest)| rest.split_once('\''));
        let kind = kind.context("it does not tell what its numbers are")?.0.to_owned();
        let size: usize = kind.get(2..).context("its numbers have no size")?.parse()?;
        let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
        let sizes =
            shape.map(|(shape, _)| shape.split(',').map(|size| size.trim().parse::<usize>()));
        let sizes: Vec<usize> = sizes.context("it has no shape")?.collect::<Result<_, _>>()?;
        let [rows, width] = sizes[..] else { bail!("it has {} dimensions", sizes.len()) };
        ensure!(width > 0 && rows * width * size == data.len(), "it has {} bytes", data.len());
        Ok(Self { kind, width, data: data.to_vec() })
    }
}

/// Writes a table.
pub(crate) fn write(path: &Path, rows: &Rows) -> Result<()> {
    let shape = format!("({}, {})", rows.len(), rows.dim);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The data begins at a multiple of 64.
    let width = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(MAGIC)?;
    file.write_all(&(width as u16).to_le_bytes())?;
    writeln!(file, "{header:0$}", width - 1)?;
    rows.numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))?;
    Ok(file.flush()?)
}
