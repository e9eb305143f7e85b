# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
# distutils: include_dirs = lvtools/_native
# distutils: depends = lvtools/_native/manifest_base.h lvtools/_native/manifest_room.h lvtools/_native/manifest_seen.h lvtools/_native/manifest_values.h lvtools/_native/manifest_state.h lvtools/_native/manifest_text.h lvtools/_native/manifest_maps.h lvtools/_native/manifest_boxes.h lvtools/_native/manifest_judge.h lvtools/_native/manifest_line.h lvtools/_native/manifest_fast.h
"""Manifest lines to columns without the GIL: memory, windows and hand-over. What a line may be is in the headers.

The loops take lines that need no words, and stop at any other; `lvtools.manifest.fast` gives that one to the slow path and
comes back. Columns share a block of memory, which lives as long as any of them (manifest_room.h).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef extern from "manifest_fast.h" nogil:
    enum:
        PAD, MAX_STAGED, MAX_NAME, MAX_BOXES, BUFFERS, OF_ROWS, OF_MAPS, OF_BOXES, OF_TEXT, TAKEN, UNFIT, FULL, K_REF, K_UNMASKED
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
        int32_t last_label_key, last_mask_key
        Block *block[64]
        int any_masks, any_boxes, present_in_all, present_in_any
    ctypedef struct Block:
        pass
    ctypedef struct SeenTable "Seen":
        int64_t size, used
        Block *block
    ctypedef struct Unmasked:
        int64_t *places
        int64_t count
    const uint8_t ITEM[64]
    int has_avx2()
    const uint8_t *run_lines(State *s, int wide, const uint8_t *p, const uint8_t *end, int *answer)
    void free_state(State *s)
    void hash96(const uint8_t *p, int64_t n, const uint64_t *key, uint64_t *one, uint32_t *two)
    int32_t intern(Words *w, const uint8_t *p, int64_t n)
    int64_t word_start(const Words *w, int32_t code)
    int count_of(int buffer)
    int64_t used_bytes(const State *s, int buffer)
    int64_t line_bytes(const State *s, int buffer)
    int lay_out(State *s, double more)
    int make_room(State *s, int buffer, int64_t extra, double more)
    void note_room(State *s)
    void begin_masks(State *s)
    void begin_boxes(State *s)
    void block_leave(Block *b)
    int note_all_unmasked "add_all_unmasked"(Unmasked *u, const Unmasked *other, int64_t lines)
    int note_unmasked "add_unmasked"(Unmasked *u, int64_t line, int64_t column, int64_t at)
    int64_t meet_facts(SeenTable *s, Unmasked *u, const Fact *facts, int64_t k, int64_t count, int64_t line, const uint8_t *maps, int64_t map_count, uint32_t *first)
    int seen_shares(const SeenTable *s, const SeenTable *other, int64_t start, int64_t stop)
    int seen_grow(SeenTable *s, int64_t more)
    uint32_t seen_line(SeenTable *s, uint64_t hash, uint32_t hash2, uint32_t line)
    void open_locale "lvtools_open_locale"()

cdef const uint8_t *NO_MAPS = <const uint8_t *><const char *>b"\0"

cpdef enum:
    WINDOW = 524288        # bytes of one run: small enough for the cache, and to bound what must be reserved

open_locale()


def avx2() -> bool:
    """Can this machine run the wide loops?"""
    return bool(has_avx2())


cdef class Owned:
    """One buffer, given to Arrow; the memory it shares with others is freed with the last array that looks at any."""
    cdef uint8_t *at
    cdef Block *block
    cdef readonly int64_t size

    def __dealloc__(self):
        block_leave(self.block)

    @property
    def address(self):
        return <uint64_t>self.at


cdef class Engine:
    """The columns, facts and findings of one part of a file; see `lvtools.manifest.fast` for the order of calls."""
    cdef State s
    cdef int wide
    cdef uint8_t *tail
    cdef int64_t consumed
    cdef bint is_laid_out
    cdef int64_t lines_ahead   # a guess, for the table of references

    def __cinit__(self, int profile, int want, bint wide, bytes key, bytes wanted):
        memset(&self.s, 0, sizeof(State))
        if len(key) != 32 or len(wanted) > 255:
            raise ValueError("Engine: key or attribute name of a wrong length")
        self.s.profile, self.s.want, self.wide = profile, want, wide and has_avx2()
        self.s.bucket_len = self.s.other_len = -1
        self.s.credit = 16
        self.s.last_label_key = self.s.last_mask_key = -1
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
        self.s.present_in_all = 0xFFFF
        if not lay_out(&self.s, 0):
            raise MemoryError

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

    cdef int _reserve(self, int64_t text, int64_t maps, int64_t boxes, int64_t remaining) except -1:
        """Room for a line, with so much more of texts, color maps and boxes.

        When the first lines have shown what a line needs, all columns move to one block that is large enough for the rest.
        """
        cdef int buffer, of
        cdef double more = 1.04 * remaining / self.consumed if self.consumed else 0
        if not self.is_laid_out and self.consumed >= WINDOW // 2 and remaining > 0 and self.s.rows:
            if not lay_out(&self.s, more):
                raise MemoryError
            self.is_laid_out = True
        for buffer in range(BUFFERS):
            of = count_of(buffer)
            if of == OF_TEXT and used_bytes(&self.s, buffer) + text + line_bytes(&self.s, buffer) > 0x7FFFFFFF:   # Arrow's offsets have 32 bits
                raise OverflowError("a column of texts has more than 2 GB: read the manifest in parts")
            if not make_room(&self.s, buffer, text if of == OF_TEXT else ITEM[buffer] * (maps if of == OF_MAPS else boxes if of == OF_BOXES else 0), more):
                raise MemoryError
        note_room(&self.s)
        return 0

    def run(self, const uint8_t[::1] data, Py_ssize_t start, int64_t base, int64_t line, Py_ssize_t end=-1):
        """Take the lines of one window from data[start:end]; `base` is the place of data[0] in the file, `line` counts from 0.

        Returns (position, line, answer): where it stopped, the line there, and TAKEN, UNFIT (that line needs the slow path;
        also: it has no line feed) or FULL (call again). Facts and findings of the window wait until they are fetched.
        """
        cdef Py_ssize_t size = data.shape[0] if end < 0 or end > data.shape[0] else end, stop, body
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
        if body > data.shape[0] - PAD:     # the loops read up to PAD bytes ahead: the last lines are read from a padded copy
            body = data.shape[0] - PAD if data.shape[0] - PAD > start else start
            while body > start and data[body - 1] != 0x0A:
                body -= 1
        self._reserve(0, 0, 0, size - start)
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
        self.lines_ahead = <int64_t>(1.02 * self.s.counts[0] * (size - (at - first)) / self.consumed) if self.consumed else 0
        return at - first, self.s.line, answer

    def append(self, tuple entry, int64_t line, int64_t offset):
        """A row of the slow path: what `manifest.columns.packed` makes of an entry, and its line, from 1."""
        cdef State *s = &self.s
        cdef int64_t r
        cdef int present = 0
        (source_ref, class_name, label, confidence, moment, human, job, label_key, mask_ref, mask_key, maps, boxes) = entry
        texts = [source_ref, class_name, label, job, label_key, mask_ref, mask_key]
        size = sum(len(text) for text in texts if text is not None)
        size += sum(len(t) for one in maps or () for t in one[:3] if t is not None)
        size += sum(len(one[1] or b"") for one in boxes or ())
        self._reserve(size, len(maps or ()), len(boxes or ()), 0)
        if not s.any_masks and (mask_ref is not None or mask_key is not None or maps is not None):
            begin_masks(s)
        if not s.any_boxes and boxes is not None:
            begin_boxes(s)
        r = s.rows
        s.ref_used += self._put(B_REF, s.ref_used, source_ref)
        s.label_used += self._put(B_LABEL, s.label_used, label)
        s.mask_used += self._put(B_MASK, s.mask_used, mask_ref)
        (<double *>s.at[B_CONF])[r] = 0 if confidence is None else confidence
        (<int64_t *>s.at[B_DATE])[r] = 0 if moment is None else moment
        (<int32_t *>s.at[B_CLASS])[r] = self._code(0, class_name)
        (<int32_t *>s.at[B_JOB])[r] = self._code(1, job)
        (<int32_t *>s.at[B_LABEL_KEY])[r] = self._code(2, label_key)
        if s.any_masks:
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
        s.present_in_all &= present
        s.present_in_any |= present
        (<int64_t *>s.at[B_LINE])[r] = line
        (<int64_t *>s.at[B_START])[r] = offset
        s.rows += 1
        (<int32_t *>s.at[B_REF_END])[s.rows] = <int32_t>s.ref_used
        (<int32_t *>s.at[B_LABEL_END])[s.rows] = <int32_t>s.label_used
        if s.any_masks:
            (<int32_t *>s.at[B_MASK_END])[s.rows] = <int32_t>s.mask_used
            (<int32_t *>s.at[B_MAP_END])[s.rows] = <int32_t>s.maps
        if s.any_boxes:
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

    def close(self, int64_t lines_before, int64_t end):
        """No more lines: number them in the file, and put the part's end behind the last one's start."""
        cdef int64_t *lines
        cdef int64_t k
        self._reserve(0, 0, 0, 0)   # may move the columns
        lines = <int64_t *>self.s.at[B_LINE]
        (<int64_t *>self.s.at[B_START])[self.s.rows] = end
        if lines_before:
            for k in range(self.s.rows):
                lines[k] += lines_before

    def presence(self):
        """What rows hold, bits of `enum Present`: those of all rows, and those of any."""
        return self.s.present_in_all, self.s.present_in_any

    def sizes(self):
        """Rows, entries of color maps, boxes."""
        return self.s.rows, self.s.maps, self.s.boxes

    def release(self, int buffer):
        """Hand a filled buffer over; it is the engine's no longer, and the engine takes no more lines."""
        cdef Owned owned = Owned.__new__(Owned)
        if not 0 <= buffer < BUFFERS or not self.s.at[buffer]:
            raise ValueError("release: no such buffer")
        owned.size = used_bytes(&self.s, buffer)
        owned.at, owned.block = self.s.at[buffer], self.s.block[buffer]
        self.s.at[buffer], self.s.block[buffer] = NULL, NULL
        return owned


