/* Pixels per colour, and where each was first seen. Knows raw pixel values, never classes.
 *
 * Pictures of one byte a pixel (or of several pixels a byte) count bytes: at most 256, split into pixels at the end.
 * Others have an open-addressing table, at most half full, so that the first slot is right nearly always. */
#ifndef LV_PNG_COLORS_H
#define LV_PNG_COLORS_H

#include "png_dense.h"

enum { LV_NO_ROOM = -2 }; /* no memory, or more colours than allowed: the caller takes the slow path */

typedef struct {
    uint32_t key;
    int32_t id; /* -1: empty */
} lv_slot;

typedef struct {
    uint32_t *keys; /* dense, in the order of first sight */
    int64_t *counts, *first;
    lv_slot *slots; /* 1 << bits of them, at least twice as many as there is room for colours */
    int64_t used, room, most;
    int bits;
    uint64_t multiplier; /* odd and random: with a fixed one, colours could be chosen that all meet in one slot */
    int64_t byte_counts[256], byte_first[256]; /* of pictures of bytes; -1: not seen */
    int64_t last_counts[256], last_first[256]; /* a row's last byte, where only its first pixels count */
    /* Of an interlaced picture byte_counts and byte_first are of pixels, whatever the depth, and the last two are not used. */
} lv_colors;

static void lv_colors_free(lv_colors *c) {
    free(c->keys);
    free(c->counts);
    free(c->first);
    free(c->slots);
    c->keys = NULL;
    c->counts = c->first = NULL;
    c->slots = NULL;
    c->used = c->room = 0;
}

/* A photograph leaves a table of megabytes: it is not kept, and not cleared, for the masks after it. */
#define LV_KEPT_COLORS 4096

LV_INLINE int64_t lv_slot_of(const lv_colors *c, uint32_t key) {
    return (int64_t)((((uint64_t)key + 1) * c->multiplier) >> (64 - c->bits));
}

/* Empty the slots: one by one where there are few colours in many, as after a mask that followed a photograph. */
static void lv_slots_clear(lv_colors *c) {
    const int64_t slots = (int64_t)1 << c->bits;
    int64_t k, slot;
    if (!c->slots) return;
    if (c->used > slots / 32) {
        memset(c->slots, 0xff, (size_t)slots * sizeof(lv_slot));
        return;
    }
    for (k = 0; k < c->used; k++) {
        for (slot = lv_slot_of(c, c->keys[k]); c->slots[slot].key != c->keys[k] || c->slots[slot].id < 0;)
            slot = (slot + 1) & (slots - 1);
        c->slots[slot].id = -1;
    }
}

/* Begin a picture of bytes (`indexed`) or of colours. */
static void lv_colors_start(lv_colors *c, uint64_t multiplier, int64_t most, int indexed) {
    if (c->room > LV_KEPT_COLORS) lv_colors_free(c);
    if (c->used) lv_slots_clear(c);
    c->used = 0;
    c->most = most;
    c->multiplier = multiplier | 1;
    if (indexed) {
        memset(c->byte_counts, 0, sizeof c->byte_counts); /* where a count is 0, nobody looks at the place */
        memset(c->last_counts, 0, sizeof c->last_counts);
    }
}

