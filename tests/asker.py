"""Asks a server the same question fifty times a second until standard input ends, and reports the answers.

Usage: asker.py ADDRESS QUESTION. At the end it writes one line of JSON: `answers`, the distinct answers, each with its
`hits` (lists of recording, epoch and score) and `n`, how often it was received; and `errors`, the error messages.
"""

import collections
import json
import sys
import threading

from client import Client

ASKERS = 4
PAUSE_S = 0.08


def ask(address: str, question: str, is_over: threading.Event, answers: collections.Counter, errors: list) -> None:
    client = Client(address)
    while not is_over.wait(PAUSE_S):
        try:
            answer = client.call("SearchEpochs", text=question, top_k=5)
        except Exception as error:  # noqa: BLE001, every error is reported
            errors.append(str(error))
            continue
        answers[tuple((hit.epoch.recording, hit.epoch.number, hit.score) for hit in answer.hits)] += 1


def main() -> None:
    address, question = sys.argv[1:]
    is_over, answers, errors = threading.Event(), collections.Counter(), []
    arguments = (address, question, is_over, answers, errors)
    threads = [threading.Thread(target=ask, args=arguments) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    print("asking", flush=True)
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    found = [{"hits": hits, "n": n} for hits, n in answers.items()]
    print(json.dumps({"answers": found, "errors": errors}))


main()
