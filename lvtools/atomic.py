"""Files that are there whole or not at all: written beside their place, then moved into it.

Who reads the old file while we write goes on reading the old one; a failure, a full disk or Ctrl-C leaves nothing
behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable

from lvtools.errors import LvtoolsError, ObjectError

_MAX_STEM_BYTES = 200  # a file name has 255 bytes at most, and ours gets a random tail


def write_atomically(path: str | os.PathLike[str], data: bytes | bytearray | memoryview | Iterable[bytes]) -> None:
    """Put `data`, or pieces of it that are made while we write, into the file `path`: all of it or nothing.

    A temporary file in the same folder is written and synced, then renamed over `path`, then the folder is synced. An
    existing file keeps its permissions; a symbolic link stays, its target is replaced. What is no regular file
    (/dev/stdout, a pipe) is written to directly: renaming over a device would destroy it.

    Raises
    ------
    ObjectError
        `path` is a folder, its folder is missing, or the system refuses.
    """
    name = os.fspath(path)
    pieces = (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data
    status: os.stat_result | None = None
    try:
        target = os.path.realpath(name)
        status = os.stat(target)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _refusal(error, name) from None
    folder = os.path.dirname(target)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise ObjectError("this is a folder, a file name is needed", path=name, hint="put a file name behind it")
    if not os.path.isdir(folder):
        raise ObjectError(f"the folder {folder} does not exist", path=name, hint="make it first, or name another place")
    if status is not None and not stat.S_ISREG(status.st_mode):
        _write_through(name, pieces)
        return
    stem = os.fsencode(os.path.basename(target))[:_MAX_STEM_BYTES]
    temporary = os.path.join(folder, f".{os.fsdecode(stem)}.{secrets.token_hex(6)}.tmp")
    try:
        # 0o666 through the umask, like any new file; mkstemp's 0o600 would lock colleagues out of a shared folder.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                for piece in pieces:
                    stream.write(piece)
                stream.flush()
                if status is not None:
                    os.chmod(temporary, stat.S_IMODE(status.st_mode))
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:  # Ctrl-C included: nothing may stay behind
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except LvtoolsError:
        raise  # the pieces' own trouble, said in its own words (an ObjectError is an OSError, too)
    except (OSError, ValueError) as error:
        raise _refusal(error, name) from None
    _sync_folder(folder)


def _write_through(name: str, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
    try:
        with open(name, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
    except BrokenPipeError:
        raise  # the reader went away: the command line knows what that means
    except OSError as error:
        raise _refusal(error, name) from None


def _sync_folder(folder: str) -> None:
    """Make the rename survive a power cut. Some systems cannot sync folders: the file is in place all the same."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refusal(error: OSError | ValueError, name: str) -> ObjectError:
    if isinstance(error, PermissionError):
        return ObjectError("no permission to write here", path=name)
    if isinstance(error, ValueError):  # NUL in the name
        return ObjectError(f"this is no file name: {error}", path=name)
    return ObjectError(f"cannot be written: {error.strerror or error}", path=name)
