//! The caption decoder: an ONNX graph with key and value caches; the parent module documents its inputs and outputs.

use std::path::{Path, PathBuf};

use nocturne_psg::caption::CaptionKind;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType};

use super::condition::CaptionCondition;
use super::decoding::NextTokenModel;
use crate::error::{Cause, Error, Result};
use crate::memory::Memory;
use crate::runtime::{Device, Provider, Runtime};
use crate::session;

/// The cache inputs, each with the output that replaces it in the next call.
const CACHES: [(&str, &str); 3] = [
    ("text_cache", "text_cache_out"),
    ("decoder_cache", "decoder_cache_out"),
    ("cross_cache", "cross_cache_out"),
];

/// A session of a caption decoder; a [`Captioner`](super::Captioner) adds the tokenizer.
#[expect(missing_debug_implementations, reason = "an ONNX Runtime session does not implement it")]
pub struct Decoder {
    session: Session,
    path: PathBuf,
    provider: Provider,
    shapes: DecoderShapes,
}

/// The fixed sizes of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DecoderShapes {
    /// Width of the memory.
    memory_width: usize,
    /// For each cache: two times the number of layers, heads, width of a head.
    caches: [[usize; 3]; CACHES.len()],
    vocabulary: usize,
    /// Number of caption kinds that the decoder was trained on; 0 if it was trained without.
    kinds: usize,
}

/// The decoding of one caption: the decoder with the caches of the tokens so far.
#[expect(missing_debug_implementations, reason = "ONNX Runtime values do not implement it")]
pub struct CachedDecoding<'a> {
    decoder: &'a mut Decoder,
    memory: &'a Memory,
    condition: CaptionCondition,
    /// `None` before the first call.
    caches: Option<[DynValue; CACHES.len()]>,
}

impl Decoder {
    pub(super) fn open(
        runtime: Runtime,
        path: &Path,
        vocabulary: usize,
        device: Device,
        threads: usize,
    ) -> Result<Self> {
        let (session, provider) = session::open(runtime, path, device, threads)?;
        Self::from_session(session, provider, path, vocabulary)
    }

    /// Loads a graph from memory, on `threads` CPU threads; for comparing graphs.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`], and [`Error::Model`] if the graph is not a caption decoder over that vocabulary.
    pub fn from_bytes(
        runtime: Runtime,
        bytes: &[u8],
        vocabulary: usize,
        threads: usize,
    ) -> Result<Self> {
        let path = Path::new("a graph in memory");
        let session = runtime.cpu_session(threads)?.commit_from_memory(bytes);
        let session = session.map_err(|source| Error::model(path, source))?;
        Self::from_session(
            session,
            Provider { name: "cpu", fallback_reason: None },
            path,
            vocabulary,
        )
    }

    fn from_session(
        session: Session,
        provider: Provider,
        path: &Path,
        vocabulary: usize,
    ) -> Result<Self> {
        let shapes = DecoderShapes::read(&session, vocabulary)
            .map_err(|problem| Error::model(path, problem))?;
        Ok(Self { session, path: path.to_owned(), provider, shapes })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Starts a caption.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the decoder was trained on memories of another width or without this condition.
    pub fn start<'a>(
        &'a mut self,
        memory: &'a Memory,
        condition: CaptionCondition,
    ) -> Result<CachedDecoding<'a>> {
        if memory.width() != self.shapes.memory_width {
            let (found, expected) = (memory.width(), self.shapes.memory_width);
            return Err(self.error(format!(
                "it expects a memory of width {expected}; the signal tower returns width {found}"
            )));
        }
        let (kinds, known) = (condition.columns(), self.shapes.kinds);
        if kinds.iter().any(|kind| *kind >= known as i64) {
            return Err(self.error(format!(
                "it was trained on {known} kinds of caption; expected {}",
                CaptionKind::ALL.len()
            )));
        }
        Ok(CachedDecoding { decoder: self, memory, condition, caches: None })
    }

    fn error(&self, source: impl Into<Cause>) -> Error {
        Error::model(&self.path, source)
    }
}

