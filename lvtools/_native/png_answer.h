/* What has been counted, as distinct RGBA values in the order of first sight: of one mask, or of many one after the other. */
#ifndef LV_PNG_ANSWER_H
#define LV_PNG_ANSWER_H

#include "png_mask.h"

typedef struct {
    uint32_t color; /* 0xRRGGBBAA */
    int64_t count, first;
} lv_seen;

/* Split counted bytes into pixels. Returns how many colours, or LV_DAMAGED when an index is not in the palette;
 * ids[v] is the place of index or level v in `seen`, -1 when it did not occur. Two entries of a palette may be one colour. */
static int lv_split_bytes(const lv_mask *m, lv_seen *seen, int32_t *ids) {
    const lv_png *png = &m->png;
    const lv_colors *c = &m->colors;
    const int depth = png->depth, per_byte = 8 / depth;
    const int in_last = png->width - (png->cells - 1) * per_byte; /* pixels of a row's last byte */
    const int whole = depth == 8 || png->interlaced;                   /* pixels were counted, not bytes of several */
    int64_t counts[256], first[256];
    uint64_t words[256], spare[256], *order;
    int16_t places[512]; /* of colours in `seen`, hashed */
    int value, part, k, used = 0, n = 0;
    memset(ids, 0xff, 256 * sizeof *ids);
    if (!whole) memset(counts, 0, sizeof counts);
    for (value = 0; !whole && value < 256; value++) {
        for (part = 0; part < 2; part++) {
            int64_t count = part ? c->last_counts[value] : c->byte_counts[value];
            int64_t cell = part ? c->last_first[value] : c->byte_first[value], at;
            if (!count) continue;
            at = cell / png->cells * png->width + cell % png->cells * per_byte;
            for (k = 0; k < (part ? in_last : per_byte); k++, at++) {
                int pixel = value >> (8 - depth * (k + 1)) & ((1 << depth) - 1);
                if (!counts[pixel] || at < first[pixel]) first[pixel] = at;
                counts[pixel] += count;
            }
        }
    }
    for (value = 0; value < 256; value++) {
        if (!(whole ? c->byte_counts : counts)[value]) continue;
        if (value >= png->entries) return LV_DAMAGED;
        words[used++] = (uint64_t)(whole ? c->byte_first : first)[value] << 8 | (uint64_t)value;
    }
    memset(places, 0xff, sizeof places);
    order = lv_sort_words(words, spare, used, 1);
    for (k = 0; k < used; k++) {
        uint32_t color = png->table[order[k] & 255], slot = color * 0x9e3779b1u >> 23;
        value = (int)(order[k] & 255);
        while (places[slot] >= 0 && seen[places[slot]].color != color) slot = (slot + 1) & 511;
        if (places[slot] < 0) {
            seen[n].color = color;
            seen[n].count = 0;
            seen[n].first = (int64_t)(order[k] >> 8);
            places[slot] = (int16_t)n++;
        }
        ids[value] = places[slot];
        seen[places[slot]].count += (whole ? c->byte_counts : counts)[value];
    }
    return n;
}

/* A key of the table, a raw pixel of 3 or 4 bytes or a reduced one, as 0xRRGGBBAA. */
LV_INLINE uint32_t lv_rgba_of(const lv_png *png, uint32_t key) {
    uint32_t color = __builtin_bswap32(key);
    if (png->bpp == 4 || png->reduced) return color;
    return png->keyed && key == png->key ? color : color | 255;
}

typedef struct { /* the colours of many masks, one after the other */
    uint32_t *colors; /* 0xRRGGBBAA */
    int64_t *counts, *first;
    int64_t used, room;
} lv_batch;

static void lv_batch_free(lv_batch *b) {
    free(b->colors);
    free(b->counts);
    free(b->first);
    memset(b, 0, sizeof *b);
}

