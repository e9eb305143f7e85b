import copy
import inspect
import pickle

import pytest

from lvtools import errors
from lvtools.errors import LvtoolsError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, LvtoolsError)]
FAMILIES = {
    "ArgumentError": ValueError,
    "FormatError": ValueError,
    "LvtoolsError": Exception,
    "ManifestError": ValueError,
    "MaskError": ValueError,
    "MissingDependencyError": ImportError,
    "ObjectError": OSError,
    "ShardError": ValueError,
}


def test_every_kind_belongs_to_the_family_that_python_knows():
    assert {kind.__name__ for kind in KINDS} == set(FAMILIES)
    for kind in KINDS:
        assert issubclass(kind, FAMILIES[kind.__name__])
        assert kind.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_errors_cross_processes_whole(kind):
    error = kind("too {large}", path="a/b.png", line=3, column=7, hint="shrink it")
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(copied) is kind
        assert str(copied) == str(error) == "a/b.png:3:7: too {large}\nhint: shrink it"
        assert (copied.path, copied.line, copied.column, copied.hint) == ("a/b.png", 3, 7, "shrink it")
        assert copied.message == "too {large}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "it"),
        ({"path": "f"}, "f: it"),
        ({"path": "f", "line": 2}, "f:2:1: it"),
        ({"line": 2}, "line 2, column 1: it"),
        ({"line": 2, "column": 9}, "line 2, column 9: it"),
        ({"hint": "do"}, "it\nhint: do"),
    ],
)
def test_the_text_says_what_where_and_what_to_do(kind, facts, text):
    assert str(kind("it", **facts)) == text