impl CachedDecoding<'_> {
    /// Returns the logits after every position that is not cached yet, `[rows, new, vocabulary]`.
    pub(super) fn logits(&mut self, rows: &[Vec<u32>]) -> Result<Vec<f32>> {
        let logits = self.run(rows).map_err(|source| self.decoder.error(source))?;
        if logits.iter().any(|logit| logit.is_nan()) {
            return Err(self.decoder.error("it returned a logit that is not a number"));
        }
        Ok(logits)
    }

    /// Runs the graph on the new tokens of each text and replaces the caches.
    fn run(&mut self, rows: &[Vec<u32>]) -> ort::Result<Vec<f32>> {
        let batch = rows.len();
        let is_first = self.caches.is_none();
        let length = rows.first().map_or(0, Vec::len);
        let tokens: Vec<i64> = rows.iter().flatten().map(|id| i64::from(*id)).collect();
        // Later calls find the condition and the memory in the caches, so these inputs are empty.
        let (columns, seen) =
            if is_first { (self.condition.columns(), self.memory.tokens()) } else { (vec![], 0) };
        let conditions = columns.repeat(batch);
        let memory = if is_first { self.memory.as_slice().repeat(batch) } else { vec![] };
        let caches = match self.caches.take() {
            Some(caches) => caches,
            None => self.decoder.shapes.empty_caches(batch)?,
        };
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("tokens", Tensor::from_array(([batch, length], tokens))?.into()),
            ("conditions", Tensor::from_array(([batch, columns.len()], conditions))?.into()),
            ("memory", Tensor::from_array(([batch, seen, self.memory.width()], memory))?.into()),
        ];
        inputs.extend(CACHES.iter().zip(caches).map(|((name, _), cache)| (*name, cache.into())));
        let mut outputs = self.decoder.session.run(inputs)?;
        let mut take = |name: &str| {
            outputs.remove(name).ok_or_else(|| ort::Error::new(format!("it returned no `{name}`")))
        };
        self.caches = Some([take(CACHES[0].1)?, take(CACHES[1].1)?, take(CACHES[2].1)?]);
        let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
        Ok(logits.to_vec())
    }

    /// Reorders the caches: row `i` becomes the previous row `parents[i]`.
    fn reorder_caches(&mut self, parents: &[usize]) -> Result<()> {
        let Some(caches) = &mut self.caches else { return Ok(()) };
        for cache in caches {
            let moved = select_rows(cache, parents)
                .map_err(|source| Error::model(&self.decoder.path, source))?;
            if let Some(moved) = moved {
                *cache = moved;
            }
        }
        Ok(())
    }
}

impl NextTokenModel for CachedDecoding<'_> {
    fn next_logits(&mut self, rows: &[Vec<u32>], parents: &[usize]) -> Result<Vec<f32>> {
        self.reorder_caches(parents)?;
        let logits = self.logits(rows)?;
        let expected = rows.len() * self.decoder.shapes.vocabulary;
        if logits.len() != expected {
            return Err(self.decoder.error(format!(
                "it returned {} logits for one more token of {} texts; expected {expected}",
                logits.len(),
                rows.len()
            )));
        }
        Ok(logits)
    }
}

/// Selects rows of the second axis; `None` if the order does not change.
fn select_rows(cache: &DynValue, parents: &[usize]) -> ort::Result<Option<DynValue>> {
    let (shape, values) = cache.try_extract_tensor::<f32>()?;
    let lengths: Vec<usize> = shape.iter().map(|length| *length as usize).collect();
    let [layers, batch, inner @ ..] = lengths.as_slice() else {
        return Err(ort::Error::new(format!("a cache has the shape {lengths:?}")));
    };
    if *batch == parents.len() && parents.iter().enumerate().all(|(row, parent)| row == *parent) {
        return Ok(None);
    }
    let row_len: usize = inner.iter().product();
    let mut selected = Vec::with_capacity(layers * parents.len() * row_len);
    // A cache without tokens has rows of length 0, which `chunks_exact` does not accept.
    for layer in values.chunks_exact((batch * row_len).max(1)) {
        for parent in parents {
            selected.extend_from_slice(&layer[parent * row_len..(parent + 1) * row_len]);
        }
    }
    let shape = [&[*layers, parents.len()], inner].concat();
    Ok(Some(Tensor::from_array((shape, selected))?.into_dyn()))
}

