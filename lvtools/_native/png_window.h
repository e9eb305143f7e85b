/* The last half megabyte of the inflated stream. Knows offsets, zeros and Adler-32, never rows or pixels.
 *
 * A mask's filtered rows are nearly all zeros, and zeros are never written here. While `dense` is 0:
 *   - every byte from `pos` on is zero, so n zeros are pos += n;
 *   - marks has a bit per block of 32 bytes; a block without one is zero. (A marked block may be zero too.)
 *   - from `zeros_from` to `pos` there are zeros only.
 * A stream that has few zeros is `dense`: bytes are written plainly and nobody looks at marks. */
#ifndef LV_PNG_WINDOW_H
#define LV_PNG_WINDOW_H

#include "png_bytes.h"

/* Fits the second-level cache; has to hold deflate's 32 kB, one row (65,535 pixels of 4 bytes) and a step of sliding. */
#define LV_WINDOW (1 << 19)
#define LV_PAD 320 /* wide copies and loads reach beyond `pos`, by less than this */
#define LV_HISTORY 32768
#define LV_SLIDE 2048 /* 64 blocks of 32 bytes: one word of marks */

typedef struct {
    uint8_t *bytes;  /* LV_WINDOW + LV_PAD */
    uint64_t *marks; /* LV_WINDOW / LV_SLIDE + 2 words: a pair of words can always be read */
    int64_t base;    /* offset of bytes[0] in the stream */
    int64_t pos, zeros_from;
    int64_t summed; /* Adler-32 covers bytes[0:summed]; a multiple of 32 */
    int64_t end;    /* length of the whole stream, from IHDR */
    int dense;
    int64_t dirty; /* 0, or bytes that no mark speaks of may be set up to here (and LV_PAD): clear them before the next sparse use */
    uint32_t sum, moment; /* of Adler-32, see png_bytes.h */
} lv_window;

LV_INLINE void lv_mark(lv_window *w, int64_t block) { w->marks[block >> 6] |= 1ULL << (block & 63); }

/* The marks of the 64 blocks from `block` on. */
LV_INLINE uint64_t lv_marks_at(const lv_window *w, int64_t block) {
    int64_t word = block >> 6;
    unsigned shift = (unsigned)(block & 63);
    return w->marks[word] >> shift | (w->marks[word + 1] << 1) << (63 - shift);
}

static void lv_window_start(lv_window *w, int64_t stream_bytes, int dense) {
    if (w->dirty && !dense) {
        memset(w->bytes, 0, (size_t)w->dirty + LV_PAD);
        memset(w->marks, 0, (LV_WINDOW / LV_SLIDE + 2) * sizeof(uint64_t));
        w->dirty = 0;
    }
    w->base = w->pos = w->zeros_from = w->summed = 0;
    w->end = stream_bytes;
    w->sum = w->moment = 0;
    w->dense = dense;
    if (dense && w->dirty < LV_WINDOW && w->dirty < stream_bytes) w->dirty = stream_bytes < LV_WINDOW ? stream_bytes : LV_WINDOW;
}

/* From here on bytes are written without marks. */
static void lv_window_densify(lv_window *w) {
    w->dense = 1;
    w->dirty = LV_WINDOW;
}

/* Bring Adler-32 up to `pos`, down to whole blocks; `all`: the bytes of the last, begun block too. */
static void lv_window_sum(lv_window *w, int all) {
    int64_t block = w->summed >> 5, last = w->pos >> 5, word;
    uint8_t tail[32] = {0};
    lv_adler adler;
    lv_adler_start(&adler);
    if (w->dense) {
        for (; block < last; block++) lv_adler_block(&adler, w->bytes + 32 * block, (uint32_t)(32 * block));
        if (all) {
            memcpy(tail, w->bytes + 32 * last, (size_t)(w->pos & 31));
            lv_adler_block(&adler, tail, (uint32_t)(32 * last));
        }
    } else {
        last += all && (w->pos & 31); /* behind `pos` there are zeros: they change no sum */
        for (word = block >> 6; word << 6 < last; word++) {
            uint64_t bits = w->marks[word];
            if (word == block >> 6) bits &= ~0ULL << (block & 63);
            if ((word << 6) + 64 > last) bits &= ~(~0ULL << (last & 63));
            for (; bits; bits &= bits - 1) {
                int64_t k = (word << 6) + __builtin_ctzll(bits);
                lv_adler_block(&adler, w->bytes + 32 * k, (uint32_t)(32 * k));
            }
        }
    }
    w->summed = w->pos & ~(int64_t)31;
    lv_adler_fold(&adler, (uint64_t)w->base, &w->sum, &w->moment);
}

