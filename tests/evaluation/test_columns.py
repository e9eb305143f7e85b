"""Columns instead of objects: what is kept of an image, against plain loops; and how much that is."""

import gc
import itertools
import tracemalloc

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from lvtools.evaluation import document, matching, per_image, suspects
from lvtools.evaluation import rows as blocks
from lvtools.evaluation.decisions import decide
from lvtools.evaluation.document import ImageRows, document_of, document_text
from lvtools.evaluation.per_image import PixelColumns, picked
from lvtools.formats import evaluation_manifest, registry
from lvtools.formats.registry import PREDICTION_SCHEMA
from lvtools.masks import write_mask
from lvtools.report import pick_worst
from tests.evaluation import oracle
from tests.evaluation.test_evaluate import COLORS, P, T, answer, jsonl, png, truth_line

WORDS = st.sampled_from(["normal", "Normal", "anomaly", "ANOMALY", "dent", "good"])
SCORES = st.none() | st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@given(
    st.lists(st.tuples(WORDS, st.none() | WORDS, SCORES), max_size=6),
    st.none() | st.sampled_from([0.0, 0.5, 0.6]),
    st.sampled_from(["anomaly", "Good", "dent"]),
)
def test_decisions_equal_a_plain_loop(drawn, threshold, positive):
    drawn = [
        (true, called if called is not None or score is not None else "normal", score) for true, called, score in drawn
    ]
    truth, prediction, score = ([row[at] for row in drawn] for at in range(3))
    expected = oracle.decide(truth, prediction, score, threshold, positive)
    for chunked in (False, True):
        if chunked:
            kinds = (pa.string(), pa.string(), pa.float64())
            halves = ([side[: len(side) // 2], side[len(side) // 2 :]] for side in (truth, prediction, score))
            columns = [pa.chunked_array(parts, kind) for parts, kind in zip(halves, kinds, strict=True)]
        else:
            columns = [truth, prediction, score]
        if expected is None:
            with pytest.raises(ArgumentError, match="scores alone cannot decide"):
                decide(*columns, threshold=threshold, positive=positive)
            continue
        found = decide(*columns, threshold=threshold, positive=positive)
        assert (found.truth.to_pylist(), found.prediction.to_pylist(), *found[2:]) == expected
        for side, names in ((found.truth, expected[0]), (found.prediction, expected[1])):
            wanted = [name == expected[3] if expected[2] is not None else name.lower() == "normal" for name in names]
            assert found.normal(side).tolist() == wanted


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 7))
def test_rows_come_in_any_order_out_of_any_chunks(rows, chunk):
    names = [f"{at}.jpg" for at in range(31)]
    values = {
        "source_ref": names, "class_name": ["normal"] * 31, "score": [None] * 31, "mask_ref": names,
        "mask": [bytes([at]) * at or None for at in range(31)], "anomaly_classes": [None] * 31, "line": list(range(31)),
    }  # fmt: skip
    whole = pa.table([values[name] for name in PREDICTION_SCHEMA.names], schema=PREDICTION_SCHEMA)
    table = pa.concat_tables(whole.slice(at, chunk) for at in range(0, 31, chunk))
    at = np.array(rows, np.int64)
    sides, normal = (at, at[::-1]), (at % 2 == 0, at % 3 == 0)
    found = list(blocks.rows_at((table, table), sides, normal))
    for side in (0, 1):
        chosen = sides[side].tolist()
        assert [pair[side].source_ref for pair in found] == [names[k] for k in chosen]
        assert [pair[side].mask for pair in found] == [values["mask"][k] for k in chosen]
        assert [pair[side].is_normal for pair in found] == normal[side].tolist()
    assert picked(table["line"], at).to_pylist() == rows


@given(st.lists(st.none() | st.tuples(st.none() | st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), max_size=9))
def test_pixel_columns_are_null_where_nothing_was_added(drawn):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(per_image, "IMAGES_AT_ONCE", 4)
        columns = PixelColumns(len(drawn) + 2)
        for at, one in enumerate(drawn):
            regions = {"regions": at, "regions_hit": 0, "false_blobs": 2} if one is not None and one[1] else None
            columns.add(None if one is None else (one[0], at, 2 * at, 3 * at), regions)
        found = {name: column.to_pylist() for name, column in columns.columns().items()}
    assert found["iou"] == [None if one is None else one[0] for one in drawn] + [None] * 2
    assert found["truth_px"] == [None if one is None else 2 * at for at, one in enumerate(drawn)] + [None] * 2
    assert found["regions"] == [at if one and one[1] else None for at, one in enumerate(drawn)] + [None] * 2


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["anomaly", "normal"]), SCORES.filter(bool)), min_size=1, max_size=12),
    st.integers(1, 3),
)
def test_document_and_suspects_are_the_same_in_blocks(drawn, at_once):
    truth = jsonl(*({"image": f"{n}.png", "label": true} for n, (true, _) in enumerate(drawn)))
    called = jsonl(*({"image": f"{n}.png", "score": score} for n, (_, score) in enumerate(drawn)))
    result = lv.evaluate(truth, called)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suspects, "ROWS_AT_ONCE", at_once)
        patch.setattr(document, "ROWS_AT_ONCE", at_once)
        assert suspects.label_errors(result) == result.label_errors()
        whole = orjson.dumps(result.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        assert b"".join(document_text(document_of(result))) == whole == result.to_json().encode()
        rows = ImageRows(result.per_image)
        assert list(rows) == list(rows[:]) == result.to_dict()["images"]
        assert (len(rows), rows[-1], rows[1:2]) == (len(drawn), list(rows)[-1], list(rows)[1:2])
        with pytest.raises(IndexError):
            rows[len(drawn)]
    wanted = oracle.disagreements(result.per_image.to_pylist(), result.threshold)
    assert [(row["source_ref"], row["kind"], row["strength"]) for row in result.label_errors().to_pylist()] == wanted


def test_a_document_without_images_is_whole(tmp_path):
    text = b"".join(document_text({"a": {"b": ["\n  "]}, "images": iter(()), "c": None}))
    assert text == orjson.dumps({"a": {"b": ["\n  "]}, "images": [], "c": None}, option=orjson.OPT_INDENT_2) + b"\n"
    result = lv.evaluate(jsonl(truth_line("a", "normal")), jsonl(answer("a", False)))
    result.write_json(tmp_path / "result.json")
    assert (tmp_path / "result.json").read_text() == result.to_json()


def test_the_worst_of_many_are_those_of_a_full_sort():
    random = np.random.default_rng(0)
    rows = [
        {"source_ref": f"{n}", "correct": bool(random.random() < 0.5), "score": round(random.random(), 1),
         "iou": None, "wrong_px": int(random.integers(0, 3)), "truth_line": n}
        for n in range(300)
    ]  # fmt: skip
    everything = pick_worst(rows, 300)
    for limit in (1, 7, 299):
        assert pick_worst(iter(rows), limit) == everything[:limit]


LINES = st.sampled_from([
    truth_line("{}.jpg", "anomaly", "{}.png"),
    truth_line("{}.jpg", "normal"),
    truth_line("{}.jpg", None),
    {"anomaly-label": 1},
    "",
    "{broken",
    "[1]",
])  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=12), st.sampled_from([1, 300, 2000]), st.booleans())
def test_a_manifest_in_parts_is_that_read_at_once(tmp_path_factory, drawn, part_bytes, spread):
    texts = [one if isinstance(one, str) else orjson.dumps(one).decode() for one in drawn]
    texts = [text.replace("{}.", f"{at}.") for at, text in enumerate(texts)]
    texts.append(orjson.dumps(truth_line("z.jpg", "normal"), option=orjson.OPT_INDENT_2 if spread else 0).decode())
    path = tmp_path_factory.mktemp("m") / "truth.manifest"
    path.write_text("\n".join(texts) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_manifest, "PART_BYTES", part_bytes)
        patch.setattr(registry, "ROWS_AT_ONCE", 3)
        parts = evaluation_manifest_of(path)
    whole = evaluation_manifest_of(lv.read_manifest(path))
    assert parts[0] == whole[0]
    assert parts[1].select(["line", "code", "column", "value"]) == whole[1].select(["line", "code", "column", "value"])


