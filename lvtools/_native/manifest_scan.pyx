# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Strict JSON (RFC 8259): what every token is, where it stands, and the exact place of the first fault.

Knows bytes, never manifests. Every read is behind a test against `end`, every write behind one against the tape's length.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc

# What `scan` answers. The texts live in lvtools/manifest/scan.py.
cpdef enum Status:
    OK = 0
    TRUNCATED = 1          # the bytes end inside a value
    UNEXPECTED = 2         # a byte that cannot stand here
    CONTROL = 3            # an unescaped control character in a string
    BAD_ESCAPE = 4
    BAD_UTF8 = 5
    LONE_SURROGATE = 6
    BAD_NUMBER = 7
    TOO_DEEP = 8
    TAPE_FULL = 9
    EXTRA = 10             # something stands behind the value
    BAD_LITERAL = 11       # a word that is not true, false or null

cpdef enum Kind:
    OBJECT = 1
    ARRAY = 2
    STRING = 3
    NUMBER = 4
    TRUE = 5
    FALSE = 6
    NOTHING = 7            # null
    KEY = 8

# Bits of the flags that `scan` returns.
cpdef enum Flag:
    ESCAPED_KEY = 1        # a key holds an escape: equal keys may be written differently
    MANY_KEYS = 2          # an object has more keys than are compared pairwise

cdef enum:  # columns of the tape
    KIND = 0
    START = 1
    END = 2
    PARENT = 3

cdef enum:
    PAIRWISE = 64          # keys of one object that are compared pairwise; beyond it the caller uses a set


cdef struct Found:
    Py_ssize_t rows, at, duplicate
    int flags


cdef inline bint _is_space(uint8_t byte) noexcept nogil:
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09


cdef inline bint _is_digit(uint8_t byte) noexcept nogil:
    return 0x30 <= byte <= 0x39


cdef inline int _hex(uint8_t byte) noexcept nogil:
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    if 0x41 <= byte <= 0x46:
        return byte - 0x37
    if 0x61 <= byte <= 0x66:
        return byte - 0x57
    return -1


cdef int _escape(const uint8_t[::1] data, Py_ssize_t end, Py_ssize_t* at) noexcept nogil:
    """`at` stands on a backslash; move it behind the escape. On a fault it points at the byte that is wrong."""
    cdef Py_ssize_t here = at[0] + 1, k
    cdef int value, digit, second = 0
    if here >= end:
        at[0] = end
        return TRUNCATED
    if data[here] != 0x75:  # u
        if data[here] in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74):
            at[0] = here + 1
            return OK
        return BAD_ESCAPE
    value = 0
    for k in range(here + 1, here + 5):
        if k >= end:
            at[0] = end
            return TRUNCATED
        digit = _hex(data[k])
        if digit < 0:
            return BAD_ESCAPE
        value = value * 16 + digit
    if 0xDC00 <= value <= 0xDFFF:
        return LONE_SURROGATE
    if 0xD800 <= value <= 0xDBFF:
        if here + 6 >= end:
            # The string may go on behind `end`, or end here: only the second is decided by what stands there.
            if (here + 5 < end and data[here + 5] != 0x5C):
                return LONE_SURROGATE
            at[0] = end
            return TRUNCATED
        if data[here + 5] != 0x5C or data[here + 6] != 0x75:
            return LONE_SURROGATE
        for k in range(here + 7, here + 11):
            if k >= end:
                at[0] = end
                return TRUNCATED
            digit = _hex(data[k])
            if digit < 0:
                at[0] = here + 5
                return BAD_ESCAPE
            second = second * 16 + digit
        if second < 0xDC00 or second > 0xDFFF:
            return LONE_SURROGATE
        at[0] = here + 11
        return OK
    at[0] = here + 5
    return OK


cdef int _utf8(const uint8_t[::1] data, Py_ssize_t end, Py_ssize_t* at) noexcept nogil:
    """`at` stands on a byte >= 0x80; move it behind the character (Unicode table 3-7: no overlong form, no surrogate).

    A character that may go on behind `end` is TRUNCATED: the caller may hold only a part of the text.
    """
    cdef Py_ssize_t here = at[0]
    cdef uint8_t lead = data[here], low = 0x80, high = 0xBF
    cdef int more, k
    if 0xC2 <= lead <= 0xDF:
        more = 1
    elif 0xE0 <= lead <= 0xEF:
        more = 2
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    elif 0xF0 <= lead <= 0xF4:
        more = 3
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    else:
        return BAD_UTF8
    for k in range(1, more + 1):
        if here + k >= end:
            at[0] = end
            return TRUNCATED
        if data[here + k] < low or data[here + k] > high:
            return BAD_UTF8
        low, high = 0x80, 0xBF
    at[0] = here + more + 1
    return OK


