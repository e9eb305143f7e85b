# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, freethreading_compatible=True
"""Masks without pixels: PNG bytes to counts per colour and to run lists, by an inflate of our own that skips zeros.

Knows bytes, colours and runs; never class names, alpha rules or files. The work is in C (png_mask.h puts the parts
together) and runs without the GIL. This file is compiled twice, the second time with AVX2 (png_runs_avx2.pyx).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

cdef extern from "png_mask.h" nogil:
    """
    #if defined(__x86_64__) || defined(__i386__)
    #define lv_cpu_has_avx2() (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && \\
                               __builtin_cpu_supports("pclmul"))
    #else
    #define lv_cpu_has_avx2() 0
    #endif
    """
    int lv_cpu_has_avx2()
    enum:
        LV_NO_ROOM
        LV_DAMAGED
        LV_REFERRED
    ctypedef struct lv_limits:
        int64_t max_side, max_pixels, max_chunks, max_inflation
    ctypedef struct lv_png:
        int32_t width, height
        int bpp, keyed
        uint32_t key
    ctypedef struct lv_colors:
        uint32_t* keys
        int64_t* counts
        int64_t* first
        int64_t used
    ctypedef struct lv_run:
        int32_t end
        uint32_t color
    ctypedef struct lv_kept:
        lv_run* runs
        int64_t* starts
        int32_t* rows
        int64_t run_count, group_count
    ctypedef struct lv_mask:
        lv_png png
        lv_colors colors
        lv_kept kept
    ctypedef struct lv_seen:
        uint32_t color
        int64_t count, first
    void lv_crc_init()
    uint32_t lv_crc32(const uint8_t* p, size_t n)
    int lv_read_mask(lv_mask* m, const uint8_t* data, int64_t size, const lv_limits* limits, uint64_t multiplier,
                     int64_t most_colors, int64_t most_kept)
    int lv_split_bytes(const lv_mask* m, lv_seen* seen, int32_t* ids)
    void lv_mask_free(lv_mask* m)

OK = 0
DAMAGED = LV_DAMAGED  # the pixel data is not what PNG and zlib allow
NO_ROOM = LV_NO_ROOM  # more colours or runs than allowed, or no memory
REFERRED = LV_REFERRED  # the chunks are out of order, or the kind of PNG has no fast path

lv_crc_init()


def has_avx2():
    """Can this processor run png_runs_avx2?"""
    return bool(lv_cpu_has_avx2())


def crc32(const uint8_t[::1] data):
    """CRC-32 as zlib's; here to be tested by itself."""
    return lv_crc32(&data[0], data.shape[0]) if data.shape[0] else 0


cdef class Workspace:
    """The memory that masks are read in, about 1 MB; used by one thread at a time, for one mask after the other."""
    cdef lv_mask* mask
    cdef bint busy

    def __cinit__(self):
        self.mask = <lv_mask*>calloc(1, sizeof(lv_mask))
        if self.mask == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.mask != NULL:
            lv_mask_free(self.mask)
            free(self.mask)

    def read(self, const uint8_t[::1] data, tuple limits, uint64_t multiplier, int64_t most_colors, int64_t most_kept=0):
        """Read one mask.

        `limits`: most pixels a side, pixels, chunks, and bytes inflated per byte. Returns a status when it is not OK,
        else (height, width, colors, counts, first, ends, numbers, starts, rows). Of the colours, in the order of first
        sight: bytes of uint32 0xRRGGBBAA, int64, int64. Of the runs, empty unless `most_kept` > 0: bytes of int32 column
        ends and int32 places of colours, of int64 starts of the groups of equal rows (one more than groups), and of
        int32 rows in each.
        """
        cdef lv_limits given
        cdef int64_t size = data.shape[0]
        cdef int status
        cdef const uint8_t* source
        if self.busy:
            raise RuntimeError("a Workspace was used by two threads at once")
        given.max_side, given.max_pixels, given.max_chunks, given.max_inflation = limits
        if size == 0:
            return REFERRED
        source = &data[0]
        self.busy = True
        with nogil:
            status = lv_read_mask(self.mask, source, size, &given, multiplier, most_colors, most_kept)
        self.busy = False
        if status != 0:
            return status
        return self.answer(most_kept > 0)

    cdef answer(self, bint keep):
        cdef lv_mask* m = self.mask
        cdef lv_seen seen[256]
        cdef int32_t ids[256]
        cdef int64_t n, k
        cdef bint indexed = m.png.bpp == 1
        cdef uint32_t key
        n = lv_split_bytes(m, seen, ids) if indexed else m.colors.used
        if n < 0:
            return DAMAGED
        cdef bytes colors = bytes(4 * n), counts = bytes(8 * n), first = bytes(8 * n)
        cdef uint32_t* to_colors = <uint32_t*><uint8_t*>colors
        cdef int64_t* to_counts = <int64_t*><uint8_t*>counts
        cdef int64_t* to_first = <int64_t*><uint8_t*>first
        for k in range(n):
            if indexed:
                to_colors[k], to_counts[k], to_first[k] = seen[k].color, seen[k].count, seen[k].first
                continue
            key = m.colors.keys[k]
            to_colors[k] = (key << 24) | ((key & 0xff00) << 8) | ((key >> 8) & 0xff00)
            if m.png.bpp == 4:
                to_colors[k] |= key >> 24
            elif not (m.png.keyed and key == m.png.key):
                to_colors[k] |= 255
            to_counts[k], to_first[k] = m.colors.counts[k], m.colors.first[k]
        if not keep:
            return m.png.height, m.png.width, colors, counts, first, b"", b"", b"", b""
        cdef int64_t runs = m.kept.run_count, groups = m.kept.group_count
        cdef bytes ends = bytes(4 * runs), numbers = bytes(4 * runs), starts = bytes(8 * (groups + 1)), rows = bytes(4 * groups)
        cdef int32_t* to_ends = <int32_t*><uint8_t*>ends
        cdef int32_t* to_numbers = <int32_t*><uint8_t*>numbers
        for k in range(runs):
            to_ends[k] = m.kept.runs[k].end
            to_numbers[k] = ids[m.kept.runs[k].color & 255] if indexed else <int32_t>m.kept.runs[k].color
        memcpy(<uint8_t*>starts, m.kept.starts, 8 * (groups + 1))
        memcpy(<uint8_t*>rows, m.kept.rows, 4 * groups)
        return m.png.height, m.png.width, colors, counts, first, ends, numbers, starts, rows


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
