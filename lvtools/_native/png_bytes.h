/* Loads, masks over 32 bytes, and the two checksums. Knows bytes only.
 *
 * Compiled twice: as the compiler's baseline (png_runs) and with AVX2, BMI2 and PCLMUL (png_runs_avx2). Everything below
 * `#ifdef` has the same meaning in both; the tests run both. */
#ifndef LV_PNG_BYTES_H
#define LV_PNG_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "png_runs reads words as little-endian; leave it out on this machine (setup.py does)"
#endif

#define LV_LIKELY(x) __builtin_expect(!!(x), 1)
#define LV_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LV_INLINE static inline __attribute__((always_inline))

LV_INLINE uint32_t lv_load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
LV_INLINE uint64_t lv_load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
LV_INLINE uint32_t lv_be32(const uint8_t *p) { return __builtin_bswap32(lv_load32(p)); }

/* Bit k is set when byte k of the word is not zero. */
LV_INLINE uint32_t lv_nonzero8(uint64_t x) {
    const uint64_t low = 0x7f7f7f7f7f7f7f7fULL;
    uint64_t high = (((x & low) + low) | x) & ~low;
    return (uint32_t)(((high >> 7) * 0x0102040810204080ULL) >> 56);
}

/* Bit k: p[k] != 0, of 32 bytes. */
LV_INLINE uint32_t lv_nonzero32(const uint8_t *p) {
#ifdef __AVX2__
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_setzero_si256()));
#else
    uint64_t a = lv_load64(p), b = lv_load64(p + 8), c = lv_load64(p + 16), d = lv_load64(p + 24);
    if (!(a | b | c | d)) return 0;
    return lv_nonzero8(a) | lv_nonzero8(b) << 8 | lv_nonzero8(c) << 16 | lv_nonzero8(d) << 24;
#endif
}

/* Bit k: a[k] != b[k], of 32 bytes. */
LV_INLINE uint32_t lv_differ32(const uint8_t *a, const uint8_t *b) {
#ifdef __AVX2__
    __m256i v = _mm256_loadu_si256((const __m256i *)a), w = _mm256_loadu_si256((const __m256i *)b);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, w));
#else
    uint64_t p = lv_load64(a) ^ lv_load64(b), q = lv_load64(a + 8) ^ lv_load64(b + 8);
    uint64_t r = lv_load64(a + 16) ^ lv_load64(b + 16), s = lv_load64(a + 24) ^ lv_load64(b + 24);
    if (!(p | q | r | s)) return 0;
    return lv_nonzero8(p) | lv_nonzero8(q) << 8 | lv_nonzero8(r) << 16 | lv_nonzero8(s) << 24;
#endif
}

LV_INLINE void lv_copy32(uint8_t *to, const uint8_t *from) {
#ifdef __AVX2__
    _mm256_storeu_si256((__m256i *)to, _mm256_loadu_si256((const __m256i *)from));
#else
    uint64_t a = lv_load64(from), b = lv_load64(from + 8), c = lv_load64(from + 16), d = lv_load64(from + 24);
    memcpy(to, &a, 8); memcpy(to + 8, &b, 8); memcpy(to + 16, &c, 8); memcpy(to + 24, &d, 8);
#endif
}

