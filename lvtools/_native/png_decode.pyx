# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, freethreading_compatible=True
"""Undo PNG's row filters and spread samples over RGBA pixels. Knows rows of bytes, never chunks, files or zlib.

Every kernel first checks that the shapes it was given hold all that it is going to touch, and answers MISUSE when they
do not; after that no access depends on the data, except for table look-ups, which are compared with `entries` first.
"""
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy

MISUSE = -2  # the shapes do not belong together; nothing was touched
DONE = -1


cdef inline uint8_t paeth(int left, int up, int corner) noexcept nogil:
    """The predictor of PNG 9.4: the neighbour nearest to left + up - corner, ties in the order left, up, corner."""
    cdef int to_left = up - corner, to_up = left - corner
    cdef int to_corner = to_left + to_up
    if to_left < 0:
        to_left = -to_left
    if to_up < 0:
        to_up = -to_up
    if to_corner < 0:
        to_corner = -to_corner
    if to_left <= to_up and to_left <= to_corner:
        return <uint8_t>left
    return <uint8_t>(up if to_up <= to_corner else corner)


cdef void unfilter_row(int method, uint8_t* row, const uint8_t* above, Py_ssize_t size, Py_ssize_t bpp) noexcept nogil:
    """Undo one row; reads and writes row[0:size], reads above[0:size]; 1 <= bpp <= size."""
    cdef Py_ssize_t i
    if method == 1:
        for i in range(bpp, size):
            row[i] = <uint8_t>(row[i] + row[i - bpp])
    elif method == 2:
        for i in range(size):
            row[i] = <uint8_t>(row[i] + above[i])
    elif method == 3:
        for i in range(bpp):
            row[i] = <uint8_t>(row[i] + (above[i] >> 1))
        for i in range(bpp, size):
            row[i] = <uint8_t>(row[i] + ((<int>row[i - bpp] + <int>above[i]) >> 1))
    elif method == 4:
        for i in range(bpp):
            row[i] = <uint8_t>(row[i] + above[i])
        for i in range(bpp, size):
            row[i] = <uint8_t>(row[i] + paeth(row[i - bpp], above[i], above[i - bpp]))


def unfilter(uint8_t[:, ::1] lines, uint8_t[::1] prior, Py_ssize_t bpp):
    """Undo the filters of `lines`, shape (rows, 1 + row bytes), in place.

    `prior` holds the row above the first (zeros at the top of a pass) and leaves with the last row. Returns DONE, MISUSE,
    or the position of the first line with a filter type above 4; that line and those below it are as they were.
    """
    cdef Py_ssize_t count = lines.shape[0], size = prior.shape[0], k
    cdef Py_ssize_t bad = -1
    cdef uint8_t* line
    cdef const uint8_t* above
    if lines.shape[1] != size + 1 or bpp < 1 or bpp > size:
        return MISUSE
    if count == 0:
        return DONE
    with nogil:
        above = &prior[0]
        for k in range(count):
            line = &lines[k, 0]
            if line[0] > 4:
                bad = k
                break
            unfilter_row(line[0], line + 1, above, size, bpp)
            above = line + 1
        if above != &prior[0]:
            memcpy(&prior[0], above, size)
    return bad


cdef Py_ssize_t columns_of(Py_ssize_t width, Py_ssize_t col, Py_ssize_t step) noexcept nogil:
    """How many of `width` columns a pass has that starts at `col` and takes every step-th."""
    return (width - col + step - 1) // step if col < width else 0


