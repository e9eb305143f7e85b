/* Pixels per colour, and where each was first seen. Knows raw pixel values, never classes.
 *
 * Pictures of one byte a pixel (or of several pixels a byte) count bytes: at most 256, split into pixels at the end.
 * Others have an open-addressing table, so empty that the first slot is right nearly always. */
#ifndef LV_PNG_COLORS_H
#define LV_PNG_COLORS_H

#include "png_dense.h"
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { LV_NO_ROOM = -2 }; /* no memory, or more colours than allowed: the caller takes the slow path */

typedef struct {
    uint32_t key;
    int32_t id; /* the colour's number + `base`; less than `base`: empty */
} lv_slot;

typedef struct {
    uint32_t *keys; /* dense, in the order of first sight */
    int64_t *counts, *first;
    lv_slot *slots; /* 1 << bits of them: four times the room for colours, twice where that is megabytes */
    int64_t used, room, most;
    int32_t base; /* numbers go on from picture to picture: nothing has to be cleared */
    int bits;
    uint64_t multiplier; /* random: with a fixed one, colours could be chosen that all meet in one slot */
    int64_t byte_counts[256], byte_first[256]; /* of pictures of bytes; -1: not seen */
    int64_t last_counts[256], last_first[256]; /* a row's last byte, where only its first pixels count */
    /* Of an interlaced picture byte_counts and byte_first are of pixels, whatever the depth, and the last two are not used. */
} lv_colors;

/* Fetch memory not touched yet by pages of 2 MB where it has some: a million colours spend half their time on faults of 4 kB. */
static void lv_by_large_pages(void *memory, size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)1 << 21, from = ((uintptr_t)memory + page - 1) & ~(page - 1);
    const uintptr_t to = ((uintptr_t)memory + size) & ~(page - 1);
    if (size >= 2 * page && from < to) (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* advice: it may be refused */
#else
    (void)memory, (void)size;
#endif
}

static void *lv_larger(void *memory, size_t size) {
    void *larger = realloc(memory, size);
    if (larger) lv_by_large_pages(larger, size);
    return larger;
}

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

#define LV_COUNTED 32 /* runs whose slots are reckoned before the first one is looked at */
#define LV_FEW_COLORS (1 << 17)
#define LV_MOST_COLORS (1 << 28) /* of a table */
#ifndef LV_LAST_BASE /* for numbers that begin there an int32 has room; a build for tests may come here sooner */
#define LV_LAST_BASE (INT32_MAX - 2 * LV_MOST_COLORS)
#endif

/* Colours of a photograph differ in a few bits here and there: one product leaves them in heaps with some multipliers. */
LV_INLINE uint32_t lv_slot_of(uint32_t key, uint64_t multiplier, int shift) {
    uint32_t mixed = (key ^ (uint32_t)(multiplier >> 16)) * ((uint32_t)multiplier | 1);
    mixed = (mixed ^ mixed >> 15) * ((uint32_t)(multiplier >> 32) | 1);
    return mixed >> shift;
}

/* Begin a picture of bytes (`indexed`) or of colours. */
static void lv_colors_start(lv_colors *c, uint64_t multiplier, int64_t most, int indexed) {
    if (c->room > LV_KEPT_COLORS) lv_colors_free(c);
    if (c->base > LV_LAST_BASE && c->slots) {
        memset(c->slots, 0, sizeof(lv_slot) << c->bits);
        c->base = 1;
    } else {
        c->base += (int32_t)c->used;
    }
    c->used = 0;
    c->most = most < LV_MOST_COLORS ? most : LV_MOST_COLORS;
    c->multiplier = multiplier;
    if (indexed) {
        memset(c->byte_counts, 0, sizeof c->byte_counts); /* where a count is 0, nobody looks at the place */
        memset(c->last_counts, 0, sizeof c->last_counts);
    }
}

