/* Rows as bytes, for those in which most residuals are not zero: undo a filter, find the runs. Knows one row at a time. */
#ifndef LV_PNG_DENSE_H
#define LV_PNG_DENSE_H

#include "png_bytes.h"

typedef struct {
    int32_t end; /* exclusive column; a row's runs end where the next one begins, the last one at the row's end */
    uint32_t color; /* the pixel's bytes, the first one lowest */
} lv_run;

#define LV_SWAR 0x7f7f7f7fu

/* Four bytes added without carries between them. */
LV_INLINE uint32_t lv_add4(uint32_t a, uint32_t b) { return ((a & LV_SWAR) + (b & LV_SWAR)) ^ ((a ^ b) & ~LV_SWAR); }

LV_INLINE uint64_t lv_add8(uint64_t a, uint64_t b) {
    const uint64_t low = LV_SWAR | (uint64_t)LV_SWAR << 32;
    return ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
}

/* (a + b) / 2 of four bytes. */
LV_INLINE uint32_t lv_average4(uint32_t a, uint32_t b) { return (a & b) + (((a ^ b) & 0xfefefefeu) >> 1); }

LV_INLINE uint32_t lv_paeth1(int left, int up, int corner) {
    int a = up - corner, b = left - corner, c = a + b;
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    c = c < 0 ? -c : c;
    return (uint32_t)(a <= b && a <= c ? left : b <= c ? up : corner);
}

#ifdef __AVX2__
/* Of words. Each pixel waits for its left one, so as little as possible comes between `left` and the result. */
LV_INLINE __m128i lv_paeth_words(__m128i left, __m128i up, __m128i corner) {
    const __m128i to_up = _mm_sub_epi16(up, corner);
    const __m128i a = _mm_abs_epi16(to_up), b = _mm_abs_epi16(_mm_sub_epi16(left, corner));
    const __m128i c = _mm_abs_epi16(_mm_add_epi16(left, _mm_sub_epi16(to_up, corner)));
    const __m128i other = _mm_blendv_epi8(up, corner, _mm_cmpgt_epi16(b, c));
    return _mm_blendv_epi8(left, other, _mm_cmpgt_epi16(a, _mm_min_epi16(b, c)));
}
#endif

/* PNG 9.4 for the bytes of one pixel: the neighbour nearest to left + up - corner, ties in the order left, up, corner. */
LV_INLINE uint32_t lv_paeth4(uint32_t left, uint32_t up, uint32_t corner) {
#ifdef __AVX2__
    __m128i a = _mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)left)), b = _mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)up));
    __m128i pick = lv_paeth_words(a, b, _mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)corner)));
    return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(pick, pick));
#else
    uint32_t out = 0;
    int k;
    for (k = 0; k < 32; k += 8)
        out |= lv_paeth1((int)(left >> k & 255), (int)(up >> k & 255), (int)(corner >> k & 255)) << k;
    return out;
#endif
}

/* One pixel of 1 to 4 bytes. May read 4: rows and windows are padded. */
LV_INLINE uint32_t lv_pixel(const uint8_t *p, const int bpp) {
    return bpp == 1 ? *p : bpp == 2 ? lv_load32(p) & 0xffffu : bpp == 3 ? lv_load32(p) & 0xffffffu : lv_load32(p);
}

LV_INLINE void lv_put_pixel(uint8_t *p, uint32_t v, const int bpp) {
    if (bpp == 1) *p = (uint8_t)v;
    else memcpy(p, &v, 4); /* of 2 or 3 bytes the others are the next pixel's, which is written after it, or padding */
}

#ifdef __AVX2__
LV_INLINE __m128i lv_wide_pixel(const uint8_t *p) { return _mm_cvtepu8_epi16(_mm_cvtsi32_si128((int)lv_load32(p))); }

LV_INLINE void lv_put_wide(uint8_t *p, __m128i v) {
    int word = _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
    memcpy(p, &word, 4);
}

