/* Counting pairs of byte codes and of bits. Plain C first; the AVX2 forms give the same counts.

   Everything is counted in blocks of at most LV_BLOCK rows, small enough to stay in the first cache and for a byte
   counter per lane: 4096 rows are 128 vectors, so no lane passes 255. */
#ifndef LVTOOLS_CONFUSION_PAIRS_H
#define LVTOOLS_CONFUSION_PAIRS_H

#include <stdint.h>
#include <string.h>
#include "cpu_level.h"

#define LV_BLOCK 4096

/* Up to this many cells a compare per cell and vector beats a histogram; beyond it costs more than one step per row. */
#define LV_VECTOR_CELLS 32
#define LV_SMALL_CELLS 256

static inline int lv_is_stray(uint8_t code, int codes) { return code >= codes; }

static int64_t lv_first_stray(const uint8_t *t, const uint8_t *p, int64_t n, int rows, int columns)
{
    for (int64_t i = 0; i < n; i++)
        if (lv_is_stray(t[i], rows) || lv_is_stray(p[i], columns))
            return i;
    return -1;
}

/* cells[t * stride + p] += 1 for every i; -1, or the first position with a code outside and nothing counted. */
static int64_t lv_pairs_plain(const uint8_t *t, const uint8_t *p, int64_t n, int rows, int columns, int64_t *cells,
                              int64_t stride)
{
    uint8_t most_t = 0, most_p = 0;
    for (int64_t i = 0; i < n; i++)
        most_t = t[i] > most_t ? t[i] : most_t;
    for (int64_t i = 0; i < n; i++)
        most_p = p[i] > most_p ? p[i] : most_p;
    if (n && (most_t >= rows || most_p >= columns))
        return lv_first_stray(t, p, n, rows, columns);
    int size = rows * columns;
    int64_t i = 0;
    if (size <= LV_SMALL_CELLS) {
        /* Four histograms: runs of equal pairs would otherwise wait for their own last store. */
        uint16_t part[4][LV_SMALL_CELLS];
        for (int k = 0; k < 4; k++)
            memset(part[k], 0, sizeof(uint16_t) * (size_t)size);
        for (; i + 4 <= n; i += 4) {
            part[0][t[i] * columns + p[i]]++;
            part[1][t[i + 1] * columns + p[i + 1]]++;
            part[2][t[i + 2] * columns + p[i + 2]]++;
            part[3][t[i + 3] * columns + p[i + 3]]++;
        }
        for (int row = 0, k = 0; row < rows; row++)
            for (int column = 0; column < columns; column++, k++)
                cells[row * stride + column] += part[0][k] + part[1][k] + part[2][k] + part[3][k];
    }
    for (; i < n; i++)
        cells[t[i] * stride + p[i]]++;
    return -1;
}

