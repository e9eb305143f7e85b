"""Masks of truth and prediction against the oracle, for every mixture of what may be there or not."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from tests.evaluation import oracle
from tests.evaluation.test_evaluate import COLORS, answer, codes, jsonl, png, truth_line

NAMES = ["background", "dent", "crack"]


@st.composite
def masks(draw):
    kind = draw(st.sampled_from(["none", "missing", "broken", "dummy", "full", "full", "full"]))
    if kind in ("missing", "broken"):
        return kind
    if kind == "none":
        return None
    height, width = draw(st.sampled_from([(2, 3), (2, 3), (2, 3), (3, 2)]))
    if kind == "dummy":
        return ["background"], [["background"] * width] * height
    rows = st.lists(st.sampled_from(NAMES), min_size=width, max_size=width)
    return NAMES, draw(st.lists(rows, min_size=height, max_size=height))


IMAGES = st.lists(
    st.tuples(st.tuples(st.booleans(), masks()), st.tuples(st.booleans(), masks())), min_size=1, max_size=5
)
WHOLE = (False, (NAMES, [NAMES] * 2))  # makes it a task with masks


def data_of(mask):
    return png([[NAMES.index(name) for name in row] for row in mask[1]]) if isinstance(mask, tuple) else b"rubbish"


@settings(max_examples=60)
@given(IMAGES, st.integers(2, 4), st.booleans())
def test_every_mixture_equals_the_oracle(tmp_path_factory, images, threads, inline):
    folder = tmp_path_factory.mktemp("pixels")
    images = [(WHOLE, WHOLE), *images]
    lines, answers = [], []
    for at, ((true_normal, true_mask), (called_normal, called_mask)) in enumerate(images):
        names = {}
        for side, mask in (("t", true_mask), ("p", called_mask)):
            names[side] = None if mask is None else f"{side}{at}.png"
            if mask not in (None, "missing"):
                (folder / names[side]).write_bytes(data_of(mask))
        colors = COLORS[:1] if isinstance(true_mask, tuple) and len(true_mask[0]) == 1 else COLORS
        lines.append(truth_line(f"{at}.jpg", "normal" if true_normal else "anomaly", names["t"], colors))
        colors = COLORS[:1] if isinstance(called_mask, tuple) and len(called_mask[0]) == 1 else COLORS
        shown = data_of(called_mask) if inline and isinstance(called_mask, tuple) else names["p"]
        answers.append(answer(f"{at}.jpg", not called_normal, 0.9, shown, colors))
    (folder / "t.manifest").write_bytes(jsonl(*lines))
    (folder / "p.jsonl").write_bytes(jsonl(*answers))
    results = [lv.evaluate(folder / "t.manifest", folder / "p.jsonl", threads=many) for many in (1, threads)]
    assert results[0].to_dict() == results[1].to_dict()
    expected = [oracle.pixels(*image) for image in images]
    counts = {}
    for one in expected:
        for pair, count in one.items() if isinstance(one, dict) else ():
            counts[pair] = counts.get(pair, 0) + count
    state = results[0].pixel
    assert codes(results[0]) == sorted(one for one in expected if isinstance(one, str))
    assert state.images == sum(isinstance(one, dict) for one in expected)
    found = state.pooled
    assert found.classes == ("background", "dent", "crack")
    table = found.counts.tolist()
    assert table == [[counts.get((t, p), 0) for p in NAMES] for t in NAMES]


@pytest.mark.parametrize("form", ["lines", "array"])
def test_inline_masks_may_wait_on_disk(tmp_path, monkeypatch, form):
    from lvtools.formats import registry, spill

    monkeypatch.setattr(registry, "ROWS_AT_ONCE", 4)
    truth, answers = [], []
    for at in range(30):
        (tmp_path / f"{at}.png").write_bytes(png([[at % 3, 1], [2, 0]]))
        truth.append(truth_line(f"{at}.jpg", "anomaly", f"{at}.png"))
        answers.append({**answer(f"{at}.jpg", True, mask=png([[1, 1], [at % 2, 0]])), "line": at})
    (tmp_path / "t.manifest").write_bytes(jsonl(*truth))
    path = tmp_path / "p.jsonl"
    path.write_bytes(jsonl(*answers) if form == "lines" else orjson.dumps(answers))
    kept = lv.evaluate(tmp_path / "t.manifest", path)
    monkeypatch.setattr(spill, "KEPT_BYTES", 0)
    before = len(spill._maps)
    spilled = lv.evaluate(tmp_path / "t.manifest", path)
    assert len(spill._maps) == before + 1
    assert (spilled.pixel, spilled.to_dict()) == (kept.pixel, kept.to_dict())
    pages = [tmp_path / "kept.html", tmp_path / "spilled.html"]
    for one, page in zip((kept, spilled), pages, strict=True):
        one.to_html(page)
    assert pages[0].read_bytes() == pages[1].read_bytes()
