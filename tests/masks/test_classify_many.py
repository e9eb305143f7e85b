"""Many masks at once against one at a time: the same rows, whatever is settled in a batch and whatever is not."""

import random
import zlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import MaskError
from lvtools.masks import MASK_AREA_SCHEMA, engine, mask_areas, mask_areas_many, mask_colors
from lvtools.masks.colors import MAX_COLORS, count_mask
from tests.masks import fuzz_runs
from tests.masks.fuzz_runs import KERNELS, LIMITS, slow
from tests.masks.strategies import MAPS, chunk, ihdr, masks, png, rgba_png, simple

COLUMNS = ("class_name", "color", "area_px", "area_fraction")
both = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__.rpartition(".")[2])


def one_by_one(pngs, color_map, alpha):
    """The table of `mask_areas_many`, from `mask_areas` and decoded places."""
    rows = []
    for k, data in enumerate(pngs):
        empty = dict.fromkeys(MASK_AREA_SCHEMA.names)
        try:
            table = mask_areas(data, color_map, alpha=alpha)
        except MaskError as error:
            rows.append({**empty, "mask": str(k), "error": error.message})
            continue
        ambiguous = int(table.schema.metadata[b"ambiguous_px"])
        rows += [{**empty, **row, "mask": str(k), "ambiguous_px": ambiguous} for row in table.to_pylist()]
    return rows


def without_places(table):
    assert table.schema.equals(MASK_AREA_SCHEMA)
    table.validate(full=True)
    return [{**row, "first_row": None, "first_col": None} for row in table.to_pylist()]


@given(
    st.lists(masks(), min_size=1, max_size=6),
    st.sampled_from([None, *MAPS]),
    st.sampled_from(["opaque", "any", "ignore", "error"]),
    st.sampled_from([1, 2]),
)
@settings(max_examples=400, deadline=None)
def test_many_masks_have_the_rows_of_each(pictures, color_map, alpha, threads):
    pngs = [rgba_png(rows) for rows in pictures]
    table = mask_areas_many(pngs, color_map, alpha=alpha, threads=threads)
    want = one_by_one(pngs, color_map, alpha)
    assert without_places(table) == want
    sums = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    read = {row["mask"]: row for row in want if row["error"] is None}
    assert sums["masks"] == str(len(read))
    assert sums["unreadable"] == str(len(pngs) - len(read))
    assert sums["ambiguous_px"] == str(sum(row["ambiguous_px"] for row in read.values()))
    assert sums["unknown_px"] == str(sum(r["area_px"] for r in want if r["error"] is None and r["class_name"] is None))
    assert sums["pixels"] == str(sum(row["area_px"] for row in want if row["error"] is None))


@given(st.lists(masks(), min_size=1, max_size=4), st.sampled_from([None, *MAPS]))
@settings(max_examples=200, deadline=None)
def test_the_first_place_of_a_row_is_that_of_its_first_pixel(pictures, color_map):
    pngs = [rgba_png(rows) for rows in pictures]
    for row in mask_areas_many(pngs, color_map, alpha="ignore").to_pylist():
        pixels = [pixel[:3] for line in pictures[int(row["mask"])] for pixel in line]
        width = len(pictures[int(row["mask"])][0])
        if not row["area_px"]:
            assert row["first_row"] is row["first_col"] is None
            continue
        wanted = tuple(bytes.fromhex(row["color"][1:]))
        assert pixels.index(wanted) == row["first_row"] * width + row["first_col"]
        assert pixels.count(wanted) == row["area_px"]


@pytest.mark.parametrize("color_map", [None, {"a": "#000000"}, {"background": "#ffffff", "a": 0x010101}, {}])
def test_masks_of_all_encoders_and_broken_ones_in_one_batch(color_map):
    pngs = [(fuzz_runs.broken if seed % 5 == 0 else fuzz_runs.mask)(seed)[0] for seed in range(70, 140)]
    random.Random(1).shuffle(pngs)
    table = mask_areas_many(pngs, color_map, threads=3)
    assert without_places(table) == one_by_one(pngs, color_map, "opaque")
    assert table.equals(mask_areas_many(pngs, color_map, threads=1), check_metadata=True)
    assert {len(chunks.chunks) for chunks in table.columns} == {1}


