"""Bytes by path or URI: what the user names is opened, what a file mentions is resolved inside a root."""

from __future__ import annotations

import contextlib
import mmap
import os
import posixpath
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote

import pyarrow as pa

from lvtools.atomic import write_atomically
from lvtools.compressed import compression_of, packed, unpacked
from lvtools.errors import ArgumentError, ObjectError

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview  # and any other buffer

_SPOOL_BYTES = 64 * 2**20  # larger results wait on disk
_SPOOL_BLOCK_BYTES = 8 * 2**20
MAX_OBJECT_BYTES = 256 * 2**20  # images end at 40 MB (Ground Truth), mask blobs at 5 MB: more is a mistake or an attack
_REMOTE = re.compile(r"(s3|gs|gcs|az|abfs|abfss)://", re.IGNORECASE)
_ARROW_OPTIONS = re.compile(r"\?[a-z_]+=[^&/]*(?:&[a-z_]+=[^&/]*)*\Z|\?endpoint_override=.*\Z")
_PLAIN_IN_KEYS = "/@:!$&'()*+,;=~"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_packed(name: str) -> bool:
    """Is the file unpacked on the way, so that places in it cannot be asked for?"""
    return compression_of(name) is not None


def is_remote(source: object) -> bool:
    """Does this name an object in a bucket?"""
    return isinstance(source, str) and _REMOTE.match(source) is not None


def origin_of(source: object) -> str:
    """How messages call a source."""
    if not isinstance(source, (str, os.PathLike)):
        return "<bytes>"
    # A name that is not UTF-8 comes as half surrogates, which neither Arrow nor JSON can hold.
    name = os.fspath(source)
    return "<stdin>" if name == "-" else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_source(source: Source) -> bytes:
    """All bytes of a source: a path, `-` for standard input, an s3://, gs:// or az:// URI, or bytes themselves.

    Raises
    ------
    ObjectError
        It is missing, a folder, or cannot be read; one sentence says which.
    """
    if isinstance(source, bytes):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return bytes(_view(source))
    # Read, not memory-mapped: a mapped file that somebody shortens meanwhile kills the process with SIGBUS.
    with open_source(source) as stream, _reading(source):
        return stream.read()


def read_blocks(source: Source, block_bytes: int) -> Iterator[bytes]:
    """The same bytes in pieces of at most `block_bytes`, for what must run in constant memory."""
    if not isinstance(source, (str, os.PathLike)):
        view = _view(source)
        yield from (bytes(view[at : at + block_bytes]) for at in range(0, len(view), block_bytes))
        return
    with open_source(source) as stream:
        while True:
            with _reading(source):
                block = stream.read(block_bytes)
            if not block:
                return
            yield block


@contextlib.contextmanager
def _reading(source: object) -> Iterator[None]:
    """A source that opens may still fail: a folder on standard input, a disk with bad blocks."""
    try:
        yield
    except OSError as error:
        raise ObjectError(_reason(error), path=origin_of(source)) from None


def _view(source: object) -> memoryview:
    try:
        return memoryview(source).cast("B")  # type: ignore[arg-type]
    except TypeError:
        kind = type(source).__name__
        raise ArgumentError(f"cannot read from a {kind}", hint="give a path, a URI, '-' or bytes") from None


def open_source(source: str | os.PathLike[str]) -> BinaryIO:
    """Open what the user named, for reading; a context manager. Names in .gz or .zst are unpacked on the way."""
    name = os.fspath(source)
    try:
        if name == "-":
            if sys.stdin is None:
                raise ObjectError("standard input is closed", path=origin_of("-"))
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb") if _has_descriptor(sys.stdin) else sys.stdin.buffer
        if is_remote(name):
            filesystem, path = _remote_filesystem(name)
            return unpacked(filesystem.open_input_stream(path, compression=None), name)
        if name.startswith("file://"):
            name = name[len("file://") :]
        return unpacked(open(name, "rb"), name)
    except ObjectError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ObjectError(_reason(error), path=origin_of(source), hint=_hint(error, name)) from None


def write_object(dest: str | os.PathLike[str], pieces: bytes | Iterable[bytes]) -> None:
    """Write what `open_source` reads: a path, `-` for standard output, or an s3://, gs:// or az:// URI.

    A local file is there whole or not at all (see `atomic`). For the others all pieces are made before the first byte
    is sent, so that an error in making them sends nothing. Names that end in .gz or .zst are packed on the way.

    Raises
    ------
    ObjectError
        The place does not exist, or the system refuses.
    """
    name = os.fspath(dest)
    stream: Iterable[bytes] = (pieces,) if isinstance(pieces, bytes) else pieces
    if name == "-":
        with _spooled(stream) as spool:
            for block in spool.blocks():
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    elif is_remote(name):
        with _spooled(packed(stream, name)) as spool:
            _write_remote(name, spool)
    else:
        name = name.removeprefix("file://")
        if os.path.exists(name) and not os.path.isfile(name):  # a pipe, a device: what is sent cannot be taken back
            with _spooled(packed(stream, name)) as spool:
                write_atomically(name, spool.blocks())
        else:
            write_atomically(name, packed(stream, name))


