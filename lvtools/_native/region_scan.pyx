# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""Connected regions of a mask, from runs of pixels that are not zero. Knows runs and numbers, never scores or files."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy


cdef inline Py_ssize_t next_set(const uint8_t* row, Py_ssize_t at, Py_ssize_t width) noexcept nogil:
    """The next pixel that is not zero: normal images are empty, so 8 at a time."""
    cdef uint64_t word
    while at + 8 <= width:
        memcpy(&word, row + at, 8)
        if word:
            break
        at += 8
    while at < width and not row[at]:
        at += 1
    return at


def count_runs(const uint8_t[:, ::1] mask):
    """How many runs of pixels that are not zero there are; a run ends with its row."""
    cdef Py_ssize_t row, at, width = mask.shape[1]
    cdef int64_t runs = 0
    if not width or not mask.shape[0]:
        return 0
    with nogil:
        for row in range(mask.shape[0]):
            at = next_set(&mask[row, 0], 0, width)
            while at < width:
                runs += 1
                while at < width and mask[row, at]:
                    at += 1
                at = next_set(&mask[row, 0], at, width)
    return runs


cdef int64_t root_of(int64_t* parents, int64_t run) noexcept nogil:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


def label_runs(const uint8_t[:, ::1] mask, int64_t[::1] starts, int64_t[::1] stops, int64_t[::1] labels):
    """Write each run's flat start and stop and the number of its region, 0, 1, .. in order of first sight.

    Regions are 8-connected: runs of neighbouring rows that touch, corners included. The outputs have `count_runs` places;
    ValueError when the mask has another number of runs. Returns the number of regions.
    """
    cdef Py_ssize_t row, at, width = mask.shape[1]
    cdef int64_t total = starts.shape[0], run = 0, first = 0, above = 0, above_end = 0, a, b, base
    cdef bint short = False
    if stops.shape[0] != total or labels.shape[0] != total:
        raise ValueError("the outputs differ in length")
    if not width or not mask.shape[0] or not total:
        if count_runs(mask) != total:
            raise ValueError("the mask has another number of runs")
        return 0
    with nogil:
        for row in range(mask.shape[0]):
            base = <int64_t> row * width
            first = run
            at = next_set(&mask[row, 0], 0, width)
            while at < width:
                if run == total:
                    short = True
                    break
                starts[run] = base + at
                while at < width and mask[row, at]:
                    at += 1
                stops[run] = base + at
                labels[run] = run
                run += 1
                at = next_set(&mask[row, 0], at, width)
            if short:
                break
            # Both rows' runs ascend: one walk finds all that touch.
            a, b = above, first
            while a < above_end and b < run:
                # In columns: above [s, e) touches [s', e') when s <= e' and s' <= e.
                if starts[a] + width <= stops[b] and starts[b] <= stops[a] + width:
                    join(&labels[0], a, b)
                if stops[a] + width < stops[b]:
                    a += 1
                else:
                    b += 1
            above, above_end = first, run
        if not short and run == total:
            for at in range(total):
                labels[at] = root_of(&labels[0], at)
    if short or run != total:
        raise ValueError("the mask has another number of runs")
    return number(labels)


cdef void join(int64_t* parents, int64_t a, int64_t b) noexcept nogil:
    a, b = root_of(parents, a), root_of(parents, b)
    if a < b:
        parents[b] = a
    else:
        parents[a] = b


cdef int64_t number(int64_t[::1] labels):
    """Roots, each not after its members, become 0, 1, .."""
    cdef Py_ssize_t at
    cdef int64_t regions = 0
    with nogil:
        for at in range(labels.shape[0]):
            if labels[at] == at:
                labels[at] = -1 - regions
                regions += 1
            else:
                labels[at] = labels[labels[at]]
        for at in range(labels.shape[0]):
            labels[at] = -1 - labels[at]
    return regions


ctypedef fused score_t:
    float
    double


def gather_runs(const score_t[::1] scores, const int64_t[::1] starts, const int64_t[::1] stops, score_t[::1] out):
    """Copy scores[starts[k]:stops[k]] one behind the other, in any order of runs. Returns how many were copied."""
    cdef Py_ssize_t k
    cdef int64_t at = 0, i, total = 0, n = scores.shape[0]
    if stops.shape[0] != starts.shape[0]:
        raise ValueError("starts and stops differ in length")
    for k in range(starts.shape[0]):
        if starts[k] < 0 or stops[k] < starts[k] or stops[k] > n:
            raise ValueError("a run leaves the scores")
        total += stops[k] - starts[k]
    if out.shape[0] < total:
        raise ValueError("the output is too short")
    with nogil:
        for k in range(starts.shape[0]):
            for i in range(starts[k], stops[k]):
                out[at] = scores[i] + <score_t> 0  # +0 of -0
                at += 1
    return total