def test_without_a_kernel_the_slow_road_gives_the_same_rows(monkeypatch):
    pngs = [fuzz_runs.mask(seed, small=True)[0] for seed in range(20)]
    want = mask_areas_many(pngs, {"a": "#ffffff"})
    monkeypatch.setattr(engine, "KERNEL", None)
    assert mask_areas_many(pngs, {"a": "#ffffff"}).equals(want, check_metadata=True)
    assert mask_areas_many([b"", pngs[0]], None)["error"].to_pylist()[0] == "there are no bytes"


@both
def test_a_batch_is_counted_as_its_masks_are(kernel):
    pngs = [(fuzz_runs.broken if seed % 3 == 0 else fuzz_runs.mask)(seed)[0] for seed in range(200, 260)]
    space = kernel.Workspace()
    done, heads, *columns = space.count([*pngs, b"", memoryview(pngs[1])], LIMITS, 3**40 + 2, MAX_COLORS)
    assert done == len(pngs) + 2
    status, height, width, size = np.frombuffer(heads, np.int64).reshape(-1, 4).T
    assert status[-2] == kernel.REFERRED
    colors, counts, first = (
        np.frombuffer(c, kind) for c, kind in zip(columns, (np.uint32, np.int64, np.int64), strict=True)
    )
    at = 0
    for k, data in enumerate([*pngs, None, pngs[1]]):
        want = space.read(data, LIMITS, 3**40 + 2, MAX_COLORS) if data else kernel.REFERRED
        if not isinstance(want, tuple):
            assert (status[k], height[k], width[k], size[k]) == (want, 0, 0, 0)
            continue
        here = slice(at, at := at + size[k])
        assert (status[k], height[k], width[k]) == (kernel.OK, *want[:2])
        assert (colors[here].tobytes(), counts[here].tobytes(), first[here].tobytes()) == want[2:5]
        assert want[2] == slow(data).colors.tobytes()
    assert at == len(colors)
    assert space.count([], LIMITS, 3**40 + 2, MAX_COLORS) == (0, b"", b"", b"", b"")


def photo(side, seed):
    pixels = random.Random(seed).randbytes(3 * side * side)
    raw = b"".join(b"\0" + pixels[3 * side * row : 3 * side * (row + 1)] for row in range(side))
    return png(ihdr(side, side, 8, 2), chunk(b"IDAT", zlib.compress(raw, 0)), chunk(b"IEND"))


@both
def test_photographs_end_a_batch_early(kernel):
    pngs = [photo(side, seed) for seed, side in enumerate((50, 50, 300, 50))]
    done, heads, colors, *_ = kernel.Workspace().count(pngs, LIMITS, 7**22, MAX_COLORS)
    assert done == 2, "2,500 colours each, and 4,096 end a batch"
    assert len(heads) == 2 * 32
    parts = list(engine.count_pngs([memoryview(data) for data in pngs], MAX_COLORS))
    assert [len(part.known) for part in parts] == [2, 1, 1]
    places = ((0, 0), (0, 1), (1, 0), (2, 0))
    for data, (part, here) in zip(pngs, places, strict=True):
        found = slice(parts[part].starts[here], parts[part].starts[here + 1])
        want = count_mask(data)
        assert np.array_equal(parts[part].colors[found], want.colors)
        assert np.array_equal(parts[part].counts[found], want.counts)
        assert np.array_equal(parts[part].first[found], want.first)
    assert len(colors) == 4 * len(parts[0].colors)


