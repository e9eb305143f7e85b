"""Who may import whom: the table of the design, held against every import statement, also those inside functions."""

import ast
from pathlib import Path

import pytest

import lvtools

HOUSE = Path(lvtools.__file__).parent
BASE = {"errors", "text", "findings", "dataset", "objects", "images", "atomic", "compressed"}
TOOLS = {*BASE, "_native"}
CORE = {*TOOLS, "manifest", "masks", "metrics"}
MAY = {
    "_native": set(),
    "errors": set(),
    "text": set(),
    "findings": {"errors", "text"},
    "dataset": {"errors"},
    "objects": {"errors", "atomic", "compressed"},
    "compressed": {"errors"},
    "images": {"errors"},
    "atomic": {"errors"},
    "manifest": TOOLS,
    "masks": {*TOOLS, "_version"},  # a journal of areas says which version counted them
    "metrics": TOOLS,
    "formats": CORE,
    "detect": CORE,
    "_version": set(),
    "report": {*CORE, "_version"},
    "plots": CORE,
    "scale": CORE,
    "api": CORE,
    "service": {*CORE, "detect"},
    "validation": CORE,
    "evaluation": {*CORE, "formats", "report", "scale", "detect"},
    "demo": {*CORE, "formats", "report", "evaluation", "detect", "lvtools"},
    "cli": {
        *CORE,
        "formats",
        "report",
        "evaluation",
        "validation",
        "detect",
        "scale",
        "api",
        "service",
        "demo",
        "lvtools",
    },
}
# Types only, and loaded late: the list of public names is in the front door.
FRONT_DOOR = HOUSE / "__init__.py"


def room_of(path):
    return path.relative_to(HOUSE).parts[0].removesuffix(".py").removesuffix(".pyx")


def imported(source, package):
    """Every lvtools room that a source text imports, with the line."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], base]).rstrip(".")
            # `from lvtools import masks` names a room, `from lvtools import __version__` the front door.
            names = [f"{base}.{alias.name}" if base == "lvtools" else base for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "lvtools":
                room = parts[1] if len(parts) > 1 and (parts[1] in MAY) else "lvtools"
                yield room, node.lineno


FILES = sorted(path for path in HOUSE.rglob("*.py") if path != FRONT_DOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_what_it_may(path):
    room = room_of(path)
    assert room in MAY, f"{room} is not in the plan of the house"
    package = ".".join(["lvtools", *path.relative_to(HOUSE).parent.parts])
    wrong = [(name, line) for name, line in imported(path.read_text(), package) if name not in {*MAY[room], room}]
    assert wrong == []


def test_kernels_import_nothing_of_ours():
    kernels = sorted((HOUSE / "_native").glob("*.pyx"))
    if not (HOUSE.parent / "setup.py").exists():
        pytest.skip("an installed package has no kernel sources")
    assert kernels
    for path in kernels:
        lines = [line.split() for line in path.read_text().splitlines()]
        assert [
            line for line in lines if line[:1] in (["import"], ["from"], ["cimport"]) and "lvtools" in line[1]
        ] == []


def test_nothing_imports_the_command_line_or_the_demo():
    for room, allowed in MAY.items():
        assert not allowed & {"cli"}, room
        assert room == "cli" or "demo" not in allowed


def test_rooms_side_by_side_do_not_import_each_other():
    for group in (("manifest", "masks", "metrics"), ("formats", "detect", "report", "plots", "scale", "api")):
        for room in group:
            assert not MAY[room] & set(group), room


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import lvtools.masks.areas", ["masks"]),
        ("def f():\n    from lvtools.cli import main", ["cli"]),
        ("from lvtools import masks, __version__", ["masks", "lvtools"]),
        ("from . import terminal", ["cli"]),
        ("from ..manifest import read", ["manifest"]),
        ("from .. import masks", ["masks"]),
        ("import numpy", []),
    ],
)
def test_the_walk_sees_every_form_of_import(source, rooms):
    assert [room for room, _ in imported(source, "lvtools.cli")] == rooms
