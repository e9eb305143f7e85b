/* Pixels that RGBA of 8 bits does not hold: samples of 16 bits, grey + alpha. Knows one row at a time.
 *
 * Of 16 bits the high byte is kept, after all bits have been compared with tRNS. Pixels of 2 and 4 bytes go through the run
 * engine as they are and are reduced when they are counted; those of 6 and 8 bytes (RGB and RGBA of 16 bits) are no masks
 * that any tool writes by itself: their rows are unfiltered as bytes, and reduced when their runs are looked for. */
#ifndef LV_PNG_WIDE_H
#define LV_PNG_WIDE_H

#include "png_dense.h"
#include "png_walk.h"

/* The RGBA bytes, R lowest, of a raw pixel of 2 or 4 bytes. */
LV_INLINE uint32_t lv_reduced(const lv_png *png, uint32_t raw) {
    uint32_t grey = (raw & 255) * 0x010101u;
    if (png->kind == 4) return grey | (png->depth == 16 ? raw >> 16 & 255 : raw >> 8) << 24;
    return png->keyed && raw == png->key ? grey : grey | 0xff000000u;
}

/* One pixel of 6 or 8 bytes; reads 8. */
LV_INLINE uint64_t lv_wide(const uint8_t *p, const int bpp) { return bpp == 6 ? lv_load64(p) & 0xffffffffffffu : lv_load64(p); }

LV_INLINE uint64_t lv_average8(uint64_t a, uint64_t b) { return (a & b) + (((a ^ b) & 0xfefefefefefefefeu) >> 1); }

LV_INLINE uint64_t lv_paeth8(uint64_t left, uint64_t up, uint64_t corner) {
    return lv_paeth4((uint32_t)left, (uint32_t)up, (uint32_t)corner) |
           (uint64_t)lv_paeth4((uint32_t)(left >> 32), (uint32_t)(up >> 32), (uint32_t)(corner >> 32)) << 32;
}

/* As lv_unfilter_as: to `out` (padded), nothing overlaps. */
LV_INLINE void lv_unfilter_wide_as(int filter, const uint8_t *restrict in, const uint8_t *restrict above,
                                   uint8_t *restrict out, int32_t cells, const int bpp) {
    const int64_t size = (int64_t)cells * bpp;
    uint64_t left = 0, corner = 0, up;
    int64_t k;
    if (filter == 0) memcpy(out, in, (size_t)size);
    if (filter == 2)
        for (k = 0; k < size; k++) out[k] = (uint8_t)(in[k] + above[k]);
    if (filter == 0 || filter == 2) return;
    for (k = 0; k < size; k += bpp) {
        uint64_t residual = lv_wide(in + k, bpp);
        if (filter == 1) {
            left = lv_add8(left, residual);
        } else {
            up = lv_wide(above + k, bpp);
            left = lv_add8(filter == 3 ? lv_average8(left, up) : lv_paeth8(left, up, corner), residual);
            corner = up;
        }
        memcpy(out + k, &left, 8); /* of 6 bytes the others are the next pixel's, or padding */
    }
}

/* The runs of reduced colours; neighbours may have the same one. */
LV_INLINE int64_t lv_find_wide_runs_as(const lv_png *png, const uint8_t *row, lv_run *out, const int bpp) {
    uint64_t before = 0;
    int64_t n = 0;
    int32_t c;
    for (c = 0; c < png->cells; c++, row += bpp) {
        uint64_t pixel = lv_wide(row, bpp);
        if (c && pixel == before) continue;
        if (n) out[n - 1].end = c;
        out[n++].color = (uint32_t)((pixel & 255) | (pixel >> 8 & 0xff00) | (pixel >> 16 & 0xff0000)) |
                         (bpp == 8                             ? (uint32_t)(pixel >> 48 & 255) << 24
                          : png->keyed && pixel == png->key ? 0
                                                               : 0xff000000u);
        before = pixel;
    }
    out[n - 1].end = png->cells;
    return n;
}

static void lv_unfilter_wide(int filter, const uint8_t *in, const uint8_t *above, uint8_t *out, int32_t cells, int bpp) {
    if (bpp == 6) lv_unfilter_wide_as(filter, in, above, out, cells, 6);
    else lv_unfilter_wide_as(filter, in, above, out, cells, 8);
}

static int64_t lv_find_wide_runs(const lv_png *png, const uint8_t *row, lv_run *out) {
    return png->bpp == 6 ? lv_find_wide_runs_as(png, row, out, 6) : lv_find_wide_runs_as(png, row, out, 8);
}

#endif
