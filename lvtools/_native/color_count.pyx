# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, freethreading_compatible=True
"""Count the pixels of each RGBA value, and give each value a number. Knows colours, never class names or files.

A colour is packed as 0xRRGGBBAA. The table is open addressing over caller-owned arrays: `slots` (a power of two, -1 is
empty) points into the dense lists `colors`, `counts` and `first`, which are in the order of first sight. A full list
ends the call with the place to go on from, so that Python can make it larger. `multiplier` is odd and random: with a
fixed one, colours can be chosen that all meet in one slot.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

MISUSE = -2  # the shapes do not belong together; nothing was touched


cdef inline uint32_t packed(const uint8_t* pixel) noexcept nogil:
    return (<uint32_t>pixel[0] << 24) | (<uint32_t>pixel[1] << 16) | (<uint32_t>pixel[2] << 8) | pixel[3]


cdef int log2_of(Py_ssize_t size) noexcept nogil:
    """The exponent of a power of two from 2 to 2**31, else -1."""
    cdef int bits
    for bits in range(1, 32):
        if size == (<Py_ssize_t>1 << bits):
            return bits
    return -1


def index_colors(const uint32_t[::1] colors, Py_ssize_t used, uint64_t multiplier, int32_t[::1] slots):
    """Enter the first `used` distinct colours into `slots`, all -1 before. Returns `used` or MISUSE."""
    cdef Py_ssize_t k, at, last = slots.shape[0] - 1
    cdef int bits = log2_of(slots.shape[0])
    if bits < 0 or used < 0 or used > colors.shape[0] or used > last:
        return MISUSE
    with nogil:
        for k in range(used):
            at = <Py_ssize_t>((colors[k] * multiplier) >> (64 - bits))
            while slots[at] >= 0:
                at = (at + 1) & last
            slots[at] = <int32_t>k
    return used


def count_colors(const uint8_t[:, :, ::1] pixels, int64_t start, int64_t offset, uint64_t multiplier, int32_t[::1] slots,
                 uint32_t[::1] colors, int64_t[::1] counts, int64_t[::1] first, Py_ssize_t used):
    """Add the pixels from flat position `start` on; `offset` is the flat position of this band in its picture.

    Returns (next, used): `next` is the number of pixels when all are counted, the flat position of the first pixel not
    counted when the lists are full, or MISUSE.
    """
    cdef int64_t total, at, begun
    cdef Py_ssize_t slot, entry = -1, last = slots.shape[0] - 1, room = colors.shape[0]
    cdef int bits = log2_of(slots.shape[0])
    cdef uint32_t raw, latest = 0, color
    cdef const uint8_t* source
    if pixels.shape[2] != 4 or bits < 0 or room > last or counts.shape[0] != room or first.shape[0] != room:
        return MISUSE, used
    total = <int64_t>pixels.shape[0] * pixels.shape[1]
    if start < 0 or used < 0 or used > room:
        return MISUSE, used
    if start >= total:
        return total, used
    with nogil:
        source = &pixels[0, 0, 0]
        at = begun = start
        while at < total:
            memcpy(&raw, source + 4 * at, 4)
            if entry >= 0 and raw == latest:  # colours come in runs
                at += 1
                continue
            if entry >= 0:
                counts[entry] += at - begun
            color = packed(source + 4 * at)
            slot = <Py_ssize_t>((color * multiplier) >> (64 - bits))
            entry = slots[slot]
            while entry >= 0 and (entry >= used or colors[entry] != color):
                slot = (slot + 1) & last
                entry = slots[slot]
            begun, latest = at, raw
            if entry < 0:
                if used == room:
                    break
                entry = used
                slots[slot] = <int32_t>used
                colors[used], counts[used], first[used] = color, 0, offset + at
                used += 1
            at += 1
        if entry >= 0:
            counts[entry] += at - begun
    return at, used


def number_colors(const uint8_t[:, :, ::1] pixels, const uint32_t[::1] colors, const uint8_t[::1] numbers,
                  uint8_t[:, ::1] out):
    """Write to `out` the number of each pixel's colour; `colors` ascends. Returns -1, MISUSE, or the flat position of
    the first pixel whose colour is not listed; what lies behind it in `out` is not set."""
    cdef int64_t total, at, stray = -1
    cdef Py_ssize_t low, high, middle, known = colors.shape[0]
    cdef uint32_t raw, latest = 0, color
    cdef uint8_t number = 0
    cdef bint begun = False
    cdef const uint8_t* source
    cdef uint8_t* target
    if pixels.shape[2] != 4 or numbers.shape[0] != known:
        return MISUSE
    if out.shape[0] != pixels.shape[0] or out.shape[1] != pixels.shape[1]:
        return MISUSE
    total = <int64_t>pixels.shape[0] * pixels.shape[1]
    if total == 0:
        return -1
    with nogil:
        source, target = &pixels[0, 0, 0], &out[0, 0]
        for at in range(total):
            memcpy(&raw, source + 4 * at, 4)
            if not begun or raw != latest:
                color = packed(source + 4 * at)
                low, high = 0, known
                while low < high:
                    middle = low + (high - low) // 2
                    if colors[middle] < color:
                        low = middle + 1
                    else:
                        high = middle
                if low >= known or colors[low] != color:
                    stray = at
                    break
                number, latest, begun = numbers[low], raw, True
            target[at] = number
    return stray