/* Adler-32 of the stream so far; once, at its end. */
static uint32_t lv_window_adler(lv_window *w) {
    uint64_t n, s1, s2;
    lv_window_sum(w, 1);
    n = (uint64_t)(w->base + w->pos) % LV_ADLER;
    s1 = (1 + (uint64_t)w->sum) % LV_ADLER;
    s2 = (n + n * w->sum + LV_ADLER - w->moment) % LV_ADLER;
    return (uint32_t)(s2 << 16 | s1);
}

/* Forget what lies before `keep`, except for deflate's history; returns by how much offsets have become smaller. */
static int64_t lv_window_slide(lv_window *w, int64_t keep) {
    int64_t shift, words, step, i;
    if (keep > w->pos - LV_HISTORY) keep = w->pos - LV_HISTORY;
    shift = keep & ~(int64_t)(LV_SLIDE - 1);
    if (shift <= 0) return 0;
    lv_window_sum(w, 0);
    if (w->dense) {
        memmove(w->bytes, w->bytes + shift, (size_t)(w->pos - shift));
    } else { /* move marked blocks, clear the others; all reading is ahead of all writing */
        words = (w->pos + LV_SLIDE - 1) / LV_SLIDE;
        step = shift / LV_SLIDE;
        for (i = 0; i < words; i++) {
            uint64_t from = i + step < words ? w->marks[i + step] : 0, bits = from | w->marks[i];
            w->marks[i] = from;
            for (; bits; bits &= bits - 1) {
                int k = __builtin_ctzll(bits);
                uint8_t *to = w->bytes + i * LV_SLIDE + 32 * k;
                if (from >> k & 1) lv_copy32(to, to + shift);
                else memset(to, 0, 32);
            }
        }
    }
    w->base += shift;
    w->pos -= shift;
    w->summed -= shift;
    w->zeros_from = w->zeros_from > shift ? w->zeros_from - shift : 0;
    return shift;
}

/* Leave the window all zero, as the next sparse stream needs it; cheap, since only marked blocks are touched. */
static void lv_window_finish(lv_window *w) {
    int64_t i;
    if (w->dirty) return;
    for (i = 0; i <= w->pos / LV_SLIDE; i++) {
        uint64_t bits = w->marks[i];
        for (; bits; bits &= bits - 1) memset(w->bytes + i * LV_SLIDE + 32 * __builtin_ctzll(bits), 0, 32);
        w->marks[i] = 0;
    }
}

/* ---- Walking over the bytes that are not zero. */
typedef struct {
    const lv_window *w;
    int64_t block, end;
    uint32_t mask; /* of the bytes of `block` */
} lv_scan;

LV_INLINE void lv_scan_start(lv_scan *s, const lv_window *w, int64_t end) {
    s->w = w;
    s->block = -1;
    s->end = end;
    s->mask = 0;
}

/* The first byte from `from` on that is not zero, or `end`. `from` must not go back. */
LV_INLINE int64_t lv_scan_next(lv_scan *s, int64_t from) {
    int64_t block = from >> 5;
    uint32_t mask;
    if (from >= s->end) return s->end;
    if (block == s->block && (mask = s->mask >> (from & 31))) {
        from += __builtin_ctz(mask);
        return from < s->end ? from : s->end;
    }
    if (block == s->block) from = ++block << 5;
    while (block << 5 < s->end) {
        uint64_t marks = lv_marks_at(s->w, block);
        if (!marks) {
            block += 64;
            from = block << 5;
            continue;
        }
        if (!(marks & 1)) {
            block += __builtin_ctzll(marks);
            from = block << 5;
        }
        if (block << 5 >= s->end) break;
        s->block = block;
        s->mask = lv_nonzero32(s->w->bytes + (block << 5));
        mask = s->mask >> (from & 31);
        if (mask) {
            from += __builtin_ctz(mask);
            return from < s->end ? from : s->end;
        }
        from = ++block << 5;
    }
    return s->end;
}

/* How many blocks of bytes[from:to] are marked. */
LV_INLINE int64_t lv_count_marks(const lv_window *w, int64_t from, int64_t to) {
    int64_t block = from >> 5, last = (to + 31) >> 5, n = 0;
    for (; block < last; block += 64) {
        uint64_t marks = lv_marks_at(w, block);
        if (last - block < 64) marks &= ~(~0ULL << (last - block));
        n += __builtin_popcountll(marks);
    }
    return n;
}

#endif
