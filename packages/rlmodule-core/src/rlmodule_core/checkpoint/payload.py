"""A payload: a flat dict of arrays as safetensors bytes, named by their hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from rlmodule_core.errors import CheckpointError

PAYLOAD_FILE = re.compile(r"state-[0-9a-f]{16}\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# What numpy reads back from every safetensors version that we allow; the newest writes more.
_DTYPES = frozenset(("bool", *_INTEGERS, "float16", "float32", "float64"))
# In the header of a safetensors file this name means something else.
_RESERVED = "__metadata__"


@dataclass(frozen=True)
class PayloadRecord:
    """What the JSON knows of one payload: its file, its full SHA-256 and its size in bytes."""

    file: str
    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> PayloadRecord:
        """The record of these bytes."""
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(file=_file_name(sha256), sha256=sha256, size=len(data))

    @classmethod
    def from_dict(cls, data: Any, where: str) -> PayloadRecord:
        """Read a record, trusting nothing: the file can only be a payload's, beside the JSON.

        Raises:
            CheckpointError: the record is damaged, foreign, or names a file outside the directory.
        """
        if not isinstance(data, dict) or set(data) != {"file", "sha256", "size"}:
            raise _foreign(where, "an object with file, sha256 and size", data)
        record = cls(**data)
        if not isinstance(record.sha256, str) or _SHA256.fullmatch(record.sha256) is None:
            raise _foreign(f"{where}.sha256", "64 hexadecimal digits", record.sha256)
        if type(record.size) is not int or record.size < 0:
            raise _foreign(f"{where}.size", "a number of bytes", record.size)
        if record.file != _file_name(record.sha256):
            raise _foreign(f"{where}.file", f"{_file_name(record.sha256)!r}, in this directory", record.file)
        return record

    def to_dict(self) -> dict[str, Any]:
        """The record as the JSON holds it."""
        return asdict(self)

    def check(self, data: bytes, where: str) -> None:
        """Refuse bytes that are not the recorded ones.

        Raises:
            CheckpointError: another SHA-256.
        """
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.sha256:
            raise _damaged(where, f"SHA-256 {self.sha256}", actual)


def encode_payload(arrays: Mapping[str, np.ndarray[Any, Any]], name: str) -> bytes:
    """Safetensors bytes of arrays that passed `check_arrays`, equal for equal arrays in any order.

    Raises:
        CheckpointError: safetensors refused them.
    """
    try:
        return safetensors.numpy.save({key: _storable(array) for key, array in arrays.items()})
    except (SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"Expected payload {name!r} to be storable as safetensors, got: {error}. Change what is saved."
        ) from error


def check_arrays(arrays: Mapping[str, np.ndarray[Any, Any]], name: str) -> None:
    """Refuse what safetensors and numpy do not write and read back.

    Raises:
        CheckpointError: a value that is no numpy array, an unsupported dtype, an illegal name.
    """
    for key, array in arrays.items():
        if not isinstance(key, str) or key == _RESERVED:
            raise _unstorable(name, key, f"a str other than {_RESERVED!r} as its name", repr(key))
        if not isinstance(array, np.ndarray | np.generic):
            raise _unstorable(name, key, "a numpy array", type(array).__name__)
        if array.dtype.name not in _DTYPES:
            raise _unstorable(name, key, f"a dtype of {', '.join(sorted(_DTYPES))}", str(array.dtype))


def decode_payload(data: bytes, where: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays in these bytes by name, sorted; each is writable and owned by the caller.

    Raises:
        CheckpointError: the bytes are no safetensors that numpy holds.
    """
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(where, "a safetensors file", f"{type(error).__name__}: {error}") from error
    return {key: arrays[key] for key in sorted(arrays)}


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # safetensors copies raw memory: it ignores strides, and mislabels foreign byte orders on some machines.
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _file_name(sha256: str) -> str:
    return f"state-{sha256[:16]}.safetensors"


def _damaged(where: str, expected: str, got: str) -> CheckpointError:
    return CheckpointError(
        f"Expected {expected} in {where}, got {got}. The file was damaged: restore the checkpoint "
        "from a copy, or use another one."
    )


def _foreign(where: str, expected: str, got: Any) -> CheckpointError:
    return CheckpointError(
        f"Expected {expected} in {where}, got {got!r}. This version of rlmodule did not write that: "
        "restore the checkpoint from a copy, or use another one."
    )


def _unstorable(payload: str, key: Any, expected: str, got: str) -> CheckpointError:
    return CheckpointError(
        f"Expected array {key!r} of payload {payload!r} to be or have {expected}, got {got}. "
        "Convert it to a plain numpy array before saving."
    )
