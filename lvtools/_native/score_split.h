/* Scores without an argsort: split by truth without branches, then (sorted elsewhere) one merge over the positives. */
#ifndef LVTOOLS_SCORE_SPLIT_H
#define LVTOOLS_SCORE_SPLIT_H

#include <stdint.h>
#include <string.h>
#include "cpu_level.h"

/* Both outputs need room for one vector (8 scores) more than they will hold. The sum with 0 makes +0 of -0. */
#define LV_SPLIT(NAME, TYPE)                                                                                           \
    static int64_t NAME(const TYPE *restrict score, const uint8_t *restrict truth, int64_t n, TYPE *restrict pos,      \
                        TYPE *restrict neg, int64_t *many_pos, int64_t *many_neg)                                      \
    {                                                                                                                  \
        int64_t p = *many_pos, m = *many_neg, nans = 0;                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            TYPE value = score[i] + (TYPE)0;                                                                           \
            int64_t is = truth[i] != 0;                                                                                \
            nans += value != value;                                                                                    \
            pos[p] = value;                                                                                            \
            neg[m] = value;                                                                                            \
            p += is;                                                                                                   \
            m += 1 - is;                                                                                               \
        }                                                                                                              \
        *many_pos = p;                                                                                                 \
        *many_neg = m;                                                                                                 \
        return nans;                                                                                                   \
    }

LV_SPLIT(lv_split_f32_plain, float)
LV_SPLIT(lv_split_f64, double)

/* Scores of at least `bound` (all of them when it is -inf), in their order. `out` has room for 8 more. Returns how many;
   *nans grows by the NaNs met. */
#define LV_KEEP(NAME, TYPE)                                                                                            \
    static int64_t NAME(const TYPE *restrict score, int64_t n, TYPE bound, TYPE *restrict out, int64_t *nans)          \
    {                                                                                                                  \
        int64_t kept = 0, bad = 0;                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            TYPE value = score[i] + (TYPE)0;                                                                           \
            bad += value != value;                                                                                     \
            out[kept] = value;                                                                                         \
            kept += value >= bound;                                                                                    \
        }                                                                                                              \
        *nans += bad;                                                                                                  \
        return kept;                                                                                                   \
    }

LV_KEEP(lv_keep_f32_plain, float)
LV_KEEP(lv_keep_f64, double)

#ifdef LV_X86
/* For each mask of 8 lanes, the lanes that are set, in order. */
static uint64_t lv_lanes[256];

static void lv_fill_lanes(void)
{
    for (int mask = 0; mask < 256; mask++) {
        uint64_t lanes = 0;
        for (int lane = 0, at = 0; lane < 8; lane++)
            if (mask >> lane & 1)
                lanes |= (uint64_t)lane << (8 * at++);
        lv_lanes[mask] = lanes;
    }
}

LV_AVX2 static inline __m256 lv_pressed(__m256 values, unsigned mask)
{
    return _mm256_permutevar8x32_ps(values, _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)lv_lanes[mask])));
}

LV_AVX2 static int64_t lv_split_f32_avx2(const float *score, const uint8_t *truth, int64_t n, float *pos, float *neg,
                                         int64_t *many_pos, int64_t *many_neg)
{
    int64_t p = 0, m = 0, nans = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 values = _mm256_add_ps(_mm256_loadu_ps(score + i), _mm256_setzero_ps());
        __m128i is = _mm_cmpeq_epi8(_mm_loadl_epi64((const __m128i *)(truth + i)), _mm_setzero_si128());
        unsigned normal = (unsigned)_mm_movemask_epi8(is) & 255, anomalous = normal ^ 255;
        nans += __builtin_popcount((unsigned)_mm256_movemask_ps(_mm256_cmp_ps(values, values, _CMP_UNORD_Q)));
        _mm256_storeu_ps(pos + p, lv_pressed(values, anomalous));
        _mm256_storeu_ps(neg + m, lv_pressed(values, normal));
        p += __builtin_popcount(anomalous);
        m += __builtin_popcount(normal);
    }
    *many_pos = p;
    *many_neg = m;
    return nans + lv_split_f32_plain(score + i, truth + i, n - i, pos, neg, many_pos, many_neg);
}

