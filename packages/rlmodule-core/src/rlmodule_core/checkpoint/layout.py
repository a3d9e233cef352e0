"""What the store's own keys in the JSON mean, and how a reader checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from rlmodule_core.checkpoint.document import DIGEST, check_digest
from rlmodule_core.checkpoint.payload import PAYLOAD_FILE
from rlmodule_core.errors import CheckpointError

FORMAT: Final = 1
"""The layout that this version writes, and the newest that it reads."""

Kind = Literal["rl_module", "algorithm"]
"""What a checkpoint holds; its JSON is called `<kind>.json`."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
RESERVED: Final = ("format", "kind", "payloads", "digest")
"""The store's own keys."""


def json_name(kind: Kind) -> str:
    """The file name of the JSON."""
    return f"{kind}.json"


def check_header(content: Mapping[str, Any], *, kind: Kind, where: str) -> None:
    """Refuse a JSON that this version does not read, that was changed, or that has another's name.

    Raises:
        CheckpointError: as said.
    """
    # First of all: a newer format may compute its digest in another way.
    _check_format(content, where)
    check_digest(content, where)
    if content.get("kind") != kind:
        raise CheckpointError(
            f"Expected kind {kind!r} in {where}, got {content.get('kind')!r}. "
            "The file was renamed: give it its own name again."
        )
    if not isinstance(content.get("payloads"), dict):
        raise CheckpointError(
            f"Expected an object 'payloads' in {where}, got {content.get('payloads')!r}. "
            "This version of rlmodule did not write that: use another checkpoint."
        )


def payload_files(content: Mapping[str, Any], *, kind: Kind, where: str) -> set[str]:
    """The payloads that a JSON names, whether or not it is whole.

    Raises:
        CheckpointError: it is no JSON of a checkpoint of this kind.
    """
    payloads = content.get("payloads")
    if content.get("kind") != kind or DIGEST not in content or not isinstance(payloads, dict):
        raise CheckpointError(f"Expected {where} to be the JSON of a checkpoint of kind {kind!r}, got another one.")
    named = [record.get("file") for record in payloads.values() if isinstance(record, dict)]
    return {name for name in named if isinstance(name, str) and PAYLOAD_FILE.fullmatch(name)}


def _check_format(content: Mapping[str, Any], where: str) -> None:
    found = content.get("format")
    if type(found) is not int or found < 1:
        raise CheckpointError(
            f"Expected a format number from 1 to {FORMAT} in {where}, "
            f"got {repr(found) if 'format' in content else 'none'}. "
            "The file is no checkpoint of rlmodule, or it is damaged: use another one."
        )
    if found > FORMAT:
        raise CheckpointError(
            f"{where} was written by a newer rlmodule: format {found}, this version reads up to {FORMAT}. "
            "Upgrade it: pip install --upgrade rlmodule-core"
        )