class Spool:
    """Bytes that wait until all of them exist: in memory when they are few, else in a file that no crash leaves behind.

    A context manager.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Add to the end."""
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(data)
        except OSError as error:
            raise ObjectError(
                f"what waits on disk cannot be written: {error.strerror or error}",
                path=tempfile.gettempdir(),
                hint="TMPDIR names another place",
            ) from None

    def blocks(self, block_bytes: int = _SPOOL_BLOCK_BYTES) -> Iterator[bytes]:
        """All of it, from the start."""
        at = 0
        while block := self.at(at, block_bytes):
            at += len(block)
            yield block

    @contextmanager
    def whole(self) -> Iterator[bytes | mmap.mmap]:
        """All of it at once; what lies on disk is mapped, not read (nobody else has the file)."""
        size = self._file.seek(0, os.SEEK_END)
        if size <= _SPOOL_BYTES:
            yield self.at(0, size)
            return
        self._file.flush()
        with mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ) as data:
            yield data

    def clear(self) -> None:
        """Start anew."""
        self._file.seek(0)
        self._file.truncate()

    def at(self, start: int, size: int) -> bytes:
        """The bytes at a place."""
        self._file.seek(start)
        return self._file.read(size)


@contextmanager
def _spooled(pieces: Iterable[bytes]) -> Iterator[Spool]:
    """The same bytes, once all of them exist."""
    with Spool() as spool:
        for piece in pieces:
            spool.write(piece)
        yield spool


def _write_remote(name: str, spool: Spool) -> None:
    """Send what is in the spool, in one call: Arrow closes a stream, and thereby keeps what was sent so far, even when
    Ctrl-C ends the work between two calls."""
    try:
        filesystem, path = _remote_filesystem(name)
        # compression=None: Arrow would pack names in .gz once more.
        with spool.whole() as data, filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(data)
    except ObjectError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ObjectError(f"cannot be written: {reason}", path=name) from None


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, a file is needed"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


def _hint(error: Exception, name: str) -> str | None:
    if isinstance(error, IsADirectoryError) and name != "-":
        inside = sorted(p.name for p in Path(name).glob("*.manifest"))
        return f"did you mean {posixpath.join(name, inside[0])}?" if inside else "name the manifest inside it"
    if isinstance(error, FileNotFoundError) and not is_remote(name):
        parent = Path(name).parent
        if not parent.is_dir():
            return f"the folder {parent} does not exist either"
    return None


def _remote_filesystem(uri: str) -> tuple[Any, str]:
    from pyarrow import fs  # 20 ms that local users need not pay

    filesystem, path = fs.FileSystem.from_uri(_arrow_uri(uri))
    return filesystem, path


def list_remote(uri: str) -> Iterator[str]:
    """The objects at a URI and below it, as URIs, in the order of their names; one folder's names are held at a time.

    Raises
    ------
    ObjectError
        There is nothing, or the bucket cannot be looked at.
    """
    from pyarrow import fs

    base, mark, query = uri.partition("?")
    base = base.rstrip("/")

    def below(folder: str) -> Iterator[str]:
        for info in sorted(filesystem.get_file_info(fs.FileSelector(folder)), key=lambda info: info.base_name):
            if info.type == fs.FileType.Directory:
                yield from below(info.path)
            elif info.type == fs.FileType.File:
                yield f"{base}{info.path[len(path) :]}{mark}{query}"

    try:
        filesystem, path = _remote_filesystem(uri)
        path = path.rstrip("/")
        kind = filesystem.get_file_info(path).type
        if kind == fs.FileType.Directory:
            yield from below(path)
        elif kind == fs.FileType.File:
            yield uri
        else:
            raise ObjectError("there is nothing of this name", path=uri)
    except ObjectError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ObjectError(_reason(error), path=uri) from None


def remote_version(uri: str) -> tuple[int, int] | None:
    """Size in bytes and time of the last change in ns of an object; None when that cannot be told."""
    try:
        filesystem, path = _remote_filesystem(uri)
        info = filesystem.get_file_info(path)
    except (OSError, ValueError, pa.ArrowException):
        return None
    return None if info.size is None or info.mtime_ns is None else (info.size, info.mtime_ns)


def _arrow_uri(uri: str) -> str:
    """What Arrow has to be given to open just this object.

    A key stands as it is: Arrow would decode a '%', cut a key off at '#', and refuse blanks and letters beyond ASCII.
    Arrow's own options behind a '?' (`?region=eu-west-1`, `?endpoint_override=...`) are passed on.
    """
    scheme, _, rest = uri.partition("://")
    options = _ARROW_OPTIONS.search(rest)
    path, tail = (rest, "") if options is None else (rest[: options.start()], options[0])
    scheme = scheme.lower()
    if scheme == "az":  # az://container/path, as fsspec and the Azure command line have it; Arrow wants the account
        account = os.environ.get("AZURE_STORAGE_ACCOUNT") or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
        if not account:
            raise ObjectError(
                "no storage account is named",
                path=uri,
                hint="set AZURE_STORAGE_ACCOUNT, or write abfss://container@account.dfs.core.windows.net/path",
            )
        container, _, key = path.partition("/")
        scheme, path = "abfss", f"{container}@{account}.dfs.core.windows.net/{key}"
    return f"{scheme}://{quote(path, safe=_PLAIN_IN_KEYS)}{tail}"