LV_AVX2 static int64_t lv_keep_f32_avx2(const float *score, int64_t n, float bound, float *out, int64_t *nans)
{
    int64_t kept = 0, bad = 0, i = 0;
    __m256 low = _mm256_set1_ps(bound);
    for (; i + 8 <= n; i += 8) {
        __m256 values = _mm256_add_ps(_mm256_loadu_ps(score + i), _mm256_setzero_ps());
        unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(values, low, _CMP_GE_OQ));
        bad += __builtin_popcount((unsigned)_mm256_movemask_ps(_mm256_cmp_ps(values, values, _CMP_UNORD_Q)));
        _mm256_storeu_ps(out + kept, lv_pressed(values, mask));
        kept += __builtin_popcount(mask);
    }
    *nans += bad;
    return kept + lv_keep_f32_plain(score + i, n - i, bound, out + kept, nans);
}
#else
static void lv_fill_lanes(void) {}
#endif

static inline int64_t lv_split_f32(const float *score, const uint8_t *truth, int64_t n, float *pos, float *neg,
                                   int64_t *many_pos, int64_t *many_neg, int level)
{
#ifdef LV_X86
    if (level)
        return lv_split_f32_avx2(score, truth, n, pos, neg, many_pos, many_neg);
#endif
    (void)level;
    return lv_split_f32_plain(score, truth, n, pos, neg, many_pos, many_neg);
}

static inline int64_t lv_keep_f32(const float *score, int64_t n, float bound, float *out, int64_t *nans, int level)
{
#ifdef LV_X86
    if (level)
        return lv_keep_f32_avx2(score, n, bound, out, nans);
#endif
    (void)level;
    return lv_keep_f32_plain(score, n, bound, out, nans);
}

/* ---- The merge ---------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t twice_u;  /* 2 x the Mann-Whitney U: pairs in the right order count 2, ties 1 */
    double precision;  /* the sum over positives of the precision at their score */
    int64_t best;      /* positives below the threshold of the best F1: the first of its score */
    int64_t best_fp;
} lv_sweep;

/* The first place from `at` on whose negative is not BELOW value. Doubling steps, so that few positives among many
   negatives stay cheap; the last 16 are compared without branches. */
#define LV_ADVANCE(NAME, TYPE, BELOW)                                                                                  \
    static inline int64_t NAME(const TYPE *neg, int64_t n, int64_t at, TYPE value)                                     \
    {                                                                                                                  \
        int64_t step = 16, more = 0;                                                                                   \
        while (at + step <= n && neg[at + step - 1] BELOW value) {                                                     \
            at += step;                                                                                                \
            step *= 2;                                                                                                 \
        }                                                                                                              \
        while (step > 16) {                                                                                            \
            step /= 2;                                                                                                 \
            if (at + step <= n && neg[at + step - 1] BELOW value)                                                      \
                at += step;                                                                                            \
        }                                                                                                              \
        if (at + 16 <= n) {                                                                                            \
            for (int k = 0; k < 16; k++)                                                                               \
                more += neg[at + k] BELOW value;                                                                       \
            return at + more;                                                                                          \
        }                                                                                                              \
        while (at < n && neg[at] BELOW value)                                                                          \
            at++;                                                                                                      \
        return at;                                                                                                     \
    }

LV_ADVANCE(lv_below_f32, float, <)
LV_ADVANCE(lv_upto_f32, float, <=)
LV_ADVANCE(lv_below_f64, double, <)
LV_ADVANCE(lv_upto_f64, double, <=)

