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
    const lv_codes *use; /* of the block begun: `codes`, or lv_fixed */
    int small;           /* the stream has less than LV_SMALL bytes */
    int state, last; /* last: the block begun is the final one */
    uint32_t stored;
} lv_inflate;

/* All tables; once, when the module is loaded. */
static void lv_png_init(void) {
    lv_bytes_init();
    lv_fixed_codes(&lv_fixed);
}

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
        z->use = &lv_fixed;
        z->state = LV_IN_CODES;
        break;
    case 2:
        if (!lv_read_codes(&z->codes, &z->in, z->small)) return LV_DAMAGED;
        z->use = &z->codes;
        z->state = LV_IN_CODES;
        break;
    default:
        return LV_DAMAGED;
    }
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

/* The tokens of one block. `dense` is constant in each of the two copies.
 *
 * The position and the bit buffer are plain locals whose address is never taken: bytes are stored through a char pointer,
 * which may alias anything in memory, and a reload per token costs more than decoding it. */
LV_INLINE int lv_coded_block(lv_inflate *z, lv_window *w, const int dense) {
    const uint32_t *const litlen = z->use->litlen, *const dist = z->use->dist;
    const uint64_t litlen_mask = (1u << z->use->litlen_root) - 1, dist_mask = (1u << z->use->dist_root) - 1;
    const int64_t produced = w->base, room = w->end - w->base < LV_WINDOW ? w->end - w->base : LV_WINDOW;
    /* Near the window's end the next token might not fit: stop. Near the stream's end, one that does not is an error. */
    const int64_t stop = w->end - w->base <= LV_WINDOW ? INT64_MAX : LV_WINDOW - 258;
    uint8_t *const bytes = w->bytes;
    uint64_t *const marks = w->marks;
    int64_t zeros_from = w->zeros_from;
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
            const uint32_t token = entry;
            uint32_t others = 0;
            int more = 4;
            for (;;) {
                int64_t next = pos + 1 + LV_MORE_LITERALS(entry);
                if (LV_UNLIKELY(LV_BITS(entry) > count || next > room)) goto out;
                LV_DROP(LV_BITS(entry));
                lv_literals(marks, &zeros_from, bytes, pos, entry >> 8, dense);
                pos = next;
                others |= entry ^ token;
                entry = litlen[bits & litlen_mask];
                if (!(entry & LV_LITERAL) || !more--) break;
            }
            if (dense && !(others | (entry ^ token)) && LV_MORE_LITERALS(token) == 2) { /* six times the same: a surface */
                const unsigned size = LV_BITS(token);
                int64_t most = (room - pos) / 3, times;
                while (in_end - in >= 8 && pos <= stop && most) {
                    bits |= lv_load64(in) << count;
                    in += (63 - count) >> 3;
                    count |= 56;
                    if (litlen[bits & litlen_mask] != token) break;
                    times = lv_same_tokens(bits, count, size);
                    if (times > most) times = most;
                    most -= times;
                    lv_repeat(bytes + pos, 3 * times, 3);
                    pos += 3 * times;
                    LV_DROP((unsigned)times * size);
                }
                continue;
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
                    lv_literals(marks, &zeros_from, bytes, pos++, entry >> 8, dense);
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
        if (LV_UNLIKELY(pos - distance < zeros_from)) {
            w->zeros_from = zeros_from;
            lv_sparse_match(w, pos, length, distance);
            zeros_from = w->zeros_from;
            pos += length;
            continue;
        }
        pos += length; /* zeros from zeros */
        if (length == 258) {
            /* The same token again? Where the bits equal themselves shifted by its length, it goes on. */
            const unsigned size = owned - count;
            int64_t most = (room - pos) / 258, times = lv_same_tokens(before, owned, size) - 1;
            if (times > most) times = most;
            pos += 258 * times;
            LV_DROP((unsigned)times * size);
        }
    }
out:
#undef LV_DROP
    w->pos = pos;
    w->zeros_from = zeros_from;
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
