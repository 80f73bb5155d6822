"""Asks scorers that learned from people's nights what they find in simulated ones.

    cargo xtask judge
    python simulator/judges.py FOLDER [--json]      # pip install yasa mne psgscoring onnxruntime edfio

FOLDER holds nights of `nocturne simulate`, with their truth, in any depth. Stages are scored by YASA (Vallat and Walker
2021, eLife 10:e70092), arousals by the network of psgscoring, respiratory events by its rules with the profile
`mesa_shhs`. A judge that reaches less here than on people's nights shows where the simulation is unlike people.

Prints, for each site and for all nights: Cohen's kappa and the recall of each stage, F1 of arousals and respiratory
events (an event is found if a scored one overlaps it; each counts once), and the contrast of bands between stages.
"""

import argparse
import json
import logging
import pathlib
import sys
import warnings
from fractions import Fraction

import edfio
import mne
import numpy as np
import yasa
from psgscoring import run_pneumo_analysis
from psgscoring.arousal_unet import detect_arousals_unet
from scipy.signal import resample_poly, welch

STAGES = ["W", "N1", "N2", "N3", "R"]
BANDS_HZ = {"delta": (0.5, 4), "theta": (4, 8), "alpha": (8, 12), "sigma": (12, 15), "beta": (15, 30)}
EPOCH_S = 30
# What the judges read, at a rate that each of them accepts.
RATE_HZ = 100
# Labels of the simulator's sites; a pair is a derivation.
LABELS = {
    "eeg": [
        *("EEG_C4_A1", "EEG", "C4-M1", "EEG C4-M1", "C4-A1", ("C4", "A1")),
        # Where C4 is missing.
        *("EEG_C3_A2", "EEG(sec)", "C3-M2", "EEG C3-M2", "C3-A2", ("C3", "A2")),
    ],
    "eog": ["EOG_L", "EOG(L)", "E1-M2", ("LOC", "A2"), "EOG E1-M2", "EOG L"],
    "emg": ["EMG_CHIN", "EMG", "Chin1-Chin2", ("L Chin", "R Chin"), "EMG chin", "Chin"],
    "flow": ["AF", "NEW AIR", "Airflow", "Flow"],
    "thorax": ["THX", "THOR RES", "Thor", "Thoracic", "Chest"],
    "abdomen": ["ABD", "ABDO RES", "Abdo", "Abdominal", "Abdomen"],
    "spo2": ["SpO2", "SaO2"],
}


