import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from lvtools import objects
from lvtools.errors import ArgumentError, ObjectError
from lvtools.masks import find, find_masks

FILES = ("b.png", "a/x.png", "a/b/c/y.PNG", "a.png", "a/notes.txt", "a0.png", "é.png", ".hidden/z.png", "a-b/q.png")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def masks(*arguments):
    return list(find_masks([str(one) for one in arguments]))


def test_a_folder_is_listed_as_python_sorts_its_paths(tree):
    want = [str(path) for path in sorted(tree.rglob("*")) if path.suffix.lower() == ".png"]
    assert masks(tree) == want
    assert masks(".") == [os.path.join(".", os.path.relpath(path, tree)) for path in want]
    assert masks(f"{tree}/") == want


def test_a_large_folder_is_listed_the_same_way(tree, monkeypatch):
    for k in range(40):
        (tree / "a" / f"{k * 7919 % 40:02d}.png").touch()
        (tree / "a" / f"d{k * 7919 % 40:02d}").mkdir()
    want = masks(tree)
    monkeypatch.setattr(find, "_COMPACT", 7)
    assert masks(tree) == want
    assert len(want) == 48


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.png", ["a.png", "a0.png", "b.png", "é.png"]),
        ("a*/*.png", ["a/x.png", "a-b/q.png"]),
        ("**/*.png", ["a/x.png", "a-b/q.png", "a.png", "a0.png", "b.png", "é.png"]),
        ("**", ["a/b/c/y.PNG", "a/x.png", "a-b/q.png", "a.png", "a0.png", "b.png", "é.png"]),
        ("a/**/c/*", ["a/b/c/y.PNG"]),
        ("a/**/b", ["a/b/c/y.PNG"]),  # a folder that matches: what is below it
        ("?.png", ["a.png", "b.png", "é.png"]),
        ("[!a].png", ["b.png", "é.png"]),
        ("[a-b][0-9].png", ["a0.png"]),
        (".h*/*", [".hidden/z.png"]),
    ],
)
def test_patterns(tree, pattern, found):
    assert sorted(masks(pattern)) == sorted(found)
    assert sorted(masks(tree / pattern)) == sorted(str(tree / name) for name in found)


@given(st.text("ab*?[]!-.", min_size=1, max_size=6), st.text("ab[]!-", min_size=1, max_size=4))
def test_a_part_of_a_pattern_means_what_fnmatch_says(part, name):
    if find._WILD.search(part) and part != "**" and not part.startswith("."):
        try:
            expression = find._translated([part], part)
        except ArgumentError:
            return
        if "[" not in part or part.count("[") == part.count("]") == 1:
            assert (expression.match(name) is not None) == fnmatchcase(name, part)


def test_each_file_once_by_whatever_name(tree):
    (tree / "link.png").symlink_to("a.png")
    (tree / "linked").symlink_to("a")
    everything = masks(tree)
    assert str(tree / "link.png") not in everything
    assert masks(tree, tree / "a", tree / "linked", "a.png", "*.png", tree / "a" / ".." / "b.png") == everything
    assert masks("a.png", "./a.png", "link.png", str(tree / "a.png")) == ["a.png"]
    assert masks("link.png", "a.png") == ["link.png"]
    assert masks("a/x.png", "a") == ["a/x.png", "a/b/c/y.PNG"]
    assert masks("linked", "a") == ["linked/b/c/y.PNG", "linked/x.png"]
    assert masks("-", "-") == ["-"]
    assert masks("a/notes.txt", "a") == ["a/notes.txt", "a/b/c/y.PNG", "a/x.png"]  # a file that is named is meant


def test_links_to_what_lies_elsewhere(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "o.png"
    outside.touch()
    for name in ("one.png", "two.png"):
        (tree / name).symlink_to(outside)
    (tree / "dangling.png").symlink_to("nowhere.png")
    (tree / "folder.png").symlink_to("a")
    new = sorted(set(masks(".")) - {f"./{name}" for name in FILES})
    assert new == ["./dangling.png", "./one.png"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none.png"], "there is no such file"),
        (["a.png", "none"], "there is no such file"),
        (["a/b/c/y.PNG", "empty"], r"no \*\.png in this folder"),
        (["*.gif"], r"no \*\.png matches this pattern"),
        (["nowhere/*.png"], "cannot be looked into: No such file"),
    ],
)
def test_what_is_missing_is_told_before_the_first_mask(tree, arguments, reason):
    (tree / "empty").mkdir()
    with pytest.raises(ObjectError, match=reason):
        next(find_masks(arguments))


def test_a_pattern_that_is_none(tree):
    with pytest.raises(ArgumentError, match="is no pattern"):
        masks("[b-a].png")
    assert masks("**/[a.png"[:3] + "a.png") == ["a.png"]
    Path("[a].png").touch()
    assert masks("[a].png") == ["[a].png"]  # what exists is meant as it is written


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_into(tree):
    (tree / "a" / "b").chmod(0)
    with pytest.raises(ObjectError, match="Permission denied"):
        masks(tree)
    (tree / "a" / "b").chmod(0o700)


@pytest.fixture
def bucket(monkeypatch):
    """s3:// without a network: pyarrow's file system in memory."""
    store = fs._MockFileSystem()
    for name in FILES:
        store.create_dir(f"bucket/masks/{os.path.dirname(name)}")
        with store.open_output_stream(f"bucket/masks/{name}") as stream:
            stream.write(name.encode())
    opened = []

    def open_(uri):
        opened.append(uri)
        return store, uri.partition("?")[0].split("://", 1)[1]

    monkeypatch.setattr(objects, "_remote_filesystem", open_)
    return opened


def test_a_bucket_is_listed_like_a_folder(bucket, tree):
    local = [path.removeprefix("./") for path in masks(".")]
    for uri in ("s3://bucket/masks", "s3://bucket/masks/"):
        assert masks(uri) == [f"s3://bucket/masks/{name}" for name in local]
    assert masks("s3://bucket/masks/a?region=x") == [
        f"s3://bucket/masks/a/{n}?region=x" for n in ("b/c/y.PNG", "x.png")
    ]
    assert masks("s3://bucket/masks/*.png", "s3://bucket/masks/a/x.png", "s3://bucket/masks/a") == [
        *(f"s3://bucket/masks/{name}" for name in ("a.png", "a0.png", "b.png", "é.png", "a/x.png", "a/b/c/y.PNG")),
    ]
    assert masks("s3://bucket/masks/a/notes.txt") == ["s3://bucket/masks/a/notes.txt"]
    with pytest.raises(ObjectError, match="there is nothing of this name"):
        masks("s3://bucket/none")
    assert objects.remote_version("s3://bucket/masks/none") is None