cdef int _string(const uint8_t[::1] data, Py_ssize_t end, Py_ssize_t* at, bint* escaped) noexcept nogil:
    """`at` stands behind the opening quote; move it behind the closing one."""
    cdef int status
    cdef uint8_t byte
    escaped[0] = False
    while at[0] < end:
        byte = data[at[0]]
        if byte == 0x22:
            at[0] += 1
            return OK
        if byte < 0x20:
            return CONTROL
        if byte == 0x5C:
            escaped[0] = True
            status = _escape(data, end, at)
            if status != OK:
                return status
        elif byte < 0x80:
            at[0] += 1
        else:
            status = _utf8(data, end, at)
            if status != OK:
                return status
    return TRUNCATED


cdef int _number(const uint8_t[::1] data, Py_ssize_t end, Py_ssize_t* at) noexcept nogil:
    """`at` stands on '-' or a digit; move it behind the number."""
    cdef Py_ssize_t here = at[0]
    if data[here] == 0x2D:
        here += 1
    if here >= end:
        at[0] = end
        return TRUNCATED
    if data[here] == 0x30:
        here += 1
        if here < end and _is_digit(data[here]):
            at[0] = here
            return BAD_NUMBER
    elif _is_digit(data[here]):
        while here < end and _is_digit(data[here]):
            here += 1
    else:
        at[0] = here
        return BAD_NUMBER
    if here < end and data[here] == 0x2E:
        here += 1
        if here >= end:
            at[0] = end
            return TRUNCATED
        if not _is_digit(data[here]):
            at[0] = here
            return BAD_NUMBER
        while here < end and _is_digit(data[here]):
            here += 1
    if here < end and (data[here] == 0x65 or data[here] == 0x45):
        here += 1
        if here < end and (data[here] == 0x2B or data[here] == 0x2D):
            here += 1
        if here >= end:
            at[0] = end
            return TRUNCATED
        if not _is_digit(data[here]):
            at[0] = here
            return BAD_NUMBER
        while here < end and _is_digit(data[here]):
            here += 1
    at[0] = here
    return OK


cdef int _word(const uint8_t[::1] data, Py_ssize_t end, Py_ssize_t* at, const char* word, int length) noexcept nogil:
    cdef int k
    for k in range(length):
        if at[0] + k >= end:
            at[0] = end
            return TRUNCATED
        if data[at[0] + k] != <uint8_t>word[k]:
            return BAD_LITERAL
    at[0] += length
    return OK