/* Four times the room. What is already moved stays valid when a later step fails. */
static int lv_colors_grow(lv_colors *c) {
    int64_t room = c->room ? 4 * c->room : 256, k, slot;
    int bits = 1;
    void *keys, *counts, *first, *slots;
    if (c->used >= c->most) return LV_NO_ROOM;
    while ((int64_t)1 << bits < 2 * room) bits++;
    if (!(keys = realloc(c->keys, (size_t)room * sizeof(uint32_t)))) return LV_NO_ROOM;
    c->keys = keys;
    if (!(counts = realloc(c->counts, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    c->counts = counts;
    if (!(first = realloc(c->first, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    c->first = first;
    if (!(slots = realloc(c->slots, ((size_t)1 << bits) * sizeof(lv_slot)))) return LV_NO_ROOM;
    c->slots = slots;
    c->room = room;
    c->bits = bits;
    memset(slots, 0xff, ((size_t)1 << bits) * sizeof(lv_slot));
    for (k = 0; k < c->used; k++) {
        if (k + 16 < c->used) __builtin_prefetch(&c->slots[lv_slot_of(c, c->keys[k + 16])], 1);
        for (slot = lv_slot_of(c, c->keys[k]); c->slots[slot].id >= 0;) slot = (slot + 1) & (((int64_t)1 << bits) - 1);
        c->slots[slot].key = c->keys[k];
        c->slots[slot].id = (int32_t)k;
    }
    return 0;
}

/* Count a row's runs, of which each pixel stands for `rows`; the row begins at the flat place `at`, and its pixels are `step`
 * apart. Leaves the number of each run's colour in `ids`, unless that is NULL. `ordered`: places come in ascending order.
 *
 * The table is held in locals: what is stored through it might otherwise be the table itself, and be loaded again. */
LV_INLINE int lv_count_runs_as(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, int step, lv_run *ids,
                               const int ordered) {
    uint32_t *keys = c->keys;
    int64_t *counts = c->counts, *first = c->first, used = c->used, room = c->room, k, slot, last;
    lv_slot *slots = c->slots;
    const uint64_t multiplier = c->multiplier;
    int shift = 64 - c->bits;
    int32_t column = 0;
    last = slots ? ((int64_t)1 << c->bits) - 1 : 0;
    for (k = 0; k < n; column = runs[k++].end) {
        const uint32_t key = runs[k].color;
        const int64_t place = at + (int64_t)column * step;
        int32_t id;
        if (LV_UNLIKELY(used == room)) { /* so there always is an empty slot */
            int bad;
            c->used = used;
            bad = lv_colors_grow(c);
            keys = c->keys, counts = c->counts, first = c->first, slots = c->slots, room = c->room;
            if (bad) return bad;
            shift = 64 - c->bits;
            last = ((int64_t)1 << c->bits) - 1;
        }
        if (LV_UNLIKELY(used > LV_KEPT_COLORS) && k + 16 < n) /* the table is megabytes: ask for a slot some pixels ahead */
            __builtin_prefetch(&slots[(((uint64_t)runs[k + 16].color + 1) * multiplier) >> shift], 1);
        slot = (int64_t)((((uint64_t)key + 1) * multiplier) >> shift);
        while (slots[slot].id >= 0 && slots[slot].key != key) slot = (slot + 1) & last;
        id = slots[slot].id;
        if (id < 0) {
            if (used >= c->most) {
                c->used = used;
                return LV_NO_ROOM;
            }
            slots[slot].key = key;
            slots[slot].id = id = (int32_t)used;
            keys[used] = key;
            first[used] = place;
            counts[used++] = 0;
        }
        counts[id] += (runs[k].end - column) * rows;
        if (!ordered && place < first[id]) first[id] = place;
        if (ids) {
            ids[k].end = runs[k].end;
            ids[k].color = (uint32_t)id;
        }
    }
    c->used = used;
    return 0;
}

static int lv_count_runs(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, lv_run *ids) {
    return lv_count_runs_as(c, runs, n, rows, at, 1, ids, 1);
}

/* Of a pass: first places may be less than those known. */
static int lv_count_pass_runs(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, int step) {
    return lv_count_runs_as(c, runs, n, rows, at, step, NULL, 0);
}

LV_INLINE void lv_count_byte(lv_colors *c, uint32_t value, int64_t pixels, int64_t at) {
    if (!c->byte_counts[value]) c->byte_first[value] = at;
    c->byte_counts[value] += pixels;
}

/* A row of noise: one histogram, in four tables so that equal neighbours do not wait for each other. */
static void lv_count_row(lv_colors *c, const uint8_t *row, int64_t cells, int64_t rows, int64_t at) {
    uint32_t tables[4][256], n;
    int64_t k;
    memset(tables, 0, sizeof tables);
    for (k = 0; k + 8 <= cells; k += 8) {
        uint64_t word = lv_load64(row + k);
        tables[0][word & 255]++, tables[1][word >> 8 & 255]++, tables[2][word >> 16 & 255]++, tables[3][word >> 24 & 255]++;
        tables[0][word >> 32 & 255]++, tables[1][word >> 40 & 255]++, tables[2][word >> 48 & 255]++, tables[3][word >> 56]++;
    }
    for (; k < cells; k++) tables[0][row[k]]++;
    for (k = 0; k < 256; k++) {
        n = tables[0][k] + tables[1][k] + tables[2][k] + tables[3][k];
        if (!n) continue;
        if (!c->byte_counts[k]) c->byte_first[k] = at + ((const uint8_t *)memchr(row, (int)k, (size_t)cells) - row);
        c->byte_counts[k] += n * rows;
    }
}

/* Pixels of an interlaced picture do not come in the order of their places. */
LV_INLINE void lv_count_least(lv_colors *c, uint32_t value, int64_t pixels, int64_t at) {
    if (!c->byte_counts[value] || at < c->byte_first[value]) c->byte_first[value] = at;
    c->byte_counts[value] += pixels;
}

LV_INLINE void lv_count_last(lv_colors *c, uint32_t value, int64_t rows, int64_t at) {
    if (!c->last_counts[value]) c->last_first[value] = at;
    c->last_counts[value] += rows;
}

/* Sort words by the bits from 8 * `byte` on, byte by byte; `spare` has the same room. Returns the one that holds them. */
static uint64_t *lv_sort_words(uint64_t *words, uint64_t *spare, int64_t n, int byte) {
    uint64_t most = 0;
    int64_t k;
    for (k = 0; k < n; k++)
        if (words[k] > most) most = words[k];
    for (; byte < 8 && most >> 8 * byte; byte++) {
        uint32_t places[256] = {0}, sum = 0, count;
        uint64_t *swap = words;
        for (k = 0; k < n; k++) places[words[k] >> 8 * byte & 255]++;
        for (k = 0; k < 256; k++) count = places[k], places[k] = sum, sum += count;
        for (k = 0; k < n; k++) spare[places[words[k] >> 8 * byte & 255]++] = words[k];
        words = spare;
        spare = swap;
    }
    return words;
}

#define LV_MOST_ORDERED (1 << 24) /* colours, and pixels up to 2^40 */

/* Bring the colours of an interlaced picture into the order of first sight. The slots are wrong afterwards: count no more. */
static int lv_colors_order(lv_colors *c) {
    const int64_t n = c->used;
    uint64_t *words, *order;
    int64_t k, *moved;
    for (k = 1; k < n && c->first[k - 1] < c->first[k];) k++;
    if (k >= n) return 0;
    if (n > LV_MOST_ORDERED || !(words = malloc((size_t)(2 * n) * sizeof(uint64_t)))) return LV_NO_ROOM;
    for (k = 0; k < n; k++) words[k] = (uint64_t)c->first[k] << 24 | (uint64_t)k;
    order = lv_sort_words(words, words + n, n, 3);
    moved = (int64_t *)(order == words ? words + n : words);
    for (k = 0; k < n; k++) moved[k] = c->counts[order[k] & 0xffffff];
    memcpy(c->counts, moved, (size_t)n * sizeof(int64_t));
    for (k = 0; k < n; k++) moved[k] = c->keys[order[k] & 0xffffff];
    for (k = 0; k < n; k++) {
        c->keys[k] = (uint32_t)moved[k];
        c->first[k] = (int64_t)(order[k] >> 24);
    }
    free(words);
    return 0;
}

#endif
