"""Measures the towers of bundles beside the same towers in PyTorch.

    python benches/encoder.py --weights weights.safetensors --config config.json BUNDLE...

Each BUNDLE is a folder written by `nocturne-train export` from these weights, in any precision.
Prints one line for each tower, batch size, number of threads and runtime: CPU seconds per item (of the whole process, so
that other load matters little), wall seconds per item, the speed-up over PyTorch in CPU seconds, and the lowest cosine
with PyTorch's embeddings.
Needs torch, onnxruntime, numpy and safetensors.
"""

import argparse
import json
import math
import pathlib
import resource
import time

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Tower:
    """Weights by name, and the layers that both towers use."""

    def __init__(self, weights, prefix):
        self.weights, self.prefix = weights, prefix

    def get(self, name):
        return self.weights[f"{self.prefix}.{name}"]

    def has(self, name):
        return f"{self.prefix}.{name}" in self.weights

    def linear(self, x, name):
        bias = self.get(f"{name}.bias") if self.has(f"{name}.bias") else None
        return F.linear(x, self.get(f"{name}.weight"), bias)

    def packed_attention(self, queries, tokens, name, heads, mask=None):
        """Attention in the layout of nn.MultiheadAttention: one weight for the three projections."""
        parts = zip(
            (queries, tokens, tokens),
            self.get(f"{name}.in_proj_weight").chunk(3),
            self.get(f"{name}.in_proj_bias").chunk(3),
        )
        q, k, v = (split(F.linear(x, weight, bias), heads) for x, weight, bias in parts)
        return self.linear(join(F.scaled_dot_product_attention(q, k, v, mask)), f"{name}.out_proj")


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def join(x):
    return x.transpose(-3, -2).flatten(-2)


class SignalTower(Tower):
    """Maps epochs `[n, 10, 1920]` to unit vectors."""

    def __init__(self, weights, config):
        super().__init__(weights, "biosignals")
        self.config = config["biosignals_cfg"]
        self.heads = self.config["transformer_heads"]

    def __call__(self, signals):
        n, channels, _ = signals.shape
        x = signals.flatten(0, 1).unsqueeze(1)
        kernel, bias = self.get("patching.conv_patching.weight"), self.get("patching.conv_patching.bias")
        x = F.conv1d(x, kernel, bias, stride=self.config["patch_size"]).transpose(1, 2)
        x = self.linear(x, "embed_projection").unflatten(0, (n, channels))
        x = x + self.get("channel_id_embed.weight")[:, None]
        for i in range(self.config["transformer_layers"]):
            x = self.block(x, f"transformer_blocks.{i}")
        x = self.norm(x, "ln_final").flatten(1, 2)
        pooled = [self.pool(x, name) for name in ("contrastive_pooler", "decoder_pooler")]
        token = self.packed_attention(pooled[0], pooled[1], "attn_pool", self.heads)
        return F.normalize(self.linear(token[:, 0], "proj_to_embed"), dim=-1)

    def block(self, x, name):
        frequencies = self.get("shared_channel_rope.freqs")
        along = x.transpose(1, 2)
        along = self.attention(along, f"{name}.channel_attention", frequencies)
        x = self.norm(x + along.transpose(1, 2), f"{name}.channel_norm")
        x = self.norm(x + self.mlp(x, f"{name}.channel_mlp"), f"{name}.channel_mlp_norm")
        for i in range(self.config["num_temporal_layers"]):
            attention = f"{name}.temporal_attention_layers.{i}"
            frequencies = self.get(f"{attention}.rotary_emb.freqs")
            x = x + self.attention(x, attention, frequencies)
            x = self.norm(x, f"{name}.temporal_norms.{i}")
            x = x + self.mlp(x, f"{name}.temporal_mlps.{i}")
            x = self.norm(x, f"{name}.temporal_mlp_norms.{i}")
        return x

    def attention(self, x, name, frequencies):
        q, k, v = (split(self.linear(x, f"{name}.{part}_proj"), self.heads) for part in "qkv")
        angles = torch.arange(x.shape[-2])[:, None] * frequencies
        q, k = rotate(q, angles), rotate(k, angles)
        mixed = F.scaled_dot_product_attention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1))
        return self.linear(join(mixed.unflatten(0, q.shape[:2])), f"{name}.out_proj")

    def mlp(self, x, name):
        gate = F.silu(self.linear(x, f"{name}.gate_proj.w1")) * self.linear(x, f"{name}.gate_proj.w2")
        return self.linear(gate, f"{name}.down_proj")

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.get(f"{name}.weight"), 1e-6)

    def pool(self, x, name):
        queries = self.get(f"{name}.query_tokens").expand(len(x), -1, -1)
        return self.packed_attention(queries, x, f"{name}.attn", self.heads)


