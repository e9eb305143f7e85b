# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, freethreading_compatible=True
"""Masks without pixels: PNG bytes to counts per colour and to run lists, by an inflate of our own that skips zeros.

Knows bytes, colours and runs; never class names, alpha rules or files. The work is in C (png_mask.h puts the parts
together) and runs without the GIL. This file is compiled twice, the second time with AVX2 (png_runs_avx2.pyx).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

cdef extern from "png_answer.h" nogil:
    """
    #if defined(__x86_64__) || defined(__i386__)
    #define lv_cpu_has_avx2() (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && \\
                               __builtin_cpu_supports("pclmul"))
    #else
    #define lv_cpu_has_avx2() 0
    #endif
    """
    int lv_cpu_has_avx2()
    void lv_by_large_pages(void* memory, size_t size)
    enum:
        LV_NO_ROOM
        LV_DAMAGED
        LV_REFERRED
        LV_KEPT_BATCH
    ctypedef struct lv_limits:
        int64_t max_side, max_pixels, max_chunks, max_inflation
    ctypedef struct lv_png:
        int32_t width, height
        int bpp
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
        lv_kept kept
    ctypedef struct lv_batch:
        uint32_t* colors
        int64_t* counts
        int64_t* first
        int64_t used, room
    ctypedef struct lv_job:
        const uint8_t* data
        int64_t size, status, height, width, colors
    void lv_png_init()
    uint32_t lv_crc32(const uint8_t* p, size_t n)
    int lv_read_mask(lv_mask* m, const uint8_t* data, int64_t size, const lv_limits* limits, uint64_t multiplier,
                     int64_t most_colors, int64_t most_kept)
    int64_t lv_answer(lv_mask* m, lv_batch* b, int32_t* ids)
    int64_t lv_count_many(lv_mask* m, lv_job* jobs, int64_t n, const lv_limits* limits, uint64_t multiplier,
                          int64_t most_colors, lv_batch* b)
    int64_t lv_without_alpha(lv_mask* m, lv_batch* b, int64_t n)
    void lv_batch_free(lv_batch* b)
    void lv_mask_free(lv_mask* m)

OK = 0
DAMAGED = LV_DAMAGED  # the pixel data is not what PNG and zlib allow
NO_ROOM = LV_NO_ROOM  # more colours or runs than allowed, or no memory
REFERRED = LV_REFERRED  # the chunks are out of order, or runs are asked of a kind of PNG that is only counted

lv_png_init()


def has_avx2():
    """Can this processor run png_runs_avx2?"""
    return bool(lv_cpu_has_avx2())


def crc32(const uint8_t[::1] data):
    """CRC-32 as zlib's; here to be tested by itself."""
    return lv_crc32(&data[0], data.shape[0]) if data.shape[0] else 0


cdef bytes copied(const void* values, int64_t size):
    """A bytes object of `size` bytes; `values` may be NULL where there are none."""
    cdef bytes made = PyBytes_FromStringAndSize(NULL, size)
    if size:
        lv_by_large_pages(<char*>made, size)
        memcpy(<char*>made, values, size)
    return made


