# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=True
"""Split scores by truth, and merge sorted positives with sorted negatives. Knows floats and flags, never images.

NaN has no order: it is counted here and never merged; the caller decides.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "score_sort.h":
    void lv_sort_f32(uint32_t*, uint32_t*, int64_t) nogil
    void lv_sort_f64(uint64_t*, uint64_t*, int64_t) nogil

cdef extern from "score_split.h":
    ctypedef struct lv_sweep:
        uint64_t twice_u
        double precision
        int64_t best
        int64_t best_fp
    int lv_cpu_level() nogil
    int lv_cpu_avx512() nogil
    void lv_fill_lanes() nogil
    int64_t lv_split_f32(const float*, const uint8_t*, int64_t, float*, float*, int64_t*, int64_t*, int) nogil
    int64_t lv_split_f64(const double*, const uint8_t*, int64_t, double*, double*, int64_t*, int64_t*) nogil
    int64_t lv_keep_f32(const float*, int64_t, float, float*, int64_t*, int) nogil
    int64_t lv_keep_f64(const double*, int64_t, double, double*, int64_t*) nogil
    lv_sweep lv_merge_f32(const float*, int64_t, const float*, int64_t) nogil
    lv_sweep lv_merge_f64(const double*, int64_t, const double*, int64_t) nogil
    void lv_merge_f32_ranks(const float*, int64_t, const float*, int64_t, int64_t*, int64_t*) nogil
    void lv_merge_f64_ranks(const double*, int64_t, const double*, int64_t, int64_t*, int64_t*) nogil

    void lv_overlap_f32(const float*, int64_t, const float*, int64_t, double, int64_t*, int64_t*, double*) nogil
    void lv_overlap_f64(const double*, int64_t, const double*, int64_t, double, int64_t*, int64_t*, double*) nogil

LEVEL = lv_cpu_level()
AVX512 = bool(lv_cpu_avx512())
SLACK = 8  # places that outputs need beyond what they will hold: whole vectors are stored
lv_fill_lanes()

ctypedef fused score_t:
    float
    double


def split(const score_t[::1] score, const uint8_t[::1] truth, score_t[::1] positives, score_t[::1] negatives,
          int level=LEVEL):
    """Copy the scores where truth is set to `positives`, the others to `negatives`, in their order; -0 becomes +0.

    Returns (positives, negatives, NaNs among both). The outputs need SLACK more places than they will hold; ValueError
    when they have fewer.
    """
    cdef int64_t n = score.shape[0], p = 0, m = 0, nans = 0, i
    if truth.shape[0] != n:
        raise ValueError("scores and truth differ in length")
    with nogil:
        for i in range(n):
            p += truth[i] != 0
    if positives.shape[0] < p + SLACK or negatives.shape[0] < n - p + SLACK:
        raise ValueError("the outputs are too short")
    if not n:
        return 0, 0, 0
    p = 0
    with nogil:
        if score_t is float:
            nans = lv_split_f32(&score[0], &truth[0], n, &positives[0], &negatives[0], &p, &m, level)
        else:
            nans = lv_split_f64(&score[0], &truth[0], n, &positives[0], &negatives[0], &p, &m)
    return p, m, nans


def keep_outside(const score_t[::1] score, const int64_t[::1] starts, const int64_t[::1] stops, score_t bound,
                 score_t[::1] out, int level=LEVEL):
    """Copy the scores of at least `bound` that lie outside the runs starts[k]:stops[k], which ascend and do not overlap.

    Returns (copied, NaNs). `out` needs SLACK more places than there are scores outside the runs.
    """
    cdef int64_t n = score.shape[0], runs = starts.shape[0], at = 0, k, end, kept = 0, nans = 0, inside = 0
    if stops.shape[0] != runs:
        raise ValueError("starts and stops differ in length")
    for k in range(runs):
        if starts[k] < at or stops[k] < starts[k] or stops[k] > n:
            raise ValueError("runs overlap or leave the scores")
        inside += stops[k] - starts[k]
        at = stops[k]
    if out.shape[0] < n - inside + SLACK:
        raise ValueError("the output is too short")
    at = 0
    with nogil:
        for k in range(runs + 1):
            end = starts[k] if k < runs else n
            if end > at:
                if score_t is float:
                    kept += lv_keep_f32(&score[at], end - at, bound, &out[kept], &nans, level)
                else:
                    kept += lv_keep_f64(&score[at], end - at, bound, &out[kept], &nans)
            if k < runs:
                at = stops[k]
    return kept, nans


def sort(score_t[::1] scores, score_t[::1] scratch):
    """Sort ascending, in place. `scratch` is at least as long and holds nothing of use afterwards. No NaN, no -0."""
    cdef int64_t n = scores.shape[0]
    if scratch.shape[0] < n:
        raise ValueError("the scratch is too short")
    if n < 2:
        return
    with nogil:
        if score_t is float:
            lv_sort_f32(<uint32_t*> &scores[0], <uint32_t*> &scratch[0], n)
        else:
            lv_sort_f64(<uint64_t*> &scores[0], <uint64_t*> &scratch[0], n)


def merge(const score_t[::1] positives, const score_t[::1] negatives):
    """One walk over ascending positives and negatives without NaN.

    Returns (twice_u, precision_sum, best, best_fp): twice the Mann-Whitney U; the sum over positives of the precision at
    their score; the index of the first positive at the threshold of the best F1, and the false positives there. Of equal
    F1 the lowest threshold is taken.
    """
    cdef lv_sweep found
    cdef int64_t p = positives.shape[0], n = negatives.shape[0]
    if not p:
        return 0, 0.0, 0, 0
    with nogil:
        if score_t is float:
            found = lv_merge_f32(&positives[0], p, &negatives[0] if n else NULL, n)
        else:
            found = lv_merge_f64(&positives[0], p, &negatives[0] if n else NULL, n)
    return found.twice_u, found.precision, found.best, found.best_fp


def ranks(const score_t[::1] positives, const score_t[::1] negatives, int64_t[::1] below, int64_t[::1] upto):
    """For each ascending positive the number of negatives below it, and up to it. Both ascend, without NaN."""
    cdef int64_t p = positives.shape[0], n = negatives.shape[0]
    if below.shape[0] != p or upto.shape[0] != p:
        raise ValueError("the outputs have another length")
    if not p:
        return
    with nogil:
        if score_t is float:
            lv_merge_f32_ranks(&positives[0], p, &negatives[0] if n else NULL, n, &below[0], &upto[0])
        else:
            lv_merge_f64_ranks(&positives[0], p, &negatives[0] if n else NULL, n, &below[0], &upto[0])


def overlaps(score_t[::1] positives, const int64_t[::1] ends, const score_t[::1] negatives, double limit,
             score_t[::1] scratch, int64_t[::1] whole, int64_t[::1] twice, double[::1] part):
    """What each region's positives cover before `limit` negatives are called; see LV_OVERLAP in score_split.h.

    Region k has positives[ends[k - 1]:ends[k]] and is sorted here; the negatives ascend. No NaN.
    """
    cdef int64_t k, start = 0, many = ends.shape[0], n = negatives.shape[0]
    if whole.shape[0] != many or twice.shape[0] != many or part.shape[0] != many or scratch.shape[0] < positives.shape[0]:
        raise ValueError("the outputs have another length")
    for k in range(many):
        if ends[k] < start or ends[k] > positives.shape[0]:
            raise ValueError("ends do not ascend or leave the scores")
        start = ends[k]
    if not start:
        whole[:], twice[:], part[:] = 0, 0, 0
        return
    start = 0
    with nogil:
        for k in range(many):
            if ends[k] == start:
                whole[k], twice[k], part[k] = 0, 0, 0
                continue
            if score_t is float:
                lv_sort_f32(<uint32_t*> &positives[start], <uint32_t*> &scratch[start], ends[k] - start)
                lv_overlap_f32(&positives[start], ends[k] - start, &negatives[0] if n else NULL, n, limit, &whole[k],
                               &twice[k], &part[k])
            else:
                lv_sort_f64(<uint64_t*> &positives[start], <uint64_t*> &scratch[start], ends[k] - start)
                lv_overlap_f64(&positives[start], ends[k] - start, &negatives[0] if n else NULL, n, limit, &whole[k],
                               &twice[k], &part[k])
            start = ends[k]
