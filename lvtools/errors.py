"""What lvtools raises on purpose. An error is for the caller; faults in data are findings (see findings.py)."""

from __future__ import annotations


class LvtoolsError(Exception):
    """Base of everything raised on purpose. Says what is wrong, where, and what to do about it.

    Parameters
    ----------
    message : str
        What was found and what is allowed.
    path : str, optional
        The file or URI concerned.
    line, column : int, optional
        1-based place in the file; the column counts bytes.
    hint : str, optional
        What the user can do now.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.path, self.line, self.column, self.hint = path, line, column, hint

    @property
    def message(self) -> str:
        """The bare sentence, without place and hint."""
        return str(self.args[0])

    def __str__(self) -> str:
        place = [self.path] if self.path else []
        if self.line:
            place += (
                [str(self.line), str(self.column or 1)]
                if self.path
                else [f"line {self.line}, column {self.column or 1}"]
            )
        head = ":".join(place) + ": " if place else ""
        return f"{head}{self.message}" + (f"\nhint: {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[object, ...]:
        # Exception.__reduce__ forgets keyword-only arguments; errors cross processes.
        return _rebuild, (type(self), self.message, self.path, self.line, self.column, self.hint)


def _rebuild(
    kind: type[LvtoolsError], message: str, path: str | None, line: int | None, column: int | None, hint: str | None
) -> LvtoolsError:
    return kind(message, path=path, line=line, column=column, hint=hint)


class ArgumentError(LvtoolsError, ValueError):
    """An argument of a call cannot be meant: wrong type, shape, name or combination."""


class ObjectError(LvtoolsError, OSError):
    """Bytes could not be had: missing, a folder, not permitted, too large, or outside the root the user named."""


class ManifestError(LvtoolsError, ValueError):
    """A manifest cannot be used at all. Single bad lines are findings, never this."""


class MaskError(LvtoolsError, ValueError):
    """A mask's bytes, pixels, shape or colours contradict PNG or its color map."""


class FormatError(LvtoolsError, ValueError):
    """A file is in none of the formats that could be meant, or lacks a column that is needed."""


class MissingDependencyError(LvtoolsError, ImportError):
    """A feature needs an extra that is not installed; the hint names it."""


class ShardError(LvtoolsError, ValueError):
    """A part of a sharded evaluation failed, is missing, incomplete, or came twice with different content."""
