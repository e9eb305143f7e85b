# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""Walks over run lists that NumPy cannot do at once: connected components, and outlines put in order.

Knows runs, numbers and places; never classes, colours or files.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef int64_t root_of(int64_t* parents, int64_t run) noexcept nogil:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


cdef inline void join(int64_t* parents, int64_t a, int64_t b) noexcept nogil:
    a, b = root_of(parents, a), root_of(parents, b)
    if a < b:
        parents[b] = a
    else:
        parents[a] = b


cdef bint fills(const int32_t[::1] ends, const int64_t[::1] starts, int64_t width) noexcept nogil:
    """Are these groups of runs that each ascend to the width? Whoever passes this may follow them unchecked."""
    cdef Py_ssize_t g
    cdef int64_t k, before, groups = starts.shape[0] - 1
    if groups < 1 or starts[0] != 0 or starts[groups] != ends.shape[0]:
        return False
    for g in range(groups):
        if starts[g + 1] <= starts[g] or starts[g + 1] > ends.shape[0]:
            return False
        before = 0
        for k in range(starts[g], starts[g + 1]):
            if ends[k] <= before:
                return False
            before = ends[k]
        if before != width:
            return False
    return True


def label_runs(const int32_t[::1] ends, const int32_t[::1] numbers, const int64_t[::1] starts, int64_t width, bint eight,
               int64_t[::1] labels):
    """Give every run the number of its component: 0, 1, .. in the order of their first runs; -1 to runs of number 0.

    Runs of neighbouring groups are joined when they have the same number and share a column, or, with `eight`, touch by
    a corner. Neighbours inside a group must differ. Returns the number of components, or -1: the lists are no such
    lists, or `labels` has not a place for each run.
    """
    cdef Py_ssize_t g
    cdef int64_t k, i, j, stop, other_stop, found = 0, total = ends.shape[0]
    if numbers.shape[0] != total or labels.shape[0] != total or total == 0:
        return -1
    with nogil:
        if not fills(ends, starts, width):
            found = -1
        else:
            for k in range(total):
                labels[k] = k
            for g in range(1, starts.shape[0] - 1):
                i, stop, j, other_stop = starts[g - 1], starts[g], starts[g], starts[g + 1]
                while i < stop and j < other_stop:
                    if numbers[i] == numbers[j] and numbers[i] != 0:
                        join(&labels[0], i, j)
                    if ends[i] < ends[j]:
                        i += 1
                    elif ends[j] < ends[i]:
                        j += 1
                    else:  # both change here: the only place where runs can meet by a corner and nothing else
                        if eight and i + 1 < stop and j + 1 < other_stop:
                            if numbers[i] == numbers[j + 1] and numbers[i] != 0:
                                join(&labels[0], i, j + 1)
                            if numbers[i + 1] == numbers[j] and numbers[j] != 0:
                                join(&labels[0], i + 1, j)
                        i += 1
                        j += 1
            for k in range(total):  # a root is the first run of its component, so it comes before the others
                if numbers[k] == 0:
                    labels[k] = -1
                elif labels[k] == k:
                    labels[k] = -2 - found
                    found += 1
                else:
                    labels[k] = labels[root_before(&labels[0], k)]
            for k in range(total):
                if labels[k] < -1:
                    labels[k] = -2 - labels[k]
    return found


cdef inline int64_t root_before(int64_t* labels, int64_t run) noexcept nogil:
    """The nearest run on the way to the root that has its component already."""
    while labels[run] >= 0:
        run = labels[run]
    return run


def trace_rings(const int64_t[::1] across, const int64_t[::1] along, uint8_t[::1] seen, int64_t[::1] order,
                int64_t[::1] firsts):
    """Put the corners of outlines in order: from the first unseen corner to its partner across, from there to that one's
    partner along, and so on until the ring closes.

    `order` gets the corners ring by ring, `firsts` the place of each ring's first one; `seen` must be zero. All have as
    many places as there are corners. Returns the number of rings, or -1: the partners do not come in pairs.
    """
    cdef int64_t n = across.shape[0], k, corner, partner, at = 0, rings = 0
    if along.shape[0] != n or seen.shape[0] != n or order.shape[0] != n or firsts.shape[0] != n:
        return -1
    with nogil:
        for k in range(n):
            if across[k] < 0 or across[k] >= n or along[k] < 0 or along[k] >= n or across[k] == k:
                rings = -1
                break
            if across[across[k]] != k or along[k] == k or seen[k]:
                rings = -1
                break
            corner = along[k]
            if along[corner] != k:
                rings = -1
                break
        if rings == 0:
            # Two pairings without fixed points: walking them in turn comes back to the start, and meets each corner once.
            for k in range(n):
                if seen[k]:
                    continue
                firsts[rings] = at
                rings += 1
                corner = k
                while True:
                    partner = across[corner]
                    seen[corner] = seen[partner] = 1
                    order[at], order[at + 1] = corner, partner
                    at += 2
                    corner = along[partner]
                    if corner == k:
                        break
    return rings
