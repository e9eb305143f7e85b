/* The chunks of a PNG, judged by the rules of masks/png.py. Knows what the engine may take; has no words for faults.
 *
 * LV_REFERRED: anything that is out of order, or rows too wide for the window. The slow path then decides and finds the
 * words, so these rules may be narrower than its rules, never wider. */
#ifndef LV_PNG_WALK_H
#define LV_PNG_WALK_H

#include "png_bytes.h"

enum { LV_REFERRED = -3 };

typedef struct {
    int64_t max_side, max_pixels, max_chunks, max_inflation; /* of masks/png.py */
} lv_limits;

typedef struct {
    int32_t width, height;
    int depth, kind, channels;
    int interlaced;    /* Adam7 */
    int reduced;       /* 16 bits or grey + alpha: pixels become RGBA of 8 bits when they are counted (lv_reduced) */
    int bpp;           /* bytes of a cell: 1, 2, 3, 4, 6 or 8 */
    int32_t columns;   /* pixels of a row: of the current pass, where there are passes */
    int32_t cells;     /* of a row: pixels, or bytes of several pixels */
    int64_t row_bytes; /* without the filter byte */
    int64_t idat_bytes;
    const uint8_t *idat, *idat_end; /* data of the first IDAT */
    uint32_t table[256];            /* 0xRRGGBBAA of each index or grey level */
    int entries;
    int keyed;    /* RGB, or grey of 16 bits, whose tRNS makes one colour transparent */
    uint64_t key; /* as a pixel's bytes, the first one lowest */
} lv_png;

#define LV_MOST_ROW (65535 * 4) /* the window holds half a megabyte */

/* PNG 8.2: where the pixels of each pass lie. The eighth line is a picture without passes. */
typedef struct {
    uint8_t row, row_step, column, column_step;
} lv_pass;

#define LV_WHOLE 7
static const lv_pass lv_passes[8] = {{0, 8, 0, 8}, {0, 8, 4, 8}, {4, 8, 0, 4}, {0, 4, 2, 4},
                                     {2, 4, 0, 2}, {0, 2, 1, 2}, {1, 2, 0, 1}, {0, 1, 0, 1}};

LV_INLINE int32_t lv_steps(int32_t size, int from, int step) { return size > from ? (size - from + step - 1) / step : 0; }

/* Set the rows' shape to that of a pass; how many rows it has, 0 when it has no pixels. */
static int32_t lv_shape(lv_png *png, int number) {
    const lv_pass *pass = lv_passes + number;
    png->columns = lv_steps(png->width, pass->column, pass->column_step);
    png->row_bytes = ((int64_t)png->columns * png->channels * png->depth + 7) / 8;
    png->cells = png->bpp == 1 ? (int32_t)png->row_bytes : png->columns;
    return png->columns ? lv_steps(png->height, pass->row, pass->row_step) : 0;
}

/* The length of the inflated stream; leaves the shape of the widest rows. */
static int64_t lv_raw_bytes(lv_png *png) {
    int64_t total = 0;
    int pass;
    for (pass = png->interlaced ? 0 : LV_WHOLE; pass <= LV_WHOLE - png->interlaced; pass++) {
        int32_t rows = lv_shape(png, pass);
        total += rows * (1 + png->row_bytes);
    }
    lv_shape(png, LV_WHOLE);
    return total;
}

static int lv_is(const uint8_t *kind, const char *name) { return memcmp(kind, name, 4) == 0; }

static int lv_read_ihdr(lv_png *png, const uint8_t *p, const lv_limits *limits) {
    uint32_t width = lv_be32(p), height = lv_be32(p + 4);
    png->depth = p[8];
    png->kind = p[9];
    if (!width || !height || width > limits->max_side || height > limits->max_side) return 0;
    if ((int64_t)width * height > limits->max_pixels || p[10] || p[11] || p[12] > 1) return 0;
    switch (png->kind) {
    case 0:
    case 3:
        if (png->depth != 1 && png->depth != 2 && png->depth != 4 && png->depth != 8 && (png->depth != 16 || png->kind)) return 0;
        png->channels = 1;
        break;
    case 2:
    case 4:
    case 6:
        if (png->depth != 8 && png->depth != 16) return 0;
        png->channels = png->kind == 2 ? 3 : png->kind == 4 ? 2 : 4;
        break;
    default:
        return 0;
    }
    png->width = (int32_t)width;
    png->height = (int32_t)height;
    png->interlaced = p[12];
    png->reduced = png->depth == 16 || png->kind == 4;
    png->bpp = png->depth == 16 ? 2 * png->channels : png->channels;
    lv_shape(png, LV_WHOLE);
    return png->row_bytes <= LV_MOST_ROW;
}

