"""Turns an SHHS recording into encoder input with pyedflib and SciPy, or with MNE.

Usage: read_night.py pyedflib|mne FILE. Prints CPU seconds (without imports) and peak memory in MiB.
"""

import resource
import sys
import time

import numpy as np

RATE_HZ, EPOCH = 64, 1920
# The order of the encoder's input.
LABELS = [
    "ECG", "ABDO RES", "THOR RES", "NEW AIR", "EOG(L)", "EOG(R)", "EEG(sec)", "EEG", "EMG", "POSITION",
]


def epochs(traces):
    """Z-scores all channels but the position and cuts epochs `[n, 10, 1920]`."""
    n = min(len(trace) for trace in traces) // EPOCH
    stacked = np.empty((n, len(traces), EPOCH), dtype=np.float32)
    for row, trace in enumerate(traces):
        trace = trace[: n * EPOCH]
        if LABELS[row] != "POSITION":
            trace = (trace - trace.mean()) / (trace.std() or 1.0)
        stacked[:, row] = trace.reshape(n, EPOCH)
    return stacked


def with_pyedflib(path):
    reader = pyedflib.EdfReader(path)
    labels = reader.getSignalLabels()
    traces = []
    for label in LABELS:
        signal = labels.index(label)
        samples, rate_hz = reader.readSignal(signal), int(reader.getSampleFrequency(signal))
        if label == "POSITION":
            traces.append(np.repeat(samples, RATE_HZ // rate_hz))
        else:
            divisor = np.gcd(RATE_HZ, rate_hz)
            traces.append(resample_poly(samples, RATE_HZ // divisor, rate_hz // divisor))
    reader.close()
    return epochs(traces)


def with_mne(path):
    raw = mne.io.read_raw_edf(path, include=LABELS, preload=True, verbose="error")
    raw.resample(RATE_HZ, verbose="error")
    return epochs([raw.get_data(picks=[label])[0] for label in LABELS])


if __name__ == "__main__":
    package, path = sys.argv[1:]
    if package == "mne":
        import mne
    else:
        import pyedflib
        from scipy.signal import resample_poly
    start = time.process_time()
    found = with_mne(path) if package == "mne" else with_pyedflib(path)
    assert found.shape[1:] == (len(LABELS), EPOCH), found.shape
    cpu_s = time.process_time() - start
    print(cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
