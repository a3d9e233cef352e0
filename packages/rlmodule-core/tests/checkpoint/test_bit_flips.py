"""Random damage to the files of a real module's checkpoint: refused, or nothing has changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    CheckpointError,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
)
from rlmodule_core.checkpoint import Checkpoint, read_checkpoint
from rlmodule_core.checkpoint.payload import decode_payload
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule

JSON = "rl_module.json"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")
    encoder = ActorCriticEncoderConfig(base_encoder_config=base).plan()
    pi, vf = (MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in (2, 1))
    plans = ModulePlans(encoder, pi, vf, *[Categorical(2)] * 3)
    # Bounds of different sizes are stored as base64, rewards of the settings as numbers with exponents.
    spaces = gym.spaces.Box(-np.arange(1, 5, dtype=np.float32), np.inf, (4,)), gym.spaces.Discrete(2)
    settings = {"name": "a\u00e9\u20ac", "lr": 5e-5, "scales": [1e22, -0.1, 3], "nothing": None}
    return NumpyActorCriticRLModule(RLModuleConfig(*spaces, settings, plans=plans)).save_to_checkpoint(tmp_path)


class Attack:
    """Puts damaged bytes in place of a file, and reads."""

    def __init__(self, directory: Path) -> None:
        self._whole = _contents(read_checkpoint(directory))
        self._directory = directory
        self.bytes = {path.name: path.read_bytes() for path in directory.iterdir()}
        (self.payload,) = self.bytes.keys() - {JSON}
        self.refused = self.harmless = 0

    def put(self, name: str, data: bytes) -> None:
        _overwrite(self._directory / name, data)
        found = self._read()
        _overwrite(self._directory / name, self.bytes[name])
        if isinstance(found, CheckpointError):
            assert name in str(found)
            self.refused += 1
        else:
            assert found == self._whole
            self.harmless += 1

    def _read(self) -> object:
        try:
            return _contents(read_checkpoint(self._directory))
        except CheckpointError as error:
            return error


def _overwrite(path: Path, data: bytes) -> None:
    # Not write_bytes: where a file is emptied first, some systems wait for the disk.
    with path.open("r+b", buffering=0) as file:
        file.write(data)
        file.truncate()


def _contents(checkpoint: Checkpoint) -> tuple[str, dict[str, dict[str, tuple[str, bytes]]]]:
    # As text, because True equals 1 and 1 equals 1.0.
    arrays = {
        name: {key: (repr((a.dtype, a.shape)), a.tobytes()) for key, a in checkpoint.payload(name).items()}
        for name in checkpoint.payload_names
    }
    return repr(checkpoint.document), arrays


@pytest.fixture
def attack(saved: Path) -> Attack:
    return Attack(saved)


def test_ten_thousand_flipped_bits_are_refused_or_harmless(attack: Attack) -> None:
    rng = np.random.default_rng(0)
    for name, flips in ((JSON, 7_000), (attack.payload, 3_000)):
        for bit in rng.integers(8 * len(attack.bytes[name]), size=flips):
            data = bytearray(attack.bytes[name])
            data[bit // 8] ^= 1 << bit % 8
            attack.put(name, data)
    assert attack.refused + attack.harmless == 10_000
    assert attack.harmless < 20, "only the case of an exponent or of an escape may change"


def zero_a_block(data: bytearray, start: int, stop: int) -> bytes:
    return data[:start] + bytes(stop - start) + data[stop:]


def lose_a_block(data: bytearray, start: int, stop: int) -> bytes:
    return data[:start] + data[stop:]


def repeat_a_block(data: bytearray, start: int, stop: int) -> bytes:
    return data[:stop] + data[start:]


def reverse_a_block(data: bytearray, start: int, stop: int) -> bytes:
    return data[:start] + data[start:stop][::-1] + data[stop:]


@pytest.mark.parametrize("damage", [zero_a_block, lose_a_block, repeat_a_block, reverse_a_block])
def test_damaged_blocks_are_refused_or_harmless(attack: Attack, damage: Callable[[bytearray, int, int], bytes]) -> None:
    rng = np.random.default_rng(1)
    for name, data in attack.bytes.items():
        for _ in range(200):
            start, stop = sorted(rng.choice(len(data) + 1, size=2, replace=False))
            attack.put(name, damage(bytearray(data), start, stop))
    assert attack.refused > attack.harmless


def test_a_json_cut_off_at_any_byte_is_refused(attack: Attack) -> None:
    data = attack.bytes[JSON]
    for length in range(len(data)):
        attack.put(JSON, data[:length])
    assert attack.harmless == 1, "without its last line break"


def test_a_payload_cut_off_at_any_byte_of_its_header_or_body_is_refused(attack: Attack) -> None:
    data = attack.bytes[attack.payload]
    for length in range(len(data)):
        attack.put(attack.payload, data[:length])
    assert attack.harmless == 0


def test_exchanged_files_are_refused(attack: Attack) -> None:
    attack.put(JSON, attack.bytes[attack.payload])
    attack.put(attack.payload, attack.bytes[JSON])
    assert attack.harmless == 0


def test_a_forged_header_of_a_payload_is_refused_or_gives_arrays(attack: Attack) -> None:
    rng, data, refused = np.random.default_rng(2), attack.bytes[attack.payload], 0
    header = 8 + int.from_bytes(data[:8], "little")
    for bits in rng.integers(8 * header, size=(2_000, 2)):
        forged = bytearray(data)
        for bit in bits:
            forged[bit // 8] ^= 1 << bit % 8
        try:
            decode_payload(bytes(forged), "a payload that was signed again")
        except CheckpointError:
            refused += 1
    assert refused > 1_500


def test_a_payload_of_a_terabyte_is_refused_without_reading_it(saved: Path) -> None:
    (payload,) = saved.glob("state-*")
    with payload.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(CheckpointError, match=rf"bytes in .*{payload.name}, got {2**40}\. "):
        read_checkpoint(saved)


# In a process of its own, which may have four gigabytes: some systems promise any number of them.
READ = """
import resource, sys
from rlmodule_core import CheckpointError
from rlmodule_core.checkpoint import read_checkpoint
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
try:
    read_checkpoint(sys.argv[1])
except CheckpointError as error:
    print(error)
"""


def test_a_json_of_a_terabyte_is_refused(saved: Path) -> None:
    with (saved / JSON).open("r+b") as file:
        file.truncate(2**40)
    done = subprocess.run([sys.executable, "-c", READ, str(saved)], check=True, capture_output=True, text=True)
    assert f"Expected to read a checkpoint from {saved}, got MemoryError" in done.stdout