/* Colours of indexes and grey levels; tRNS. The chunks' sizes have been checked. */
static void lv_read_colors(lv_png *png, const uint8_t *plte, uint32_t plte_bytes, const uint8_t *trns, uint32_t trns_bytes) {
    uint32_t k, step;
    png->entries = png->keyed = 0;
    png->key = 0;
    if (png->kind == 3) {
        png->entries = (int)(plte_bytes / 3);
        for (k = 0; k < plte_bytes / 3; k++)
            png->table[k] = (uint32_t)plte[3 * k] << 24 | (uint32_t)plte[3 * k + 1] << 16 | (uint32_t)plte[3 * k + 2] << 8 |
                            (k < trns_bytes ? trns[k] : 255u);
    } else if (png->depth == 16) { /* all bits of a sample are compared, before the low ones are left out */
        png->keyed = trns != NULL;
        for (k = 0; trns && k < trns_bytes; k++) png->key |= (uint64_t)trns[k] << 8 * k;
    } else if (png->kind == 0) {
        png->entries = 1 << png->depth;
        step = 255 / ((1u << png->depth) - 1);
        for (k = 0; k < 1u << png->depth; k++) png->table[k] = k * step * 0x01010100u | 255u;
        if (trns) png->table[((uint32_t)trns[0] << 8 | trns[1]) & ((1u << png->depth) - 1)] &= ~255u;
    } else if (trns) { /* RGB of 8 bits: bits above the depth are not looked at (PNG 11.3.1.1) */
        png->keyed = 1;
        png->key = trns[1] | (uint32_t)trns[3] << 8 | (uint32_t)trns[5] << 16;
    }
}

static int lv_walk(lv_png *png, const uint8_t *data, int64_t size, const lv_limits *limits) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const uint8_t *plte = NULL, *trns = NULL;
    uint32_t plte_bytes = 0, trns_bytes = 0;
    int64_t at = 8, seen = 0;
    int open = 0, k; /* open: the chunk before was IDAT */
    png->idat = NULL;
    png->idat_bytes = 0;
    if (size < 8 || memcmp(data, signature, 8) != 0) return LV_REFERRED;
    for (;; seen++) {
        const uint8_t *kind = data + at + 4, *body = data + at + 8;
        uint32_t length;
        if (seen == limits->max_chunks || size - at < 12) return LV_REFERRED;
        length = lv_be32(data + at);
        if (length > 0x7fffffffu || (int64_t)length > size - at - 12) return LV_REFERRED;
        for (k = 0; k < 4; k++)
            if ((kind[k] | 32) < 'a' || (kind[k] | 32) > 'z') return LV_REFERRED;
        if (lv_crc32(kind, (size_t)length + 4) != lv_be32(body + length)) return LV_REFERRED;
        if (!seen) {
            if (!lv_is(kind, "IHDR") || length != 13 || !lv_read_ihdr(png, body, limits)) return LV_REFERRED;
        } else if (lv_is(kind, "IDAT")) {
            if (png->idat && !open) return LV_REFERRED;
            if (!png->idat) {
                if (png->kind == 3 && !plte) return LV_REFERRED;
                png->idat = body;
                png->idat_end = body + length;
            }
            png->idat_bytes += length;
        } else if (lv_is(kind, "PLTE")) {
            uint32_t most = png->kind == 3 ? 1u << png->depth : 256;
            if (plte || trns || png->idat || png->kind == 0 || png->kind == 4 || !length || length % 3 || length > 3 * most) return LV_REFERRED;
            plte = body;
            plte_bytes = length;
        } else if (lv_is(kind, "tRNS")) {
            if (trns || png->idat || png->kind == 4 || png->kind == 6) return LV_REFERRED;
            if (png->kind == 3 ? !plte || length > plte_bytes / 3 : length != (png->kind == 0 ? 2u : 6u)) return LV_REFERRED;
            trns = body;
            trns_bytes = length;
        } else if (lv_is(kind, "IEND")) {
            if (length || !png->idat) return LV_REFERRED;
            break;
        } else if (!(kind[0] & 32)) {
            return LV_REFERRED;
        }
        open = lv_is(kind, "IDAT");
        at += 12 + (int64_t)length;
    }
    if (lv_raw_bytes(png) > png->idat_bytes * limits->max_inflation) return LV_REFERRED;
    lv_read_colors(png, plte, plte_bytes, trns, trns_bytes);
    return 0;
}

#endif
