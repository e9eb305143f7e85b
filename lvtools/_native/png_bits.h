/* The bits of a zlib stream that lies in several IDAT chunks. Knows chunk boundaries, never what the bits mean.
 *
 * `bits` holds the next bits, the first one lowest; `count` of them are owned. Above `count` there may be further bits
 * of the byte at `in`: loading that byte again ors the same bits in, so both refills may follow each other. */
#ifndef LV_PNG_BITS_H
#define LV_PNG_BITS_H

#include "png_bytes.h"

typedef struct {
    uint64_t bits;
    unsigned count;
    const uint8_t *in, *end; /* what is left of the current IDAT */
    const uint8_t *file_end;
} lv_bits;

/* Go to the next IDAT that is not empty; 0 when there is none. The chunk walk has found the chain intact, but the
 * lengths are compared with the file once more: a buffer that another thread writes to must not lead us out of it. */
static int lv_next_idat(lv_bits *b) {
    while (b->file_end - b->end >= 4 + 12) {
        const uint8_t *chunk = b->end + 4; /* behind the CRC */
        uint32_t size = lv_be32(chunk);
        if (memcmp(chunk + 4, "IDAT", 4) != 0 || (int64_t)size > (b->file_end - chunk) - 12) return 0;
        b->in = chunk + 8;
        b->end = b->in + size;
        if (size) return 1;
    }
    return 0;
}

/* Byte by byte, across chunks; afterwards 56 <= count < 64, or the input has ended. */
static void lv_refill_slowly(lv_bits *b) {
    while (b->count < 56) {
        if (b->in == b->end && !lv_next_idat(b)) return;
        b->bits |= (uint64_t)*b->in++ << b->count;
        b->count += 8;
    }
}

/* At least 56 bits, or all there are. */
LV_INLINE void lv_refill(lv_bits *b) {
    if (LV_LIKELY(b->end - b->in >= 8)) {
        b->bits |= lv_load64(b->in) << b->count;
        b->in += (63 - b->count) >> 3;
        b->count |= 56;
    } else {
        lv_refill_slowly(b);
    }
}

LV_INLINE void lv_drop(lv_bits *b, unsigned n) {
    b->bits >>= n;
    b->count -= n;
}

/* n <= 16 bits, or -1 when the input ends before. */
static int lv_take(lv_bits *b, unsigned n) {
    int value;
    if (b->count < n) {
        lv_refill(b);
        if (b->count < n) return -1;
    }
    value = (int)(b->bits & ((1u << n) - 1));
    lv_drop(b, n);
    return value;
}

/* Forget the rest of the byte begun; from here on whole bytes are taken. */
static void lv_align(lv_bits *b) {
    lv_drop(b, b->count & 7);
    b->bits = b->count ? b->bits & (~0ULL >> (64 - b->count)) : 0; /* the bits not owned would be ored in twice */
}

/* Is there any byte left behind those taken? Only after lv_align. */
static int lv_has_more(lv_bits *b) { return b->count >= 8 || b->in < b->end || lv_next_idat(b); }

#endif
