"""Where masks lie: files, folders, patterns and buckets, listed in an order that is the same every time.

Nothing is opened here, and of a folder with ten million files only the names are held, as one Arrow array.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from lvtools.errors import ArgumentError, ObjectError
from lvtools.objects import is_remote, list_remote

_END = ".png"
_FOLDER = "\0"  # behind a folder's name; no name holds it, and it sorts before all that can follow
_WILD = re.compile(r"[*?[]")
_WILD_REMOTE = re.compile(r"[*[]")  # in a URI ? begins the options
_TOKEN = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_VISIBLE = r"(?!\.)"  # as in a shell, wildcards are not for .hidden names
_COMPACT = 2**16  # names; from here on a folder's names are kept as bytes in a row, at a quarter of the memory


def find_masks(arguments: Iterable[str]) -> Iterator[str]:
    """The masks meant, each once, in the order named; inside a folder in the order of the names' bytes.

    Parameters
    ----------
    arguments : iterable of str
        A file; a folder or bucket URI, for all *.png at any depth; a pattern with `*`, `?`, `[]` and `**` (any number
        of folders), for the *.png that match and those in folders that match; or - for standard input. Links to files
        are followed, links to folders are not.

    Raises
    ------
    ObjectError
        Before the first mask, when a file or folder is missing or an argument has no PNG below it; later, when a folder
        inside cannot be looked into.
    """
    places = [_Place(argument) for argument in arguments]
    for place in places:
        place.check()
    singles: set[str] = set()  # real names of files named one by one; what lies in a folder is known by the folder
    for number, place in enumerate(places):
        earlier = [other for other in places[:number] if other.wide]
        for path in place:
            linked = place.local and os.path.islink(path)
            real = os.path.realpath(path) if linked else place.real(path)
            if any(other.lists(real) for other in earlier) or (linked and place.lists(real)) or real in singles:
                continue
            if linked or not place.wide:
                singles.add(real)
            yield path


class _Place:
    """One argument: lists its masks, and knows of any file whether it would list that one."""

    def __init__(self, argument: str) -> None:
        self.argument = argument
        self.remote, self.stdin = is_remote(argument), argument == "-"
        self.local = not (self.remote or self.stdin)
        wild = _WILD_REMOTE if self.remote else _WILD
        self.pattern: re.Pattern[str] | None = None
        self.base = argument
        if wild.search(argument) and not self.stdin and not (self.local and os.path.lexists(argument)):
            head, _, options = argument.partition("?") if self.remote else (argument, "", "")
            parts = head.split("/")
            first = next(number for number, part in enumerate(parts) if wild.search(part))
            self.base = "/".join(parts[:first]) or ("/" if argument.startswith("/") else "")
            self.base += f"?{options}" if options else ""
            self.pattern = _translated(parts[first:], argument)
        self.wide = self.pattern is not None or (self.local and os.path.isdir(argument)) or self.remote
        self.root = os.path.realpath(self.base or ".") if self.local else self.base.partition("?")[0].rstrip("/")

    def check(self) -> None:
        if self.pattern is None and self.local and not self.wide and not os.path.lexists(self.argument):
            raise ObjectError("there is no such file", path=self.argument)
        if self.wide and not any(True for _ in islice(self, 1)):
            where = "matches this pattern" if self.pattern else "in this folder"
            raise ObjectError(f"there is no *.png {where}", path=self.argument)

    def __iter__(self) -> Iterator[str]:
        if not self.wide:
            return iter((self.argument,))
        paths = list_remote(self.base) if self.remote else _below(self.base)
        return (path for path in paths if path == self.argument or self._takes(self._relative(path)))

    def real(self, path: str) -> str:
        """The one name of a file that is no link; links among the folders before it were resolved in the root."""
        if self.stdin or self.remote:
            return path
        return os.path.join(self.root, self._relative(path)) if self.wide else os.path.realpath(path)

    def lists(self, real: str) -> bool:
        """Is this file, by its real name, one that this argument has among its own?"""
        name = real.partition("?")[0] if self.remote else real
        inside = self.root.rstrip("/") + "/"
        if not (self.wide and name.startswith(inside)) or (self.local and not os.path.exists(real)):
            return self.remote and name == self.root
        return self._takes(name[len(inside) :])

    def _relative(self, path: str) -> str:
        start = self.base.partition("?")[0].rstrip("/") if self.remote else self.base.rstrip("/")
        rest = path.partition("?")[0] if self.remote else path
        return rest[len(start) :].lstrip("/")

    def _takes(self, relative: str) -> bool:
        return relative.lower().endswith(_END) and (self.pattern is None or self.pattern.match(relative) is not None)


def _translated(parts: list[str], argument: str) -> re.Pattern[str]:
    """A pattern's parts as an expression over paths; it also takes what lies below a folder that it matches."""
    text = ""
    for part in filter(None, parts):
        if part == "**":
            text += f"(?:{_VISIBLE}[^/]+/)*"
        else:
            text += "" if part.startswith(".") else _VISIBLE
            text += _TOKEN.sub(_expression, part) + "/"
    text = text.removesuffix("/") if text.endswith("/") else f"{text}{_VISIBLE}[^/]+"
    try:
        return re.compile(text + r"(?:/.*)?\Z", re.DOTALL)
    except re.error as error:
        raise ArgumentError(f"{argument!r} is no pattern: {error}") from None


def _expression(token: re.Match[str]) -> str:
    sign = token[0]
    if sign[0] == "*":
        return "[^/]*"
    if sign == "?":
        return "[^/]"
    inside = sign[1:-1].removeprefix("!")
    if sign[0] == "[" and inside:
        signs = re.sub(r"([^\w-])", r"\\\1", inside)
        return f"[^/{signs}]" if sign[1] == "!" else f"[{signs}]"
    return re.escape(sign)


def _below(folder: str) -> Iterator[str]:
    """Every *.png below a folder, folders in their place among the files."""
    for name in _sorted_names(folder):
        path = os.path.join(folder, name.removesuffix(_FOLDER))
        if name.endswith(_FOLDER):
            yield from _below(path)
        elif not os.path.isdir(path):  # a link to a folder; a dangling link stays in, to be reported
            yield path


def _sorted_names(folder: str) -> Iterable[str]:
    """The folders and PNGs in a folder, by their bytes; folders are marked."""
    names: list[bytes] = []
    packed: list[pa.Array] = []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    names.append(os.fsencode(entry.name + _FOLDER))
                elif entry.name.lower().endswith(_END):
                    names.append(os.fsencode(entry.name))
                if len(names) >= _COMPACT:
                    packed.append(pa.array(names, pa.large_binary()))
                    names.clear()
    except OSError as error:
        raise ObjectError(f"cannot be looked into: {error.strerror or error}", path=folder or ".") from None
    if not packed:
        return map(os.fsdecode, sorted(names))
    together = pa.chunked_array([*packed, pa.array(names, pa.large_binary())])
    order = pc.sort_indices(together)
    parts = (together.take(order.slice(at, _COMPACT)) for at in range(0, len(order), _COMPACT))
    return (os.fsdecode(name) for part in parts for name in part.to_pylist())