cdef bint _same_key(const uint8_t[::1] data, int64_t[:, ::1] tape, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    cdef Py_ssize_t length = tape[a, END] - tape[a, START], k
    if tape[b, END] - tape[b, START] != length:
        return False
    for k in range(length):
        if data[tape[a, START] + k] != data[tape[b, START] + k]:
            return False
    return True


cdef int _scan(const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, int64_t[:, ::1] tape, int max_depth,
               bint one_value_only, Found* found) noexcept nogil:
    """What `scan` does, for callers that have checked the ranges."""
    cdef Py_ssize_t at = start, rows = 0, parent = -1, duplicate = -1, keys, k, token
    cdef int status = OK, depth = 0, flags = 0
    cdef bint escaped = False, want_value = True, done = False, may_close = False
    cdef uint8_t byte
    while not done:
        while at < end and _is_space(data[at]):
            at += 1
        if at >= end:
            status = TRUNCATED
            break
        byte = data[at]
        if want_value:
            if parent >= 0 and tape[parent, KIND] == OBJECT and not (rows > 0 and tape[rows - 1, KIND] == KEY and tape[rows - 1, PARENT] == parent):
                # Inside an object, before a key (or the end of an empty object).
                if byte == 0x7D and may_close:
                    tape[parent, END] = at + 1
                    parent = tape[parent, PARENT]
                    depth -= 1
                    at += 1
                    want_value = False
                    may_close = False
                elif byte == 0x22:
                    if rows >= tape.shape[0]:
                        status = TAPE_FULL
                        break
                    token = at
                    at += 1
                    status = _string(data, end, &at, &escaped)
                    if status != OK:
                        break
                    tape[rows, KIND], tape[rows, START], tape[rows, END], tape[rows, PARENT] = KEY, token, at, parent
                    rows += 1
                    if escaped:
                        flags |= ESCAPED_KEY
                    may_close = False
                    while at < end and _is_space(data[at]):
                        at += 1
                    if at >= end:
                        status = TRUNCATED
                        break
                    if data[at] != 0x3A:
                        status = UNEXPECTED
                        break
                    at += 1
                    continue
                else:
                    status = UNEXPECTED
                    break
            elif byte == 0x5D and may_close and parent >= 0 and tape[parent, KIND] == ARRAY:
                tape[parent, END] = at + 1
                parent = tape[parent, PARENT]
                depth -= 1
                at += 1
                want_value = False
                may_close = False
            else:
                if rows >= tape.shape[0]:
                    status = TAPE_FULL
                    break
                token = at
                may_close = False
                tape[rows, START], tape[rows, PARENT] = at, parent
                if byte == 0x7B or byte == 0x5B:
                    if depth >= max_depth:
                        status = TOO_DEEP
                        break
                    tape[rows, KIND] = OBJECT if byte == 0x7B else ARRAY
                    tape[rows, END] = at + 1
                    parent = rows
                    rows += 1
                    depth += 1
                    at += 1
                    may_close = True
                    continue
                if byte == 0x22:
                    tape[rows, KIND] = STRING
                    at += 1
                    status = _string(data, end, &at, &escaped)
                elif byte == 0x2D or _is_digit(byte):
                    tape[rows, KIND] = NUMBER
                    status = _number(data, end, &at)
                elif byte == 0x74:
                    tape[rows, KIND] = TRUE
                    status = _word(data, end, &at, b"true", 4)
                elif byte == 0x66:
                    tape[rows, KIND] = FALSE
                    status = _word(data, end, &at, b"false", 5)
                elif byte == 0x6E:
                    tape[rows, KIND] = NOTHING
                    status = _word(data, end, &at, b"null", 4)
                else:
                    status = UNEXPECTED
                if status != OK:
                    break
                tape[rows, END] = at
                rows += 1
                want_value = False
            if parent < 0:
                done = True
            continue
        # Behind a value inside a container.
        if byte == 0x2C:
            at += 1
            want_value = True
        elif (byte == 0x7D and tape[parent, KIND] == OBJECT) or (byte == 0x5D and tape[parent, KIND] == ARRAY):
            tape[parent, END] = at + 1
            parent = tape[parent, PARENT]
            depth -= 1
            at += 1
            if parent < 0:
                done = True
        else:
            status = UNEXPECTED
            break
    if status == OK and one_value_only:
        token = at
        while token < end and _is_space(data[token]):
            token += 1
        if token < end:
            status, at = EXTRA, token
    if status == OK:
        # Equal keys of one object: pairwise for the few keys a manifest has. A key's predecessors in the same object
        # are found by walking back, so the walk is bounded by PAIRWISE keys.
        for k in range(rows):
            if tape[k, KIND] != KEY:
                continue
            keys = 0
            token = k - 1
            while token > tape[k, PARENT]:
                if tape[token, KIND] == KEY and tape[token, PARENT] == tape[k, PARENT]:
                    keys += 1
                    if keys > PAIRWISE:
                        flags |= MANY_KEYS
                        break
                    if _same_key(data, tape, token, k):
                        duplicate = tape[k, START]
                        break
                elif k - token > 4096:
                    flags |= MANY_KEYS
                    break
                token -= 1
            if duplicate >= 0:
                break
    found.rows, found.at, found.flags, found.duplicate = rows, at, flags, duplicate
    return status


def scan(const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, int64_t[:, ::1] tape, int max_depth, bint one_value_only=True):
    """Read one JSON value in data[start:end] onto the tape.

    A row of the tape is (kind, start, end, row of the container or -1); keys are rows of their own, each before its value.
    With `one_value_only` nothing but white space may follow the value.

    Returns (status, rows, position, flags, duplicate): `position` is behind the value when the status is OK, else the place
    of the fault; `duplicate` is the place of the first key that stands in its object already, or -1.
    Raises ValueError when the range or the tape cannot be meant.
    """
    cdef Found found
    cdef int status
    if start < 0 or end < start or data.shape[0] < end or tape.shape[1] < 4:
        raise ValueError("scan: range or tape out of bounds")
    with nogil:
        status = _scan(data, start, end, tape, max_depth, one_value_only, &found)
    return status, found.rows, found.at, found.flags, found.duplicate


cdef extern from "manifest_shape.h" nogil:
    enum:
        MAX_SHAPE_BYTES, MAX_SHAPE_ROWS
    ctypedef struct LineShape "Shape":
        uint8_t *key
        uint8_t *role
        int32_t key_len, free_count, suspect_count
        int32_t *free
        int32_t *suspect
    int shape_of(const uint8_t *data, const int64_t *tape, int64_t rows, LineShape *s)
    int judge_box(const uint8_t *data, const int64_t *tape, int64_t rows, int64_t r, double width, double height, double shrink,
                  const uint8_t *ids, int64_t ids_len)


cdef class Shape:
    """The shape of the line last looked at (see manifest_shape.h), and the places of its members by their rows on the tape."""
    cdef LineShape *s
    cdef int64_t[:, ::1] tape
    cdef Py_ssize_t rows

    def __cinit__(self, int64_t[:, ::1] tape):
        if tape.shape[0] < MAX_SHAPE_ROWS or tape.shape[1] != 4:
            raise ValueError("Shape: the tape is too short")
        self.tape = tape
        self.s = <LineShape *>malloc(sizeof(LineShape))
        if not self.s:
            raise MemoryError

    def __dealloc__(self):
        free(self.s)

    def look(self, const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, int max_depth):
        """Read the line data[start:end]; its shape and the rows of its suspects, or None: it is for others to read."""
        cdef Found found
        cdef int status, fits = 0
        if start < 0 or end < start or data.shape[0] < end:
            raise ValueError("look: range out of bounds")
        self.rows = 0
        if end - start < 2 or end - start > MAX_SHAPE_BYTES:
            return None
        with nogil:
            status = _scan(data, start, end, self.tape, max_depth, True, &found)
            if status == OK and not found.flags and found.duplicate < 0:
                fits = shape_of(&data[0], &self.tape[0, 0], found.rows, self.s)
        if not fits:
            return None
        self.rows = found.rows
        key = (<const char *>self.s.key)[:self.s.key_len]
        return key, [self.s.suspect[k] for k in range(self.s.suspect_count)] if self.s.suspect_count else None

    def free_rows(self):
        """The rows of the values that are no part of the shape."""
        return [self.s.free[k] for k in range(self.s.free_count)]

    def start(self, Py_ssize_t row):
        """Where the member at a row begins."""
        if not 0 <= row < self.rows:
            raise IndexError(row)
        return self.tape[row, START]

    def end(self, Py_ssize_t row):
        """Where it ends."""
        if not 0 <= row < self.rows:
            raise IndexError(row)
        return self.tape[row, END]

    def member(self, const uint8_t[::1] data, Py_ssize_t row, bytes name):
        """The row of a member's value in the object at a row; that row itself when it is missing."""
        cdef Py_ssize_t at = row + 1
        while at < self.rows and self.tape[at, START] < self.tape[row, END]:
            if self.tape[at, KIND] == KEY and self.tape[at, PARENT] == row and self.tape[at, END] <= data.shape[0]:
                if bytes(data[self.tape[at, START] + 1:self.tape[at, END] - 1]) == name:
                    return at + 1
            at += 1
        return row

    def boxes(self, const uint8_t[::1] data, Py_ssize_t row, double width, double height, double shrink, const uint8_t[::1] ids):
        """Judge the boxes of the array at a row, with the data looked at. `ids`: class numbers, each behind a byte of length.

        Returns (bits of the classes that the sound ones have, rows of those that are not surely sound).
        """
        cdef uint64_t used = 0
        cdef int64_t at
        cdef int found
        if not 0 <= row < self.rows or data.shape[0] < self.tape[row, END]:
            raise IndexError(row)
        odd = []
        at = row + 1
        while at < self.rows and self.tape[at, START] < self.tape[row, END]:
            if self.tape[at, PARENT] == row:
                found = judge_box(&data[0], &self.tape[0, 0], self.rows, at, width, height, shrink,
                                  &ids[0] if ids.shape[0] else NULL, ids.shape[0])
                if found < 0:
                    odd.append(at)
                else:
                    used |= <uint64_t>1 << found
            at += 1
        return used, odd