#ifdef LV_X86
LV_AVX2 static inline int64_t lv_sum_bytes(__m256i counters)
{
    __m256i sums = _mm256_sad_epu8(counters, _mm256_setzero_si256());
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

LV_AVX2 static inline uint8_t lv_most_byte(__m256i bytes)
{
    uint8_t lane[32], most = 0;
    _mm256_storeu_si256((__m256i *)lane, bytes);
    for (int i = 0; i < 32; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
}

/* How often the pairs first, first + 1, .. first + many - 1 stand in `vectors` vectors. `many` is a constant. */
LV_AVX2 static inline __attribute__((always_inline)) void lv_count_group(const uint8_t *pairs, int vectors, int first,
                                                                         const int many, int64_t *found)
{
    __m256i counters[8], wanted[8];
    for (int k = 0; k < many; k++) {
        counters[k] = _mm256_setzero_si256();
        wanted[k] = _mm256_set1_epi8((char)(first + k));
    }
    for (int v = 0; v < vectors; v++) {
        __m256i pair = _mm256_loadu_si256((const __m256i *)(pairs + 32 * v));
        for (int k = 0; k < many; k++)
            counters[k] = _mm256_sub_epi8(counters[k], _mm256_cmpeq_epi8(pair, wanted[k]));
    }
    for (int k = 0; k < many; k++)
        found[first + k] = lv_sum_bytes(counters[k]);
}

LV_AVX2 static int64_t lv_pairs_avx2(const uint8_t *t, const uint8_t *p, int64_t n, int rows, int columns,
                                     int64_t *cells, int64_t stride)
{
    int size = rows * columns, vectors = (int)(n / 32);
    if (size > LV_VECTOR_CELLS || rows > 16 || vectors < 8)
        return lv_pairs_plain(t, p, n, rows, columns, cells, stride);
    uint8_t pairs[LV_BLOCK], times[32];
    int64_t found[LV_VECTOR_CELLS + 8];
    for (int k = 0; k < 32; k++)
        times[k] = (uint8_t)((k % 16) < rows ? (k % 16) * columns : 0);
    __m256i scale = _mm256_loadu_si256((const __m256i *)times);
    __m256i most_t = _mm256_setzero_si256(), most_p = most_t;
    for (int v = 0; v < vectors; v++) {
        __m256i truth = _mm256_loadu_si256((const __m256i *)(t + 32 * v));
        __m256i called = _mm256_loadu_si256((const __m256i *)(p + 32 * v));
        most_t = _mm256_max_epu8(most_t, truth);
        most_p = _mm256_max_epu8(most_p, called);
        _mm256_storeu_si256((__m256i *)(pairs + 32 * v), _mm256_add_epi8(_mm256_shuffle_epi8(scale, truth), called));
    }
    int64_t counted = 32 * (int64_t)vectors;
    if (lv_most_byte(most_t) >= rows || lv_most_byte(most_p) >= columns)
        return lv_first_stray(t, p, n, rows, columns);
    if (lv_first_stray(t + counted, p + counted, n - counted, rows, columns) >= 0)
        return counted + lv_first_stray(t + counted, p + counted, n - counted, rows, columns);
    /* The last cell is what is left. */
    int first = 0, wanted = size - 1;
    for (; first + 8 <= wanted; first += 8)
        lv_count_group(pairs, vectors, first, 8, found);
    switch (wanted - first) {
    case 7: lv_count_group(pairs, vectors, first, 7, found); break;
    case 6: lv_count_group(pairs, vectors, first, 6, found); break;
    case 5: lv_count_group(pairs, vectors, first, 5, found); break;
    case 4: lv_count_group(pairs, vectors, first, 4, found); break;
    case 3: lv_count_group(pairs, vectors, first, 3, found); break;
    case 2: lv_count_group(pairs, vectors, first, 2, found); break;
    case 1: lv_count_group(pairs, vectors, first, 1, found); break;
    default: break;
    }
    int64_t rest = counted;
    for (int k = 0; k < wanted; k++)
        rest -= found[k];
    found[wanted] = rest;
    for (int row = 0, k = 0; row < rows; row++)
        for (int column = 0; column < columns; column++, k++)
            cells[row * stride + column] += found[k];
    return lv_pairs_plain(t + counted, p + counted, n - counted, rows, columns, cells, stride);
}
#endif

/* n <= LV_BLOCK, 1 <= rows, columns <= 256. */
static inline int64_t lv_pairs(const uint8_t *t, const uint8_t *p, int64_t n, int rows, int columns, int64_t *cells,
                               int64_t stride, int level)
{
#ifdef LV_X86
    if (level)
        return lv_pairs_avx2(t, p, n, rows, columns, cells, stride);
#endif
    (void)level;
    return lv_pairs_plain(t, p, n, rows, columns, cells, stride);
}

/* ---- Pixels ------------------------------------------------------------------------------------------------- */

/* Pixels as codes 0 for 255 (a colour of no class) and class + 1 otherwise: one addition, and one comparison finds
   every index of no class. Codes without any 255 are counted without that row and column. */
typedef struct {
    uint8_t t[LV_BLOCK], p[LV_BLOCK];
    int64_t filled;
    int classes, level;
    int64_t *cells, stride;
} lv_pending;

static int lv_flush_pixels(lv_pending *pending)
{
    int64_t n = pending->filled;
    int unknown = 0, stray = 0;
    uint8_t least = 255, most = 0;
    pending->filled = 0;
    if (!n)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t a = (uint8_t)(pending->t[i] + 1), b = (uint8_t)(pending->p[i] + 1);
        uint8_t low = a < b ? a : b, high = a < b ? b : a;
        least = low < least ? low : least;
        most = high > most ? high : most;
    }
    stray = most > pending->classes;
    unknown = least == 0;
    if (stray)
        return 1;
    if (!unknown) {
        lv_pairs(pending->t, pending->p, n, pending->classes, pending->classes,
                 pending->cells + pending->stride + 1, pending->stride, pending->level);
        return 0;
    }
    for (int64_t i = 0; i < n; i++) {
        pending->t[i]++;
        pending->p[i]++;
    }
    lv_pairs(pending->t, pending->p, n, pending->classes + 1, pending->classes + 1, pending->cells, pending->stride,
             pending->level);
    return 0;
}

static inline int lv_add_run(lv_pending *pending, uint8_t truth, uint8_t called, int64_t pixels)
{
    uint8_t row = (uint8_t)(truth + 1), column = (uint8_t)(called + 1);
    if (!pixels)
        return 0;
    if (row > pending->classes || column > pending->classes)
        return 1;
    pending->cells[row * pending->stride + column] += pixels;
    return 0;
}

static inline int lv_same_plain(const uint8_t *pixels, uint64_t wanted)
{
    uint64_t word[4];
    memcpy(word, pixels, 32);
    return !((word[0] ^ wanted) | (word[1] ^ wanted) | (word[2] ^ wanted) | (word[3] ^ wanted));
}

static int lv_keep_block(lv_pending *pending, const uint8_t *t, const uint8_t *p, int64_t n)
{
    if (pending->filled + n > LV_BLOCK && lv_flush_pixels(pending))
        return 1;
    memcpy(pending->t + pending->filled, t, (size_t)n);
    memcpy(pending->p + pending->filled, p, (size_t)n);
    pending->filled += n;
    return 0;
}

/* 0, or 1 when some pixel has an index of no class; the cells are then of no use. */
static int lv_pixels_plain(const uint8_t *t, const uint8_t *p, int64_t n, lv_pending *pending)
{
    int64_t i = 0, same = 0;
    uint8_t truth = n ? t[0] : 0, called = n ? p[0] : 0;
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t every_t = truth * ones, every_p = called * ones;
    for (; i + 32 <= n; i += 32) {
        if (lv_same_plain(t + i, every_t) && lv_same_plain(p + i, every_p)) {
            same += 32;
            continue;
        }
        if (lv_add_run(pending, truth, called, same) || lv_keep_block(pending, t + i, p + i, 32))
            return 1;
        same = 0;
        truth = t[i + 31];
        called = p[i + 31];
        every_t = truth * ones;
        every_p = called * ones;
    }
    return lv_add_run(pending, truth, called, same) || lv_keep_block(pending, t + i, p + i, n - i) ||
           lv_flush_pixels(pending);
}

#ifdef LV_X86
LV_AVX2 static int lv_pixels_avx2(const uint8_t *t, const uint8_t *p, int64_t n, lv_pending *pending)
{
    int64_t i = 0, same = 0;
    uint8_t truth = n ? t[0] : 0, called = n ? p[0] : 0;
    __m256i every_t = _mm256_set1_epi8((char)truth), every_p = _mm256_set1_epi8((char)called);
    for (; i + 32 <= n; i += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(t + i)), b = _mm256_loadu_si256((const __m256i *)(p + i));
        __m256i differs = _mm256_or_si256(_mm256_xor_si256(a, every_t), _mm256_xor_si256(b, every_p));
        if (_mm256_testz_si256(differs, differs)) {
            same += 32;
            continue;
        }
        if (lv_add_run(pending, truth, called, same))
            return 1;
        same = 0;
        if (pending->filled + 32 > LV_BLOCK && lv_flush_pixels(pending))
            return 1;
        _mm256_storeu_si256((__m256i *)(pending->t + pending->filled), a);
        _mm256_storeu_si256((__m256i *)(pending->p + pending->filled), b);
        pending->filled += 32;
        truth = t[i + 31];
        called = p[i + 31];
        every_t = _mm256_set1_epi8((char)truth);
        every_p = _mm256_set1_epi8((char)called);
    }
    return lv_add_run(pending, truth, called, same) || lv_keep_block(pending, t + i, p + i, n - i) ||
           lv_flush_pixels(pending);
}
#endif

