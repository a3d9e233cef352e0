"""A checkpoint that is not what was written is refused by name, before any of it is used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core.checkpoint.document import digest_of
from rlmodule_core.checkpoint.payload import PayloadRecord
from rlmodule_core.checkpoint.store import read_checkpoint, write_checkpoint
from rlmodule_core.errors import CheckpointError

DOCUMENT = {"gamma": 0.5, "name": "a\u00e9", "n": [1, 20]}
WEIGHTS = {"w": np.array([1.0, 2.0], np.float32)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "run", kind="rl_module", document=DOCUMENT, payloads={"weights": WEIGHTS})


def read_all(directory: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    checkpoint = read_checkpoint(directory)
    return checkpoint.document, {key: array.tolist() for key, array in checkpoint.payload("weights").items()}


def payload_of(directory: Path) -> Path:
    return next(directory.glob("state-*"))


def resign(directory: Path, **changes: Any) -> None:
    """Change the JSON as a forger would: with a digest that fits."""
    path = directory / "rl_module.json"
    content = {**json.loads(path.read_text()), **changes}
    content = {key: value for key, value in content.items() if value is not ...}
    path.write_text(json.dumps({**content, "digest": digest_of(content)}))


def refused(directory: Path, pattern: str) -> None:
    with pytest.raises(CheckpointError, match=f"(?s){pattern}"):
        read_checkpoint(directory)


def test_every_truncation_is_refused_or_harmless(saved: Path) -> None:
    whole = read_all(saved)
    for path in saved.iterdir():
        data = path.read_bytes()
        for length in range(len(data)):
            path.write_bytes(data[:length])
            if data[:length].strip() == data.strip():
                assert read_all(saved) == whole
            else:
                refused(saved, f"Expected .* in .*{path.name}.*, got .*copy")
        path.write_bytes(data)


def test_a_flipped_bit_in_a_payload_is_named(saved: Path) -> None:
    path = payload_of(saved)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    refused(saved, rf"Expected SHA-256 [0-9a-f]{{64}} in .*{path.name} \(payload 'weights'\), got")


def test_a_truncated_payload_says_how_long_it_was(saved: Path) -> None:
    path = payload_of(saved)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    refused(saved, f"Expected {len(data)} bytes in .*{path.name}.*, got {len(data) - 1}")


def test_a_missing_payload_is_named(saved: Path) -> None:
    path = payload_of(saved)
    path.unlink()
    refused(saved, f"Expected the payload .*{path.name}.*got no such file")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "Expected a checkpoint directory at .*nowhere, got nothing there")


def test_a_file_instead_of_a_directory_is_named(saved: Path) -> None:
    refused(saved / "rl_module.json", "Expected a checkpoint directory .*got a file. Give the directory")


def test_a_directory_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    refused(tmp_path, "Expected rl_module.json or algorithm.json in .*, got neither")


def test_two_checkpoints_in_one_directory_are_refused(saved: Path) -> None:
    (saved / "algorithm.json").write_bytes((saved / "rl_module.json").read_bytes())
    refused(saved, "got rl_module.json and algorithm.json")


def test_another_kind_than_asked_for_is_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Expected algorithm\.json .*'rl_module'.*Load it with"):
        read_checkpoint(saved, kinds=("algorithm",))


def test_a_renamed_json_is_refused(saved: Path) -> None:
    (saved / "rl_module.json").rename(saved / "algorithm.json")
    refused(saved, "Expected kind 'algorithm' in .*, got 'rl_module'")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "got 0 bytes, truncated"),
        ("{", "truncated or damaged"),
        ("not json", "truncated or damaged"),
        ("[1, 2]", "Expected a JSON object in .*, got a list"),
        ('{"format": 1, "format": 1}', "the key 'format' stands twice"),
        ('{"format": NaN}', "NaN is no number"),
        ('{"format": 1, "x": 1e999, "digest": "?"}', "digest"),
        ('{"format": ' + "9" * 5000 + "}", "truncated or damaged"),
        ("[" * 100_000, "truncated or damaged"),
        ("{}", "Expected a format number from 1 to 1 in .*, got none"),
        ('{"format": true}', "format number .* got True"),
        ('{"format": 0}', "format number .* got 0"),
        (
            '{"format": 2}',
            "written by a newer rlmodule: format 2, this version reads up to 1.*upgrade rlmodule-core",
        ),
        ('{"format": 1}', "digest None that it records"),
        ('{"format": 1, "digest": "00"}', "digest '00' that it records"),
    ],
)
def test_a_json_that_is_none_of_ours_is_refused(saved: Path, text: str, pattern: str) -> None:
    (saved / "rl_module.json").write_text(text)
    refused(saved, pattern)


def test_bytes_that_are_no_text_are_refused(saved: Path) -> None:
    (saved / "rl_module.json").write_bytes(b"\xff\xfe{")
    refused(saved, "truncated or damaged")


def test_an_edited_json_is_refused(saved: Path) -> None:
    path = saved / "rl_module.json"
    path.write_text(path.read_text().replace("0.5", "0.6"))
    refused(saved, "to have the digest .*damaged or edited")


SHA256 = "0" * 64


@pytest.mark.parametrize(
    ("record", "pattern"),
    [
        ({"file": "../state-0000000000000000.safetensors"}, r"\.file, got '\.\./"),
        ({"file": "/etc/passwd"}, r"\.file, got '/etc/passwd'"),
        ({"file": "notes.txt"}, r"\.file, got 'notes\.txt'"),
        ({"file": None}, r"\.file, got None"),
        ({"sha256": "../../x"}, r"\.sha256, got '\.\./"),
        ({"sha256": 3}, r"\.sha256, got 3"),
        ({"size": -1}, r"\.size, got -1"),
        ({"size": True}, r"\.size, got True"),
        ({"extra": 1}, "file, sha256 and size"),
    ],
)
def test_a_forged_payload_record_is_refused(saved: Path, record: dict[str, Any], pattern: str) -> None:
    honest = {"file": "state-0000000000000000.safetensors", "sha256": SHA256, "size": 3}
    resign(saved, payloads={"weights": {**honest, **record}})
    refused(saved, f"payloads.weights.*{pattern}" if "extra" not in record else pattern)


@pytest.mark.parametrize("payloads", [None, [], ...])
def test_payloads_that_are_no_object_are_refused(saved: Path, payloads: Any) -> None:
    resign(saved, payloads=payloads)
    refused(saved, "Expected an object 'payloads'")


def test_a_link_that_leads_out_of_the_directory_is_refused(saved: Path, tmp_path: Path) -> None:
    path = payload_of(saved)
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    refused(saved, f"Expected {path.name} to lie in .*, got a link to")


def test_a_directory_that_is_itself_reached_by_a_link_is_fine(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(saved)
    assert read_all(tmp_path / "latest") == read_all(saved)


def test_a_pipe_in_place_of_a_payload_is_refused_without_waiting(saved: Path) -> None:
    path = payload_of(saved)
    path.unlink()
    os.mkfifo(path)
    refused(saved, "Expected a regular file at")


BFLOAT16 = b'{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no safetensors at all",
        len(BFLOAT16).to_bytes(8, "little") + BFLOAT16 + b"??",
    ],
)
def test_a_payload_with_the_right_hash_but_no_arrays_is_refused(saved: Path, data: bytes) -> None:
    record = PayloadRecord.of(data)
    (saved / record.file).write_bytes(data)
    resign(saved, payloads={"weights": record.to_dict()})
    with pytest.raises(CheckpointError, match="Expected a safetensors file in payload 'weights'"):
        read_checkpoint(saved).verify()
