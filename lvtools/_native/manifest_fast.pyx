# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
# distutils: include_dirs = lvtools/_native
# distutils: depends = lvtools/_native/manifest_base.h lvtools/_native/manifest_values.h lvtools/_native/manifest_state.h lvtools/_native/manifest_text.h lvtools/_native/manifest_maps.h lvtools/_native/manifest_boxes.h lvtools/_native/manifest_judge.h lvtools/_native/manifest_line.h lvtools/_native/manifest_fast.h
"""Manifest lines to columns without the GIL: memory, windows and hand-over. What a line may be is in the headers.

The loops take lines that need no words, and stop at any other; `lvtools.manifest.fast` gives that one to the slow path and
comes back. Room is made before a run for all that its window can produce, so the loops themselves need not ask.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef extern from "manifest_fast.h" nogil:
    enum:
        PAD, MAX_STAGED, MAX_NAME, MAX_BOXES, BUFFERS, TAKEN, UNFIT, FULL, K_REF, K_UNMASKED
        N_LABEL, N_BOX, N_MAP, N_ENTRY
        B_PRESENT, B_LINE, B_START, B_REF_END, B_REF, B_LABEL_END, B_LABEL, B_CONF, B_DATE, B_CLASS, B_JOB, B_LABEL_KEY
        B_MASK_KEY, B_MASK_END, B_MASK, B_MAP_END, B_INDEX_END, B_INDEX, B_NAME_END, B_NAME, B_COLOR_END, B_COLOR
        B_MAP_CONF, B_MAP_FLAG, B_BOX_END, B_BOX_ID, B_BOX_NAME_END, B_BOX_NAME, B_LEFT, B_TOP, B_WIDTH, B_HEIGHT
        B_BOX_CONF, B_BOX_FLAG
    ctypedef struct Words:
        uint8_t *text
        int64_t *ends
        int32_t count, last
    ctypedef struct Fact:
        uint64_t hash
        uint32_t hash2, line, ref_at, ref_len, map_at, flags
        int64_t start
        int32_t map_id, mask_key
    ctypedef struct Find:
        int64_t line, start, at, value_at, part_at
        int32_t value_len, part_len, code, key, index
    ctypedef struct News:
        int64_t line, start, at
        int32_t kind, word, key, index
    ctypedef struct State:
        const uint8_t *buf
        int64_t origin, rows, ref_used, label_used, mask_used, maps, index_used, name_used, color_used, boxes, box_name_used
        int64_t line, fact_count, find_count, find_cap
        int profile, want
        uint8_t *at[64]
        int64_t cap[64]
        Fact *facts
        Find *finds
        News *news
        int64_t news_count
        Words keys, classes, jobs, label_keys, mask_keys, distinct, pairs, box_names, indexes
        int64_t *pair_lines
        int64_t *map_lines
        int32_t pair_cap, map_cap
        int64_t counts[6]
        int64_t taken[3]
        uint8_t bucket[256]
        uint8_t other[256]
        int32_t bucket_len, other_len, wanted_len
        int64_t bucket_line, bucket_start, bucket_at, other_line, other_start, other_at
        uint8_t wanted[256]
        uint64_t key[4]
        int credit
    ctypedef struct Slot:
        uint64_t hash
        uint32_t hash2, line
    ctypedef struct SeenTable "Seen":
        Slot *slots
        int64_t size, used
    int has_avx2()
    const uint8_t *run_lines(State *s, int wide, const uint8_t *p, const uint8_t *end, int *answer)
    void free_state(State *s)
    void hash96(const uint8_t *p, int64_t n, const uint64_t *key, uint64_t *one, uint32_t *two)
    int32_t intern(Words *w, const uint8_t *p, int64_t n)
    int64_t word_start(const Words *w, int32_t code)
    int seen_grow(SeenTable *s, int64_t more)
    void seen_prefetch(const SeenTable *s, uint64_t hash)
    uint32_t seen_line(SeenTable *s, uint64_t hash, uint32_t hash2, uint32_t line)
    void open_locale "lvtools_open_locale"()

cpdef enum:
    WINDOW = 524288        # bytes of one run: small enough for the cache, and to bound what must be reserved

# How many bytes a window of W bytes can add to each buffer: (bytes per item, bytes of line per item). A row needs 18 bytes of
# line, a box 52, an object 16, an entry of a color map 40; texts are bounded by the window itself.
cdef int ITEM[64]
cdef int _item(int buffer) noexcept:
    if buffer == B_PRESENT:
        return 2
    if buffer in (B_REF, B_LABEL, B_MASK, B_INDEX, B_NAME, B_COLOR, B_BOX_NAME):
        return 0
    if buffer in (B_MAP_FLAG, B_BOX_FLAG):
        return 1
    if buffer in (B_LINE, B_START, B_CONF, B_DATE, B_MAP_CONF, B_BOX_ID, B_LEFT, B_TOP, B_WIDTH, B_HEIGHT, B_BOX_CONF):
        return 8
    return 4

cdef int _k
for _k in range(BUFFERS):
    ITEM[_k] = _item(_k)
open_locale()


def avx2() -> bool:
    """Can this machine run the wide loops?"""
    return bool(has_avx2())


cdef class Owned:
    """One buffer, given to Arrow; freed with the last array that looks at it."""
    cdef uint8_t *at
    cdef readonly int64_t size

    def __dealloc__(self):
        free(self.at)

    @property
    def address(self):
        return <uint64_t>self.at


cdef class Engine:
    """The columns, facts and findings of one part of a file; see `lvtools.manifest.fast` for the order of calls."""
    cdef State s
    cdef int wide
    cdef uint8_t *tail
    cdef int64_t consumed

    def __cinit__(self, int profile, int want, bint wide, bytes key, bytes wanted):
        memset(&self.s, 0, sizeof(State))
        if len(key) != 32 or len(wanted) > 255:
            raise ValueError("Engine: key or attribute name of a wrong length")
        self.s.profile, self.s.want, self.wide = profile, want, wide and has_avx2()
        self.s.bucket_len = self.s.other_len = -1
        self.s.credit = 16
        for words in range(9):
            self._words(words).last = -1
        memcpy(self.s.key, <const uint8_t *><const char *>key, 32)
        memcpy(self.s.wanted, <const uint8_t *><const char *>wanted, len(wanted))
        self.s.wanted_len = <int32_t>len(wanted)
        self.s.find_cap = 4096
        self.s.finds = <Find *>realloc(NULL, self.s.find_cap * sizeof(Find))
        self.s.facts = <Fact *>realloc(NULL, (WINDOW // 16 + 2) * sizeof(Fact))
        self.tail = <uint8_t *>realloc(NULL, WINDOW + PAD)
        if not self.s.finds or not self.s.facts or not self.tail:
            raise MemoryError
        self._reserve(0, 0)
        for buffer in (B_REF_END, B_LABEL_END, B_MASK_END, B_MAP_END, B_INDEX_END, B_NAME_END, B_COLOR_END, B_BOX_END, B_BOX_NAME_END):
            (<int32_t *>self.s.at[buffer])[0] = 0

    def __dealloc__(self):
        free_state(&self.s)
        free(self.tail)

    cdef Words *_words(self, int which) noexcept:
        if which == 0: return &self.s.classes
        if which == 1: return &self.s.jobs
        if which == 2: return &self.s.label_keys
        if which == 3: return &self.s.mask_keys
        if which == 4: return &self.s.distinct
        if which == 6: return &self.s.pairs
        if which == 7: return &self.s.box_names
        if which == 8: return &self.s.indexes
        return &self.s.keys

    cdef int64_t _used(self, int buffer) noexcept:
        """Bytes of a buffer that are filled; for ends, the zero in front included."""
        cdef State *s = &self.s
        if buffer == B_REF: return s.ref_used
        if buffer == B_LABEL: return s.label_used
        if buffer == B_MASK: return s.mask_used
        if buffer == B_INDEX: return s.index_used
        if buffer == B_NAME: return s.name_used
        if buffer == B_COLOR: return s.color_used
        if buffer == B_BOX_NAME: return s.box_name_used
        if buffer in (B_INDEX_END, B_NAME_END, B_COLOR_END): return 4 * (s.maps + 1)
        if buffer in (B_MAP_CONF, B_MAP_FLAG): return ITEM[buffer] * s.maps
        if buffer == B_BOX_NAME_END: return 4 * (s.boxes + 1)
        if buffer in (B_BOX_ID, B_LEFT, B_TOP, B_WIDTH, B_HEIGHT, B_BOX_CONF, B_BOX_FLAG): return ITEM[buffer] * s.boxes
        if buffer in (B_REF_END, B_LABEL_END, B_MASK_END, B_MAP_END, B_BOX_END): return 4 * (s.rows + 1)
        return ITEM[buffer] * s.rows

    cdef int _reserve(self, int64_t window, int64_t remaining) except -1:
        """Room for a window; a buffer that grows grows to what the rest of the input will need at this rate.

        Memory that is not written to costs nothing, while growing step by step would copy the columns over and over.
        """
        cdef int64_t need, used
        cdef int buffer
        cdef uint8_t *grown
        for buffer in range(BUFFERS):
            need = self._used(buffer) + (window + 2 * PAD if ITEM[buffer] == 0 else ITEM[buffer] * (window // 16 + 4))
            if buffer == B_BOX_NAME:
                need = self.s.box_name_used + MAX_BOXES * MAX_NAME + 2 * PAD + window
            if need > self.s.cap[buffer]:
                if ITEM[buffer] == 0 and need > 0x7FFFFFFF:   # Arrow's offsets have 32 bits
                    raise OverflowError("a column of texts has more than 2 GB: read the manifest in parts")
                used = self._used(buffer)
                need += used // 2
                if self.consumed:
                    need = max(need, used + <int64_t>(1.05 * used * remaining / self.consumed) + window + 2 * PAD)
                grown = <uint8_t *>realloc(self.s.at[buffer], need)
                if not grown:
                    raise MemoryError
                self.s.at[buffer], self.s.cap[buffer] = grown, need
        return 0

    def run(self, const uint8_t[::1] data, Py_ssize_t start, int64_t base, int64_t line):
        """Take the lines of one window from data[start:]; `base` is the place of data[0] in the file, `line` counts from 0.

        Returns (position, line, answer): where it stopped, the line there, and TAKEN, UNFIT (that line needs the slow path;
        also: it has no line feed) or FULL (call again). Facts and findings of the window wait until they are fetched.
        """
        cdef Py_ssize_t size = data.shape[0], stop, body
        cdef const uint8_t *first
        cdef const uint8_t *at
        cdef int answer = TAKEN
        if start < 0 or start >= size:
            return start, line, UNFIT
        self.s.fact_count = 0
        self.s.find_count = 0
        self.s.news_count = 0
        stop = start + WINDOW if size - start > WINDOW else size
        while stop > start and data[stop - 1] != 0x0A:
            stop -= 1
        if stop == start:
            return start, line, UNFIT
        body = stop
        if body > size - PAD:     # the loops read up to PAD bytes ahead: the last lines are read from a padded copy
            body = size - PAD if size - PAD > start else start
            while body > start and data[body - 1] != 0x0A:
                body -= 1
        self._reserve(stop - start, size - start)
        self.s.line = line
        first = &data[0]
        with nogil:
            at = first + start
            if body > start:
                self.s.buf, self.s.origin = first, base
                at = run_lines(&self.s, self.wide, first + start, first + body, &answer)
            if answer == TAKEN and body < stop:
                memcpy(self.tail, first + body, stop - body)
                memset(self.tail + (stop - body), 0, PAD)
                self.s.buf, self.s.origin = self.tail, base + body
                at = run_lines(&self.s, self.wide, self.tail, self.tail + (stop - body), &answer)
                at = first + body + (at - self.tail)
        self.consumed += at - first - start
        return at - first, self.s.line, answer

    def append(self, tuple entry, int64_t line, int64_t offset):
        """A row of the slow path: what `manifest.columns.packed` makes of an entry, and its line, from 1."""
        cdef State *s = &self.s
        cdef int64_t r
        cdef int present = 0
        (source_ref, class_name, label, confidence, moment, human, job, label_key, mask_ref, mask_key, maps, boxes) = entry
        texts = [source_ref, class_name, label, job, label_key, mask_ref, mask_key]
        size = sum(len(text) for text in texts if text is not None)
        size += sum(64 + len(t) for one in maps or () for t in one[:3] if t is not None)
        size += sum(64 + len(one[1] or b"") for one in boxes or ())
        self._reserve(size + 4096, 0)
        r = s.rows
        s.ref_used += self._put(B_REF, s.ref_used, source_ref)
        s.label_used += self._put(B_LABEL, s.label_used, label)
        s.mask_used += self._put(B_MASK, s.mask_used, mask_ref)
        (<double *>s.at[B_CONF])[r] = 0 if confidence is None else confidence
        (<int64_t *>s.at[B_DATE])[r] = 0 if moment is None else moment
        (<int32_t *>s.at[B_CLASS])[r] = self._code(0, class_name)
        (<int32_t *>s.at[B_JOB])[r] = self._code(1, job)
        (<int32_t *>s.at[B_LABEL_KEY])[r] = self._code(2, label_key)
        (<int32_t *>s.at[B_MASK_KEY])[r] = self._code(3, mask_key)
        for index, name, color, conf in maps or ():
            s.index_used += self._put(B_INDEX, s.index_used, index)
            s.name_used += self._put(B_NAME, s.name_used, name)
            s.color_used += self._put(B_COLOR, s.color_used, color)
            (<double *>s.at[B_MAP_CONF])[s.maps] = 0 if conf is None else conf
            s.at[B_MAP_FLAG][s.maps] = (color is not None) | (conf is not None) << 1
            s.maps += 1
            (<int32_t *>s.at[B_INDEX_END])[s.maps] = <int32_t>s.index_used
            (<int32_t *>s.at[B_NAME_END])[s.maps] = <int32_t>s.name_used
            (<int32_t *>s.at[B_COLOR_END])[s.maps] = <int32_t>s.color_used
        for number, name, left, top, width, height, conf in boxes or ():
            s.box_name_used += self._put(B_BOX_NAME, s.box_name_used, name)
            (<int64_t *>s.at[B_BOX_ID])[s.boxes] = 0 if number is None else number
            (<double *>s.at[B_LEFT])[s.boxes] = left
            (<double *>s.at[B_TOP])[s.boxes] = top
            (<double *>s.at[B_WIDTH])[s.boxes] = width
            (<double *>s.at[B_HEIGHT])[s.boxes] = height
            (<double *>s.at[B_BOX_CONF])[s.boxes] = 0 if conf is None else conf
            s.at[B_BOX_FLAG][s.boxes] = (conf is not None) << 1 | (number is not None) << 2 | (name is not None) << 3
            s.boxes += 1
            (<int32_t *>s.at[B_BOX_NAME_END])[s.boxes] = <int32_t>s.box_name_used
        for bit, thing in enumerate((source_ref, class_name, label, confidence, moment, human)):
            present |= (thing is not None) << bit
        present |= (human is True) << 6
        for bit, thing in enumerate((job, label_key, mask_ref, mask_key, maps, boxes)):
            present |= (thing is not None) << (7 + bit)
        (<uint16_t *>s.at[B_PRESENT])[r] = present
        (<int64_t *>s.at[B_LINE])[r] = line
        (<int64_t *>s.at[B_START])[r] = offset
        s.rows += 1
        (<int32_t *>s.at[B_REF_END])[s.rows] = <int32_t>s.ref_used
        (<int32_t *>s.at[B_LABEL_END])[s.rows] = <int32_t>s.label_used
        (<int32_t *>s.at[B_MASK_END])[s.rows] = <int32_t>s.mask_used
        (<int32_t *>s.at[B_MAP_END])[s.rows] = <int32_t>s.maps
        (<int32_t *>s.at[B_BOX_END])[s.rows] = <int32_t>s.boxes

    cdef int64_t _put(self, int buffer, int64_t used, bytes text) except -1:
        if text is None:
            return 0
        memcpy(self.s.at[buffer] + used, <const char *>text, len(text))
        return len(text)

    cdef int32_t _code(self, int which, bytes text) except -2:
        cdef int32_t code
        if text is None:
            return 0
        code = intern(self._words(which), <const uint8_t *><const char *>text, len(text))
        if code < 0:
            raise MemoryError
        return code

    def words(self, int which):
        """The texts of a dictionary: 0 class_name, 1 job_name, 2 label_attribute, 3 mask_attribute, 4 color maps, 5 keys met."""
        cdef Words *w = self._words(which)
        cdef int32_t k
        return [w.text[word_start(w, k):w.ends[k]] for k in range(w.count)]

    def word(self, int which, int32_t code):
        """One of those texts."""
        cdef Words *w = self._words(which)
        if not 0 <= code < w.count:
            raise IndexError(code)
        return w.text[word_start(w, code):w.ends[code]]

    def finds(self):
        """The window's findings: (line, start, at, code, key, index, value place, value length, part place, part length)."""
        cdef Find *f
        cdef int64_t k
        out = []
        for k in range(self.s.find_count):
            f = self.s.finds + k
            out.append((f.line, f.start, f.at, f.code, f.key, f.index, f.value_at, f.value_len, f.part_at, f.part_len))
        return out

    def take_facts(self):
        """The window's facts as bytes, for a part whose turn has not come."""
        return (<char *>self.s.facts)[:self.s.fact_count * sizeof(Fact)]

    def news(self):
        """The words the window has and this part had not before: (line, start, at, kind, word, attribute, number).

        Kind 0: class, zero byte, number; 1: class of boxes; 2: distinct color map, whose entries follow; 3: such an entry's key.
        """
        cdef News *n
        cdef int64_t k
        out = []
        for k in range(self.s.news_count):
            n = self.s.news + k
            word = b"" if n.kind == N_MAP else self.word(6 if n.kind == N_LABEL else 7 if n.kind == N_BOX else 8, n.word)
            out.append((n.line, n.start, n.at, n.kind, word, self.word(5, n.key), n.word if n.kind == N_MAP else n.index))
        return out

    def tallies(self):
        """How many lines have each class and number, and each distinct color map."""
        labels = [(self.word(6, k), self.s.pair_lines[k]) for k in range(self.s.pairs.count)]
        return labels, [self.s.map_lines[k] for k in range(min(self.s.map_cap, self.s.distinct.count))]

    def buckets(self):
        """The first bucket and the first one that differs: (line, start, at, name) or None each."""
        first = other = None
        if self.s.bucket_len >= 0:
            first = (self.s.bucket_line, self.s.bucket_start, self.s.bucket_at, self.s.bucket[:self.s.bucket_len])
        if self.s.other_len >= 0:
            other = (self.s.other_line, self.s.other_start, self.s.other_at, self.s.other[:self.s.other_len])
        return first, other

    def counts(self):
        """entries, labeled, normal, anomaly, masks, with_boxes; then lines by template, in any order, and tried in vain."""
        return [self.s.counts[k] for k in range(6)] + [self.s.taken[k] for k in range(3)]

    def sizes(self):
        """Rows, entries of color maps, boxes."""
        return self.s.rows, self.s.maps, self.s.boxes

    def release(self, int buffer):
        """Hand a filled buffer over; it is the engine's no longer, and the engine takes no more lines."""
        cdef Owned owned = Owned.__new__(Owned)
        cdef uint8_t *kept
        if not 0 <= buffer < BUFFERS:
            raise ValueError("release: no such buffer")
        owned.size = self._used(buffer)
        kept = <uint8_t *>realloc(self.s.at[buffer], owned.size + PAD)
        owned.at = kept if kept else self.s.at[buffer]
        self.s.at[buffer], self.s.cap[buffer] = NULL, 0
        return owned


