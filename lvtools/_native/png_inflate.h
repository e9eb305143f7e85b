/* Deflate (RFC 1951) into the window: once so that zeros cost nothing, once plainly. Knows blocks and tokens only.
 *
 * Both decoders stop when the window is nearly full and go on where they stopped. No token is carried out that would
 * pass the length IHDR promises, so a bomb costs at most the picture it states. */
#ifndef LV_PNG_INFLATE_H
#define LV_PNG_INFLATE_H

#include "png_huffman.h"
#include "png_tokens.h"

enum { LV_DONE = 0, LV_FULL = 1, LV_DAMAGED = -1 };
enum { LV_AT_HEADER, LV_IN_STORED, LV_IN_CODES, LV_AT_END };

typedef struct {
    lv_bits in;
    lv_codes codes;
    int state, last; /* last: the block begun is the final one */
    uint32_t stored;
} lv_inflate;

/* The two bytes of RFC 1950. As zlib without INFLATE_STRICT, the window size stated is not held against distances. */
static int lv_inflate_start(lv_inflate *z) {
    int method, flags;
    z->state = LV_AT_HEADER;
    z->last = 0;
    method = lv_take(&z->in, 8);
    flags = lv_take(&z->in, 8);
    if (flags < 0 || (method * 256 + flags) % 31 || (method & 15) != 8 || method >> 4 > 7 || flags & 32) return LV_DAMAGED;
    return LV_DONE;
}

static int lv_block_start(lv_inflate *z) {
    int last = lv_take(&z->in, 1), kind = lv_take(&z->in, 2), size, check;
    if (kind < 0) return LV_DAMAGED;
    z->last = last;
    switch (kind) {
    case 0:
        lv_align(&z->in);
        size = lv_take(&z->in, 16);
        check = lv_take(&z->in, 16);
        if (check < 0 || size != (~check & 0xffff)) return LV_DAMAGED;
        z->stored = (uint32_t)size;
        z->state = LV_IN_STORED;
        return LV_DONE;
    case 1:
        if (!lv_fixed_codes(&z->codes)) return LV_DAMAGED;
        z->state = LV_IN_CODES;
        break;
    case 2:
        if (!lv_read_codes(&z->codes, &z->in)) return LV_DAMAGED;
        z->state = LV_IN_CODES;
        break;
    default:
        return LV_DAMAGED;
    }
    lv_join_literals(z->codes.litlen, z->codes.litlen_root);
    return LV_DONE;
}

static int lv_stored_block(lv_inflate *z, lv_window *w) {
    lv_bits *b = &z->in;
    int64_t room = w->end - w->base;
    while (z->stored) {
        int64_t n = z->stored, from = w->pos;
        if (from >= room) return LV_DAMAGED; /* more than IHDR promises */
        if (from >= LV_WINDOW) return LV_FULL;
        if (b->count) { /* aligned: whole bytes */
            w->bytes[w->pos++] = (uint8_t)lv_take(b, 8);
            n = 1;
        } else {
            b->bits = 0;
            if (b->in == b->end && !lv_next_idat(b)) return LV_DAMAGED;
            if (n > b->end - b->in) n = b->end - b->in;
            if (n > room - from) n = room - from;
            if (n > LV_WINDOW - from) n = LV_WINDOW - from;
            memcpy(w->bytes + from, b->in, (size_t)n);
            b->in += n;
            w->pos += n;
        }
        z->stored -= (uint32_t)n;
        if (!w->dense) lv_mark_range(w, from, w->pos);
    }
    z->state = LV_AT_HEADER;
    return LV_DONE;
}