/* Sub of 3 or 4 bytes a pixel, four pixels at once; how many bytes are done. */
LV_INLINE int64_t lv_unfilter_sub(const uint8_t *in, uint8_t *out, int64_t size, const int bpp) {
    const __m128i last = bpp == 3 ? _mm_setr_epi8(9, 10, 11, 9, 10, 11, 9, 10, 11, 9, 10, 11, -1, -1, -1, -1)
                                  : _mm_setr_epi8(12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
    __m128i left = _mm_setzero_si128();
    int64_t k;
    for (k = 0; k + 4 * bpp <= size; k += 4 * bpp) {
        __m128i sums = _mm_loadu_si128((const __m128i *)(in + k));
        sums = _mm_add_epi8(sums, bpp == 3 ? _mm_slli_si128(sums, 3) : _mm_slli_si128(sums, 4));
        sums = _mm_add_epi8(sums, bpp == 3 ? _mm_slli_si128(sums, 6) : _mm_slli_si128(sums, 8));
        sums = _mm_add_epi8(sums, left);
        left = _mm_shuffle_epi8(sums, last);
        _mm_storeu_si128((__m128i *)(out + k), sums);
    }
    return k;
}

/* Average and Paeth wait for the pixel before: here it stays in a register, as words, which cannot overflow. */
LV_INLINE void lv_unfilter_average(const uint8_t *in, const uint8_t *above, uint8_t *out, int64_t size, const int bpp) {
    __m128i left = _mm_setzero_si128();
    int64_t k;
    for (k = 0; k < size; k += bpp) {
        left = _mm_srli_epi16(_mm_add_epi16(left, lv_wide_pixel(above + k)), 1);
        left = _mm_add_epi8(left, lv_wide_pixel(in + k)); /* of bytes: nothing is carried into a word's upper half */
        lv_put_wide(out + k, left);
    }
}

LV_INLINE void lv_unfilter_paeth(const uint8_t *in, const uint8_t *above, uint8_t *out, int64_t size, const int bpp) {
    __m128i left = _mm_setzero_si128(), corner = left;
    int64_t k;
    for (k = 0; k < size; k += bpp) {
        const __m128i up = lv_wide_pixel(above + k);
        left = _mm_add_epi8(lv_paeth_words(left, up, corner), lv_wide_pixel(in + k));
        corner = up;
        lv_put_wide(out + k, left);
    }
}
#endif

/* Write the row to `out` (padded); `above` is the row above, `in` the residuals. Nothing overlaps. */
LV_INLINE void lv_unfilter_as(int filter, const uint8_t *restrict in, const uint8_t *restrict above, uint8_t *restrict out,
                              int32_t cells, const int bpp) {
    const int64_t size = (int64_t)cells * bpp;
    uint32_t left = 0, corner = 0, up;
    int64_t k;
    switch (filter) {
    case 0:
        memcpy(out, in, (size_t)size);
        break;
    case 1:
        k = 0;
        if (bpp == 1) /* eight sums at once: x[i] += x[i - 1], then [i - 2], then [i - 4], then the byte before */
            for (; k + 8 <= size; k += 8) {
                uint64_t sums = lv_load64(in + k);
                sums = lv_add8(sums, sums << 8);
                sums = lv_add8(sums, sums << 16);
                sums = lv_add8(lv_add8(sums, sums << 32), left * 0x0101010101010101ULL);
                left = (uint32_t)(sums >> 56);
                memcpy(out + k, &sums, 8);
            }
#ifdef __AVX2__
        if (bpp >= 3 && size >= 4 * bpp) {
            k = lv_unfilter_sub(in, out, size, bpp);
            left = lv_pixel(out + k - bpp, bpp);
        }
#endif
        for (; k < size; k += bpp) lv_put_pixel(out + k, left = lv_add4(left, lv_pixel(in + k, bpp)), bpp);
        break;
    case 2:
        for (k = 0; k < size; k++) out[k] = (uint8_t)(in[k] + above[k]);
        break;
    case 3:
#ifdef __AVX2__
        if (bpp != 1) {
            lv_unfilter_average(in, above, out, size, bpp);
            break;
        }
#endif
        for (k = 0; k < size; k += bpp) {
            left = lv_add4(lv_average4(left, lv_pixel(above + k, bpp)), lv_pixel(in + k, bpp));
            lv_put_pixel(out + k, left, bpp);
        }
        break;
    default:
#ifdef __AVX2__
        if (bpp != 1) {
            lv_unfilter_paeth(in, above, out, size, bpp);
            break;
        }
#endif
        for (k = 0; k < size; k += bpp) {
            up = lv_pixel(above + k, bpp);
            if (bpp == 1) left = (lv_paeth1((int)left, (int)up, (int)corner) + in[k]) & 255;
            else left = lv_add4(lv_paeth4(left, up, corner), lv_pixel(in + k, bpp));
            corner = up;
            lv_put_pixel(out + k, left, bpp);
        }
    }
}

static void lv_unfilter(int filter, const uint8_t *in, const uint8_t *above, uint8_t *out, int32_t cells, int bpp) {
    if (bpp == 1) lv_unfilter_as(filter, in, above, out, cells, 1);
    else if (bpp == 2) lv_unfilter_as(filter, in, above, out, cells, 2);
    else if (bpp == 3) lv_unfilter_as(filter, in, above, out, cells, 3);
    else lv_unfilter_as(filter, in, above, out, cells, 4);
}

/* Blocks in which every pixel equals its left neighbour are passed over; in the others each pixel is looked at without
 * a branch, since noise would make a wrong guess every other pixel. `out` has room for `cells` + 1 runs. */
LV_INLINE int64_t lv_find_runs_as(const uint8_t *row, int32_t cells, lv_run *out, const int bpp) {
    const int32_t step = bpp == 1 ? 32 : bpp == 2 ? 16 : 8;
    const uint32_t looked = bpp == 3 ? 0xffffffu : 0xffffffffu;
    uint32_t color = lv_pixel(row, bpp);
    int64_t n = 0;
    int32_t c = 1;
    while (c < cells) {
        const uint8_t *p = row + (int64_t)c * bpp;
        int32_t stop = c + step;
        if (stop <= cells && !(lv_differ32(p, p - bpp) & looked)) {
            c = stop;
            continue;
        }
        if (stop > cells) stop = cells;
        for (; c < stop; c++, p += bpp) {
            uint32_t next = lv_pixel(p, bpp);
            out[n].end = c;
            out[n].color = color;
            n += next != color;
            color = next;
        }
    }
    out[n].end = cells;
    out[n].color = color;
    return n + 1;
}

static int64_t lv_find_runs(const uint8_t *row, int32_t cells, lv_run *out, int bpp) {
    if (bpp == 1) return lv_find_runs_as(row, cells, out, 1);
    if (bpp == 2) return lv_find_runs_as(row, cells, out, 2);
    if (bpp == 3) return lv_find_runs_as(row, cells, out, 3);
    return lv_find_runs_as(row, cells, out, 4);
}

/* The other way round: the bytes of a row of runs. `row` is padded. */
static void lv_fill_runs(const lv_run *runs, int64_t n, uint8_t *row, int bpp) {
    int32_t c = 0;
    int64_t k;
    for (k = 0; k < n; k++) {
        uint32_t color = runs[k].color;
        if (bpp == 1) {
            memset(row + c, (int)color, (size_t)(runs[k].end - c));
            c = runs[k].end;
        } else if (bpp == 2) {
            for (; c < runs[k].end; c++) lv_put_pixel(row + 2 * (int64_t)c, color, 2);
        } else if (bpp == 3) {
            for (; c < runs[k].end; c++) lv_put_pixel(row + 3 * (int64_t)c, color, 3);
        } else {
            for (; c < runs[k].end; c++) lv_put_pixel(row + 4 * (int64_t)c, color, 4);
        }
    }
}

#endif
