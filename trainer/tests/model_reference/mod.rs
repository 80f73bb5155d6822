//! A plain-loop reference of both towers in 64-bit floats, written from the description alone, compared with the model.

mod captions;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_trainer::kernels::{Dropout, Kernels};
use nocturne_trainer::model::SleepLm;
use nocturne_trainer::{ModelConfig, ModelParts, Preset, TokenBatch, Weights};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

type Vector = Vec<f64>;

struct Reference<'a> {
    weights: &'a Weights,
    config: &'a ModelConfig,
}

impl Reference<'_> {
    fn weight(&self, name: &str) -> Vector {
        let tensor = self.weights.get(name).unwrap_or_else(|| panic!("`{name}`"));
        tensor.values.iter().map(|value| f64::from(*value)).collect()
    }

    /// Returns `weight · x`, plus the bias of that name if there is one.
    fn linear(&self, x: &[f64], name: &str) -> Vector {
        let weight = self.weight(&format!("{name}.weight"));
        let mut out: Vector = weight.chunks(x.len()).map(|row| dot(row, x)).collect();
        if let Some(bias) = self.weights.get(&format!("{name}.bias")) {
            out.iter_mut().zip(&bias.values).for_each(|(out, bias)| *out += f64::from(*bias));
        }
        out
    }

    fn rms_norm(&self, x: &[f64], name: &str) -> Vector {
        let weight = self.weight(&format!("{name}.weight"));
        let root = (dot(x, x) / x.len() as f64 + 1e-6).sqrt();
        x.iter().zip(weight).map(|(x, weight)| x / root * weight).collect()
    }

    fn layer_norm(&self, x: &[f64], name: &str) -> Vector {
        let (weight, bias) =
            (self.weight(&format!("{name}.weight")), self.weight(&format!("{name}.bias")));
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let centred: Vector = x.iter().map(|x| x - mean).collect();
        let root = (dot(&centred, &centred) / x.len() as f64 + 1e-5).sqrt();
        (0..x.len()).map(|i| centred[i] / root * weight[i] + bias[i]).collect()
    }

    /// Returns the embedding and the memory of an epoch `[10, 1920]`.
    fn signal(&self, samples: &[f32]) -> (Vector, Vec<Vector>) {
        let signal = &self.config.biosignals_cfg;
        let (channels, patches) = (signal.input_channels, signal.patches());
        let names = self.weight("biosignals.channel_id_embed.weight");
        let mut tokens: Vec<Vec<Vector>> = Vec::new();
        for channel in 0..channels {
            let row = &samples[channel * signal.signal_length..][..signal.signal_length];
            let token = |patch: &[f32]| {
                let patch: Vector = patch.iter().map(|sample| f64::from(*sample)).collect();
                let vector = self.linear(&patch, "biosignals.patching.conv_patching");
                let token = self.linear(&vector, "biosignals.embed_projection");
                let name = &names[channel * token.len()..];
                token.iter().zip(name).map(|(token, name)| token + name).collect()
            };
            tokens.push(row.chunks(signal.patch_size).map(token).collect());
        }
        for block in 0..signal.transformer_layers {
            self.block(&mut tokens, &format!("biosignals.transformer_blocks.{block}"));
        }
        assert_eq!((tokens.len(), tokens[0].len()), (channels, patches));
        let tokens: Vec<Vector> =
            tokens.iter().flatten().map(|x| self.rms_norm(x, "biosignals.ln_final")).collect();
        let global = self.pooler(&tokens, "biosignals.contrastive_pooler");
        let memory = self.pooler(&tokens, "biosignals.decoder_pooler");
        let heads = signal.transformer_heads;
        let pooled =
            self.multi_head(&global, &memory, ("biosignals.attn_pool", heads), |_, _| true);
        (self.linear(&pooled[0], "biosignals.proj_to_embed"), memory)
    }

    fn block(&self, tokens: &mut [Vec<Vector>], name: &str) {
        let shared = self.weight("biosignals.shared_channel_rope.freqs");
        for patch in 0..tokens[0].len() {
            let sequence: Vec<Vector> = tokens.iter().map(|row| row[patch].clone()).collect();
            let update = self.rotary(&sequence, &shared, &format!("{name}.channel_attention"));
            for (row, update) in tokens.iter_mut().zip(update) {
                row[patch] =
                    self.rms_norm(&sum(&row[patch], &update), &format!("{name}.channel_norm"));
            }
        }
        self.mlp(tokens, &format!("{name}.channel_mlp"), &format!("{name}.channel_mlp_norm"));
        let attention = format!("{name}.temporal_attention_layers.0");
        let fixed = self.weight(&format!("{attention}.rotary_emb.freqs"));
        for row in &mut *tokens {
            let update = self.rotary(row, &fixed, &attention);
            for (token, update) in row.iter_mut().zip(update) {
                *token = self.rms_norm(&sum(token, &update), &format!("{name}.temporal_norms.0"));
            }
        }
        self.mlp(
            tokens,
            &format!("{name}.temporal_mlps.0"),
            &format!("{name}.temporal_mlp_norms.0"),
        );
    }

    fn mlp(&self, tokens: &mut [Vec<Vector>], name: &str, norm: &str) {
        for token in tokens.iter_mut().flatten() {
            let gate = self.linear(token, &format!("{name}.gate_proj.w1"));
            let value = self.linear(token, &format!("{name}.gate_proj.w2"));
            let silu = |x: f64| x / (1.0 + (-x).exp());
            let gated: Vector =
                gate.iter().zip(value).map(|(gate, value)| silu(*gate) * value).collect();
            let update = self.linear(&gated, &format!("{name}.down_proj"));
            *token = self.rms_norm(&sum(token, &update), norm);
        }
    }

    /// Returns attention with rotary positions and separate projections.
    fn rotary(&self, sequence: &[Vector], frequencies: &[f64], name: &str) -> Vec<Vector> {
        let heads = self.config.biosignals_cfg.transformer_heads;
        let project = |part: &str| -> Vec<Vector> {
            sequence.iter().map(|token| self.linear(token, &format!("{name}.{part}"))).collect()
        };
        let turn = |tokens: Vec<Vector>| -> Vec<Vector> {
            let turned = |(position, token): (usize, Vector)| {
                let mut out = token.clone();
                for pair in 0..token.len() / 2 {
                    let angle = position as f64 * frequencies[pair % frequencies.len()];
                    let (a, b) = (token[2 * pair], token[2 * pair + 1]);
                    out[2 * pair] = a * angle.cos() - b * angle.sin();
                    out[2 * pair + 1] = a * angle.sin() + b * angle.cos();
                }
                out
            };
            tokens.into_iter().enumerate().map(turned).collect()
        };
        let (queries, keys) = (turn(project("q_proj")), turn(project("k_proj")));
        let mixed = attend(&queries, &keys, &project("v_proj"), heads, |_, _| true);
        mixed.iter().map(|token| self.linear(token, &format!("{name}.out_proj"))).collect()
    }

    fn pooler(&self, tokens: &[Vector], name: &str) -> Vec<Vector> {
        let signal = &self.config.biosignals_cfg;
        let queries = self.weight(&format!("{name}.query_tokens"));
        let queries: Vec<Vector> =
            queries.chunks(signal.transformer_width).map(<[f64]>::to_vec).collect();
        let heads = signal.transformer_heads;
        self.multi_head(&queries, tokens, (&format!("{name}.attn"), heads), |_, _| true)
    }

    /// Returns attention with packed projections.
    fn multi_head(
        &self,
        queries: &[Vector],
        tokens: &[Vector],
        (name, heads): (&str, usize),
        is_visible: impl Fn(usize, usize) -> bool,
    ) -> Vec<Vector> {
        let width = queries[0].len();
        let weight = self.weight(&format!("{name}.in_proj_weight"));
        let bias = self.weight(&format!("{name}.in_proj_bias"));
        let project = |rows: &[Vector], part: usize| -> Vec<Vector> {
            let of = |row: &Vector| {
                (part * width..(part + 1) * width)
                    .map(|out| dot(&weight[out * width..][..width], row) + bias[out])
                    .collect()
            };
            rows.iter().map(of).collect()
        };
        let (keys, values) = (project(tokens, 1), project(tokens, 2));
        let mixed = attend(&project(queries, 0), &keys, &values, heads, is_visible);
        mixed.iter().map(|token| self.linear(token, &format!("{name}.out_proj"))).collect()
    }

    /// Returns the update of the MLP of a text block for a row of the residual stream.
    fn gelu_mlp(&self, row: &[f64], name: &str) -> Vector {
        let normed = self.layer_norm(row, &format!("{name}.ln_2"));
        let mut hidden = self.linear(&normed, &format!("{name}.mlp.c_fc"));
        hidden.iter_mut().for_each(|x| *x *= normal_distribution(*x));
        self.linear(&hidden, &format!("{name}.mlp.c_proj"))
    }

    /// Returns the embedding of a text padded to the context, with all 257 positions.
    fn text(&self, ids: &[i64]) -> Vector {
        let text = &self.config.text_cfg;
        let (width, context) = (text.width, text.context_length);
        let mut ids = ids.to_vec();
        ids.resize(context, 0);
        let table = self.weight("text.token_embedding.weight");
        let positions = self.weight("text.positional_embedding");
        let mut rows: Vec<Vector> =
            ids.iter().map(|id| table[*id as usize * width..][..width].to_vec()).collect();
        rows.push(self.weight("text.cls_emb"));
        for (row, position) in rows.iter_mut().zip(positions.chunks(width)) {
            *row = sum(row, position);
        }
        let is_visible = |query: usize, key: usize| key <= query && (key == 0 || ids[key - 1] != 0);
        for block in 0..text.layers {
            let name = format!("text.transformer.resblocks.{block}");
            let normed: Vec<Vector> =
                rows.iter().map(|row| self.layer_norm(row, &format!("{name}.ln_1"))).collect();
            let update = self.multi_head(
                &normed,
                &normed,
                (&format!("{name}.attn"), text.heads),
                is_visible,
            );
            for (row, update) in rows.iter_mut().zip(update) {
                *row = sum(row, &update);
                *row = sum(row, &self.gelu_mlp(row, &name));
            }
        }
        let class = self.layer_norm(&rows[context], "text.ln_final");
        let projection = self.weight("text.text_projection");
        let columns = projection.len() / width;
        (0..columns)
            .map(|column| (0..width).map(|i| class[i] * projection[i * columns + column]).sum())
            .collect()
    }
}

