"""A checkpoint on disk: a directory with one JSON, which is the commit point, and hashed payloads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlmodule_core.checkpoint.document import decode_document, encode_document, to_plain
from rlmodule_core.checkpoint.files import (
    as_directory,
    claim,
    make_directory,
    os_errors_named,
    read_inside,
    sweep,
    write_file,
)
from rlmodule_core.checkpoint.layout import FORMAT as FORMAT
from rlmodule_core.checkpoint.layout import KINDS, RESERVED, check_header, json_name, payload_files
from rlmodule_core.checkpoint.layout import Kind as Kind
from rlmodule_core.checkpoint.payload import PayloadRecord, check_arrays, decode_payload, encode_payload
from rlmodule_core.errors import CheckpointError, ConfigError

_TRIES = 5


@dataclass(frozen=True)
class Checkpoint:
    """One whole checkpoint as it stood when it was read; what is written there later does not change it."""

    directory: Path
    kind: Kind
    document: dict[str, Any]
    """The keys that the caller of `write_checkpoint` gave, not the store's own."""
    _payloads: Mapping[str, bytes] = field(repr=False)

    @property
    def payload_names(self) -> tuple[str, ...]:
        """The names of the payloads, in the order in which they were written."""
        return tuple(self._payloads)

    def payload(self, name: str) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays of one payload by name: writable copies, parsed from the bytes whose hash was checked.

        Raises:
            CheckpointError: there is no such payload, or its bytes are no safetensors.
        """
        if name not in self._payloads:
            there = ", ".join(self._payloads) if self._payloads else "none"
            raise CheckpointError(
                f"Expected a payload {name!r} in {self.directory}, got {there}. Use a name that is there."
            )
        return decode_payload(self._payloads[name], f"payload {name!r} of {self.directory}")

    def verify(self) -> None:
        """Parse every payload, so that nothing can fail after the first one is in use.

        Raises:
            CheckpointError: a payload's bytes are no safetensors.
        """
        for name in self._payloads:
            self.payload(name)


def write_checkpoint(
    directory: str | Path,
    *,
    kind: Kind,
    document: Mapping[str, Any],
    payloads: Mapping[str, Mapping[str, np.ndarray[Any, Any]]],
) -> Path:
    """Save the document and the arrays; killed at any moment, the old or the new checkpoint is there, whole.

    One writer at a time: two of them in one directory would sweep each other's payloads. Foreign
    files are left alone: only what a checkpoint here named, or a writer that was killed left, is swept.

    Returns:
        The directory.

    Raises:
        CheckpointError: something cannot be stored, the path is empty, the directory holds a checkpoint of
            the other kind or a JSON of that name that is no checkpoint's, or the system refused to write.
        ConfigError: the kind is unknown, or the document has a key of the store's own.
    """
    content = _content(document, kind=kind, names=tuple(payloads))
    for name, arrays in payloads.items():
        check_arrays(arrays, name)
    directory = as_directory(directory)
    with os_errors_named(f"write a checkpoint to {directory}"):
        _prepare(directory, kind)
        replaced = _payloads_of(directory, kind)
        try:
            for payload in replaced:
                claim(directory, payload)
            records = {name: _write_payload(directory, arrays, name) for name, arrays in payloads.items()}
            content["payloads"] = {name: record.to_dict() for name, record in records.items()}
            write_file(directory / json_name(kind), encode_document(content))
        finally:
            # What the JSON names that is there now, be it the new one or the old one, is kept. Where it cannot be read,
            # nothing is swept: the claims stay for the next save.
            with contextlib.suppress(OSError, CheckpointError):
                sweep(directory, keep=_payloads_of(directory, kind))
    return directory


def read_checkpoint(directory: str | Path, *, kinds: Sequence[Kind] = KINDS) -> Checkpoint:
    """Read a checkpoint of one of these kinds, whole, and check all of it before any of it is used.

    Size and SHA-256 are checked on the very bytes that are parsed later. A writer that commits a
    new checkpoint meanwhile is no error: the new one is read.

    Raises:
        CheckpointError: missing, damaged, foreign, of another kind, or written by a newer version.
    """
    directory = as_directory(directory)
    seen = set()
    with os_errors_named(f"read a checkpoint from {directory}"):
        for _ in range(_TRIES):
            kind = _find(directory, kinds)
            data = read_inside(directory, json_name(kind))
            try:
                return _read_payloads(directory, kind, data)
            except FileNotFoundError as error:
                missing = error.filename
                seen.add(data)
    if len(seen) == 1:
        raise CheckpointError(
            f"Expected the payload {missing}, named by {json_name(kind)}, got no such file. "
            "Restore the checkpoint from a copy, or use another one."
        )
    raise CheckpointError(
        f"Expected {directory} to rest while it is read, got a new checkpoint {_TRIES} times. "
        "Save less often, or read another one."
    )


def _content(document: Mapping[str, Any], *, kind: Kind, names: Sequence[str]) -> dict[str, Any]:
    if kind not in KINDS:
        raise ConfigError(f"Expected kind to be one of {', '.join(KINDS)}, got {kind!r}. Use one of them.")
    clash = [key for key in RESERVED if key in document]
    if clash:
        raise ConfigError(
            f"Expected a document without the store's own keys ({', '.join(RESERVED)}), "
            f"got {', '.join(clash)}. Rename them."
        )
    own = {"format": FORMAT, "kind": kind, "payloads": dict.fromkeys(names)}
    content = _plain({**own, **document})
    # Only to fail before anything is written.
    encode_document(content)
    return content


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = to_plain(document)
        return plain
    except RecursionError as error:
        raise CheckpointError(
            "Expected a document that ends, got one that is nested too deeply or contains itself. Flatten it."
        ) from error


def _prepare(directory: Path, kind: Kind) -> None:
    if directory.exists() and not directory.is_dir():
        raise CheckpointError(f"Expected a directory to save to, got the file {directory}. Choose another path.")
    for other in KINDS:
        if other != kind and (directory / json_name(other)).exists():
            raise CheckpointError(
                f"Expected a new directory or one with {json_name(kind)}, got {directory} with "
                f"{json_name(other)}: it holds a checkpoint of kind {other!r}. Choose another directory."
            )
    make_directory(directory)


def _payloads_of(directory: Path, kind: Kind) -> set[str]:
    """The payloads of the checkpoint that is there; none where there is none.

    Raises:
        CheckpointError: a file of the JSON's name is no checkpoint's.
    """
    path = directory / json_name(kind)
    try:
        # Not exists(), which may take an unreadable file for a missing one: its payloads would be swept.
        os.lstat(path)
    except FileNotFoundError:
        return set()
    try:
        content = decode_document(read_inside(directory, path.name), str(path))
        return payload_files(content, kind=kind, where=str(path))
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} is no checkpoint of rlmodule's, so it is not replaced. Choose another directory to save to, or "
            f"move the file away. ({error})"
        ) from error


def _write_payload(directory: Path, arrays: Mapping[str, np.ndarray[Any, Any]], name: str) -> PayloadRecord:
    data = encode_payload(arrays, name)
    record = PayloadRecord.of(data)
    claim(directory, record.file)
    write_file(directory / record.file, data)
    return record


def _read_payloads(directory: Path, kind: Kind, data: bytes) -> Checkpoint:
    """The checkpoint that this JSON describes.

    Raises:
        FileNotFoundError: a payload is not there: it was lost, or a writer has committed another checkpoint.
        CheckpointError: the JSON or a payload is damaged.
    """
    where = str(directory / json_name(kind))
    content = decode_document(data, where)
    check_header(content, kind=kind, where=where)
    records = {key: PayloadRecord.from_dict(it, f"{where}, payloads.{key}") for key, it in content["payloads"].items()}
    payloads = {key: _read_payload(directory, record, key) for key, record in records.items()}
    document = {key: value for key, value in content.items() if key not in RESERVED}
    return Checkpoint(directory, kind, document, payloads)


def _find(directory: Path, kinds: Sequence[Kind]) -> Kind:
    if not directory.is_dir():
        got = "a file" if directory.exists() else "nothing there"
        raise CheckpointError(
            f"Expected a checkpoint directory at {directory}, got {got}. Give the directory that was saved to."
        )
    expected = " or ".join(json_name(kind) for kind in kinds)
    found = [kind for kind in KINDS if (directory / json_name(kind)).exists()]
    if not found:
        raise CheckpointError(f"Expected {expected} in {directory}, got neither. Give the directory that was saved to.")
    if len(found) > 1:
        raise CheckpointError(
            f"Expected one checkpoint in {directory}, got {' and '.join(map(json_name, found))}. "
            "Move one of them, with its payloads, to a directory of its own."
        )
    if found[0] not in kinds:
        raise CheckpointError(
            f"Expected {expected} in {directory}, got {json_name(found[0])}: "
            f"a checkpoint of kind {found[0]!r}. "
            "Load it with the class that saved it, or give another directory."
        )
    return found[0]


def _read_payload(directory: Path, record: PayloadRecord, name: str) -> bytes:
    data = read_inside(directory, record.file, size=record.size)
    record.check(data, f"{directory / record.file} (payload {name!r})")
    return data