/* (n * lv_reciprocal[d]) >> 16 is n / d for n < 64; a division would cost more than the step it is for. */
#define LV_R(d) (65536 / (d) + 1)
static const uint32_t lv_reciprocal[49] = {
    0,        LV_R(1),  LV_R(2),  LV_R(3),  LV_R(4),  LV_R(5),  LV_R(6),  LV_R(7),  LV_R(8),  LV_R(9),
    LV_R(10), LV_R(11), LV_R(12), LV_R(13), LV_R(14), LV_R(15), LV_R(16), LV_R(17), LV_R(18), LV_R(19),
    LV_R(20), LV_R(21), LV_R(22), LV_R(23), LV_R(24), LV_R(25), LV_R(26), LV_R(27), LV_R(28), LV_R(29),
    LV_R(30), LV_R(31), LV_R(32), LV_R(33), LV_R(34), LV_R(35), LV_R(36), LV_R(37), LV_R(38), LV_R(39),
    LV_R(40), LV_R(41), LV_R(42), LV_R(43), LV_R(44), LV_R(45), LV_R(46), LV_R(47), LV_R(48)};

/* The tokens of one block. `dense` is constant in each of the two copies.
 *
 * The position and the bit buffer are plain locals whose address is never taken: bytes are stored through a char pointer,
 * which may alias anything in memory, and a reload per token costs more than decoding it. */
LV_INLINE int lv_coded_block(lv_inflate *z, lv_window *w, const int dense) {
    const uint32_t *const litlen = z->codes.litlen, *const dist = z->codes.dist;
    const uint64_t litlen_mask = (1u << z->codes.litlen_root) - 1, dist_mask = (1u << z->codes.dist_root) - 1;
    const int64_t produced = w->base, room = w->end - w->base < LV_WINDOW ? w->end - w->base : LV_WINDOW;
    /* Near the window's end the next token might not fit: stop. Near the stream's end, one that does not is an error. */
    const int64_t stop = w->end - w->base <= LV_WINDOW ? INT64_MAX : LV_WINDOW - 258;
    uint8_t *const bytes = w->bytes;
    const uint8_t *in = z->in.in, *in_end = z->in.end;
    uint64_t bits = z->in.bits;
    unsigned count = z->in.count;
    int64_t pos = w->pos;
    int result = LV_DAMAGED;
#define LV_DROP(n) (bits >>= (n), count -= (n)) /* a count that wraps is above 64: more bits than there were */
    for (;;) {
        uint64_t before;
        uint32_t entry;
        unsigned owned;
        int64_t length, distance;
        if (LV_LIKELY(in_end - in >= 8)) {
            bits |= lv_load64(in) << count;
            in += (63 - count) >> 3;
            count |= 56;
        } else {
            lv_bits slow = {bits, count, in, in_end, z->in.file_end};
            lv_refill_slowly(&slow);
            bits = slow.bits, count = slow.count, in = slow.in, in_end = slow.end;
        }
        if (LV_UNLIKELY(pos > stop)) {
            result = LV_FULL;
            break;
        }
        entry = litlen[bits & litlen_mask];
        if (entry & LV_LITERAL) { /* up to five entries of at most LV_LITLEN_ROOT bits: 55 of 56 */
            int more = 4;
            for (;;) {
                int64_t next = pos + 1 + LV_MORE_LITERALS(entry);
                if (LV_UNLIKELY(LV_BITS(entry) > count || next > room)) goto out;
                LV_DROP(LV_BITS(entry));
                lv_literals(w, bytes, pos, entry >> 8, dense);
                pos = next;
                entry = litlen[bits & litlen_mask];
                if (!(entry & LV_LITERAL) || !more--) break;
            }
            if (pos > stop || count < 48 || entry & LV_LITERAL) continue;
        }
        before = bits;
        owned = count;
        if (LV_UNLIKELY(entry & LV_SPECIAL)) {
            if (entry & LV_SECOND) {
                LV_DROP(LV_BITS(entry));
                entry = litlen[(entry >> 16) + (bits & ((1u << LV_EXTRA(entry)) - 1))];
                if (entry & LV_LITERAL) {
                    LV_DROP(LV_BITS(entry));
                    if (count > 64 || pos >= room) goto out;
                    lv_literals(w, bytes, pos++, entry >> 8, dense);
                    continue;
                }
            }
            if (entry & LV_SPECIAL) {
                LV_DROP(LV_BITS(entry));
                if (count > 64 || (entry & 0x0100u)) goto out;
                z->state = LV_AT_HEADER;
                result = LV_DONE;
                break;
            }
        }
        LV_DROP(LV_BITS(entry));
        length = (entry >> 16) + (int64_t)(bits & ((1u << LV_EXTRA(entry)) - 1));
        LV_DROP(LV_EXTRA(entry));
        entry = dist[bits & dist_mask];
        if (LV_UNLIKELY(entry & LV_SPECIAL)) {
            if (!(entry & LV_SECOND)) goto out;
            LV_DROP(LV_BITS(entry));
            entry = dist[(entry >> 16) + (bits & ((1u << LV_EXTRA(entry)) - 1))];
            if (entry & LV_SPECIAL) goto out;
        }
        LV_DROP(LV_BITS(entry));
        distance = (entry >> 16) + (int64_t)(bits & ((1u << LV_EXTRA(entry)) - 1));
        LV_DROP(LV_EXTRA(entry));
        if (LV_UNLIKELY(count > 64 || distance > produced + pos || length > room - pos)) goto out;
        if (dense) {
            lv_dense_match(bytes + pos, length, distance);
            pos += length;
            continue;
        }
        if (LV_UNLIKELY(pos - distance < w->zeros_from)) {
            lv_sparse_match(w, pos, length, distance);
            pos += length;
            continue;
        }
        pos += length; /* zeros from zeros */
        if (length == 258) {
            /* The same token again? Where the bits equal themselves shifted by its length, it goes on. */
            unsigned size = owned - count, same = owned - size, times;
            uint64_t differ = before ^ before >> size;
            int64_t most = (room - pos) / 258;
            if (differ && (unsigned)__builtin_ctzll(differ) < same) same = (unsigned)__builtin_ctzll(differ);
            times = (same * lv_reciprocal[size]) >> 16;
            if (times > most) times = (unsigned)most;
            pos += 258 * (int64_t)times;
            LV_DROP(times * size);
        }
    }
out:
#undef LV_DROP
    w->pos = pos;
    z->in.bits = bits, z->in.count = count, z->in.in = in, z->in.end = in_end;
    return result;
}