def rotate(x, angles):
    """Rotates the pairs of adjacent components (rotary position embedding)."""
    even, odd, cos, sin = x[..., ::2], x[..., 1::2], angles.cos(), angles.sin()
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class TextTower(Tower):
    """Maps tokens `[n, context]`, padded with 0, to unit vectors; every position is computed."""

    def __init__(self, weights, config):
        super().__init__(weights, "text")
        self.config = config["text_cfg"]

    def __call__(self, tokens):
        n, length = tokens.shape
        x = self.get("token_embedding.weight")[tokens]
        x = torch.cat((x, self.get("cls_emb").expand(n, 1, -1)), 1)
        x = x + self.get("positional_embedding")
        seen = F.pad(tokens != 0, (1, 0), value=True)
        causal = torch.ones(length + 1, length + 1).tril().bool()
        mask = torch.where(causal & seen[:, None], 0.0, -1e30)[:, None]
        for i in range(self.config["layers"]):
            name = f"transformer.resblocks.{i}"
            normed = self.norm(x, f"{name}.ln_1")
            x = x + self.packed_attention(normed, normed, f"{name}.attn", self.config["heads"], mask)
            hidden = F.gelu(self.linear(self.norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc"))
            x = x + self.linear(hidden, f"{name}.mlp.c_proj")
        pooled = self.norm(x[:, -1], "ln_final") @ self.get("text_projection")
        return F.normalize(pooled, dim=-1)

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.get(f"{name}.weight"), self.get(f"{name}.bias"))


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # The same session options as in Nocturne.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    loaded = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = loaded.get_inputs()[0].name
    return lambda batch: loaded.run([loaded.get_outputs()[0].name], {name: batch})[0]


def measure(run, batch, repeats):
    """Returns the output, and the lowest CPU and wall seconds per item."""
    output = run(batch)
    cpu_s = wall_s = math.inf
    for _ in range(repeats):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        begin = time.monotonic()
        run(batch)
        wall_s = min(wall_s, time.monotonic() - begin)
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
        cpu_s = min(cpu_s, used)
    return output, cpu_s / len(batch), wall_s / len(batch)


def report(labels, result, reference):
    output, cpu_s, wall_s = result
    cosine = (output * reference[0]).sum(-1).min()
    ratio = reference[1] / cpu_s
    columns = [f"{label:<8}" for label in labels]
    print(*columns, f"cpu {cpu_s:9.4f}  wall {wall_s:9.4f}  x{ratio:6.2f}  cosine {cosine:.6f}", flush=True)


def texts(random, n, length, context, vocabulary):
    tokens = np.zeros((n, context), np.int64)
    tokens[:, :length] = random.integers(1, vocabulary, (n, length))
    return tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--lengths", type=int, nargs="+", default=[14, 60, 256], help="tokens of a text")
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    config = json.loads(pathlib.Path(arguments.config).read_text())
    weights = load_file(arguments.weights)
    signal, text = SignalTower(weights, config), TextTower(weights, config)
    random = np.random.default_rng(5)
    context, vocabulary = config["text_cfg"]["context_length"], config["text_cfg"]["vocab_size"]
    print("tower    items    threads  runtime")
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for n in arguments.batches:
            signals = random.standard_normal((n, 10, 1920)).astype(np.float32)
            labels = ["signal", n, threads]
            reference = measure(lambda x: signal(torch.from_numpy(x)).numpy(), signals, arguments.repeats)
            report([*labels, "torch"], reference, reference)
            for bundle in arguments.bundles:
                run = session(bundle / "signal.onnx", threads)
                report([*labels, bundle.name], measure(run, signals, arguments.repeats), reference)
            for length in arguments.lengths:
                tokens = texts(random, n, length, context, vocabulary)
                labels = [f"text{length}", n, threads]
                reference = measure(lambda x: text(torch.from_numpy(x)).numpy(), tokens, arguments.repeats)
                report([*labels, "torch"], reference, reference)
                short = tokens[:, : min(length + 1, context)]
                for bundle in arguments.bundles:
                    run = session(bundle / "text.onnx", threads)
                    report([*labels, bundle.name], measure(run, short, arguments.repeats), reference)


if __name__ == "__main__":
    main()
