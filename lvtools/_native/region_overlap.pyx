# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""The regions of two pictures of one size, out of run lists: area, box, and what lies under the other's regions.

Knows runs and numbers; never classes, colours or files.
"""

from libc.stdint cimport int32_t, int64_t

COLUMNS = ("area_px", "under_px", "top", "left", "bottom", "right")  # of the outputs; bottom and right are exclusive
cdef enum:
    AREA, UNDER, TOP, LEFT, BOTTOM, RIGHT, MANY


cdef int64_t height_of(const int32_t[::1] ends, const int64_t[::1] labels, const int64_t[::1] starts,
                       const int32_t[::1] rows, int64_t width, int64_t regions) noexcept nogil:
    """The rows of run lists that may be followed unchecked: each group ascends to the width; -1 for others."""
    cdef Py_ssize_t g
    cdef int64_t k, before, height = 0, groups = rows.shape[0]
    if groups < 1 or starts.shape[0] != groups + 1 or starts[0] != 0 or starts[groups] != ends.shape[0]:
        return -1
    if labels.shape[0] != ends.shape[0]:
        return -1
    for g in range(groups):
        if starts[g + 1] <= starts[g] or starts[g + 1] > ends.shape[0] or rows[g] < 1:
            return -1
        height += rows[g]
        before = 0
        for k in range(starts[g], starts[g + 1]):
            if ends[k] <= before or labels[k] < -1 or labels[k] >= regions:
                return -1
            before = ends[k]
        if before != width:
            return -1
    return height


cdef inline void add(int64_t* region, int64_t pixels, bint under, int64_t top, int64_t left, int64_t bottom,
                     int64_t right) noexcept nogil:
    if region[AREA] == 0:
        region[TOP], region[LEFT] = top, left  # from the top: no later piece lies higher
    region[AREA] += pixels
    if under:
        region[UNDER] += pixels
    if left < region[LEFT]:
        region[LEFT] = left
    region[BOTTOM] = bottom
    if right > region[RIGHT]:
        region[RIGHT] = right


def count_overlaps(const int32_t[::1] ends, const int64_t[::1] labels, const int64_t[::1] starts,
                   const int32_t[::1] rows, const int32_t[::1] other_ends, const int64_t[::1] other_labels,
                   const int64_t[::1] other_starts, const int32_t[::1] other_rows, int64_t width,
                   int64_t[:, ::1] out, int64_t[:, ::1] other_out):
    """Fill `COLUMNS` for each region of both pictures; runs labelled -1 belong to none.

    Run lists are those of `lvtools.masks.runs`: exclusive end columns, where each group of equal rows starts, how many
    rows it has. The outputs hold zeros. Returns 0, or -1: the lists do not cover two pictures of one size, or a label
    has no row in its output.
    """
    cdef int64_t g = 0, h = 0, i, j, begin, end, top = 0, bottom, left, other_left, pixels, height
    if out.shape[1] != MANY or other_out.shape[1] != MANY:
        return -1
    with nogil:
        height = height_of(ends, labels, starts, rows, width, out.shape[0])
        if height >= 0 and height != height_of(other_ends, other_labels, other_starts, other_rows, width,
                                               other_out.shape[0]):
            height = -1
        if height > 0:
            left, other_left = rows[0], other_rows[0]
            while top < height:
                bottom = top + (left if left < other_left else other_left)
                i, j, begin = starts[g], other_starts[h], 0
                while begin < width:  # both sides' last runs end there
                    end = ends[i] if ends[i] < other_ends[j] else other_ends[j]
                    pixels = (end - begin) * (bottom - top)
                    if labels[i] >= 0:
                        add(&out[labels[i], 0], pixels, other_labels[j] >= 0, top, begin, bottom, end)
                    if other_labels[j] >= 0:
                        add(&other_out[other_labels[j], 0], pixels, labels[i] >= 0, top, begin, bottom, end)
                    if ends[i] == end:
                        i += 1
                    if other_ends[j] == end:
                        j += 1
                    begin = end
                left -= bottom - top
                other_left -= bottom - top
                top = bottom
                if top < height:
                    if left == 0:
                        g += 1
                        left = rows[g]
                    if other_left == 0:
                        h += 1
                        other_left = other_rows[h]
    return 0 if height >= 0 else -1
