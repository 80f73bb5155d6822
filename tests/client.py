"""An independent client: learns the API by reflection, calls every method, and checks the answers.

Usage: client.py ADDRESS NIGHTS, where NIGHTS is the folder of simulated nights in the server's collection.
It uses no generated code: messages are built from the descriptors that the server sends.
"""

import json
import math
import pathlib
import struct
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "nocturne.v1.NocturneService"


class Client:
    """Calls the methods of a service, which it knows by reflection only."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)
        database = ProtoReflectionDescriptorDatabase(self.channel)
        self.services = database.get_services()
        self.pool = descriptor_pool.DescriptorPool(database)
        self.service = self.pool.FindServiceByName(SERVICE)

    def _call(self, method_name: str, fields: dict):
        method = self.service.FindMethodByName(method_name)
        request = message_factory.GetMessageClass(method.input_type)(**fields)
        answer = message_factory.GetMessageClass(method.output_type)
        path = f"/{SERVICE}/{method_name}"
        make = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        call = make(path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString)
        return call(request, timeout=60)

    def call(self, method_name: str, **fields):
        return self._call(method_name, fields)

    def stream(self, method_name: str, **fields) -> list:
        return list(self._call(method_name, fields))

    def refused(self, method_name: str, **fields) -> grpc.RpcError:
        try:
            answer = self._call(method_name, fields)
            if self.service.FindMethodByName(method_name).server_streaming:
                list(answer)
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"{method_name} accepted {fields}")


def check_info(client: Client, nights: dict) -> None:
    assert SERVICE in client.services, client.services
    assert "grpc.health.v1.Health" in client.services, client.services
    info = client.call("Info")
    assert info.recordings == len(nights), info
    assert info.epochs == sum(len(truth["stages"]) for truth in nights.values()), info
    assert info.embedding_dim > 0 and len(info.bundle_fingerprint) == 64, info
    assert set(info.label_sets) == {"stages", "events"}, info


def check_health(client: Client) -> None:
    check = client.channel.unary_unary(
        "/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes
    )
    serving = b"\x08\x01"
    name = SERVICE.encode()
    assert check(b"\x0a" + bytes([len(name)]) + name, timeout=10) == serving


def check_recordings(client: Client, nights: dict) -> None:
    first = client.call("ListRecordings", page_size=1)
    assert first.total_size == len(nights) and len(first.recordings) == 1, first
    names, token = [first.recordings[0].name], first.next_page_token
    while token:
        page = client.call("ListRecordings", page_size=1, page_token=token)
        names += [recording.name for recording in page.recordings]
        token = page.next_page_token
    assert names == sorted(nights), names
    sleepers = [name for name, truth in nights.items() if "N3" in truth["stages"]]
    page = client.call("ListRecordings", filter={"expression": "stage = N3"})
    assert [recording.name for recording in page.recordings] == sorted(sleepers), page
    facet = client.call("GetFacets", facets=["stage"], filter={"expression": "stage:*"}).facets[0]
    for value in facet.values:
        true_epochs = sum(truth["stages"].count(value.value) for truth in nights.values())
        assert value.epochs == true_epochs, value
    for name, truth in nights.items():
        answer = client.call("GetRecording", recording=name)
        assert answer.recording.epochs == len(truth["stages"]), answer.recording
        codes = {"W": 1, "N1": 2, "N2": 3, "N3": 4, "R": 5}
        assert list(answer.stages) == [codes[stage] for stage in truth["stages"]]
        true_arousals = sum(event["kind"] == "arousal" for event in truth["events"])
        found = sum(event.kind == "arousal" for event in answer.events)
        assert found == true_arousals, (found, true_arousals)


def check_epochs(client: Client, nights: dict) -> None:
    answer = client.call("SearchEpochs", text="deep sleep with slow waves", top_k=20)
    assert len(answer.hits) == 20
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    stages = [nights[hit.epoch.recording]["stages"][hit.epoch.number] for hit in answer.hits]
    assert sum(stage == "N3" for stage in stages) >= 10, stages
    epoch = answer.hits[0].epoch
    like = client.call("SearchEpochs", epoch=epoch, top_k=5)
    assert all(hit.epoch != epoch for hit in like.hits) and like.hits[0].score > 0.5, like
    only = client.call("SearchEpochs", text="sleep", top_k=5, filter={"recordings": [epoch.recording], "stages": [4]})
    assert {hit.epoch.recording for hit in only.hits} == {epoch.recording}
    assert all(hit.stage == 4 for hit in only.hits)
    only = client.call("SearchEpochs", text="sleep", top_k=5, filter={"expression": "stage = N1 OR stage = R -epoch < 9"})
    assert {hit.stage for hit in only.hits} <= {2, 5} and len(only.hits) == 5, only
    dim = client.call("Info").embedding_dim
    vector = client.call("SearchEpochs", vector={"values": [1.0] + [0.0] * (dim - 1)}, top_k=3)
    assert len(vector.hits) == 3


def check_nights(client: Client, nights: dict) -> None:
    answer = client.call("SearchNights", question="nights with frequent arousals", top_k=100)
    assert answer.reading.typed == "rate(arousal), highest first", answer.reading
    scored, = answer.blocks
    assert scored.source == 1 and scored.total == len(nights), scored
    assert {night.recording for night in scored.nights} == set(nights)
    rates = [night.values[0].value for night in scored.nights]
    assert rates == sorted(rates, reverse=True)
    for night in scored.nights:
        true_index = nights[night.recording]["arousal_index_per_h"]
        assert abs(night.values[0].value - true_index) < 0.51, (night.values[0], true_index)
        assert night.values[0].unit == "per_hour" and len(night.evidence) == 3, night
    again = client.call("SearchNights", ask=answer.reading.typed, top_k=100)
    assert again.blocks == answer.blocks
    modelled = client.call("SearchNights", ask="rate(arousal), highest first", source=3, top_k=100)
    assert [block.source for block in modelled.blocks] == [3], modelled
    assert all(night.values[0].HasField("interval") != bool(night.values[0].no_interval) for night in modelled.blocks[0].nights)


def check_labels(client: Client, nights: dict) -> None:
    name = sorted(nights)[0]
    labels = client.stream("LabelEpochs", filter={"recordings": [name]}, label_set="stages")
    assert [label.epoch.number for label in labels] == list(range(len(nights[name]["stages"])))
    for label in labels:
        assert len(label.labels) == 1 and abs(sum(p.probability for p in label.probabilities) - 1) < 1e-3, label
    right = sum(label.labels[0] == stage for label, stage in zip(labels, nights[name]["stages"]))
    assert right > len(labels) / 2, f"{right} of {len(labels)} stages"
    events = client.stream("LabelEpochs", filter={"recordings": [name]}, label_set="events")
    assert len(events) == len(labels) and events[0].probabilities


def check_captions(client: Client, nights: dict) -> None:
    name = sorted(nights)[0]
    answer = client.call("SearchCaptions", epoch={"recording": name, "number": 0}, top_k=5)
    assert len(answer.hits) == 5 and len({hit.text for hit in answer.hits}) == 5, answer
    others = client.call("SearchCaptions", epoch={"recording": name, "number": 0}, top_k=5, other_recordings_only=True)
    assert all(hit.epoch.recording != name for hit in others.hits), others


def epoch_signal(value: float = 0.5) -> dict:
    """An epoch of sine waves; the first sample has the given value."""
    samples = [math.sin(i / 9) for i in range(19200)]
    return {"samples": struct.pack("<19200f", value, *samples[1:])}


def check_generation(client: Client, nights: dict) -> None:
    if not client.call("Info").captions:
        error = client.refused("GenerateCaption", signal=epoch_signal())
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        assert "does not support generated captions" in error.details(), error.details()
        return
    kinds = ["brain", "stage_event"]
    for wording in ({}, {"beams": 3}, {"sampling": {"top_k": 5, "seed": 3}}):
        ask = dict(signal=epoch_signal(), kinds=kinds, max_length=40, explain=True, **wording)
        parts = client.stream("GenerateCaption", **ask)
        assert parts == client.stream("GenerateCaption", **ask), wording
        attention = parts[0].attention
        assert len(attention.seconds) == 300 and abs(sum(attention.seconds) - 1) < 1e-3, attention
        assert 1 <= len(attention.spans) <= 3, attention
        captions = [part.caption for part in parts if part.WhichOneof("part") == "caption"]
        assert [caption.kind for caption in captions] == kinds, captions
        for caption in captions:
            tokens = [part.token for part in parts if part.token.kind == caption.kind]
            assert [token.id for token in tokens] == [id for id in caption.ids[1:] if id != 49407], caption
            assert "".join(token.raw for token in tokens) == caption.raw, caption
            assert caption.end in (1, 2) and len(caption.ids) <= 40, caption


def check_refusals(client: Client, nights: dict) -> None:
    name = sorted(nights)[0]
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    cases = [
        ("SearchEpochs", {}, invalid, "query"),
        ("SearchEpochs", {"text": "  "}, invalid, "text"),
        ("SearchEpochs", {"text": "x" * 9000}, invalid, "text"),
        ("SearchEpochs", {"text": "sleep", "top_k": 100000}, invalid, "top_k"),
        ("SearchEpochs", {"text": "sleep", "min_score": float("nan")}, invalid, "min_score"),
        ("SearchEpochs", {"vector": {"values": [1.0, 2.0]}}, invalid, "vector"),
        ("SearchEpochs", {"vector": {"values": []}}, invalid, "vector"),
        ("SearchEpochs", {"text": "sleep", "filter": {"channels": ["NOSE"]}}, invalid, "filter.channels"),
        ("SearchEpochs", {"text": "sleep", "filter": {"recordings": ["unknown"]}}, missing, "unknown"),
        ("SearchEpochs", {"epoch": {"recording": name, "number": 999999}}, missing, "999999"),
        ("SearchNights", {"question": ""}, invalid, "question"),
        ("SearchNights", {"question": "arousals", "evidence": 1000}, invalid, "evidence"),
        ("SearchNights", {"question": "arousals", "ask": "rate(arousal) > 1"}, invalid, "ask"),
        ("SearchNights", {"question": "banana"}, invalid, "known concept"),
        ("SearchNights", {"question": "who snores"}, grpc.StatusCode.FAILED_PRECONDITION, "snore"),
        ("LabelEpochs", {"label_set": "moods"}, invalid, "label_set"),
        ("SearchCaptions", {"epoch": {"recording": name, "number": 0}, "kinds": ["mood"]}, invalid, "kinds"),
        ("SearchCaptions", {}, invalid, "epoch"),
        ("GenerateCaption", {}, invalid, "signal"),
        ("GenerateCaption", {"signal": {"samples": b"1234"}}, invalid, "4 bytes long"),
        ("GenerateCaption", {"signal": {"samples": bytes(76800)}}, invalid, "zero throughout"),
        ("GenerateCaption", {"signal": epoch_signal(float("nan"))}, invalid, "NaN in ECG"),
        ("GenerateCaption", {"signal": epoch_signal(float("-inf"))}, invalid, "-inf in ECG"),
        ("GenerateCaption", {"signal": epoch_signal() | {"channels": ["NOSE"]}}, invalid, "signal.channels"),
        ("GenerateCaption", {"signal": epoch_signal(), "kinds": ["mood"]}, invalid, "kinds"),
        ("GenerateCaption", {"signal": epoch_signal(), "beams": 99}, invalid, "beams"),
        ("GenerateCaption", {"signal": epoch_signal(), "max_length": 257}, invalid, "max_length"),
        ("GenerateCaption", {"signal": epoch_signal(), "sampling": {"top_p": -1}}, invalid, "top_p"),
        ("GetRecording", {"recording": "unknown"}, missing, "unknown"),
        ("ListRecordings", {"page_size": 5000}, invalid, "page_size"),
        ("ListRecordings", {"page_token": name}, invalid, "page token"),
        ("ListRecordings", {"filter": {"expression": "stage = N4"}}, invalid, "column 9"),
        ("SearchEpochs", {"text": "sleep", "filter": {"expression": "mood = bad"}}, invalid, "no recording has"),
        ("SearchNights", {"question": "arousals", "filter": {"expression": "sleepy"}}, invalid, "has no comparator"),
        ("LabelEpochs", {"filter": {"expression": "epoch = x"}}, invalid, "expected a number"),
        ("GetFacets", {"facets": ["mood"]}, invalid, "counted by"),
        ("GetFacets", {}, invalid, "facets"),
    ]
    for method, fields, code, word in cases:
        error = client.refused(method, **fields)
        assert error.code() == code, (method, fields, error)
        assert word in error.details(), (method, fields, error.details())
        assert "/" not in error.details().replace("RECORDING:NUMBER", ""), error.details()


def main() -> None:
    address, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    truths = [json.loads(path.read_text()) for path in folder.glob("*.truth.json")]
    nights = {truth["id"]: truth for truth in truths}
    client = Client(address)
    checks = [
        check_info,
        lambda client, _: check_health(client),
        check_recordings,
        check_epochs,
        check_nights,
        check_labels,
        check_captions,
        check_generation,
        check_refusals,
    ]
    for check in checks:
        check(client, nights)
    print(f"{len(checks)} groups of checks passed")


if __name__ == "__main__":
    main()