cdef bint fits(Py_ssize_t count, uint8_t[:, :, ::1] out, Py_ssize_t row, Py_ssize_t row_step, Py_ssize_t col,
               Py_ssize_t col_step) noexcept nogil:
    """Do `count` lines of a pass lie inside `out`?"""
    if out.shape[2] != 4 or row < 0 or col < 0 or row_step < 1 or col_step < 1 or row_step > 8 or col_step > 8:
        return False
    return count == 0 or (row < out.shape[0] and (count - 1) <= (out.shape[0] - 1 - row) // row_step)


def expand_indexed(const uint8_t[:, ::1] lines, int depth, const uint8_t[:, ::1] table, Py_ssize_t entries,
                   uint8_t[:, :, ::1] out, Py_ssize_t row, Py_ssize_t row_step, Py_ssize_t col, Py_ssize_t col_step):
    """Write table[index] for each index of `lines` (rows, 1 + row bytes; unfiltered) to out[row::row_step, col::col_step].

    Indexes have 1, 2, 4 or 8 bits, the first in the high bits. `table` is (256, 4); only the first `entries` count.
    Returns DONE, MISUSE, or line * columns + column of the first index that has no entry.
    """
    cdef Py_ssize_t count = lines.shape[0], columns, k, x, place, stray = -1
    cdef unsigned int index, low
    cdef int shift
    cdef const uint8_t* source
    cdef uint8_t* target
    if depth != 1 and depth != 2 and depth != 4 and depth != 8:
        return MISUSE
    if table.shape[0] != 256 or table.shape[1] != 4 or not fits(count, out, row, row_step, col, col_step):
        return MISUSE
    columns = columns_of(out.shape[1], col, col_step)
    if lines.shape[1] < 1 + (columns * depth + 7) // 8:
        return MISUSE
    if count == 0 or columns == 0:
        return DONE
    low = (1 << depth) - 1
    with nogil:
        for k in range(count):
            source = &lines[k, 0] + 1
            target = &out[row + k * row_step, col, 0]
            for x in range(columns):
                if depth == 8:
                    index = source[x]
                else:
                    place = x * depth
                    shift = 8 - depth - <int>(place & 7)
                    index = (<unsigned int>source[place >> 3] >> shift) & low
                if <Py_ssize_t>index >= entries:
                    stray = k * columns + x
                    break
                memcpy(target + 4 * col_step * x, &table[index, 0], 4)
            if stray >= 0:
                break
    return stray


def expand_samples(const uint8_t[:, ::1] lines, int channels, int sample_bytes, const uint16_t[::1] transparent,
                   uint8_t[:, :, ::1] out, Py_ssize_t row, Py_ssize_t row_step, Py_ssize_t col, Py_ssize_t col_step):
    """Write grey (1 channel), grey + alpha (2), RGB (3) or RGBA (4) samples to out[row::row_step, col::col_step].

    Samples have 1 or 2 bytes; of two the high one is kept, after the whole sample was compared with `transparent` (empty,
    or a value per channel of grey and RGB). Returns DONE or MISUSE.
    """
    cdef Py_ssize_t count = lines.shape[0], columns, k, x, step, size = sample_bytes
    cdef int colors = 3 if channels >= 3 else 1
    cdef bint has_alpha = channels == 2 or channels == 4
    cdef bint keyed = transparent.shape[0] != 0, same
    cdef int c
    cdef unsigned int value
    cdef const uint8_t* source
    cdef uint8_t* target
    if channels < 1 or channels > 4 or sample_bytes < 1 or sample_bytes > 2:
        return MISUSE
    if keyed and (has_alpha or transparent.shape[0] != colors):
        return MISUSE
    if not fits(count, out, row, row_step, col, col_step):
        return MISUSE
    columns = columns_of(out.shape[1], col, col_step)
    step = channels * size
    if lines.shape[1] < 1 + columns * step:
        return MISUSE
    if count == 0 or columns == 0:
        return DONE
    with nogil:
        for k in range(count):
            source = &lines[k, 0] + 1
            target = &out[row + k * row_step, col, 0]
            for x in range(columns):
                if colors == 3:
                    target[0] = source[0]
                    target[1] = source[size]
                    target[2] = source[2 * size]
                else:
                    target[0] = source[0]
                    target[1] = source[0]
                    target[2] = source[0]
                if has_alpha:
                    target[3] = source[colors * size]
                else:
                    target[3] = 255
                    if keyed:
                        same = True
                        for c in range(colors):
                            value = source[c * size]
                            if size == 2:
                                value = (value << 8) | source[c * size + 1]
                            if value != transparent[c]:
                                same = False
                                break
                        if same:
                            target[3] = 0
                source += step
                if x + 1 < columns:  # a pointer past the last row's end would be one the array does not own
                    target += 4 * col_step
    return DONE
