/* The mask engine on any bytes: chunks, inflate, filters, runs, colours. The lengths and checksums of the chunks are made
 * right first, else every change of a byte would end at a checksum; Adler-32 comes after the pixels, and may stay wrong.
 *
 * Besides what the sanitizers see: all pixels are counted, the kept runs cover the picture, and memory that other masks
 * were read in gives the same answer as fresh memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "png_answer.h"

#define SIGNATURE 8
#define MUST(what) ((what) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), abort()))

static const lv_limits LIMITS = {4096, 1 << 20, 1000, 1100}; /* smaller than the product's: large pictures only cost time */
static lv_mask used;

static void write_be32(uint8_t *p, uint32_t value) {
    int k;
    for (k = 0; k < 4; k++) p[k] = (uint8_t)(value >> (24 - 8 * k));
}

static void mend_chunks(uint8_t *data, size_t size) {
    static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
    size_t at = SIGNATURE;
    if (size < SIGNATURE) return;
    memcpy(data, signature, SIGNATURE);
    while (size - at >= 12) {
        size_t length = lv_be32(data + at), left = size - at - 12;
        if (length > left) write_be32(data + at, (uint32_t)(length = left));
        write_be32(data + at + 8 + length, lv_crc32(data + at + 4, length + 4));
        at += 12 + length;
    }
}

static void check(const lv_mask *m) {
    const lv_png *png = &m->png;
    const int64_t pixels = (int64_t)png->width * png->height;
    int64_t sum = 0, k, rows = 0;
    if (png->bpp == 1) {
        lv_seen seen[256];
        int32_t ids[256];
        int n = lv_split_bytes(m, seen, ids);
        if (n < 0) return; /* an index that is not in the palette */
        for (k = 0; k < n; k++) sum += seen[k].count, MUST(seen[k].first >= 0 && seen[k].first < pixels);
    } else {
        for (k = 0; k < m->colors.used; k++) sum += m->colors.counts[k], MUST(m->colors.first[k] >= 0 && m->colors.first[k] < pixels);
    }
    MUST(sum == pixels);
    if (!m->keep) return;
    for (k = 0; k < m->kept.group_count; k++) {
        const int64_t start = m->kept.starts[k], stop = m->kept.starts[k + 1];
        int64_t run;
        int32_t before = 0;
        for (run = start; run < stop; before = m->kept.runs[run++].end) MUST(m->kept.runs[run].end > before);
        MUST(start < stop && before == png->width);
        rows += m->kept.rows[k];
    }
    MUST(rows == png->height);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int ready;
    uint8_t *png; /* of exactly this size, so that a read behind it is seen */
    lv_mask *fresh;
    int keep, one, other;
    if (!ready) lv_png_init(), ready = 1;
    if (!size) return 0;
    png = malloc(size);
    fresh = calloc(1, sizeof *fresh);
    if (!png || !fresh) abort();
    memcpy(png, data, size);
    mend_chunks(png, size);
    for (keep = 0; keep < 2; keep++) {
        one = lv_read_mask(&used, png, (int64_t)size, &LIMITS, 1, 1 << 16, keep << 20);
        other = lv_read_mask(fresh, png, (int64_t)size, &LIMITS, 0x9e3779b97f4a7c15u, 1 << 16, keep << 20);
        MUST(one == other);
        MUST(one == 0 || one == LV_REFERRED || one == LV_DAMAGED || one == LV_NO_ROOM);
        if (one) continue;
        check(&used);
        check(fresh);
        MUST(used.colors.used == fresh->colors.used || used.png.bpp == 1);
    }
    lv_mask_free(fresh);
    free(fresh);
    free(png);
    return 0;
}
