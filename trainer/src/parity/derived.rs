//! Tensors derived from others by plain arithmetic, the same for every runtime.

use super::fixture_tensors::FixtureTensors;
use super::fixtures::Fixtures;
use crate::host_tensor::HostTensor;

/// Prefix of caption logits of some rows: `caption_logits_row0_row3_first64`.
const SOME_ROWS: &str = "caption_logits_row";

/// Adds similarities, labels, and summaries of caption logits that are too many to store.
pub(super) fn derive(computed: &mut FixtureTensors, fixtures: &Fixtures, logit_scale: f32) {
    let mut found = FixtureTensors::new();
    if let (Some(signals), Some(texts)) =
        (computed.get("signal_embedding"), computed.get("text_embedding"))
    {
        found.insert("similarity_logits".to_owned(), similarity(signals, texts, logit_scale.exp()));
    }
    found.insert("labels".to_owned(), labels(fixtures));
    if let Some(logits) = computed.get("caption_logits") {
        found.insert("caption_logsumexp".to_owned(), reduce_rows(logits, log_sum_exp));
        found.insert("caption_argmax".to_owned(), reduce_rows(logits, argmax));
        for (_, name, _) in fixtures.expected() {
            if let Some(rows) = some_rows(name, logits.shape[0]) {
                found.insert(name.to_owned(), select(logits, &rows));
            }
        }
    }
    computed.extend(found);
}

/// Returns the scaled products of unit vectors, `[epochs, texts]`.
fn similarity(signals: &HostTensor, texts: &HostTensor, scale: f32) -> HostTensor {
    let dim = signals.shape[1];
    let logit = |signal: &[f32], text: &[f32]| {
        let products = signal.iter().zip(text).map(|(a, b)| f64::from(*a) * f64::from(*b));
        (products.sum::<f64>() * f64::from(scale)) as f32
    };
    let rows = signals.values.chunks(dim);
    let values =
        rows.flat_map(|signal| texts.values.chunks(dim).map(move |text| logit(signal, text)));
    HostTensor { shape: vec![signals.shape[0], texts.shape[0]], values: values.collect() }
}

/// Returns the target tokens, `[epochs, length - 1]`.
fn labels(fixtures: &Fixtures) -> HostTensor {
    let texts = &fixtures.inputs.texts[..fixtures.inputs.epochs()];
    let values = texts.iter().flat_map(|text| &text[1..]).map(|id| *id as f32).collect();
    HostTensor { shape: vec![texts.len(), texts[0].len() - 1], values }
}

/// Returns a number for each row of the last axis.
fn reduce_rows(tensor: &HostTensor, number: impl Fn(&[f32]) -> f32) -> HostTensor {
    let (row, shape) = tensor.shape.split_last().expect("logits have axes");
    HostTensor { shape: shape.to_vec(), values: tensor.values.chunks(*row).map(number).collect() }
}

fn log_sum_exp(row: &[f32]) -> f32 {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = row.iter().map(|value| (f64::from(*value) - largest).exp()).sum();
    (sum.ln() + largest) as f32
}

/// Returns the index of the first maximum.
fn argmax(row: &[f32]) -> f32 {
    let first =
        |best: usize, (id, value): (usize, &f32)| if *value > row[best] { id } else { best };
    row.iter().enumerate().fold(0, first) as f32
}

/// Returns some entries of the first axis.
fn select(tensor: &HostTensor, rows: &[usize]) -> HostTensor {
    let row = tensor.values.len() / tensor.shape[0];
    let mut shape = tensor.shape.clone();
    shape[0] = rows.len();
    let values = rows.iter().flat_map(|n| &tensor.values[n * row..][..row]).copied().collect();
    HostTensor { shape, values }
}

/// Returns the epochs in a name like `caption_logits_row0_row3_first64`, or `None` if one does not exist.
fn some_rows(name: &str, epochs: usize) -> Option<Vec<usize>> {
    let parts = name.strip_prefix(SOME_ROWS)?.split("_row");
    let number = |part: &str| part.split('_').next()?.parse().ok();
    let rows: Vec<usize> = parts.map(number).collect::<Option<_>>()?;
    rows.iter().all(|row| *row < epochs).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_parsed_from_names() {
        assert_eq!(some_rows("caption_logits_row0_row3_first64", 5), Some(vec![0, 3]));
        assert_eq!(some_rows("caption_logits_row2_first16", 5), Some(vec![2]));
        assert_eq!(some_rows("caption_logits_row7", 5), None);
        assert_eq!(some_rows("caption_logits", 5), None);
    }

    #[test]
    fn logits_are_reduced_row_by_row() {
        let values = vec![1.0, 3.0, 3.0, 100.0, 0.0, -1.0];
        let logits = HostTensor { shape: vec![2, 1, 3], values };
        assert_eq!(reduce_rows(&logits, argmax).values, [1.0, 0.0]);
        let sums = reduce_rows(&logits, log_sum_exp);
        assert_eq!(sums.shape, [2, 1]);
        let expected = (1f64.exp() + 2.0 * 3f64.exp()).ln();
        assert!((f64::from(sums.values[0]) - expected).abs() < 1e-6 && sums.values[1] == 100.0);
        assert_eq!(select(&logits, &[1]).values, [100.0, 0.0, -1.0]);
    }
}
