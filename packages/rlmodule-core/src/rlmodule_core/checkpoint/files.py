"""Files of a checkpoint directory: replaced as a whole, synced, and never read through a way out."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from rlmodule_core.errors import CheckpointError

_TEMPORARY = re.compile(r"\.rlmodule-([0-9a-f]{16})\.tmp")


@contextlib.contextmanager
def os_errors_named(doing: str) -> Iterator[None]:
    """Turn an OSError of the block into a CheckpointError that says what was being done.

    Raises:
        CheckpointError: the operating system refused, or a file does not fit into memory.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise CheckpointError(
            f"Expected to {doing}, got {type(error).__name__}: {error}. "
            "Check the path, its permissions and the free space, then try again."
        ) from error


def as_directory(directory: object) -> Path:
    """The path of a checkpoint directory.

    Raises:
        CheckpointError: it is no path, or an empty one, which would mean the current directory.
    """
    path = os.fspath(directory) if isinstance(directory, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise CheckpointError(
            f"Expected the path of a checkpoint directory, got {directory!r}. Give one such as 'runs/mine'; '.' stands "
            "for the current directory."
        )
    return Path(path)


def write_file(path: Path, data: bytes) -> None:
    """Put the file there in one step, synced; an equal file that is there already is kept.

    Raises:
        OSError: it could not be written; what was there before is whole.
    """
    if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
        return
    temporary = path.with_name(f".rlmodule-{secrets.token_hex(8)}.tmp")
    try:
        # Plain open, not tempfile: its files are for the owner alone, whatever the umask says.
        with temporary.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Make the directory and those above it that are missing, all of them synced.

    Raises:
        OSError: one could not be made.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    if missing:
        directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in the directory survive a power cut, where the system can.

    Raises:
        OSError: the directory could not be opened or synced.
    """
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def claim(directory: Path, payload: str) -> None:
    """Say that a payload is ours, so that `sweep` knows it when no JSON names it, even after this process was killed.

    Raises:
        OSError: it could not be written.
    """
    digits = payload.removeprefix("state-").removesuffix(".safetensors")
    (directory / f".rlmodule-{digits}.tmp").touch()


def sweep(directory: Path, *, keep: Collection[str]) -> None:
    """Remove temporary files, and the claimed payloads that are not in `keep`.

    Raises:
        OSError: the directory cannot be listed. A file that cannot be removed waits for the next sweep.
    """
    for match in [match for path in directory.iterdir() if (match := _TEMPORARY.fullmatch(path.name))]:
        payload = f"state-{match[1]}.safetensors"
        with contextlib.suppress(OSError):
            # The claim goes last: a sweep that is cut short is taken up by the next.
            if payload not in keep:
                (directory / payload).unlink(missing_ok=True)
            (directory / match[0]).unlink()


def read_inside(directory: Path, name: str, *, size: int | None = None) -> bytes:
    """Read a regular file that really lies in the directory.

    Args:
        directory: where it lies.
        name: its name there.
        size: how many bytes it must have, where that is known: of another file none is read.

    Raises:
        FileNotFoundError: it is not there.
        OSError: the system refuses to read it.
        CheckpointError: it is no regular file, has another size, or is a link that leads out of the directory.
    """
    path = directory / name
    if os.path.dirname(os.path.realpath(path)) != os.path.realpath(directory):
        raise CheckpointError(
            f"Expected {name} to lie in {directory}, got a link to {os.path.realpath(path)}, outside. "
            "Copy the file into the directory."
        )
    # Before opening: opening a pipe would wait for a writer.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"Expected a regular file at {path}, got something else. Remove or replace it.")
    if size is not None and status.st_size != size:
        raise CheckpointError(
            f"Expected {size} bytes in {path}, got {status.st_size}. The file was damaged: restore the checkpoint from "
            "a copy, or use another one."
        )
    return path.read_bytes()