static int lv_batch_room(lv_batch *b, int64_t more) {
    int64_t room = 2 * b->room > b->used + more ? 2 * b->room : b->used + more + 256;
    void *colors, *counts, *first;
    if (b->used + more <= b->room) return 0;
    if (!(colors = realloc(b->colors, (size_t)room * sizeof(uint32_t)))) return LV_NO_ROOM;
    b->colors = colors;
    if (!(counts = realloc(b->counts, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    b->counts = counts;
    if (!(first = realloc(b->first, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    b->first = first;
    b->room = room;
    return 0;
}

/* A photograph's lists are megabytes: they become the batch, instead of being copied. The table would not be kept anyway. */
static int64_t lv_take_colors(lv_mask *m, lv_batch *b) {
    lv_colors *c = &m->colors;
    const int64_t n = c->used;
    int64_t k;
    for (k = 0; k < n; k++) c->keys[k] = lv_rgba_of(&m->png, c->keys[k]);
    lv_batch_free(b);
    b->colors = c->keys;
    b->counts = c->counts;
    b->first = c->first;
    b->room = c->room;
    b->used = n;
    c->keys = NULL;
    c->counts = c->first = NULL;
    lv_colors_free(c);
    return n;
}

/* Append the colours of the mask just read, whose table is gone after that. Returns how many, or a status below 0; ids as of lv_split_bytes. */
static int64_t lv_answer(lv_mask *m, lv_batch *b, int32_t *ids) {
    const int indexed = m->png.bpp == 1;
    lv_seen seen[256];
    int64_t n = indexed ? lv_split_bytes(m, seen, ids) : m->colors.used, k;
    uint32_t *colors;
    if (n < 0) return n;
    if (!indexed && n > LV_KEPT_COLORS && !b->used) return lv_take_colors(m, b);
    if (lv_batch_room(b, n)) return LV_NO_ROOM;
    colors = b->colors + b->used;
    if (indexed) {
        for (k = 0; k < n; k++) {
            colors[k] = seen[k].color;
            b->counts[b->used + k] = seen[k].count;
            b->first[b->used + k] = seen[k].first;
        }
    } else if (n) {
        for (k = 0; k < n; k++) colors[k] = lv_rgba_of(&m->png, m->colors.keys[k]);
        memcpy(b->counts + b->used, m->colors.counts, (size_t)n * sizeof(int64_t));
        memcpy(b->first + b->used, m->colors.first, (size_t)n * sizeof(int64_t));
    }
    b->used += n;
    return n;
}

/* Add up what differs in alpha only, of the `n` colours appended last. Returns how many are left; the mask's own are gone. */
static int64_t lv_without_alpha(lv_mask *m, lv_batch *b, int64_t n) {
    uint32_t *colors = b->colors + (b->used - n);
    int64_t *counts = b->counts + (b->used - n), *first = b->first + (b->used - n), k;
    uint32_t differ = 0;
    for (k = 1; k < n; k++) differ |= (colors[k] ^ colors[0]) & 255;
    if (!differ) return n;
    lv_colors_start(&m->colors, m->colors.multiplier, n, 0);
    for (k = 0; k < n; k++) {
        const lv_run one = {1, colors[k] >> 8};
        if (lv_count_runs(&m->colors, &one, 1, counts[k], first[k], NULL)) return LV_NO_ROOM;
    }
    b->used -= n - m->colors.used;
    n = m->colors.used;
    for (k = 0; k < n; k++) {
        colors[k] = m->colors.keys[k] << 8;
        counts[k] = m->colors.counts[k];
        first[k] = m->colors.first[k];
    }
    return n;
}

/* So many colours end a batch: more would be memory that is fetched from the system, page by page, and given back each time. */
#define LV_BATCH_COLORS (1 << 12)

/* A photograph's lists, of megabytes, are not kept. */
#define LV_KEPT_BATCH (1 << 17)

typedef struct {
    const uint8_t *data;
    int64_t size;
    int64_t status, height, width, colors; /* out: the last three are set where status is 0 */
} lv_job;

/* Count masks one after the other. Returns how many have been done: all, or fewer when their colours fill a batch. */
static int64_t lv_count_many(lv_mask *m, lv_job *jobs, int64_t n, const lv_limits *limits, uint64_t multiplier,
                             int64_t most_colors, lv_batch *b) {
    int32_t ids[256];
    int64_t k;
    for (k = 0; k < n && b->used < LV_BATCH_COLORS; k++) {
        lv_job *job = jobs + k;
        job->height = job->width = job->colors = 0;
        job->status = job->size ? lv_read_mask(m, job->data, job->size, limits, multiplier, most_colors, 0) : LV_REFERRED;
        if (job->status) continue;
        job->colors = lv_answer(m, b, ids);
        if (job->colors < 0) {
            job->status = job->colors;
            job->colors = 0;
            continue;
        }
        job->height = m->png.height;
        job->width = m->png.width;
    }
    return k;
}

#endif