/* The first n bytes (0 to 32) of `from`, and zeros behind them up to 32. */
LV_INLINE void lv_copy_zeroed(uint8_t *to, const uint8_t *from, int64_t n) {
    static const uint8_t keep[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const uint8_t *mask = keep + 32 - n;
#ifdef __AVX2__
    _mm256_storeu_si256((__m256i *)to, _mm256_and_si256(_mm256_loadu_si256((const __m256i *)from),
                                                        _mm256_loadu_si256((const __m256i *)mask)));
#else
    uint64_t a = lv_load64(from) & lv_load64(mask), b = lv_load64(from + 8) & lv_load64(mask + 8);
    uint64_t c = lv_load64(from + 16) & lv_load64(mask + 16), d = lv_load64(from + 24) & lv_load64(mask + 24);
    memcpy(to, &a, 8); memcpy(to + 8, &b, 8); memcpy(to + 16, &c, 8); memcpy(to + 24, &d, 8);
#endif
}

static uint8_t lv_periods[17][33]; /* [d][k]: k mod d; [d][32]: 32 mod d, what is left of 32 bytes after whole periods */

/* Write the last `distance` bytes (1 to 16) again and again, over `length` (1 or more) and up to 31 bytes beyond. The pattern
 * stays in a register: loading what was just stored in other pieces would wait for it. */
LV_INLINE void lv_repeat(uint8_t *to, int64_t length, int64_t distance) {
    uint8_t *const end = to + length;
    const int64_t step = 32 - lv_periods[distance][32];
#ifdef __AVX2__
    const __m128i before = _mm_loadu_si128((const __m128i *)(to - distance));
    const __m256i pattern = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(before),
                                                _mm256_loadu_si256((const __m256i *)lv_periods[distance]));
    do {
        _mm256_storeu_si256((__m256i *)to, pattern);
        to += step;
    } while (to < end);
#else
    uint8_t pattern[32];
    int64_t k;
    for (k = 0; k < 32; k++) pattern[k] = to[lv_periods[distance][k] - distance];
    do {
        lv_copy32(to, pattern);
        to += step;
    } while (to < end);
#endif
}

/* ---- Adler-32, out of order: with S = sum of b[i] and T = sum of i * b[i], the sums of RFC 1950 over n bytes are
 * 1 + S and n + n * S - T (mod 65521). Zero bytes add to neither, so only marked blocks need to be read. */
#define LV_ADLER 65521u

typedef struct {
    uint64_t sum, moment; /* of whole blocks, `moment` relative to the window's first byte; folded after at most one window */
#ifdef __AVX2__
    __m256i sums, moments, within;
#else
    uint64_t within;
#endif
} lv_adler;

LV_INLINE void lv_adler_start(lv_adler *a) {
    a->sum = a->moment = 0;
#ifdef __AVX2__
    a->sums = a->moments = a->within = _mm256_setzero_si256();
#else
    a->within = 0;
#endif
}

/* Add 32 bytes that lie `offset` (below 2^20) behind the window's first byte; at most 2^15 blocks between two folds. */
LV_INLINE void lv_adler_block(lv_adler *a, const uint8_t *p, uint32_t offset) {
#ifdef __AVX2__
    const __m256i weights = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                             22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    __m256i sums = _mm256_sad_epu8(v, _mm256_setzero_si256());
    a->sums = _mm256_add_epi64(a->sums, sums);
    a->moments = _mm256_add_epi64(a->moments, _mm256_mul_epu32(sums, _mm256_set1_epi64x(offset)));
    a->within = _mm256_add_epi32(a->within, _mm256_madd_epi16(_mm256_maddubs_epi16(v, weights), _mm256_set1_epi16(1)));
#else
    uint32_t sum = 0, within = 0, k;
    for (k = 0; k < 32; k++) {
        sum += p[k];
        within += k * p[k];
    }
    a->sum += sum;
    a->moment += (uint64_t)offset * sum;
    a->within += within;
#endif
}

/* Turn what was added since the last fold from "relative to the window" to "relative to the stream" (mod 65521). */
static void lv_adler_fold(lv_adler *a, uint64_t base, uint32_t *sum, uint32_t *moment) {
    uint64_t s = a->sum, m = a->moment;
#ifdef __AVX2__
    uint64_t lanes[4];
    uint32_t words[8];
    int k;
    _mm256_storeu_si256((__m256i *)lanes, a->sums);
    for (k = 0; k < 4; k++) s += lanes[k];
    _mm256_storeu_si256((__m256i *)lanes, a->moments);
    for (k = 0; k < 4; k++) m += lanes[k];
    _mm256_storeu_si256((__m256i *)words, a->within);
    for (k = 0; k < 8; k++) m += words[k];
#else
    m += a->within;
#endif
    s %= LV_ADLER;
    *moment = (uint32_t)((*moment + m % LV_ADLER + (base % LV_ADLER) * s) % LV_ADLER);
    *sum = (uint32_t)((*sum + s) % LV_ADLER);
}