/* Both ascending. The sum is kept with its rounding error (Neumaier), so that it does not depend on how much there is. */
#define LV_MERGE(NAME, TYPE, BELOW, UPTO)                                                                              \
    static lv_sweep NAME(const TYPE *pos, int64_t p, const TYPE *neg, int64_t n)                                       \
    {                                                                                                                  \
        lv_sweep out = {0, 0.0, 0, 0};                                                                                 \
        double sum = 0, rest = 0;                                                                                      \
        int64_t below = 0, best_tp = 0, best_size = 1;                                                                 \
        for (int64_t i = 0, next; i < p; i = next) {                                                                   \
            TYPE value = pos[i];                                                                                       \
            for (next = i + 1; next < p && pos[next] == value; next++)                                                 \
                ;                                                                                                      \
            below = BELOW(neg, n, below, value);                                                                       \
            int64_t upto = below < n && neg[below] == value ? UPTO(neg, n, below, value) : below;                      \
            int64_t many = next - i, tp = p - i, fp = n - below;                                                       \
            out.twice_u += (uint64_t)many * (uint64_t)(below + upto);                                                  \
            double term = (double)many * ((double)tp / (double)(tp + fp)), total = sum + term;                         \
            rest += sum >= term ? (sum - total) + term : (term - total) + sum;                                         \
            sum = total;                                                                                               \
            int64_t size = tp + fp + p;                                                                                \
            if ((unsigned __int128)tp * (uint64_t)best_size > (unsigned __int128)best_tp * (uint64_t)size) {           \
                best_tp = tp;                                                                                          \
                best_size = size;                                                                                      \
                out.best = i;                                                                                          \
                out.best_fp = fp;                                                                                      \
            }                                                                                                          \
            below = upto;                                                                                              \
        }                                                                                                              \
        out.precision = sum + rest;                                                                                    \
        return out;                                                                                                    \
    }                                                                                                                  \
    /* How many negatives lie below each positive, and how many up to it. */                                           \
    static void NAME##_ranks(const TYPE *pos, int64_t p, const TYPE *neg, int64_t n, int64_t *below, int64_t *upto)    \
    {                                                                                                                  \
        int64_t low = 0, high = 0;                                                                                     \
        for (int64_t i = 0; i < p; i++) {                                                                              \
            if (!i || pos[i] != pos[i - 1]) {                                                                          \
                low = BELOW(neg, n, high, pos[i]);                                                                     \
                high = low < n && neg[low] == pos[i] ? UPTO(neg, n, low, pos[i]) : low;                                \
            }                                                                                                          \
            below[i] = low;                                                                                            \
            upto[i] = high;                                                                                            \
        }                                                                                                              \
    }

/* The ramp of each positive under a limit, summed: a positive with `over` negatives above it and `reach` at or above it
   rises from 0 to 1 between those places. `whole` counts those that end before the limit, `twice` sums over + reach of
   them, `part` is what the others cover before the limit. Both ascending. */
#define LV_OVERLAP(NAME, TYPE, BELOW, UPTO)                                                                            \
    static void NAME(const TYPE *pos, int64_t p, const TYPE *neg, int64_t n, double limit, int64_t *whole,             \
                     int64_t *twice, double *part)                                                                     \
    {                                                                                                                  \
        int64_t count = 0, sum = 0, below = 0;                                                                         \
        double rest = 0;                                                                                               \
        for (int64_t i = 0, next; i < p; i = next) {                                                                   \
            TYPE value = pos[i];                                                                                       \
            for (next = i + 1; next < p && pos[next] == value; next++)                                                 \
                ;                                                                                                      \
            below = BELOW(neg, n, below, value);                                                                       \
            int64_t upto = below < n && neg[below] == value ? UPTO(neg, n, below, value) : below;                      \
            int64_t over = n - upto, reach = n - below;                                                                \
            below = upto;                                                                                              \
            if ((double)over >= limit)                                                                                 \
                continue;                                                                                              \
            if ((double)reach <= limit) {                                                                              \
                count += next - i;                                                                                     \
                sum += (next - i) * (over + reach);                                                                    \
            } else {                                                                                                   \
                double room = limit - (double)over;                                                                    \
                rest += (double)(next - i) * (room * room / (2 * (double)(reach - over)));                             \
            }                                                                                                          \
        }                                                                                                              \
        *whole = count;                                                                                                \
        *twice = sum;                                                                                                  \
        *part = rest;                                                                                                  \
    }

LV_OVERLAP(lv_overlap_f32, float, lv_below_f32, lv_upto_f32)
LV_OVERLAP(lv_overlap_f64, double, lv_below_f64, lv_upto_f64)
LV_MERGE(lv_merge_f32, float, lv_below_f32, lv_upto_f32)
LV_MERGE(lv_merge_f64, double, lv_below_f64, lv_upto_f64)

#endif