/* Adds to cells, (classes + 1) x (classes + 1) with 255 in row and column 0 and class k in k + 1. */
static int64_t lv_count_pixels(const uint8_t *t, const uint8_t *p, int64_t n, int classes, int64_t *cells, int level)
{
    lv_pending pending;
    int stray;
    pending.filled = 0;
    pending.classes = classes;
    pending.level = level;
    pending.cells = cells;
    pending.stride = classes + 1;
#ifdef LV_X86
    stray = level ? lv_pixels_avx2(t, p, n, &pending) : lv_pixels_plain(t, p, n, &pending);
#else
    stray = lv_pixels_plain(t, p, n, &pending);
#endif
    if (!stray)
        return -1;
    for (int64_t i = 0; i < n; i++)
        if ((uint8_t)(t[i] + 1) > classes || (uint8_t)(p[i] + 1) > classes)
            return i;
    return -1;
}

/* ---- Bits --------------------------------------------------------------------------------------------------- */

/* 64 bits from any bit position; `bytes` is how many bytes the bitmap has. */
static inline uint64_t lv_bits_at(const uint8_t *bitmap, int64_t bytes, int64_t bit)
{
    int64_t byte = bit >> 3;
    int shift = (int)(bit & 7);
    uint64_t word = 0;
    if (byte + 9 <= bytes) {
        memcpy(&word, bitmap + byte, 8);
        return shift ? (word >> shift) | ((uint64_t)bitmap[byte + 8] << (64 - shift)) : word;
    }
    uint8_t near[9] = {0};
    memcpy(near, bitmap + byte, (size_t)(bytes - byte));
    memcpy(&word, near, 8);
    return shift ? (word >> shift) | ((uint64_t)near[8] << (64 - shift)) : word;
}

