/* One token of deflate carried out in the window: literals, matches, stored bytes; sparsely with marks, or plainly. */
#ifndef LV_PNG_TOKENS_H
#define LV_PNG_TOKENS_H

#include "png_window.h"

/* Mark what of bytes[from:to] is not zero, and note where the zeros begin. */
static void lv_mark_range(lv_window *w, int64_t from, int64_t to) {
    int64_t block;
    for (block = from >> 5; block << 5 < to; block++) {
        uint32_t mask = lv_nonzero32(w->bytes + (block << 5));
        if (!mask) continue;
        lv_mark(w, block);
        w->zeros_from = (block << 5) + 32 - __builtin_clz(mask);
    }
}

/* Up to three literals, of which those behind the last one are zero; the pad takes the fourth byte written. */
LV_INLINE void lv_literals(lv_window *w, uint8_t *bytes, int64_t pos, uint32_t values, const int dense) {
    if (!dense && !values) return;
    memcpy(bytes + pos, &values, 4);
    if (dense) return;
    w->zeros_from = pos + 4 - __builtin_clz(values) / 8;
    lv_mark(w, pos >> 5);
    lv_mark(w, (w->zeros_from - 1) >> 5);
}

/* The match of a sparse window: `length` bytes to `to`, from `distance` before; zeros are passed over. The caller has checked
 * that both ends lie in the window. */
static void lv_sparse_match(lv_window *w, int64_t to, int64_t length, int64_t distance) {
    uint8_t *bytes = w->bytes;
    int64_t from = to - distance, end = to + length, block = from >> 5;
    uint64_t marks = lv_marks_at(w, block);
    int64_t blocks = ((from + (length < distance ? length : distance) + 31) >> 5) - block; /* at most 10 */
    if (blocks < 64 && !(marks & ~(~0ULL << blocks))) return;
    if (distance <= 16) {
        uint32_t mask = lv_nonzero32(bytes + from) & ~(~0u << (length < distance ? length : distance));
        if (!mask) return; /* the marked block has its bytes elsewhere */
        lv_repeat(bytes + to, length, distance);
        lv_copy_zeroed(bytes + end, bytes + end, 0); /* what it wrote too much */
        for (block = to >> 5; block << 5 < end; block++) lv_mark(w, block);
        while (!bytes[end - 1]) end--; /* by less than a period: one of those bytes is not zero */
        w->zeros_from = end;
        return;
    }
    if (distance < 32) { /* a pattern: write it out until its period is 32 or more */
        int64_t period = distance, stop;
        uint32_t mask = lv_nonzero32(bytes + from) & ~(~0u << distance);
        if (!mask) return; /* the marked block has its bytes elsewhere */
        while (period < 32) period += distance;
        stop = to + period - distance < end ? to + period - distance : end;
        block = to >> 5;
        for (; to < stop; to++, from++)
            if (bytes[from]) {
                bytes[to] = bytes[from];
                w->zeros_from = to + 1;
            }
        for (; block << 5 < stop; block++) lv_mark(w, block);
        from = to - period;
    }
    for (; end - to >= 32; to += 32, from += 32) {
        uint32_t mask = lv_nonzero32(bytes + from);
        if (!mask) continue;
        lv_copy32(bytes + to, bytes + from);
        lv_mark(w, to >> 5);
        lv_mark(w, (to + 31) >> 5);
        w->zeros_from = to + 32 - __builtin_clz(mask);
    }
    if (to < end) {
        uint32_t mask = lv_nonzero32(bytes + from) & ~(~0u << (end - to));
        if (!mask) return;
        lv_copy_zeroed(bytes + to, bytes + from, end - to); /* behind `end` there are zeros anyway */
        lv_mark(w, to >> 5);
        lv_mark(w, (end - 1) >> 5);
        w->zeros_from = to + 32 - __builtin_clz(mask);
    }
}

/* The match of a dense window, `length` bytes to `to`. Writes up to 31 bytes beyond its end, which the pad and later tokens
 * take. Most matches of noise are short, so the first store has no loop before it. */
LV_INLINE void lv_dense_match(uint8_t *to, int64_t length, int64_t distance) {
    const uint8_t *from = to - distance;
    uint8_t *const end = to + length;
    if (distance >= 32) {
        do {
            lv_copy32(to, from);
            to += 32, from += 32;
        } while (to < end);
    } else if (distance <= 16) {
        lv_repeat(to, length, distance);
    } else {
        do {
            uint64_t one = lv_load64(from), other = lv_load64(from + 8);
            memcpy(to, &one, 8);
            memcpy(to + 8, &other, 8);
            to += 16, from += 16;
        } while (to < end);
    }
}

#endif