class Objects:
    """The images and masks that a manifest mentions, found under one root: a local folder, or a bucket with a prefix.

    A local folder stands in for S3. `s3://bucket/a/b.png` is looked for as `ROOT/bucket/a/b.png`, `ROOT/a/b.png`,
    then `ROOT/b.png`: the longest tail of the key that exists. Relative references start at the root. Nothing outside
    the root is ever read, whatever a reference says and wherever a symbolic link points.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        self._remote: tuple[Any, str] | None = None
        if is_remote(self.root):
            try:
                self._remote = _remote_filesystem(self.root.rstrip("/"))
            except ObjectError:
                raise
            except (OSError, ValueError, pa.ArrowException) as error:
                raise ObjectError(_reason(error), path=self.root) from None
        else:
            self._real = os.path.realpath(self.root)
            if not os.path.isdir(self._real):
                raise ObjectError(
                    "there is no such folder", path=self.root, hint="name the folder that holds the images"
                )

    def locate(self, ref: str) -> str | None:
        """Where a reference's bytes lie: a local path or a path in the bucket; None when nothing is there.

        Raises
        ------
        ObjectError
            The reference leads out of the root.
        """
        if self._remote is not None:
            return self._locate_remote(ref)
        for tail in _tails(ref):
            path = os.path.realpath(os.path.join(self._real, tail))
            if path != self._real and not path.startswith(self._real.rstrip(os.sep) + os.sep):
                raise ObjectError(
                    f"the reference {ref!r} leads out of {self.root}",
                    hint="references are followed inside that folder only",
                )
            if os.path.isfile(path):
                return path
        return None

    def _locate_remote(self, ref: str) -> str | None:
        assert self._remote is not None  # noqa: S101 - the type checker's sake
        _, base = self._remote
        if is_remote(ref):
            path = _SCHEME.sub("", ref, count=1)
            if path != base and not path.startswith(base.rstrip("/") + "/"):
                raise ObjectError(
                    f"the reference {ref!r} lies outside {self.root}", hint="name a root that holds all images"
                )
        else:
            path = posixpath.join(base, *_parts(ref))
        if ".." in path.split("/"):
            raise ObjectError(f"the reference {ref!r} leads out of {self.root}")
        return path

    def open(self, ref: str) -> BinaryIO:
        """Open a reference for reading at any place (`seek` works); a context manager.

        Raises
        ------
        ObjectError
            It is missing, unreadable, or outside the root.
        """
        path = self.locate(ref)
        if path is None:
            raise self._missing(ref)
        try:
            if self._remote is not None:
                return self._remote[0].open_input_file(path)  # type: ignore[no-any-return]
            return open(path, "rb")
        except (OSError, pa.ArrowException) as error:
            raise ObjectError(_reason(error), path=path) from None

    def _missing(self, ref: str) -> ObjectError:
        return ObjectError(
            f"{ref!r} is not under {self.root}",
            hint="--images names the folder or bucket that holds the images and masks",
        )

    def read(self, ref: str, *, limit: int = MAX_OBJECT_BYTES) -> bytes:
        """The bytes of a reference.

        Raises
        ------
        ObjectError
            It is missing, larger than `limit`, unreadable, or outside the root.
        """
        path = self.locate(ref)
        if path is None:
            raise self._missing(ref)
        try:
            if self._remote is not None:
                filesystem, _ = self._remote
                stream: Any = filesystem.open_input_stream(path, compression=None)
            else:
                stream = open(path, "rb")  # noqa: SIM115 - closed by the with below
            with stream:
                data: bytes = stream.read(limit + 1)
        except (OSError, pa.ArrowException) as error:
            raise ObjectError(_reason(error), path=path) from None
        if len(data) > limit:
            raise ObjectError(
                f"larger than {limit:,} bytes", path=path, hint="no image or mask of these services is that large"
            )
        return data


def _parts(ref: str) -> list[str]:
    """The path of a reference in segments; refuses what could climb out."""
    path = _SCHEME.sub("", ref, count=1) if _SCHEME.match(ref) else ref
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in ref or not parts:
        raise ObjectError(f"the reference {ref!r} is not a plain path", hint="'..' and NUL are not followed")
    return parts


def _tails(ref: str) -> Iterator[str]:
    """The places under a local root where a reference may lie, most specific first."""
    parts = _parts(ref)
    if _SCHEME.match(ref) or ref.startswith("/"):
        yield from (os.path.join(*parts[at:]) for at in range(len(parts)))
    else:
        yield os.path.join(*parts)