typedef struct {
    const uint8_t *bits;
    int64_t bytes, offset;
} lv_bitmap;

/* sums: t, p, t&p; and with nulls (a side's valid->bits may be NULL) vt, vp, vt&vp, t&vp, vt&p. Bits of nulls count as 0. */
#define LV_COUNT_BITS(NAME, ATTRIBUTE)                                                                                 \
    ATTRIBUTE static void NAME(lv_bitmap t, lv_bitmap p, lv_bitmap vt, lv_bitmap vp, int64_t n, int64_t *sums)         \
    {                                                                                                                  \
        int64_t s[8] = {0};                                                                                            \
        for (int64_t i = 0; i < n; i += 64) {                                                                          \
            uint64_t keep = n - i >= 64 ? ~0ULL : (1ULL << (n - i)) - 1;                                               \
            uint64_t a = lv_bits_at(t.bits, t.bytes, t.offset + i) & keep;                                             \
            uint64_t b = lv_bits_at(p.bits, p.bytes, p.offset + i) & keep;                                             \
            if (vt.bits || vp.bits) {                                                                                  \
                uint64_t va = vt.bits ? lv_bits_at(vt.bits, vt.bytes, vt.offset + i) & keep : keep;                    \
                uint64_t vb = vp.bits ? lv_bits_at(vp.bits, vp.bytes, vp.offset + i) & keep : keep;                    \
                a &= va;                                                                                               \
                b &= vb;                                                                                               \
                s[3] += __builtin_popcountll(va);                                                                      \
                s[4] += __builtin_popcountll(vb);                                                                      \
                s[5] += __builtin_popcountll(va & vb);                                                                 \
                s[6] += __builtin_popcountll(a & vb);                                                                  \
                s[7] += __builtin_popcountll(va & b);                                                                  \
            }                                                                                                          \
            s[0] += __builtin_popcountll(a);                                                                           \
            s[1] += __builtin_popcountll(b);                                                                           \
            s[2] += __builtin_popcountll(a & b);                                                                       \
        }                                                                                                              \
        if (!vt.bits && !vp.bits) {                                                                                    \
            s[3] = s[4] = s[5] = n;                                                                                    \
            s[6] = s[0];                                                                                               \
            s[7] = s[1];                                                                                               \
        }                                                                                                              \
        memcpy(sums, s, sizeof s);                                                                                     \
    }