impl DecoderShapes {
    /// Checks a graph against the contract and returns its sizes; the error names what differs.
    fn read(session: &Session, vocabulary: usize) -> std::result::Result<Self, String> {
        let input = |name, element, expected: &[i64]| {
            let outlet = session::find("input", session.inputs(), name)?;
            let found = session::shape("input", outlet, name, element, expected)?;
            fits("input", name, found, expected)
        };
        let output = |name, expected: &[i64]| {
            let outlet = session::find("output", session.outputs(), name)?;
            let found =
                session::shape("output", outlet, name, TensorElementType::Float32, expected)?;
            fits("output", name, found, expected)
        };
        let n = session.inputs().len();
        if n != 3 + CACHES.len() {
            return Err(format!("it has {n} inputs; expected {}", 3 + CACHES.len()));
        }
        input("tokens", TensorElementType::Int64, &[-1, -1])?;
        input("conditions", TensorElementType::Int64, &[-1, -1])?;
        let memory = input("memory", TensorElementType::Float32, &[-1, -1, FIXED])?;
        let mut caches = [[0; 3]; CACHES.len()];
        for (sizes, (name, output_name)) in caches.iter_mut().zip(CACHES) {
            let expected = [FIXED, -1, FIXED, -1, FIXED];
            let found = input(name, TensorElementType::Float32, &expected)?;
            *sizes = [found[0], found[2], found[4]].map(|length| length as usize);
            output(output_name, &[-1; 5])?;
        }
        output("logits", &[-1, -1, vocabulary as i64])?;
        let kinds = number(session, "condition_kinds")?;
        Ok(Self { memory_width: memory[2] as usize, caches, vocabulary, kinds })
    }

    fn empty_caches(&self, batch: usize) -> ort::Result<[DynValue; CACHES.len()]> {
        let empty = |[layers, heads, head_dim]: [usize; 3]| {
            let shape = [layers, batch, heads, 0, head_dim];
            Ok::<_, ort::Error>(Tensor::from_array((shape, Vec::<f32>::new()))?.into_dyn())
        };
        let [text, decoder, cross] = self.caches;
        Ok([empty(text)?, empty(decoder)?, empty(cross)?])
    }
}

/// Reads a number from the graph's metadata.
fn number(session: &Session, name: &str) -> std::result::Result<usize, String> {
    let metadata = session.metadata().map_err(|problem| problem.to_string())?;
    let text = metadata.custom(name);
    let number = text.as_deref().and_then(|text| text.parse().ok());
    number.ok_or_else(|| match text {
        None => format!("its metadata has no `{name}`"),
        Some(text) => format!("its metadata has `{name}` = `{text}`; expected a number"),
    })
}

/// In an expected shape: an axis whose length the graph fixes.
const FIXED: i64 = 0;

/// Compares a shape with the expected one: -1 for an axis of any length, [`FIXED`] for one of a fixed length.
fn fits(
    role: &str,
    name: &str,
    found: &[i64],
    expected: &[i64],
) -> std::result::Result<Vec<i64>, String> {
    let is_right = |(found, expected): (&i64, &i64)| match *expected {
        -1 => true,
        FIXED => *found > 0,
        length => *found == length,
    };
    if found.len() == expected.len() && found.iter().zip(expected).all(is_right) {
        return Ok(found.to_vec());
    }
    let words: Vec<String> = expected
        .iter()
        .map(|length| match *length {
            -1 => "any".to_owned(),
            FIXED => "fixed".to_owned(),
            length => length.to_string(),
        })
        .collect();
    Err(format!("its {role} `{name}` has the shape {found:?}; expected [{}]", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_shapes_are_named() {
        let check = |found: &[i64], expected: &[i64]| fits("input", "memory", found, expected);
        assert_eq!(check(&[-1, -1, 64], &[-1, -1, FIXED]), Ok(vec![-1, -1, 64]));
        assert_eq!(
            check(&[-1, -1, -1], &[-1, 9, FIXED]),
            Err("its input `memory` has the shape [-1, -1, -1]; expected [any, 9, fixed]"
                .to_owned())
        );
        assert!(check(&[-1, -1], &[-1, -1, FIXED]).is_err());
    }
}
