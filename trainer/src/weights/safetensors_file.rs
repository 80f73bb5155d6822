//! Reads and writes weights as a safetensors file.

use std::io::Write;
use std::path::Path;

use half::{bf16, f16};
use nocturne_psg::edf::durable::AtomicFile;
use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use safetensors::{Dtype, SafeTensors};

use super::Weights;
use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;

impl Weights {
    /// Reads a safetensors file of 32-bit or 16-bit floats.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`] and [`Error::Format`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
        Self::from_bytes(&bytes).map_err(|problem| Error::format(path, problem))
    }

    /// Writes a safetensors file of 32-bit floats atomically, tensor by tensor.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut file = AtomicFile::create(path).map_err(Error::io(path, "create"))?;
        self.stream(&mut file).map_err(Error::io(path, "write"))?;
        file.commit().map_err(Error::io(path, "write"))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let mut weights = Self::default();
        for (name, view) in file.iter() {
            let tensor = read_tensor(&view).map_err(|found| {
                format!("`{name}` is of type {found}; expected F32, F16 or BF16")
            })?;
            weights.tensors.insert(name.to_owned(), tensor);
        }
        Ok(weights)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream(&mut bytes).expect("writing to memory does not fail");
        bytes
    }

    /// Writes header and tensors. The crate's own functions hold the bytes of all tensors at once, or set the file's
    /// permissions.
    fn stream(&self, mut out: impl Write) -> std::io::Result<()> {
        let mut end = 0;
        let info = |(name, tensor): (&str, &HostTensor)| {
            let prefix = end;
            end += size_of_val(tensor.values.as_slice());
            let (shape, data_offsets) = (tensor.shape.clone(), (prefix, end));
            (name.to_owned(), TensorInfo { dtype: Dtype::F32, shape, data_offsets })
        };
        let header = Metadata::new(None, self.iter().map(info).collect())
            .expect("`insert` checked values against the shape");
        let mut header = serde_json::to_vec(&header)?;
        // Readers that map the file expect aligned numbers.
        header.resize(header.len().next_multiple_of(8), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for (_, tensor) in self.iter() {
            out.write_all(&le_bytes(&tensor.values))?;
        }
        Ok(())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "models are not stored in the other types")]
fn read_tensor(view: &TensorView<'_>) -> std::result::Result<HostTensor, String> {
    let halves = || view.data().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let values = match view.dtype() {
        Dtype::F32 => {
            let words = view.data().as_chunks::<4>().0;
            words.iter().map(|word| f32::from_le_bytes(*word)).collect()
        }
        Dtype::F16 => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => halves().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
        other => return Err(format!("{other:?}")),
    };
    Ok(HostTensor { shape: view.shape().to_vec(), values })
}

fn le_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut weights = Weights::default();
        weights.insert("logit_scale", vec![], vec![2.5]);
        weights.insert("a.weight", vec![2, 3], vec![0.0, -1.0, 2.0, 3.5, f32::MIN_POSITIVE, 5.0]);
        weights.write(&path).unwrap();
        assert_eq!(Weights::read(&path).unwrap(), weights);
    }

    #[test]
    fn rejects_a_truncated_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut weights = Weights::default();
        weights.insert("a", vec![4], vec![1.0; 4]);
        let bytes = weights.to_bytes();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(Weights::read(&path).unwrap_err(), Error::Format { .. }));
    }
}