static __attribute__((noinline)) int lv_sparse_block(lv_inflate *z, lv_window *w) { return lv_coded_block(z, w, 0); }
static __attribute__((noinline)) int lv_dense_block(lv_inflate *z, lv_window *w) { return lv_coded_block(z, w, 1); }

/* Go on until the window is full (LV_FULL), the stream has ended with the promised length (LV_DONE), or LV_DAMAGED. */
static int lv_inflate_on(lv_inflate *z, lv_window *w) {
    for (;;) {
        int result;
        if (z->state == LV_AT_HEADER) {
            if (z->last) z->state = LV_AT_END;
            else if (lv_block_start(z) != LV_DONE) return LV_DAMAGED;
        }
        if (z->state == LV_AT_END) return w->base + w->pos == w->end ? LV_DONE : LV_DAMAGED;
        result = z->state == LV_IN_STORED ? lv_stored_block(z, w) : w->dense ? lv_dense_block(z, w) : lv_sparse_block(z, w);
        if (result != LV_DONE) return result;
    }
}

/* The checksum, and nothing behind it. */
static int lv_inflate_finish(lv_inflate *z, lv_window *w) {
    uint32_t stated = 0;
    int k, byte;
    lv_align(&z->in);
    for (k = 0; k < 4; k++) {
        byte = lv_take(&z->in, 8);
        if (byte < 0) return LV_DAMAGED;
        stated = stated << 8 | (uint32_t)byte;
    }
    if (stated != lv_window_adler(w) || lv_has_more(&z->in)) return LV_DAMAGED;
    return LV_DONE;
}

#endif
