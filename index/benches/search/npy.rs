//! Tables of 32-bit numbers in files of `NumPy`, version 1.0.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::set::Rows;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Reads a table of little-endian `float32` by rows.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let rest = bytes.strip_prefix(MAGIC).context("it is no NumPy file of version 1.0")?;
    let (length, rest) = rest.split_first_chunk().context("it has no header")?;
    let (header, data) = rest
        .split_at_checked(usize::from(u16::from_le_bytes(*length)))
        .context("it ends inside its header")?;
    let header = str::from_utf8(header)?;
    ensure!(
        header.contains("'<f4'") && header.contains("'fortran_order': False"),
        "`{}` holds {header}; expected float32 by rows",
        path.display()
    );
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
    let sizes = shape.map(|(shape, _)| shape.split(',').map(|size| size.trim().parse::<usize>()));
    let sizes: Vec<usize> = sizes.context("it has no shape")?.collect::<Result<_, _>>()?;
    let [rows, dim] = sizes[..] else { anyhow::bail!("it has {} dimensions", sizes.len()) };
    let numbers: Vec<f32> =
        data.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
    ensure!(dim > 0 && rows * dim == numbers.len(), "it has {} numbers", numbers.len());
    Ok(Rows { dim, numbers })
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