/* Whole words of bitmaps that start at a byte and have no nulls, which is what columns are: t, p, t&p. A turn takes a line
   of the cache from each; the processor's own prefetching ends with every page, so twice as fast when the bits come from
   memory. */
#define LV_BITS_AHEAD 4096
#define LV_COUNT_WORDS(NAME, ATTRIBUTE)                                                                                \
    ATTRIBUTE static void NAME(const uint8_t *t, const uint8_t *p, int64_t words, int64_t *sums)                       \
    {                                                                                                                  \
        int64_t st = 0, sp = 0, both = 0;                                                                              \
        for (int64_t i = 0; i < words;) {                                                                              \
            int64_t end = words - i < 8 ? words : i + 8;                                                               \
            __builtin_prefetch((const void *)((uintptr_t)(t + 8 * i) + LV_BITS_AHEAD));                                \
            __builtin_prefetch((const void *)((uintptr_t)(p + 8 * i) + LV_BITS_AHEAD));                                \
            for (; i < end; i++) {                                                                                     \
                uint64_t a, b;                                                                                         \
                memcpy(&a, t + 8 * i, 8);                                                                              \
                memcpy(&b, p + 8 * i, 8);                                                                              \
                st += __builtin_popcountll(a);                                                                         \
                sp += __builtin_popcountll(b);                                                                         \
                both += __builtin_popcountll(a & b);                                                                   \
            }                                                                                                          \
        }                                                                                                              \
        sums[0] = st, sums[1] = sp, sums[2] = both;                                                                    \
    }

LV_COUNT_WORDS(lv_count_words_plain, )
LV_COUNT_BITS(lv_count_bits_plain, )
#ifdef LV_X86
LV_COUNT_WORDS(lv_count_words_avx2, LV_AVX2)
LV_COUNT_BITS(lv_count_bits_avx2, LV_AVX2)
#endif

/* Adds to cells, rows and columns false, true, null. */
static void lv_count_bits(lv_bitmap t, lv_bitmap p, lv_bitmap vt, lv_bitmap vp, int64_t n, int64_t *cells,
                          int64_t stride, int level)
{
    int64_t s[8], w[3] = {0}, words = 0;
    if (n >= 64 && !vt.bits && !vp.bits && !((t.offset | p.offset) & 7)) {
        words = n / 64;
#ifdef LV_X86
        if (level)
            lv_count_words_avx2(t.bits + t.offset / 8, p.bits + p.offset / 8, words, w);
        else
#endif
            lv_count_words_plain(t.bits + t.offset / 8, p.bits + p.offset / 8, words, w);
        t.offset += 64 * words;
        p.offset += 64 * words;
    }
#ifdef LV_X86
    if (level)
        lv_count_bits_avx2(t, p, vt, vp, n - 64 * words, s);
    else
#endif
        lv_count_bits_plain(t, p, vt, vp, n - 64 * words, s);
    if (words) { /* no nulls: of the valid ones there are as many as rows, and 0 of t and p are null's */
        for (int k = 0; k < 3; k++)
            s[k] += w[k];
        s[3] = s[4] = s[5] = n;
        s[6] = s[0];
        s[7] = s[1];
    }
    (void)level;
    int64_t tt = s[2], tf = s[6] - tt, ft = s[7] - tt, ff = s[5] - tt - tf - ft;
    cells[0] += ff;
    cells[1] += ft;
    cells[stride] += tf;
    cells[stride + 1] += tt;
    cells[2] += s[3] - s[0] - ff - ft;          /* truth false, prediction null */
    cells[stride + 2] += s[0] - tf - tt;        /* truth true, prediction null */
    cells[2 * stride] += s[4] - s[1] - ff - tf; /* truth null, prediction false */
    cells[2 * stride + 1] += s[1] - ft - tt;
    cells[2 * stride + 2] += n - s[3] - s[4] + s[5];
}

#endif
