"""Runs the queries of `cargo bench -p nocturne-index --bench search` against other libraries, on the same vectors.

    cargo bench -p nocturne-index --bench search -- --save DIR
    python benches/peers.py DIR [--libraries faiss,hnswlib,usearch]      # pip install faiss-cpu hnswlib usearch

Prints one line of JSON for each library, setting and kind of query, with the same fields: one thread, one query at a
time, processor time. Settings are swept (with --tuned also M and efConstruction): each library is compared at its best.
"""

import argparse
import json
import pathlib
import time

import numpy as np

K = 10
MIN_CPU_S = 1.0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--libraries", default="faiss,hnswlib,usearch")
    arguments.add_argument("--tuned", action="store_true", help="also with M 32 and efConstruction 400")
    arguments = arguments.parse_args()
    epochs = np.load(arguments.folder / "epochs.npy")
    queries = {
        "epoch": np.load(arguments.folder / "like_epochs.npy"),
        "text": np.load(arguments.folder / "texts.npy"),
    }
    truth = {kind: nearest(epochs, rows) for kind, rows in queries.items()}
    builds = [(16, 200)] + [(32, 400)] * arguments.tuned
    for library in arguments.libraries.split(","):
        for name, setting, search in LIBRARIES[library](epochs, builds):
            for kind, rows in queries.items():
                ask(name, setting, kind, rows, truth[kind], search)


def nearest(epochs, queries):
    """Returns the ten nearest of each query by exhaustive search."""
    best = []
    for query in queries:
        scores = epochs @ query
        best.append(set(np.argpartition(-scores, K)[:K].tolist()))
    return best


def ask(name, setting, kind, queries, truth, search):
    found = [set(search(query)) for query in queries]
    recall = sum(len(a & b) for a, b in zip(found, truth)) / (K * len(truth))
    latencies = []
    n_asked, begin, cpu_begin = 0, time.perf_counter(), time.process_time()
    while (cpu_s := time.process_time() - cpu_begin) < MIN_CPU_S:
        for query in queries:
            one = time.perf_counter()
            search(query)
            latencies.append(1e6 * (time.perf_counter() - one))
        n_asked += len(queries)
    wall_s = time.perf_counter() - begin
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    print_line(
        index=name, setting=setting, queries=kind, recall_at_10=recall,
        queries_per_cpu_s=n_asked / cpu_s, queries_per_s=n_asked / wall_s, cpu_us=1e6 * cpu_s / n_asked,
        p50_us=p50, p95_us=p95, p99_us=p99,
    )


def built(name, epochs, make):
    before, begin, cpu_begin = own_bytes(), time.perf_counter(), time.process_time()
    made = make()
    print_line(
        built=name, rows=len(epochs), wall_s=time.perf_counter() - begin,
        cpu_s=time.process_time() - cpu_begin, own_bytes_per_row=(own_bytes() - before) / len(epochs),
    )
    return made


def own_bytes():
    """Returns the anonymous memory of this process, in bytes."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def print_line(**fields):
    print(json.dumps({key: float(value) if isinstance(value, np.floating) else value
                      for key, value in fields.items()}), flush=True)


def faiss_indexes(epochs, _):
    import faiss

    faiss.omp_set_num_threads(2)
    n, dim = epochs.shape
    n_lists = int(4 * n**0.5)
    kinds = {
        "faiss_ivf_sq8": f"IVF{n_lists},SQ8",
        "faiss_ivf_sq8_refined": f"IVF{n_lists},SQ8,Refine(SQfp16)",
    }

    def make(factory):
        index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
        index.train(epochs[:: max(1, n // (64 * n_lists))])
        index.add(epochs)
        return index

    for name, factory in kinds.items():
        faiss.omp_set_num_threads(2)
        index = built(name, epochs, lambda: make(factory))
        faiss.omp_set_num_threads(1)
        ivf = faiss.extract_index_ivf(index)
        for n_probe in (4, 8, 16, 24, 32, 48, 64, 128):
            ivf.nprobe = n_probe
            if hasattr(index, "k_factor"):
                index.k_factor = 3
            yield name, {"lists": n_probe, "of": n_lists}, lambda query: index.search(query[None], K)[1][0].tolist()
    flat = built("faiss_flat", epochs, lambda: make("Flat"))
    yield "faiss_flat", {}, lambda query: flat.search(query[None], K)[1][0].tolist()


def hnswlib_indexes(epochs, builds):
    import hnswlib

    def make(m, ef):
        index = hnswlib.Index(space="ip", dim=epochs.shape[1])
        index.init_index(max_elements=len(epochs), M=m, ef_construction=ef)
        index.add_items(epochs, num_threads=2)
        return index

    for m, ef in builds:
        index = built(f"hnswlib M={m} ef={ef}", epochs, lambda: make(m, ef))
        index.set_num_threads(1)
        for candidates in (24, 48, 96, 192, 384, 768, 1536):
            index.set_ef(candidates)
            yield "hnswlib", {"m": m, "candidates": candidates}, lambda query: index.knn_query(query, k=K)[0][0].tolist()


def usearch_indexes(epochs, builds):
    from usearch.index import Index

    def make(m, ef):
        index = Index(ndim=epochs.shape[1], metric="ip", dtype="i8", connectivity=m, expansion_add=ef)
        index.add(np.arange(len(epochs)), epochs, threads=2)
        return index

    for m, ef in builds:
        index = built(f"usearch i8 M={m} ef={ef}", epochs, lambda: make(m, ef))

        def search(query):
            # The hits of 8-bit codes are rescored, as in Nocturne.
            keys = index.search(query, 3 * K, threads=1).keys
            return keys[np.argsort(-(epochs[keys] @ query))[:K]].tolist()

        for candidates in (24, 48, 96, 192, 384, 768, 1536):
            index.expansion_search = candidates
            yield "usearch_i8", {"m": m, "candidates": candidates}, search


LIBRARIES = {"faiss": faiss_indexes, "hnswlib": hnswlib_indexes, "usearch": usearch_indexes}

if __name__ == "__main__":
    main()
