# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""Count pairs of codes. Knows codes, bytes and bits, never class names or files.

A `Side` is one chunk of a column, as Arrow lays it out; `Words` numbers strings as they appear. What the processor can do
is found once, at import; every function takes a `level` (0 plain C, 1 AVX2), so that both ways can be tested and timed.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

cdef extern from "confusion_sides.h":
    ctypedef struct lv_words:
        const uint8_t** text
        int64_t* length
        int used
        int null_code
    ctypedef struct lv_side:
        int kind
        const uint8_t* data
        int64_t bytes
        const uint8_t* offsets
        const uint8_t* valid
        int64_t valid_bytes
        int64_t offset
        int64_t base
        int codes
        lv_words* words
    ctypedef struct lv_bitmap:
        const uint8_t* bits
        int64_t bytes
        int64_t offset
    enum: LV_BITS, LV_STRING, LV_LARGE_STRING, LV_FULL, LV_STRAY
    int lv_cpu_level() nogil
    void lv_no_words(lv_words*) nogil
    int lv_count_sides(const lv_side*, int64_t, const lv_side*, int64_t, int64_t, int64_t*, int64_t, int64_t*, int*,
                       int) nogil
    int64_t lv_count_pixels(const uint8_t*, const uint8_t*, int64_t, int, int64_t*, int) nogil
    void lv_count_bits(lv_bitmap, lv_bitmap, lv_bitmap, lv_bitmap, int64_t, int64_t*, int64_t, int) nogil

LEVEL = lv_cpu_level()
FULL, STRAY = LV_FULL, LV_STRAY

_KINDS = {"bool": 0, "int8": 1, "uint8": 2, "int16": 3, "uint16": 4, "int32": 5, "uint32": 6, "int64": 7, "uint64": 8,
          "string": 9, "large_string": 10}
_BITS = (1, 8, 8, 16, 16, 32, 32, 64, 64, 32, 64)


cdef class Words:
    """Distinct strings in the order of first sight, at most 255; null is one of them when it occurs."""

    cdef lv_words table
    cdef list owners

    def __cinit__(self):
        lv_no_words(&self.table)
        self.owners = []

    def __len__(self):
        return self.table.used

    def seen(self):
        """The words as bytes, None for null, by code."""
        cdef int code
        return [
            self.table.text[code][:self.table.length[code]] if self.table.length[code] > 0
            else None if self.table.length[code] < 0 else b""
            for code in range(self.table.used)
        ]