cdef class Workspace:
    """The memory that masks are read in, about 1 MB; used by one thread at a time, for one mask after the other.

    All methods take `limits` (most pixels a side, pixels, chunks, and bytes inflated per byte), a random `multiplier`, and
    how many colours a mask may have.
    """
    cdef lv_mask* mask
    cdef lv_batch batch
    cdef bint busy

    def __cinit__(self):
        self.mask = <lv_mask*>calloc(1, sizeof(lv_mask))
        if self.mask == NULL:
            raise MemoryError

    def __dealloc__(self):
        lv_batch_free(&self.batch)
        if self.mask != NULL:
            lv_mask_free(self.mask)
            free(self.mask)

    cdef int take(self) except -1:
        if self.busy:
            raise RuntimeError("a Workspace was used by two threads at once")
        self.busy = True
        return 0

    cdef int64_t run(self, lv_job* jobs, int64_t n, tuple limits, uint64_t multiplier, int64_t most_colors) except -1:
        """Count masks into `self.batch`; how many were done. The caller has taken the workspace."""
        cdef lv_limits given
        cdef int64_t done
        given.max_side, given.max_pixels, given.max_chunks, given.max_inflation = limits
        if self.batch.room > LV_KEPT_BATCH:  # a photograph's lists are not kept
            lv_batch_free(&self.batch)
        self.batch.used = 0
        with nogil:
            done = lv_count_many(self.mask, jobs, n, &given, multiplier, most_colors, &self.batch)
        return done

    def colors(self, object data, tuple limits, uint64_t multiplier, int64_t most_colors):
        """0xRRGGBB to pixels, alpha ignored, in the order of first sight; a status when it is not OK."""
        cdef lv_job job
        cdef Py_buffer view
        memset(&view, 0, sizeof(view))
        cdef dict found = {}
        cdef int64_t k, n
        self.take()
        try:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
            job.data, job.size = <const uint8_t*>view.buf, view.len
            self.run(&job, 1, limits, multiplier, most_colors)
            if job.status != 0:
                return job.status
            n = lv_without_alpha(self.mask, &self.batch, job.colors)
            if n < 0:
                return n
            for k in range(n):
                found[self.batch.colors[k] >> 8] = self.batch.counts[k]
            return found
        finally:
            self.busy = False
            PyBuffer_Release(&view)  # does nothing where there is none

    def count(self, list masks, tuple limits, uint64_t multiplier, int64_t most_colors):
        """Count masks without taking the GIL in between: as many as it takes to fill a batch of colours.

        Returns (done, heads, colors, counts, first). `done` masks were looked at, one or more unless the list is empty.
        heads: bytes of int64, for each of them status, height, width, how many colours; the last three are 0 unless
        the status is OK. Of all their colours one after the other, each mask's in the order of first sight: bytes of
        uint32 0xRRGGBBAA, int64, int64.
        """
        cdef int64_t n = len(masks), held = 0, done, k
        cdef lv_job* jobs = <lv_job*>calloc(n + 1, sizeof(lv_job))
        cdef Py_buffer* views = <Py_buffer*>calloc(n + 1, sizeof(Py_buffer))
        cdef int64_t* heads
        cdef bytes listed
        self.take()
        try:
            if jobs == NULL or views == NULL:
                raise MemoryError
            for k in range(n):
                PyObject_GetBuffer(masks[k], &views[k], PyBUF_SIMPLE)
                held += 1
                jobs[k].data, jobs[k].size = <const uint8_t*>views[k].buf, views[k].len
            done = self.run(jobs, n, limits, multiplier, most_colors)
            listed = bytes(32 * done)
            heads = <int64_t*><uint8_t*>listed
            for k in range(done):
                heads[4 * k], heads[4 * k + 1] = jobs[k].status, jobs[k].height
                heads[4 * k + 2], heads[4 * k + 3] = jobs[k].width, jobs[k].colors
            n = self.batch.used
            return (done, listed, copied(self.batch.colors, 4 * n), copied(self.batch.counts, 8 * n),
                    copied(self.batch.first, 8 * n))
        finally:
            self.busy = False
            for k in range(held):
                PyBuffer_Release(&views[k])
            free(jobs)
            free(views)

    def read(self, object data, tuple limits, uint64_t multiplier, int64_t most_colors, int64_t most_kept=0):
        """Read one mask.

        Returns a status when it is not OK, else (height, width, colors, counts, first, ends, numbers, starts, rows). Of
        the colours, in the order of first sight: bytes of uint32 0xRRGGBBAA, int64, int64. Of the runs, empty unless
        `most_kept` > 0: bytes of int32 column ends and int32 places of colours, of int64 starts of the groups of equal
        rows (one more than groups), and of int32 rows in each.
        """
        cdef lv_limits given
        cdef Py_buffer view
        memset(&view, 0, sizeof(view))
        cdef int status
        given.max_side, given.max_pixels, given.max_chunks, given.max_inflation = limits
        self.take()
        try:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
            with nogil:
                status = lv_read_mask(self.mask, <const uint8_t*>view.buf, view.len, &given, multiplier, most_colors,
                                      most_kept)
            return self.answer(most_kept > 0) if status == 0 else status
        finally:
            self.busy = False
            PyBuffer_Release(&view)  # does nothing where there is none

    cdef answer(self, bint keep):
        cdef lv_mask* m = self.mask
        cdef lv_batch* found = &self.batch
        cdef int32_t ids[256]
        cdef int64_t n, k
        cdef bint indexed = m.png.bpp == 1
        if found.room > LV_KEPT_BATCH:  # a photograph's lists are not kept
            lv_batch_free(found)
        found.used = 0
        n = lv_answer(m, found, ids)
        if n < 0:
            return n
        colors = copied(found.colors, 4 * n), copied(found.counts, 8 * n), copied(found.first, 8 * n)
        if not keep:
            return m.png.height, m.png.width, *colors, b"", b"", b"", b""
        cdef int64_t runs = m.kept.run_count, groups = m.kept.group_count
        cdef bytes ends = bytes(4 * runs), numbers = bytes(4 * runs)
        cdef int32_t* to_ends = <int32_t*><uint8_t*>ends
        cdef int32_t* to_numbers = <int32_t*><uint8_t*>numbers
        for k in range(runs):
            to_ends[k] = m.kept.runs[k].end
            to_numbers[k] = ids[m.kept.runs[k].color & 255] if indexed else <int32_t>m.kept.runs[k].color
        return (m.png.height, m.png.width, *colors, ends, numbers, copied(m.kept.starts, 8 * (groups + 1)),
                copied(m.kept.rows, 4 * groups))


include "png_paint.pxi"