class MissingChannel(Exception):
    """A night without a signal that the judges need."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = arguments.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    mne.set_log_level("ERROR")
    nights = []
    for path in sorted(arguments.folder.rglob("*.edf")):
        try:
            nights.append(judge(path))
        except MissingChannel as missing:
            print(missing, file=sys.stderr)
            continue
        print(f"{path}: {summary([nights[-1]])}", file=sys.stderr)
    if not nights:
        sys.exit(f"`{arguments.folder}` holds no recording")
    sites = sorted({night["site"] for night in nights})
    answer = {site: report([night for night in nights if night["site"] == site]) for site in sites}
    answer["all"] = report(nights)
    if arguments.json:
        print(json.dumps(answer))
        return
    for name, of_site in answer.items():
        stages = of_site["stages"]
        print(f"{name}: {of_site['nights']} nights, kappa {stages['kappa']}, recall {stages['recall']}")
        for kind in ("arousals", "respiratory"):
            print(f"  {kind}: F1 {of_site[kind]['f1']} ({of_site[kind]['true']} true, {of_site[kind]['found']} found)")
    print("log10 of the power of a band against the median of the night, median over nights")
    for stage, bands in answer["all"]["contrasts"].items():
        print(f"  {stage}: " + ", ".join(f"{band} {value:+.2f}" for band, value in bands.items()))


def judge(path):
    """Returns what the judges found in a night beside its truth."""
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    signals = read(path)
    stages = truth["stages"]
    raw = mne.io.RawArray(
        np.stack([signals[name] * 1e-6 for name in ("eeg", "eog", "emg")]),
        mne.create_info(["eeg", "eog", "emg"], RATE_HZ, "eeg"),
    )
    staging = yasa.SleepStaging(raw, eeg_name="eeg", eog_name="eog", emg_name="emg").predict()
    found = [{"WAKE": "W", "REM": "R"}.get(stage, stage) for stage in getattr(staging, "hypno", staging)]
    pairs = [(true, stage) for true, stage in zip(stages, found) if true in STAGES and stage in STAGES]
    night = {"site": truth["site"], "pairs": pairs, "contrasts": contrasts(signals["eeg"], stages)}
    eeg, eog, emg = (signals[name] for name in ("eeg", "eog", "emg"))
    arousals = detect_arousals_unet(
        eeg, RATE_HZ, eog, RATE_HZ, emg, RATE_HZ, stages, weight="unet_v2", threads=2
    )
    night["arousals"] = matched(truth, arousals["events"], ["arousal"])
    night["respiratory"] = matched(truth, respiratory(signals, truth), ["apnea", "hypopnea"])
    return night


def respiratory(signals, truth):
    """Returns the respiratory events of psgscoring; none if the night has no airflow."""
    names = [name for name in ("flow", "thorax", "abdomen", "spo2") if name in signals]
    if "flow" not in names:
        return []
    kinds = {"flow": "flow_pressure" if truth["recorder"]["flow_sensor"] == "nasal_pressure" else "flow_thermistor"}
    raw = mne.io.RawArray(
        np.stack([signals[name] for name in names]), mne.create_info(names, RATE_HZ, "misc")
    )
    channels = {name: name for name in names} | {kinds["flow"]: "flow"}
    found = run_pneumo_analysis(raw, truth["stages"], channel_map=channels, scoring_profile="mesa_shhs")
    return found["respiratory"].get("events") or []


def read(path):
    """Returns the signals that the judges need at `RATE_HZ`; those of the head in microvolts."""
    edf = edfio.read_edf(path)
    stored = {signal.label: signal for signal in edf.signals}

    def samples(label):
        signal = stored[label]
        ratio = Fraction(RATE_HZ / signal.sampling_frequency).limit_denominator(1000)
        data = np.asarray(signal.data)
        if signal.sampling_frequency <= 1:
            # A saturation is a step function: no filter may overshoot its steps.
            return np.repeat(data, round(RATE_HZ / signal.sampling_frequency))
        data = resample_poly(data, ratio.numerator, ratio.denominator)
        return data * 1000 if signal.physical_dimension == "mV" else data

    signals = {}
    for name, labels in LABELS.items():
        for label in labels:
            parts = label if isinstance(label, tuple) else (label,)
            if all(part in stored for part in parts):
                values = [samples(part) for part in parts]
                signals[name] = values[0] - values[1] if len(values) > 1 else values[0]
                break
        else:
            if name in ("eeg", "eog", "emg"):
                raise MissingChannel(f"{path}: skipped, it has no {name}; its labels are {', '.join(stored)}")
    length = min(map(len, signals.values()))
    return {name: values[:length] for name, values in signals.items()}


def matched(truth, scored, kinds):
    """Returns the numbers of true, scored and found events."""
    true = [event for event in truth["events"] if any(kind in event["kind"] for kind in kinds)]
    free, hits = [(event["onset_s"], event["onset_s"] + event["duration_s"]) for event in scored], 0
    n_scored = len(free)
    for event in true:
        start, end = event["onset_s"], event["onset_s"] + event["duration_s"]
        hit = next((other for other in free if other[0] < end and other[1] > start), None)
        if hit is not None:
            free.remove(hit)
            hits += 1
    return {"true": len(true), "found": n_scored, "hits": hits}


def contrasts(eeg, stages):
    """Returns the power of each band in each epoch against the median of the night, in decades, and the stages."""
    n = min(len(stages), len(eeg) // (EPOCH_S * RATE_HZ))
    epochs = eeg[: n * EPOCH_S * RATE_HZ].reshape(n, -1)
    frequencies, power = welch(epochs, RATE_HZ, nperseg=4 * RATE_HZ)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in BANDS_HZ.values()]
    decades = np.log10(np.stack([power[:, band].sum(1) for band in bands], 1) + 1e-12)
    decades -= np.median(decades, 0)
    return {
        stage: np.median(decades[np.array(stages[:n]) == stage], 0).tolist()
        for stage in STAGES
        if stages[:n].count(stage) > 5
    }


def report(nights):
    pairs = [pair for night in nights for pair in night["pairs"]]
    counts = np.zeros((5, 5), int)
    for true, found in pairs:
        counts[STAGES.index(true), STAGES.index(found)] += 1
    n = counts.sum()
    chance = (counts.sum(0) * counts.sum(1)).sum() / n**2
    answer = {
        "nights": len(nights),
        "stages": {
            "kappa": round(float((np.trace(counts) / n - chance) / (1 - chance)), 3),
            "recall": {
                stage: round(float(row[i] / row.sum()), 2)
                for i, (stage, row) in enumerate(zip(STAGES, counts))
                if row.sum()
            },
            "confusion": counts.tolist(),
        },
        "contrasts": {
            stage: dict(zip(BANDS_HZ, np.round(np.median(medians, 0), 2).tolist()))
            for stage in STAGES
            if (medians := [night["contrasts"][stage] for night in nights if stage in night["contrasts"]])
        },
    }
    for kind in ("arousals", "respiratory"):
        true, found, hits = (sum(night[kind][key] for night in nights) for key in ("true", "found", "hits"))
        answer[kind] = {"f1": round(2 * hits / max(1, true + found), 3), "true": true, "found": found}
    return answer


def summary(nights):
    answer = report(nights)
    return (
        f"kappa {answer['stages']['kappa']}, arousals {answer['arousals']['f1']}, "
        f"respiratory {answer['respiratory']['f1']}"
    )


if __name__ == "__main__":
    main()