cdef class Side:
    """One chunk: `kind` is the Arrow type of its values or dictionary indexes, the buffers are Arrow's own.

    Values are coded as value - base in 0..codes - 1, null as `codes`; strings by `words`. Raises ValueError when a buffer
    is too short for `offset + length` rows: nothing behind a buffer's end is ever read.
    """

    cdef lv_side side
    cdef Py_ssize_t length
    cdef int room  # how many codes it may give
    cdef Py_buffer held[3]  # Arrow's buffers are of signed bytes or of anything: only their memory counts
    cdef int holds
    cdef Words words

    cdef const uint8_t* hold(self, source, int64_t* size) except? NULL:
        size[0] = 0
        if source is None:
            return NULL
        PyObject_GetBuffer(source, &self.held[self.holds], PyBUF_SIMPLE)
        self.holds += 1
        size[0] = self.held[self.holds - 1].len
        return <const uint8_t*> self.held[self.holds - 1].buf

    def __dealloc__(self):
        cdef int at
        for at in range(self.holds):
            PyBuffer_Release(&self.held[at])

    def __cinit__(self, str kind, data, valid, Py_ssize_t offset, Py_ssize_t length, *, int64_t base=0, int codes=2,
                  offsets=None, Words words=None):
        cdef int number = _KINDS[kind]
        cdef Py_ssize_t rows = offset + length
        cdef bint text = number >= 9
        cdef int64_t size = 0
        if offset < 0 or length < 0 or rows < 0 or rows >= 1 << 56:
            raise ValueError("offset or length is no place in a buffer")
        if text != (words is not None) or text != (offsets is not None) or not 0 <= codes <= 255 + (valid is None):
            raise ValueError("strings need offsets and words, others at most 255 codes and null")
        self.side.kind = number
        self.length = length
        self.side.offset = offset
        self.side.base = base
        self.side.codes = codes
        self.room = 256 if text else max(3, codes + 1) if number == 0 else codes + (valid is not None)
        self.side.data = self.hold(data, &self.side.bytes)
        self.side.valid = self.hold(valid, &self.side.valid_bytes)
        if valid is not None and (self.side.valid == NULL or self.side.valid_bytes < (rows + 7) // 8):
            raise ValueError("the validity bitmap is too short")
        if text:
            self.side.offsets = self.hold(offsets, &size)
            if size < (rows + 1) * (_BITS[number] // 8):
                raise ValueError("the offsets are too short")
            self.words = words
            self.side.words = &words.table
            words.owners.append(self)  # its words lie in our bytes
        elif self.side.bytes < (rows * _BITS[number] + 7) // 8:
            raise ValueError("the values are too short")


cdef class Cells:
    """How often each pair of codes was seen: 1 to 256 rows and columns, zeros at first.

    As large as the codes need: for two columns of bits, taking and zeroing 256 x 256 counts in an array took longer than
    counting ten million rows.
    """

    cdef int64_t* counts
    cdef int rows
    cdef int columns

    def __cinit__(self, int rows, int columns):
        if not 1 <= rows <= 256 or not 1 <= columns <= 256:
            raise ValueError("cells must be 1 to 256 rows by 1 to 256 columns")
        self.rows = rows
        self.columns = columns
        self.counts = <int64_t*> calloc(rows * columns, sizeof(int64_t))
        if self.counts == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.counts)

    def pairs(self):
        """(truth code, prediction code, count) of every pair seen, row by row."""
        cdef int row, column
        found = []
        for row in range(self.rows):
            for column in range(self.columns):
                if self.counts[row * self.columns + column]:
                    found.append((row, column, self.counts[row * self.columns + column]))
        return found


def count_sides(Side truth not None, Py_ssize_t truth_start, Side prediction not None, Py_ssize_t prediction_start,
                Py_ssize_t length, Cells cells not None, int level=LEVEL):
    """Add to `cells` the rows of both sides from their starts on. Cells need a row for every code of truth and a column for
    every code of prediction: `codes`, one more for null (bits always), and 256 for strings.

    Returns (state, row, side): state is 0, or FULL or STRAY at the first row whose code cannot be given, on side 0 (truth)
    or 1. Cells then hold the blocks before that row's.
    """
    cdef int64_t row = 0
    cdef int which = 0, state = 0
    if cells.rows < truth.room or cells.columns < prediction.room:
        raise ValueError(f"cells of {cells.rows} x {cells.columns} have no room for {truth.room} x {prediction.room} codes")
    if (length < 0 or truth_start < 0 or prediction_start < 0 or truth_start > truth.length - length
            or prediction_start > prediction.length - length):
        raise ValueError("rows outside of a side")
    if not length:
        return 0, 0, 0
    with nogil:
        if truth.side.kind == LV_BITS and prediction.side.kind == LV_BITS:
            lv_count_bits(
                lv_bitmap(truth.side.data, truth.side.bytes, truth.side.offset + truth_start),
                lv_bitmap(prediction.side.data, prediction.side.bytes, prediction.side.offset + prediction_start),
                lv_bitmap(truth.side.valid, truth.side.valid_bytes, truth.side.offset + truth_start),
                lv_bitmap(prediction.side.valid, prediction.side.valid_bytes, prediction.side.offset + prediction_start),
                length, cells.counts, cells.columns, level)
        else:
            state = lv_count_sides(&truth.side, truth_start, &prediction.side, prediction_start, length, cells.counts,
                                   cells.columns, &row, &which, level)
    return state, row, which


def count_pixels(const uint8_t[::1] truth, const uint8_t[::1] prediction, int64_t[:, ::1] counts, int level=LEVEL):
    """Count class-index pixels, flattened: 255 in row and column 0, class k in k + 1 of the (C + 1, C + 1) counts.

    Returns -1, or the first position with an index of no class; the counts are then of no use. Only the shorter length is
    looked at.
    """
    cdef Py_ssize_t length = min(truth.shape[0], prediction.shape[0])
    cdef int64_t stray
    if counts.shape[0] != counts.shape[1] or not 1 <= counts.shape[0] <= 256:
        raise ValueError("counts must be square, with 1 to 256 rows")
    if not length:
        return -1
    with nogil:
        stray = lv_count_pixels(&truth[0], &prediction[0], length, <int> counts.shape[0] - 1, &counts[0, 0], level)
    return stray