/* Four times the room. What is already moved stays valid when a later step fails. */
static int lv_colors_grow(lv_colors *c) {
    const int64_t room = c->room ? 4 * c->room : 1024;
    int64_t k;
    uint32_t slot, last;
    int bits = 1;
    void *keys, *counts, *first, *slots;
    while ((int64_t)1 << bits < (room > LV_FEW_COLORS ? 2 : 4) * room) bits++;
    if (!(keys = lv_larger(c->keys, (size_t)room * sizeof(uint32_t)))) return LV_NO_ROOM;
    c->keys = keys;
    if (!(counts = lv_larger(c->counts, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    c->counts = counts;
    if (!(first = lv_larger(c->first, (size_t)room * sizeof(int64_t)))) return LV_NO_ROOM;
    c->first = first;
    if (!(slots = calloc((size_t)1 << bits, sizeof(lv_slot)))) return LV_NO_ROOM;
    lv_by_large_pages(slots, sizeof(lv_slot) << bits);
    free(c->slots);
    c->slots = slots;
    c->room = room;
    c->bits = bits;
    c->base = 1;
    last = (uint32_t)(((int64_t)1 << bits) - 1);
    for (k = 0; k < c->used; k++) {
        if (k + 16 < c->used) __builtin_prefetch(&c->slots[lv_slot_of(c->keys[k + 16], c->multiplier, 32 - bits)], 1);
        for (slot = lv_slot_of(c->keys[k], c->multiplier, 32 - bits); c->slots[slot].id > 0;) slot = (slot + 1) & last;
        c->slots[slot].key = c->keys[k];
        c->slots[slot].id = (int32_t)k + 1;
    }
    return 0;
}

/* Count runs, for which there is room, from `column` on; `reckoned` are their slots, or NULL. The table is held in locals: what is
 * stored through it might otherwise be the table itself, and be loaded again. */
LV_INLINE int lv_count_some(lv_colors *c, const lv_run *runs, int64_t n, int32_t column, int64_t rows, int64_t at, int step,
                            lv_run *ids, const int ordered, const uint32_t *reckoned) {
    uint32_t *const keys = c->keys;
    int64_t *const counts = c->counts, *const first = c->first;
    lv_slot *const slots = c->slots;
    const uint64_t multiplier = c->multiplier;
    const int64_t most = c->most;
    const int shift = 32 - c->bits;
    const uint32_t last = (uint32_t)(((int64_t)1 << c->bits) - 1);
    const int32_t base = c->base;
    int64_t used = c->used, k;
    for (k = 0; k < n; column = runs[k++].end) {
        const uint32_t key = runs[k].color;
        const int64_t place = at + (int64_t)column * step;
        uint32_t slot = reckoned ? reckoned[k] : lv_slot_of(key, multiplier, shift);
        int32_t id;
        while (slots[slot].id >= base && slots[slot].key != key) slot = (slot + 1) & last;
        id = slots[slot].id - base;
        if (id < 0) {
            if (used >= most) {
                c->used = used;
                return LV_NO_ROOM;
            }
            id = (int32_t)used++;
            slots[slot].key = key;
            slots[slot].id = base + id;
            keys[id] = key;
            first[id] = place;
            counts[id] = 0;
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

/* Rows of many runs: slots of LV_COUNTED are reckoned at once, in wide registers, and so that megabytes of them are on their
 * way from memory. What is left over, at most LV_COUNTED - 1 runs, is not counted yet. */
LV_INLINE int lv_count_blocks(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, int step, lv_run *ids,
                              const int ordered) {
    int32_t column = 0;
    int bad, k;
    for (; n >= LV_COUNTED; n -= LV_COUNTED) {
        uint32_t reckoned[LV_COUNTED];
        const uint64_t multiplier = c->multiplier;
        int shift;
        if (LV_UNLIKELY(c->used + LV_COUNTED > c->room) && lv_colors_grow(c)) return LV_NO_ROOM;
        shift = 32 - c->bits;
        for (k = 0; k < LV_COUNTED; k++) reckoned[k] = lv_slot_of(runs[k].color, multiplier, shift);
        if (LV_UNLIKELY(c->used > LV_KEPT_COLORS))
            for (k = 0; k < LV_COUNTED; k++) __builtin_prefetch(&c->slots[reckoned[k]], 1);
        bad = lv_count_some(c, runs, LV_COUNTED, column, rows, at, step, ids, ordered, reckoned);
        if (bad) return bad;
        column = runs[LV_COUNTED - 1].end;
        runs += LV_COUNTED;
        if (ids) ids += LV_COUNTED;
    }
    return 0;
}

static __attribute__((noinline)) int lv_count_many_runs(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at,
                                                        lv_run *ids) {
    return lv_count_blocks(c, runs, n, rows, at, 1, ids, 1);
}

/* Of a pass: first places may be less than those known. */
static __attribute__((noinline)) int lv_count_many_pass_runs(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows,
                                                             int64_t at, int step) {
    return lv_count_blocks(c, runs, n, rows, at, step, NULL, 0);
}

/* Count a row's runs, of which each pixel stands for `rows`; the row begins at the flat place `at`, and its pixels are `step`
 * apart. Leaves the number of each run's colour in `ids`, unless that is NULL. `ordered`: places come in ascending order. */
LV_INLINE int lv_count_runs_as(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, int step, lv_run *ids,
                               const int ordered) {
    const int64_t done = n & -(int64_t)LV_COUNTED;
    int32_t column = 0;
    if (LV_UNLIKELY(done)) { /* a call of its own: rows of a few runs pay nothing for the blocks */
        if (ordered ? lv_count_many_runs(c, runs, n, rows, at, ids) : lv_count_many_pass_runs(c, runs, n, rows, at, step))
            return LV_NO_ROOM;
        column = runs[done - 1].end;
    }
    if (LV_UNLIKELY(c->used + n - done > c->room) && lv_colors_grow(c)) return LV_NO_ROOM; /* so there always is an empty slot */
    return lv_count_some(c, runs + done, n - done, column, rows, at, step, ids ? ids + done : NULL, ordered, NULL);
}

static int lv_count_runs(lv_colors *c, const lv_run *runs, int64_t n, int64_t rows, int64_t at, lv_run *ids) {
    return lv_count_runs_as(c, runs, n, rows, at, 1, ids, 1);
}

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
