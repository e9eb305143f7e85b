# Run lists followed: painted, or laid over each other. Part of png_runs.pyx, which has the imports.
cdef bint covers(const int32_t[::1] ends, const int64_t[::1] starts, const int32_t[::1] rows, int64_t height,
                 int64_t width) noexcept nogil:
    """Do the run lists fill a picture of this size exactly? Whoever passes this may follow them without further checks."""
    cdef int64_t g, k, total = 0, before
    if starts.shape[0] != rows.shape[0] + 1 or starts[0] != 0 or starts[rows.shape[0]] != ends.shape[0]:
        return False
    for g in range(rows.shape[0]):
        if rows[g] <= 0 or starts[g + 1] <= starts[g] or starts[g + 1] > ends.shape[0]:
            return False
        total += rows[g]
        before = 0
        for k in range(starts[g], starts[g + 1]):
            if ends[k] <= before:
                return False
            before = ends[k]
        if before != width:
            return False
    return total == height


cdef bint below(const int32_t[::1] numbers, int64_t most) noexcept nogil:
    """Are all numbers in 0..most - 1?"""
    cdef int64_t k
    for k in range(numbers.shape[0]):
        if numbers[k] < 0 or numbers[k] >= most:
            return False
    return True


def paint(const int32_t[::1] ends, const int32_t[::1] numbers, const int64_t[::1] starts, const int32_t[::1] rows,
          const uint8_t[::1] values, uint8_t[:, ::1] out):
    """Write values[number] to the pixels of each run; `out` is (height, width). Returns 0, or -1: the lists do not fill
    `out`, or a number has no value; nothing was written then."""
    cdef int64_t g, k, row = 0, width = out.shape[1]
    cdef int32_t begin, copy
    cdef int status = -1
    if out.shape[0] == 0 or width == 0 or numbers.shape[0] != ends.shape[0]:
        return -1
    with nogil:
        if covers(ends, starts, rows, out.shape[0], width) and below(numbers, values.shape[0]):
            for g in range(rows.shape[0]):
                begin = 0
                for k in range(starts[g], starts[g + 1]):
                    memset(&out[row, begin], values[numbers[k]], ends[k] - begin)
                    begin = ends[k]
                for copy in range(1, rows[g]):
                    memcpy(&out[row + copy, 0], &out[row, 0], width)
                row += rows[g]
            status = 0
    return status


def pair(const int32_t[::1] ends, const int32_t[::1] numbers, const int64_t[::1] starts, const int32_t[::1] rows,
         const int32_t[::1] other_ends, const int32_t[::1] other_numbers, const int64_t[::1] other_starts,
         const int32_t[::1] other_rows, int64_t width, int64_t[:, ::1] out):
    """Add to out[a, b] the pixels with number a in the first mask and b in the other. Both have `width` columns and the
    same height. Returns 0, or -1 when the lists are not such; nothing was added then."""
    cdef int64_t g = 0, h = 0, i, j, height = 0, many
    cdef int32_t left, other_left, begin
    cdef int status = -1
    if numbers.shape[0] != ends.shape[0] or other_numbers.shape[0] != other_ends.shape[0]:
        return -1
    if rows.shape[0] == 0 or other_rows.shape[0] == 0 or out.shape[0] == 0 or out.shape[1] == 0:
        return -1
    with nogil:
        for i in range(rows.shape[0]):
            height += rows[i]
        if (covers(ends, starts, rows, height, width) and covers(other_ends, other_starts, other_rows, height, width)
                and below(numbers, out.shape[0]) and below(other_numbers, out.shape[1])):
            left, other_left = rows[0], other_rows[0]
            while True:
                many = left if left < other_left else other_left  # rows in which neither changes
                i, j, begin = starts[g], other_starts[h], 0
                while begin < width:
                    if ends[i] <= other_ends[j]:
                        out[numbers[i], other_numbers[j]] += many * (ends[i] - begin)
                        begin = ends[i]
                        j += ends[i] == other_ends[j]
                        i += 1
                    else:
                        out[numbers[i], other_numbers[j]] += many * (other_ends[j] - begin)
                        begin = other_ends[j]
                        j += 1
                left -= <int32_t>many
                other_left -= <int32_t>many
                if left == 0:
                    g += 1
                    if g == rows.shape[0]:
                        break
                    left = rows[g]
                if other_left == 0:
                    h += 1
                    other_left = other_rows[h]
            status = 0
    return status
