"""The one JSON of a checkpoint: strict, with a digest of its own content."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.errors import CheckpointError

DIGEST = "digest"


def to_plain(value: Any, path: str = "") -> Any:
    """Copy the value into dicts, lists and scalars that strict JSON holds; numpy's scalars become Python's.

    Raises:
        CheckpointError: something in it has no JSON form; the text names its key path.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return {_key(key, path): to_plain(item, f"{path}.{key}" if path else key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, f"{path}[{i}]") for i, item in enumerate(value)]
    raise CheckpointError(
        f"Expected a value that JSON holds (null, bool, int, finite float, str, list, dict) at {path!r}, "
        f"got {value!r} ({type(value).__name__}). Replace it, or leave it out of what is saved."
    )


def _key(key: Any, path: str) -> str:
    if isinstance(key, str):
        return key
    raise CheckpointError(
        f"Expected only str keys in the mapping at {path!r}, because JSON has no others, "
        f"got {key!r} ({type(key).__name__}). Rename the key."
    )


def encode_document(content: Mapping[str, Any]) -> bytes:
    """The file's bytes: the plain content and its digest, readable by people.

    Raises:
        CheckpointError: the content cannot be written as strict JSON.
    """
    try:
        signed = {**content, DIGEST: digest_of(content)}
        return (json.dumps(signed, indent=2, allow_nan=False) + "\n").encode("ascii")
    except ValueError as error:
        raise CheckpointError(f"Expected content that strict JSON holds, got: {error}. Replace it.") from error


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of everything but the digest itself."""
    unsigned = {key: value for key, value in content.items() if key != DIGEST}
    canonical = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def decode_document(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in these bytes, digest not yet checked.

    Raises:
        CheckpointError: truncated, no JSON, not strict JSON, or not an object.
    """
    try:
        content = json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"Expected a whole JSON document in {where}, got {len(data)} bytes, truncated or damaged: "
            f"{error}. Restore the checkpoint from a copy, or use another one."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"Expected a JSON object in {where}, got a {type(content).__name__}. "
            "The file is no checkpoint of rlmodule; give the directory of one."
        )
    return content


def check_digest(content: Mapping[str, Any], where: str) -> None:
    """Refuse content that was changed after it was written.

    Raises:
        CheckpointError: the digest is missing or another one.
    """
    recorded = content.get(DIGEST)
    try:
        actual = digest_of(content)
    except (ValueError, RecursionError) as error:
        # A number such as 1e999 parses as infinity; what was just shallow enough to parse may be too deep to write.
        actual = f"none ({error})"
    if recorded != actual:
        raise CheckpointError(
            f"Expected the content of {where} to have the digest {recorded!r} that it records, "
            f"got {actual!r}. The file was damaged or edited: "
            "restore the checkpoint from a copy, or save it again."
        )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return content


def _refuse_constant(token: str) -> float:
    raise ValueError(f"{token} is no number of strict JSON")