fn attend(
    queries: &[Vector],
    keys: &[Vector],
    values: &[Vector],
    heads: usize,
    is_visible: impl Fn(usize, usize) -> bool,
) -> Vec<Vector> {
    let head_dim = queries[0].len() / heads;
    let mut out = vec![vec![0.0; queries[0].len()]; queries.len()];
    for head in 0..heads {
        let part = head * head_dim..(head + 1) * head_dim;
        for (query, out) in out.iter_mut().enumerate() {
            let score = |key: usize| {
                let score = dot(&queries[query][part.clone()], &keys[key][part.clone()]);
                if is_visible(query, key) { (score / (head_dim as f64).sqrt()).exp() } else { 0.0 }
            };
            let scores: Vector = (0..keys.len()).map(score).collect();
            let total: f64 = scores.iter().sum();
            for i in part.clone() {
                out[i] = scores.iter().zip(values).map(|(score, v)| score / total * v[i]).sum();
            }
        }
    }
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sum(a: &[f64], b: &[f64]) -> Vector {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Returns the integral of the normal density up to x.
fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

fn small() -> ModelConfig {
    let mut config = Preset::Tiny.config();
    config.embed_dim = 12;
    let signal = &mut config.biosignals_cfg;
    signal.patch_size = 160;
    signal.transformer_width = 32;
    signal.decoder_tokens = 3;
    signal.conv_embed_dim = 16;
    config.text_cfg.width = 32;
    config.text_cfg.vocab_size = 50;
    config.text_cfg.context_length = 24;
    config
}

/// Returns random weights without default values: no norm is 1, no bias or frequency 0.
fn weights(config: &ModelConfig, parts: &ModelParts) -> Weights {
    let mut random = Pcg64Mcg::seed_from_u64(11);
    let mut weights = Weights::default();
    let first = Weights::initial_parts(config, parts, 2);
    for (name, tensor) in first.iter().filter(|(name, _)| !name.ends_with("rotary_emb.freqs")) {
        let is_vector = tensor.shape.len() < 2;
        let values = tensor
            .values
            .iter()
            .map(|value| value + if is_vector { random.random_range(-0.3..0.3f32) } else { 0.0 });
        weights.insert(name, tensor.shape.clone(), values.collect());
    }
    for (name, tensor) in first.iter().filter(|(name, _)| name.contains("temporal_attention")) {
        weights.insert(name, tensor.shape.clone(), tensor.values.clone());
    }
    weights
}

fn check(actual: Tensor<Flex, 2>, expected: &[Vector]) {
    let actual: Vec<f32> = actual.into_data().into_vec().unwrap();
    assert_eq!(actual.len(), expected.iter().map(Vec::len).sum::<usize>());
    for (actual, expected) in actual.iter().zip(expected.iter().flatten()) {
        assert!((f64::from(*actual) - expected).abs() < 2e-5, "{actual} {expected}");
    }
}

fn check_signal_tower<B: Kernels>(inner: impl Fn(Tensor<B, 2>) -> Tensor<Flex, 2>) {
    let config = small();
    let weights = weights(&config, &ModelParts::towers());
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let mut epochs: Vec<f32> = (0..2 * 10 * 1920).map(|_| random.random_range(-2.0..2.0)).collect();
    // The second epoch has no third channel.
    epochs[(10 + 2) * 1920..(10 + 3) * 1920].fill(0.0);
    let model: SleepLm<B> = weights.to_model(&config, &Device::<B>::default()).unwrap();
    let device = Device::<B>::default();
    let input = Tensor::from_data(TensorData::new(epochs.clone(), [2, 10, 1920]), &device);
    let output = model.biosignals.forward(input, &mut Dropout::off());
    let reference = Reference { weights: &weights, config: &config };
    let (embeddings, memories): (Vec<_>, Vec<_>) =
        epochs.chunks(10 * 1920).map(|epoch| reference.signal(epoch)).unzip();
    let map = output.attention_map(10);
    assert_eq!(map.dims(), [2, 10, 12]);
    check(inner(map.sum_dim(2).sum_dim(1).reshape([1, 2])), &[vec![1.0; 2]]);
    check(inner(output.embedding), &embeddings);
    check(inner(output.memory.reshape([2 * 3, 32])), &memories.concat());
}

#[test]
fn signal_tower_matches_the_reference() {
    check_signal_tower::<Flex>(|tensor| tensor);
}

#[test]
fn signal_tower_matches_the_reference_under_autodiff() {
    check_signal_tower::<Autodiff<Flex>>(Tensor::inner);
}

#[test]
fn text_tower_matches_the_reference_with_fewer_positions() {
    let config = small();
    let weights = weights(&config, &ModelParts::towers());
    let device = Device::<Flex>::default();
    let model: SleepLm<Flex> = weights.to_model(&config, &device).unwrap();
    // An empty text, one with a `!` inside, one that leaves one pad, one that fills the context.
    let texts = [vec![48, 49], vec![48, 5, 0, 7, 49], vec![9; 23], vec![7; 24]];
    let reference = Reference { weights: &weights, config: &config };
    let expected: Vec<Vector> = texts.iter().map(|text| reference.text(text)).collect();
    check(model.text.forward(&TokenBatch::new(&texts, 24)).embedding, &expected);
    for (text, expected) in texts.iter().zip(expected) {
        check(model.text.forward(&TokenBatch::new(&[text], 24)).embedding, &[expected]);
    }
}