@both
@pytest.mark.parametrize("factor", [0, 1, 3**40, 2**64 - 1])
def test_tables_of_all_sizes_one_after_the_other(kernel, factor):
    """Whatever the factor: tables grow, go on with the numbers of pictures before, and are given away when large."""
    space, rng = kernel.Workspace(), random.Random(factor)
    for side in (1, 31, 33, 31, 70, 2, 140, 33, 33, 64, 65, 5):
        data = photo(side, rng.randrange(99))
        want = slow(data)
        done, _, colors, counts, first = space.count([data, data], LIMITS, factor, MAX_COLORS)
        times = 1 if len(want.colors) >= 4096 else 2  # so many end a batch
        assert done == times
        assert colors == want.colors.tobytes() * times
        assert counts == want.counts.tobytes() * times
        assert first == want.first.tobytes() * times
        packed = want.colors >> 8
        assert space.colors(data, LIMITS, factor, MAX_COLORS) == dict(
            zip(packed.tolist(), want.counts.tolist(), strict=True)
        )
        if side > 1:
            assert space.count([data], LIMITS, factor, len(want.colors) - 1)[1][:8] == b"\xfe" + b"\xff" * 7, (
                "one too many"
            )


@both
def test_what_is_no_buffer_leaves_the_workspace_free(kernel):
    space, good = kernel.Workspace(), simple(1, 1, 2, b"abc")
    for bad in (3, "text", None):
        with pytest.raises(TypeError):
            space.count([good, bad], LIMITS, 5, 9)
    with pytest.raises(TypeError):
        space.count((good,), LIMITS, 5, 9)
    with pytest.raises(ValueError, match="unpack"):
        space.count([good], LIMITS[1:], 5, 9)
    with pytest.raises(ValueError, match="unpack"):
        space.colors(good, LIMITS[1:], 5, 9)
    held = bytearray(good)
    assert space.count([held], LIMITS, 5, 9)[0] == 1
    held.append(0)  # no view is left on it
    assert space.colors(good, LIMITS, 5, 9) == {0x616263: 1}


@both
@given(st.lists(st.lists(st.sampled_from([b"abcd", b"abc\0", b"xyz\xff", b"abc\xff"]), min_size=3, max_size=3)))
@settings(max_examples=60, deadline=None)
def test_colours_of_several_alphas_are_added_up(kernel, rows):
    rows = rows or [[b"abcd"] * 3]
    data = simple(3, len(rows), 6, b"".join(b"".join(row) for row in rows))
    pixels = [pixel[:3] for row in rows for pixel in row]
    want = {int.from_bytes(color, "big"): pixels.count(color) for color in dict.fromkeys(pixels)}
    found = kernel.Workspace().colors(data, LIMITS, 77, 99)
    assert list(found.items()) == list(want.items())
    assert mask_colors(data) == want


def test_colours_by_the_kernel_are_those_of_the_slow_road(monkeypatch):
    pngs = [fuzz_runs.mask(seed)[0] for seed in range(300, 340)]
    found = [list(mask_colors(data).items()) for data in pngs]
    monkeypatch.setattr(engine, "KERNEL", None)
    assert found == [list(mask_colors(data).items()) for data in pngs]


def test_files_are_read_in_slices_and_errors_keep_their_place(tmp_path, monkeypatch):
    monkeypatch.setattr("lvtools.masks.area_parts._HELD_BYTES", 300)
    paths = []
    for k in range(9):
        paths.append(tmp_path / f"{k}.png")
        if k != 4:
            paths[-1].write_bytes(b"no PNG" if k == 6 else fuzz_runs.mask(k, small=True)[0])
    table = mask_areas_many(paths, threads=1)
    names = table["mask"].to_pylist()
    assert list(dict.fromkeys(names)) == [str(path) for path in paths]
    assert [
        k
        for k, path in enumerate(paths)
        if table.filter(pa.compute.equal(table["mask"], str(path)))["error"][0].is_valid
    ] == [4, 6]
    with pytest.raises(Exception, match=r"4\.png"):
        mask_areas_many(paths, threads=1, on_error="raise")