def evaluation_manifest_of(source):
    read = lv.formats.predictions.read_predictions(source, format="manifest", role="truth")
    return read.table, read.findings


def test_memory_is_that_of_the_columns(tmp_path):
    """Python's and NumPy's share of it; Arrow's is the tables'. Before, an image cost 3 kB and more."""
    folder = tmp_path / "masks"
    folder.mkdir()
    (folder / "t.png").write_bytes(png(np.tile(T, (8, 1))))
    (folder / "p.png").write_bytes(png(np.tile(P, (8, 1))))

    def peak(images):
        truth = (truth_line(f"s3://parts/line/{n:07}.jpg", "anomaly", "masks/t.png") for n in range(images))
        called = (
            answer(f"s3://parts/line/{n:07}.jpg", n % 3 > 0, mask="masks/p.png", colors=COLORS) for n in range(images)
        )
        for name, rows in (("truth.manifest", truth), ("answers.jsonl", called)):
            (tmp_path / name).write_bytes(jsonl(*rows))
        gc.collect()
        tracemalloc.start()
        result = lv.evaluate(tmp_path / "truth.manifest", tmp_path / "answers.jsonl")
        str(result)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert result.pixel.images == result.regions.images.num_rows == images
        tables = (*result.tables, result.per_image, result.regions.regions, result.regions.images)
        return found, sum(table.nbytes for table in tables)

    peak(100)  # what is loaded and remembered once
    (few, few_kept), (many, many_kept) = peak(1000), peak(3000)
    assert many - few < 2000 * 600
    assert (many_kept - few_kept) / 2000 < 900


def test_names_are_made_in_blocks():
    refs = pa.array([f"a/{n}.jpg" for n in range(10)] + [None])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "REFS_AT_ONCE", 3)
        assert matching._keys(refs, "name").to_pylist() == [f"{n}.jpg" for n in range(10)] + [None]
        assert matching._keys(refs, "stem").num_chunks == 4
    assert matching._keys(refs, "exact").to_pylist() == refs.to_pylist()


def test_masks_that_came_inline_are_let_go_by_their_size(tmp_path):
    small = write_mask(np.zeros((4, 4), np.uint8))
    tables = [
        pa.table([["a"], ["normal"], [None], [None], [mask], [None], [1]], schema=PREDICTION_SCHEMA)
        for mask in (small, b"x" * blocks.BYTES_BETWEEN_RELEASES)
    ]
    assert [blocks.images_between_releases([one]) for one in tables] == [1024, 1]
    assert blocks.images_between_releases([tables[0].slice(0, 0)]) == 1024
    assert list(itertools.chain(blocks.rows_at(tables, (np.zeros(0, np.int64),) * 2, (np.zeros(0, bool),) * 2))) == []
