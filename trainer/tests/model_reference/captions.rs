//! A plain-loop reference of the caption decoder and the reconstruction head, compared with the model.

use super::*;
use nocturne_trainer::model::CaptionConditions;

impl Reference<'_> {
    /// Returns the states after each token of a text with prefix `prefix`, for the memory of one epoch.
    fn decoder(&self, states: &[Vector], memory: &[Vector], prefix: &[Vector]) -> Vec<Vector> {
        let decoder = &self.config.multimodal_cfg;
        let mut rows = [prefix, states].concat();
        let mutual = prefix.len();
        let sees = |query: usize, key: usize| key < mutual || (query >= mutual && key <= query);
        for layer in 0..decoder.layers {
            let name = format!("text_decoder.resblocks.{layer}");
            let normed = self.layer_norms(&rows, &format!("{name}.ln_1"));
            let attention = format!("{name}.attn");
            let update = self.multi_head(&normed, &normed, (&attention, decoder.heads), sees);
            self.add(&mut rows, &update, &name);
            let name = format!("text_decoder.cross_attn.{layer}");
            let queries = self.layer_norms(&rows, &format!("{name}.ln_1"));
            let tokens = self.layer_norms(memory, &format!("{name}.ln_1_kv"));
            let attention = format!("{name}.attn");
            let update =
                self.multi_head(&queries, &tokens, (&attention, decoder.heads), |_, _| true);
            self.add(&mut rows, &update, &name);
        }
        self.layer_norms(&rows[mutual..], "text_decoder.ln_final")
    }

    /// Adds the update of attention, then that of the block's MLP.
    fn add(&self, rows: &mut [Vector], update: &[Vector], name: &str) {
        for (row, update) in rows.iter_mut().zip(update) {
            *row = sum(row, update);
            *row = sum(row, &self.gelu_mlp(row, name));
        }
    }

    fn layer_norms(&self, rows: &[Vector], name: &str) -> Vec<Vector> {
        rows.iter().map(|row| self.layer_norm(row, name)).collect()
    }

    fn condition(&self, kind: i64) -> Vector {
        let width = self.config.multimodal_cfg.width;
        match usize::try_from(kind) {
            Ok(kind) => self.weight("channel_embeddings")[kind * width..][..width].to_vec(),
            Err(_) => self.weight("padding_embedding"),
        }
    }

    /// Returns the samples of all channels, one channel after the other.
    fn reconstruction(&self, memory: &[Vector]) -> Vector {
        let heads = self.config.biosignals_cfg.transformer_heads;
        let relu = |x: Vector| -> Vector { x.into_iter().map(|x| x.max(0.0)).collect() };
        let mut rows = memory.to_vec();
        for layer in 0..2 {
            let name = format!("signal_decoder.transformer.layers.{layer}");
            let normed = self.layer_norms(&rows, &format!("{name}.norm1"));
            let attention = format!("{name}.self_attn");
            let update = self.multi_head(&normed, &normed, (&attention, heads), |_, _| true);
            for (row, update) in rows.iter_mut().zip(update) {
                *row = sum(row, &update);
                let normed = self.layer_norm(row, &format!("{name}.norm2"));
                let hidden = relu(self.linear(&normed, &format!("{name}.linear1")));
                *row = sum(row, &self.linear(&hidden, &format!("{name}.linear2")));
            }
        }
        let n = rows.len() as f64;
        let mean: Vector =
            (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / n).collect();
        let hidden = relu(self.linear(&mean, "signal_decoder.to_signal.0"));
        self.linear(&hidden, "signal_decoder.to_signal.2")
    }
}

fn random(seed: u64, n: usize) -> Vec<Vector> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    (0..n)
        .map(|_| (0..32).map(|_| f64::from(random.random_range(-1.5..1.5f32))).collect())
        .collect()
}

fn tensor<B: Kernels>(rows: &[Vector], shape: [usize; 3]) -> Tensor<B, 3> {
    let values: Vec<f32> = rows.iter().flatten().map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::<B>::default())
}

fn config() -> ModelConfig {
    let mut config = small();
    config.multimodal_cfg.width = 32;
    config.multimodal_cfg.heads = 4;
    config
}

fn check_decoder<B: Kernels>(inner: impl Fn(Tensor<B, 2>) -> Tensor<Flex, 2>) {
    let config = config();
    let weights = weights(&config, &ModelParts::all(&config.biosignals_cfg));
    let model: SleepLm<B> = weights.to_model(&config, &Device::<B>::default()).unwrap();
    let reference = Reference { weights: &weights, config: &config };
    let (states, memories) = (random(1, 2 * 5), random(2, 2 * 3));
    let conditions = [[4, -1], [2, 0]];
    for conditioned in [false, true] {
        let expected: Vec<Vector> = (0..2)
            .flat_map(|text| {
                let kinds = if conditioned { conditions[text].as_slice() } else { &[] };
                let prefix: Vec<Vector> =
                    kinds.iter().map(|kind| reference.condition(*kind)).collect();
                reference.decoder(&states[text * 5..][..5], &memories[text * 3..][..3], &prefix)
            })
            .collect();
        let prefix = model.prefix(&CaptionConditions::new(&conditions)).filter(|_| conditioned);
        let decoder = model.text_decoder.as_ref().unwrap();
        let memory = tensor(&memories, [2, 3, 32]);
        let actual = decoder.forward(tensor(&states, [2, 5, 32]), &memory, prefix);
        check(inner(actual.reshape([10, 32])), &expected);
    }
}

#[test]
fn caption_decoder_matches_the_reference() {
    check_decoder::<Flex>(|tensor| tensor);
}

#[test]
fn caption_decoder_matches_the_reference_under_autodiff() {
    check_decoder::<Autodiff<Flex>>(Tensor::inner);
}

#[test]
fn order_of_the_conditions_does_not_matter() {
    let config = config();
    let weights = weights(&config, &ModelParts::all(&config.biosignals_cfg));
    let model: SleepLm<Flex> = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
    let memory = tensor(&random(2, 3), [1, 3, 32]);
    let states = |kinds: [i64; 2]| {
        let prefix = model.prefix(&CaptionConditions::new(&[kinds]));
        let decoder = model.text_decoder.as_ref().unwrap();
        decoder.forward(tensor(&random(1, 5), [1, 5, 32]), &memory, prefix)
    };
    let apart = |a: [i64; 2], b: [i64; 2]| (states(a) - states(b)).abs().max().into_scalar();
    assert!(apart([4, 0], [0, 4]) < 1e-5);
    assert!(apart([4, 0], [4, -1]) > 1e-3);
}

#[test]
fn reconstruction_head_matches_the_reference() {
    let config = config();
    let weights = weights(&config, &ModelParts::all(&config.biosignals_cfg));
    let model: SleepLm<Flex> = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
    let reference = Reference { weights: &weights, config: &config };
    let memory = random(3, 3);
    let head = model.signal_decoder.as_ref().unwrap();
    let drawn = head.forward(tensor(&memory, [1, 3, 32]), &mut Dropout::off());
    assert_eq!(drawn.dims(), [1, 10, 1920]);
    check(drawn.reshape([1, 19_200]), &[reference.reconstruction(&memory)]);
}
