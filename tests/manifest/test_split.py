"""split: a partition, exact per class, the same for every order of lines, groups whole."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError, ManifestError
from tests.manifest.files import bodies, entry, manifests, refs, text
from tests.shared import shared

SHARES = st.floats(0.01, 0.99) | st.sampled_from([0.1, 0.2, 0.25, 0.5])


def balanced(normal, anomaly, unlabeled=0):
    names = ["normal"] * normal + ["anomaly"] * anomaly + [None] * unlabeled
    return text(*(entry(f"s3://bbb/{number}.png", name) for number, name in enumerate(names)))


def oracle(sizes, share):
    """Largest remainders, the slow way."""
    total = sum(sizes.values())
    share = Fraction(repr(share))
    wanted = int(share * total + Fraction(1, 2))
    got = {name: int(share * size) for name, size in sizes.items()}
    while sum(got.values()) < wanted:
        name = min((n for n in sizes), key=lambda n: (-(share * sizes[n] - got[n]), n))
        got[name] += 1
    return got


@given(
    manifests(), SHARES, st.sampled_from([None, "class_name", "label", "mask", "anomaly_classes"]), st.integers(0, 9)
)
def test_every_line_is_in_one_part_and_no_image_in_two(data, share, by, seed):
    split = lv.split_manifest(data, test=share, by=by, seed=seed)
    train, test = split.parts["train"], split.parts["test"]
    assert Counter(bodies(train)) + Counter(bodies(test)) == Counter(bodies(data))
    assert not set(refs(train)) & set(refs(test))
    assert sum(sum(counts.values()) for counts in split.counts.values()) == split.lines == len(bodies(data))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 9), SHARES, st.integers(0, 3))
def test_counts_per_class_are_exact(normal, anomaly, unlabeled, share, seed):
    split = lv.split_manifest(balanced(normal, anomaly, unlabeled), test=share, seed=seed)
    sizes = {name: n for name, n in (("normal", normal), ("anomaly", anomaly), ("unlabeled", unlabeled)) if n}
    assert {name: split.counts["test"].get(name, 0) for name in sizes} == oracle(sizes, share)


@given(manifests(), SHARES, st.randoms(use_true_random=False), st.sampled_from([None, r"/(g\d)/"]))
def test_the_order_of_lines_plays_no_part(data, share, rng, group):
    lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    one, other = (lv.split_manifest(d, test=share, group=group) for d in (data, b"".join(lines)))
    for part in ("train", "test"):
        assert sorted(bodies(one.parts[part])) == sorted(bodies(other.parts[part]))


@given(manifests(), st.integers(2, 6), st.sampled_from([None, r"/(g\d)/", "nothing"]))
def test_folds_are_a_partition(data, folds, group):
    split = lv.split_manifest(data, folds=folds, group=group)
    assert list(split.parts) == [f"fold-{number}" for number in range(1, folds + 1)]
    assert sum((Counter(bodies(part)) for part in split.parts.values()), Counter()) == Counter(bodies(data))
    for number in range(1, folds + 1):
        train, test = split.train(number), split.test(number)
        assert Counter(bodies(train)) + Counter(bodies(test)) == Counter(bodies(data))
        assert not set(refs(train)) & set(refs(test))
        if group == r"/(g\d)/":
            groups = [{re.search(group, ref)[1] for ref in refs(part)} for part in (train, test)]
            assert not groups[0] & groups[1]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(2, 7))
def test_folds_differ_by_one_line_at_most(normal, anomaly, folds):
    split = lv.split_manifest(balanced(normal, anomaly), folds=folds)
    for counts in (
        [sum(part.values()) for part in split.counts.values()],
        [part.get("normal", 0) for part in split.counts.values()],
        [part.get("anomaly", 0) for part in split.counts.values()],
    ):
        assert max(counts) - min(counts) <= 1


def test_groups_come_near_the_share_and_large_ones_are_not_preferred():
    rng = random.Random(0)
    lines = [
        entry(f"s3://bbb/part-{group}/{number}.png", rng.choice(["normal", "anomaly"]))
        for group in range(60)
        for number in range(rng.randint(1, 9))
    ]
    sizes = []
    for seed in range(20):
        split = lv.split_manifest(text(*lines), group=r"part-\d+", seed=seed)
        tested = refs(split.parts["test"])
        assert abs(len(tested) - 0.2 * len(lines)) <= 5
        sizes.append(len(tested) / len({ref.split("/")[3] for ref in tested}))
    assert 3.5 < sum(sizes) / len(sizes) < 6.5  # groups have 5 images on average


def test_a_function_can_tell_the_group():
    data = balanced(20, 20)
    split = lv.split_manifest(data, group=lambda ref: str(len(ref)), test=0.3)
    assert not {len(ref) for ref in refs(split.parts["train"])} & {len(ref) for ref in refs(split.parts["test"])}


def test_few_new_images_move_few_others():
    before = set(refs(lv.split_manifest(balanced(100, 100), by=None).parts["test"]))
    after = set(refs(lv.split_manifest(balanced(105, 105), by=None).parts["test"]))
    assert len(before & after) >= 35


def test_another_seed_another_division():
    data = balanced(50, 50)
    parts = {lv.split_manifest(data, seed=seed).parts["test"] for seed in range(5)}
    assert len(parts) == 5
    assert lv.split_manifest(data).parts == lv.split_manifest(data).parts


def test_a_number_of_lines():
    assert len(bodies(lv.split_manifest(balanced(10, 10), test=7).parts["test"])) == 7


def test_lines_keep_their_bytes_order_and_ends():
    lines = [b'{ "source-ref" : "s3://bbb/%d.png", "x": 1.50 }\r\n' % number for number in range(20)]
    split = lv.split_manifest(b"\xef\xbb\xbf" + b"\n".join(lines).removesuffix(b"\r\n"))
    for part in split.parts.values():
        numbers = [int(ref[9:-4]) for ref in refs(part)]
        assert numbers == sorted(numbers)
        assert all(line.rstrip(b"\r") in b"".join(lines) for line in bodies(part))
    assert not split.parts["train"].startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "options",
    [{"test": 0.0}, {"test": 1.0}, {"test": 4}, {"test": 0}, {"test": "x"}, {"test": True}, {"test": float("nan")},
     {"folds": 1}, {"folds": True}, {"by": "colour"}, {"group": "("}, {"on_broken": "x"}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(ArgumentError):
        lv.split_manifest(balanced(2, 2), **options)


def test_broken_and_spread_lines():
    data = balanced(3, 3) + b"nonsense\n"
    with pytest.raises(ManifestError, match="no JSON object"):
        lv.split_manifest(data)
    assert len(bodies(lv.split_manifest(data, on_broken="drop").train())) <= 6
    kept = lv.split_manifest(data, on_broken="keep")
    assert Counter(bodies(kept.train())) + Counter(bodies(kept.test())) == Counter(bodies(data))
    with pytest.raises(ManifestError, match="spread over several lines"):
        lv.split_manifest(json.dumps(entry("s3://bbb/1.png"), indent=1).encode(), on_broken="keep")


def test_an_empty_manifest_gives_empty_parts():
    assert lv.split_manifest(b"").parts == {"train": b"", "test": b""}
    assert lv.split_manifest(b"\n\n", folds=2).parts == {"fold-1": b"", "fold-2": b""}


def test_files_of_a_split(tmp_path):
    split = lv.split_manifest(balanced(5, 5))
    names = split.write(tmp_path / "a", ".manifest.gz")
    assert [name[len(str(tmp_path)) :] for name in names] == ["/a.train.manifest.gz", "/a.test.manifest.gz"]
    assert len(lv.read_manifest(names[0])) == 8
    folds = lv.split_manifest(balanced(5, 5), folds=2)
    assert list(folds.files("x")) == [f"x.fold-{fold}.{side}.manifest" for fold in (1, 2) for side in ("train", "test")]
    with pytest.raises(ArgumentError, match="no fold 3"):
        folds.train(3)


def test_the_getting_started_set():
    split = lv.split_manifest(shared("data", "cookies", "train_class.manifest"))
    assert split.counts == {"train": {"anomaly": 25, "normal": 25}, "test": {"anomaly": 7, "normal": 6}}