cdef class Seen:
    """Which references were seen, in which line."""
    cdef SeenTable t
    cdef Unmasked unmasked
    cdef uint64_t key[4]

    def __cinit__(self, bytes key):
        memset(&self.t, 0, sizeof(SeenTable))
        memset(&self.unmasked, 0, sizeof(Unmasked))
        if len(key) != 32:
            raise ValueError("Seen: a key has 32 bytes")
        memcpy(self.key, <const uint8_t *><const char *>key, 32)
        if not seen_grow(&self.t, 1):
            raise MemoryError

    def __dealloc__(self):
        block_leave(self.t.block)
        free(self.unmasked.places)

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

    def all_unmasked(self):
        """(line, column, place) of every anomaly without a mask."""
        cdef int64_t *p = self.unmasked.places
        cdef int64_t k
        return [(p[2 * k] >> 32, p[2 * k] & 0xFFFFFFFF, p[2 * k + 1]) for k in range(self.unmasked.count)]

    def take(self, Engine engine, const uint8_t[::1] kept, int64_t begin, int64_t line, const uint8_t[::1] maps):
        """Take note of facts: those of the engine's last window, or `kept` ones of `take_facts`.

        `line` is added to line numbers; `maps` holds a byte per distinct color map: 0 not judged, 1 sound, 2 it contradicts.
        Returns (index, events, map, line there): an event is (line, start, place, length, first line) of a repeated
        reference, or (line, start, place, -1 - map, key) of a map that contradicts. It stops before a fact whose map is not
        judged yet, and says which; else map is -1.
        """
        cdef Fact *facts = engine.s.facts
        cdef int64_t count = engine.s.fact_count, k = begin, known = maps.shape[0]
        cdef const uint8_t *states = &maps[0] if known else NO_MAPS
        cdef Fact *f
        cdef uint32_t first = 0
        cdef list events = []
        if kept is not None:
            count = kept.shape[0] // <int64_t>sizeof(Fact)
            facts = <Fact *>&kept[0] if count else NULL
        if begin == 0:
            with nogil:
                k = 0 if seen_grow(&self.t, count if kept is not None else count + engine.lines_ahead) else -1
        while 0 <= k < count:
            with nogil:   # sound lines call for nothing
                k = meet_facts(&self.t, &self.unmasked, facts, k, count, line, states, known, &first)
            if k < 0 or k >= count:
                break
            f = facts + k
            if f.map_id >= 0 and (f.map_id >= known or states[f.map_id] == 0):
                return k, events, f.map_id, f.line + line + 1
            if first == 0:
                first = self._line_of(f, line)
            if first:
                events.append((f.line + line + 1, f.start, f.start + f.ref_at, f.ref_len, first))
            if f.map_id >= 0 and states[f.map_id] == 2:
                events.append((f.line + line + 1, f.start, f.start + f.map_at, -1 - f.map_id, f.mask_key))
            if f.flags & K_UNMASKED and not note_unmasked(&self.unmasked, f.line + line + 1, f.ref_at + 1, f.start + f.ref_at):
                raise MemoryError
            k += 1
        if k < 0:
            raise MemoryError
        return count, events, -1, 0

    def meet(self, Engine engine):
        """Take note of the window's references; whether all of them are new."""
        cdef int64_t count = engine.s.fact_count, k = 0
        cdef uint32_t first = 0
        if count:
            with nogil:
                k = meet_facts(&self.t, &self.unmasked, engine.s.facts, 0, count, 0, NULL, 0, &first) if seen_grow(&self.t, count + engine.lines_ahead) else -1
        if k < 0:
            raise MemoryError
        return k == count

    def shares(self, Seen other, int64_t number, int64_t of):
        """Has this one a reference of the other's? Looks at share `number` of `of`; several threads may look at once."""
        cdef int found
        cdef int64_t start = other.t.size * number // of, stop = other.t.size * (number + 1) // of
        with nogil:
            found = seen_shares(&self.t, &other.t, start, stop)
        return bool(found)

    def add_unmasked(self, int64_t line, int64_t column, int64_t at):
        """An anomaly without a mask; told when the file turns out to have masks."""
        if not note_unmasked(&self.unmasked, line, column, at):
            raise MemoryError

    def add_all_unmasked(self, Seen other, int64_t lines_before):
        """Those that another has seen, whose lines stand `lines_before` lines further down."""
        if not note_all_unmasked(&self.unmasked, &other.unmasked, lines_before):
            raise MemoryError

    cdef uint32_t _line_of(self, const Fact *f, int64_t line) noexcept:
        cdef int64_t before = self.t.used
        cdef uint32_t first = seen_line(&self.t, f.hash, f.hash2, <uint32_t>(f.line + line + 1))
        return 0 if self.t.used > before else first
