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

/* (n * lv_reciprocal[d]) >> 16 is n / d for n < 64; a division would cost more than the step it is for. */
#define LV_R(d) (65536 / (d) + 1)
static const uint32_t lv_reciprocal[49] = {
    0,        LV_R(1),  LV_R(2),  LV_R(3),  LV_R(4),  LV_R(5),  LV_R(6),  LV_R(7),  LV_R(8),  LV_R(9),
    LV_R(10), LV_R(11), LV_R(12), LV_R(13), LV_R(14), LV_R(15), LV_R(16), LV_R(17), LV_R(18), LV_R(19),
    LV_R(20), LV_R(21), LV_R(22), LV_R(23), LV_R(24), LV_R(25), LV_R(26), LV_R(27), LV_R(28), LV_R(29),
    LV_R(30), LV_R(31), LV_R(32), LV_R(33), LV_R(34), LV_R(35), LV_R(36), LV_R(37), LV_R(38), LV_R(39),
    LV_R(40), LV_R(41), LV_R(42), LV_R(43), LV_R(44), LV_R(45), LV_R(46), LV_R(47), LV_R(48)};

/* Up to three literals, of which those behind the last one are zero; the pad takes the fourth byte written. `marks` and
 * `zeros_from` are the window's, held by the caller: storing and reloading them for each literal costs more than decoding it. */
LV_INLINE void lv_literals(uint64_t *marks, int64_t *zeros_from, uint8_t *bytes, int64_t pos, uint32_t values, const int dense) {
    int64_t block = pos >> 5, last;
    if (!dense && !values) return;
    memcpy(bytes + pos, &values, 4);
    if (dense) return;
    *zeros_from = pos + 4 - __builtin_clz(values) / 8;
    last = (*zeros_from - 1) >> 5;
    marks[block >> 6] |= 1ULL << (block & 63);
    if (LV_UNLIKELY(last != block)) marks[last >> 6] |= 1ULL << (last & 63);
}

/* The same three literals again and again, as in a surface of one colour that no filter has turned into zeros: `bits` are
 * compared with themselves shifted by the `size` of the token. Returns how many tokens follow each other, 1 or more. */
LV_INLINE int64_t lv_same_tokens(uint64_t bits, unsigned count, unsigned size) {
    uint64_t differ = bits ^ bits >> size;
    unsigned same = count - size;
    if (differ && (unsigned)__builtin_ctzll(differ) < same) same = (unsigned)__builtin_ctzll(differ);
    return 1 + (same * lv_reciprocal[size] >> 16);
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
