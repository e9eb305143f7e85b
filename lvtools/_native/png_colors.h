/* Pixels per colour, and where each was first seen. Knows raw pixel values, never classes.
 *
 * Pictures of one byte a pixel (or of several pixels a byte) count bytes: at most 256, split into pixels at the end.
 * Others have an open-addressing table behind a small direct-mapped cache: masks have few colours, and they recur. */
#ifndef LV_PNG_COLORS_H
#define LV_PNG_COLORS_H

#include "png_bytes.h"

#define LV_COLOR_CACHE 1024

/* From here on the cache misses so often that a processor guesses hit or miss wrong; the table's first slot is right nearly
 * always, since it is at most half full. A photograph of 5,000 colours is counted in half the time. */
#define LV_CACHED_COLORS 384

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
    struct { uint32_t key; int32_t id; } cache[LV_COLOR_CACHE];
    int64_t byte_counts[256], byte_first[256]; /* of pictures of bytes; -1: not seen */
    int64_t last_counts[256], last_first[256]; /* a row's last byte, where only its first pixels count */
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

static void lv_colors_start(lv_colors *c, uint64_t multiplier, int64_t most) {
    int64_t k;
    if (c->room > LV_KEPT_COLORS) lv_colors_free(c);
    c->used = 0;
    c->most = most;
    c->multiplier = multiplier | 1;
    for (k = 0; c->slots && k < (int64_t)1 << c->bits; k++) c->slots[k].id = -1;
    for (k = 0; k < LV_COLOR_CACHE; k++) c->cache[k].id = -1;
    for (k = 0; k < 256; k++) {
        c->byte_counts[k] = c->last_counts[k] = 0;
        c->byte_first[k] = c->last_first[k] = -1;
    }
}

LV_INLINE int64_t lv_slot_of(const lv_colors *c, uint32_t key) {
    return (int64_t)((((uint64_t)key + 1) * c->multiplier) >> (64 - c->bits));
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

static __attribute__((noinline)) int32_t lv_color_find(lv_colors *c, uint32_t key, int64_t at) {
    int64_t slot;
    if (c->used == c->room && lv_colors_grow(c) != 0) return LV_NO_ROOM; /* so there always is an empty slot */
    for (slot = lv_slot_of(c, key); c->slots[slot].id >= 0; slot = (slot + 1) & (((int64_t)1 << c->bits) - 1))
        if (c->slots[slot].key == key) return c->slots[slot].id;
    if (c->used >= c->most) return LV_NO_ROOM;
    c->slots[slot].key = key;
    c->slots[slot].id = (int32_t)c->used;
    c->keys[c->used] = key;
    c->counts[c->used] = 0;
    c->first[c->used] = at;
    return (int32_t)c->used++;
}

/* The number of a colour, entering it at first sight; `at` is the flat position of this pixel. */
LV_INLINE int32_t lv_color_id(lv_colors *c, uint32_t key, int64_t at) {
    uint32_t place = (key * 0x9e3779b1u) >> 22; /* 10 bits: LV_COLOR_CACHE */
    int32_t id;
    if (c->used > LV_CACHED_COLORS) {
        const lv_slot *slot = c->slots + lv_slot_of(c, key);
        return LV_LIKELY(slot->key == key && slot->id >= 0) ? slot->id : lv_color_find(c, key, at);
    }
    if (LV_LIKELY(c->cache[place].key == key && c->cache[place].id >= 0)) return c->cache[place].id;
    id = lv_color_find(c, key, at);
    c->cache[place].key = key;
    c->cache[place].id = id;
    return id;
}

/* Of a photograph the table is megabytes, and each look-up waits for memory: ask for the slot some pixels ahead. */
LV_INLINE void lv_color_ahead(const lv_colors *c, uint32_t key) {
    if (c->used > LV_KEPT_COLORS) __builtin_prefetch(&c->slots[lv_slot_of(c, key)], 1);
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

LV_INLINE void lv_count_last(lv_colors *c, uint32_t value, int64_t rows, int64_t at) {
    if (!c->last_counts[value]) c->last_first[value] = at;
    c->last_counts[value] += rows;
}

#endif