cdef class Seen:
    """Which references were seen, in which line: 16 bytes a slot, and at most two thirds of the slots are in use."""
    cdef SeenTable t
    cdef uint64_t key[4]
    cdef int64_t *unmasked
    cdef int64_t unmasked_count, unmasked_cap

    def __cinit__(self, bytes key):
        memset(&self.t, 0, sizeof(SeenTable))
        if len(key) != 32:
            raise ValueError("Seen: a key has 32 bytes")
        memcpy(self.key, <const uint8_t *><const char *>key, 32)
        if not seen_grow(&self.t, 1):
            raise MemoryError

    def __dealloc__(self):
        free(self.t.slots)
        free(self.unmasked)

    def line_of(self, bytes ref, int64_t line):
        """The line (from 1) that had `ref` first, or 0: it is new and now stands for `line`."""
        cdef uint64_t one
        cdef uint32_t two
        cdef int64_t before = self.t.used
        if not seen_grow(&self.t, 1):
            raise MemoryError
        hash96(<const uint8_t *><const char *>ref, len(ref), self.key, &one, &two)
        first = seen_line(&self.t, one, two, <uint32_t>line)
        return 0 if self.t.used > before else first

    def add_unmasked(self, int64_t line, int64_t column, int64_t at):
        """An anomaly without a mask; told when the file turns out to have masks."""
        cdef int64_t *grown
        if self.unmasked_count == self.unmasked_cap:
            grown = <int64_t *>realloc(self.unmasked, (self.unmasked_cap * 2 + 64) * 2 * sizeof(int64_t))
            if not grown:
                raise MemoryError
            self.unmasked, self.unmasked_cap = grown, self.unmasked_cap * 2 + 64
        self.unmasked[2 * self.unmasked_count] = line << 32 | column
        self.unmasked[2 * self.unmasked_count + 1] = at
        self.unmasked_count += 1

    def all_unmasked(self):
        """(line, column, place) of every such anomaly."""
        cdef int64_t k
        return [(self.unmasked[2 * k] >> 32, self.unmasked[2 * k] & 0xFFFFFFFF, self.unmasked[2 * k + 1]) for k in range(self.unmasked_count)]

    def take(self, Engine engine, const uint8_t[::1] kept, int64_t begin, int64_t line, const uint8_t[::1] maps):
        """Take note of facts: those of the engine's last window, or `kept` ones of `take_facts`.

        `line` is added to line numbers; `maps` holds a byte per distinct color map: 0 not judged, 1 sound, 2 it contradicts.
        Returns (index, events, map, line there): an event is (line, start, place, length, first line) of a repeated
        reference, or (line, start, place, -1 - map, key) of a map that contradicts. It stops before a fact whose map is not
        judged yet, and says which; else map is -1.
        """
        cdef Fact *facts = engine.s.facts
        cdef int64_t count = engine.s.fact_count, k, before
        cdef Fact *f
        cdef uint32_t first
        cdef list events = []
        if kept is not None:
            count = kept.shape[0] // <int64_t>sizeof(Fact)
            facts = <Fact *>&kept[0] if count else NULL
        if begin == 0 and not seen_grow(&self.t, count):
            raise MemoryError
        for k in range(begin, count):
            f = facts + k
            if k + 12 < count:
                seen_prefetch(&self.t, facts[k + 12].hash)
            if f.map_id >= 0 and (f.map_id >= maps.shape[0] or maps[f.map_id] == 0):
                return k, events, f.map_id, f.line + line + 1
            before = self.t.used
            first = seen_line(&self.t, f.hash, f.hash2, <uint32_t>(f.line + line + 1))
            if self.t.used == before:
                events.append((f.line + line + 1, f.start, f.start + f.ref_at, f.ref_len, first))
            if f.map_id >= 0 and maps[f.map_id] == 2:
                events.append((f.line + line + 1, f.start, f.start + f.map_at, -1 - f.map_id, f.mask_key))
            if f.flags & K_UNMASKED:
                self.add_unmasked(f.line + line + 1, f.ref_at + 1, f.start + f.ref_at)
        return count, events, -1, 0