/* ---- CRC-32 of PNG 5.5: eight bytes a step by tables, or 64 by carry-less multiplication. */
static uint32_t lv_crc_table[8][256];

/* The tables of this file; called once, when the module is loaded. */
static void lv_bytes_init(void) {
    uint32_t n, k, c;
    for (n = 1; n < 17; n++)
        for (k = 0; k < 33; k++) lv_periods[n][k] = (uint8_t)(k % n);
    for (n = 0; n < 256; n++) {
        c = n;
        for (k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        lv_crc_table[0][n] = c;
    }
    for (n = 0; n < 256; n++)
        for (k = 1; k < 8; k++)
            lv_crc_table[k][n] = lv_crc_table[0][lv_crc_table[k - 1][n] & 255] ^ (lv_crc_table[k - 1][n] >> 8);
}

#if defined(__AVX2__) && defined(__PCLMUL__)
LV_INLINE __m128i lv_crc_fold(__m128i x, __m128i k, __m128i next) {
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)), next);
}

/* Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Intel, 2009), reflected form;
 * n >= 64 and a multiple of 16. */
static uint32_t lv_crc_wide(uint32_t crc, const uint8_t *p, size_t n) {
    const __m128i k12 = _mm_set_epi64x(0x01c6e41596LL, 0x0154442bd4LL), k34 = _mm_set_epi64x(0x00ccaa009eLL, 0x01751997d0LL);
    const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124LL), poly = _mm_set_epi64x(0x01f7011641LL, 0x01db710641LL);
    const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
    __m128i x, y, a[4];
    int k;
    for (k = 0; k < 4; k++) a[k] = _mm_loadu_si128((const __m128i *)(p + 16 * k));
    a[0] = _mm_xor_si128(a[0], _mm_cvtsi32_si128((int)crc));
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64)
        for (k = 0; k < 4; k++) a[k] = lv_crc_fold(a[k], k12, _mm_loadu_si128((const __m128i *)(p + 16 * k)));
    x = lv_crc_fold(lv_crc_fold(lv_crc_fold(a[0], k34, a[1]), k34, a[2]), k34, a[3]);
    for (; n >= 16; p += 16, n -= 16) x = lv_crc_fold(x, k34, _mm_loadu_si128((const __m128i *)p));
    y = _mm_clmulepi64_si128(x, k34, 0x10);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), y);
    y = _mm_srli_si128(x, 4);
    x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low), k5, 0x00), y);
    y = _mm_clmulepi64_si128(_mm_and_si128(x, low), poly, 0x10);
    y = _mm_clmulepi64_si128(_mm_and_si128(y, low), poly, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, y), 1);
}
#endif

static uint32_t lv_crc32(const uint8_t *p, size_t n) {
    uint32_t crc = 0xffffffffu;
#if defined(__AVX2__) && defined(__PCLMUL__)
    if (n >= 64) {
        size_t whole = n & ~(size_t)15;
        crc = lv_crc_wide(crc, p, whole);
        p += whole;
        n -= whole;
    }
#endif
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v = lv_load64(p) ^ crc;
        crc = lv_crc_table[7][v & 255] ^ lv_crc_table[6][v >> 8 & 255] ^ lv_crc_table[5][v >> 16 & 255] ^
              lv_crc_table[4][v >> 24 & 255] ^ lv_crc_table[3][v >> 32 & 255] ^ lv_crc_table[2][v >> 40 & 255] ^
              lv_crc_table[1][v >> 48 & 255] ^ lv_crc_table[0][v >> 56];
    }
    for (; n; p++, n--) crc = lv_crc_table[0][(crc ^ *p) & 255] ^ (crc >> 8);
    return ~crc;
}

#endif
