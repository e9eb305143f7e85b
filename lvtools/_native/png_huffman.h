/* Two-level decoding tables for deflate's prefix codes, refused exactly where zlib's inflate_table refuses them.
 *
 * An entry: bits 0-3 how many bits to drop. With LV_LITERAL: bits 4-5 how many literals besides the first, bits 8-31 up
 * to three of them, the first one lowest. Else bits 8-12 how many extra bits follow, and bits 16-31 the base of a length
 * or distance; or the place of a second-level table, whose width is in bits 8-12. */
#ifndef LV_PNG_HUFFMAN_H
#define LV_PNG_HUFFMAN_H

#include "png_bits.h"

#define LV_LITERAL 0x80u
#define LV_BITS(entry) ((entry) & 15)
#define LV_EXTRA(entry) ((entry) >> 8 & 31)
#define LV_MORE_LITERALS(entry) ((entry) >> 4 & 3)
#define LV_SPECIAL 0x4000u /* end of block, second level or invalid: none of them is frequent */
#define LV_SECOND 0x8000u  /* with LV_SPECIAL: a second-level table */
#define LV_INVALID (LV_SPECIAL | 0x0100u)
#define LV_END_OF_BLOCK LV_SPECIAL

#define LV_LITLEN_ROOT 11
#define LV_SMALL_ROOT 9 /* of streams that are shorter than the table would be */
#define LV_SMALL 6144
#define LV_DIST_ROOT 8
#define LV_LITLEN_SIZE 2400 /* zlib's examples/enough.c: 2342 for 286 symbols, root 11 (852, root 9); 402 for 30 symbols, root 8. The */
#define LV_DIST_SIZE 512    /* builder compares with these again, so that a wrong sum could only refuse. */

typedef struct {
    uint32_t litlen[LV_LITLEN_SIZE], dist[LV_DIST_SIZE];
    unsigned litlen_root, dist_root;
} lv_codes;

static const uint16_t lv_length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                            31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t lv_length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t lv_dist_base[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                          193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t lv_dist_extra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                          6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static uint32_t lv_litlen_entry(unsigned symbol) {
    if (symbol < 256) return LV_LITERAL | symbol << 8;
    if (symbol == 256) return LV_END_OF_BLOCK;
    if (symbol > 285) return LV_INVALID; /* 286 and 287 have codes in the fixed block, but no meaning */
    return (uint32_t)lv_length_base[symbol - 257] << 16 | (uint32_t)lv_length_extra[symbol - 257] << 8;
}

static uint32_t lv_dist_entry(unsigned symbol) {
    if (symbol > 29) return LV_INVALID;
    return (uint32_t)lv_dist_base[symbol] << 16 | (uint32_t)lv_dist_extra[symbol] << 8;
}

static uint32_t lv_plain_entry(unsigned symbol) { return symbol << 16; }

/* Build a table from the lengths (0 to 15) of `symbols` codes. Returns the root's width, or 0 to refuse.
 * `may_be_partial`: one code of one bit, or no code at all, may leave codes unused, which then are invalid. */
LV_INLINE unsigned lv_build(uint32_t *table, unsigned size, unsigned most_root, const uint8_t *lengths, unsigned symbols,
                            int may_be_partial, uint32_t (*entry_of)(unsigned)) {
    uint16_t count[16] = {0}, place[16], sorted[288];
    unsigned longest = 15, root, length, k, code = 0, used, next, prefix = ~0u, second = 0, second_bits = 0;
    int left = 1;
    for (k = 0; k < symbols; k++) count[lengths[k]]++;
    used = symbols - count[0];
    count[0] = 0;
    while (longest && !count[longest]) longest--;
    for (length = 1; length <= 15; length++) {
        left = (left << 1) - count[length];
        if (left < 0) return 0; /* more codes than there is room for */
    }
    if (left > 0 && !(may_be_partial && longest <= 1)) return 0;
    root = longest < most_root ? (longest ? longest : 1) : most_root;
    if (left > 0)
        for (k = 0; k < 1u << root; k++) table[k] = LV_INVALID | 1;
    place[1] = 0;
    for (length = 1; length < 15; length++) place[length + 1] = (uint16_t)(place[length] + count[length]);
    for (k = 0; k < symbols; k++)
        if (lengths[k]) sorted[place[lengths[k]]++] = (uint16_t)k;
    next = 1u << root;
    for (k = 0, length = 1; k < used; k++) { /* `code` is kept bit-reversed, as the stream has it */
        unsigned bit, at;
        uint32_t entry = entry_of(sorted[k]);
        length = lengths[sorted[k]];
        if (length <= root) {
            for (at = code; at < 1u << root; at += 1u << length) table[at] = entry | length;
        } else {
            if ((code & ((1u << root) - 1)) != prefix) {
                int room;
                prefix = code & ((1u << root) - 1);
                second_bits = length - root; /* as wide as the codes that still come under this prefix need */
                room = 1 << second_bits;
                while (second_bits + root < longest) {
                    room -= count[second_bits + root];
                    if (room <= 0) break;
                    second_bits++;
                    room <<= 1;
                }
                second = next;
                next += 1u << second_bits;
                if (next > size) return 0;
                table[prefix] = LV_SPECIAL | LV_SECOND | second << 16 | second_bits << 8 | root;
            }
            for (at = code >> root; at < 1u << second_bits; at += 1u << (length - root))
                table[second + at] = entry | (length - root);
        }
        count[length]--; /* of those left, for the width of the next second-level table */
        bit = 1u << (length - 1);
        while (code & bit) bit >>= 1;
        code = bit ? (code & (bit - 1)) + bit : 0;
    }
    return root;
}

/* Let one look-up give up to three literals where their codes fit into the root's width. Noise has few values, so short
 * codes; and how many literals follow each other is what a processor guesses wrong most often. */
static void lv_join_literals(uint32_t *table, unsigned root) {
    int64_t k;
    for (k = ((int64_t)1 << root) - 1; k >= 0; k--) { /* downwards: what follows is at a smaller index (or k is 0), so not joined yet */
        uint32_t entry = table[k], next;
        unsigned bits = LV_BITS(entry), n = 0;
        if (!(entry & LV_LITERAL)) continue;
        while (n < 2) {
            next = table[k >> bits];
            if (!(next & LV_LITERAL) || bits + LV_BITS(next) > root) break;
            bits += LV_BITS(next);
            n++;
            entry |= (next >> 8 & 255) << (8 + 8 * n);
        }
        table[k] = (entry & ~0x3fu) | n << 4 | bits;
    }
}

static lv_codes lv_fixed; /* made once: small files have nothing but a fixed block */

static void lv_fixed_codes(lv_codes *c) {
    uint8_t lengths[288];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    c->litlen_root = lv_build(c->litlen, LV_LITLEN_SIZE, LV_LITLEN_ROOT, lengths, 288, 0, lv_litlen_entry);
    memset(lengths, 5, 32);
    c->dist_root = lv_build(c->dist, LV_DIST_SIZE, LV_DIST_ROOT, lengths, 32, 0, lv_dist_entry);
    lv_join_literals(c->litlen, c->litlen_root);
}

/* Read the header of a dynamic block (RFC 1951, 3.2.7); 0 to refuse. */
static int lv_read_codes(lv_codes *c, lv_bits *b, int small_stream) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[320] = {0}, small[19] = {0};
    uint32_t table[128];
    int litlens = lv_take(b, 5), dists = lv_take(b, 5), smalls = lv_take(b, 4), k, total;
    unsigned root;
    if (smalls < 0) return 0;
    litlens += 257, dists += 1, smalls += 4;
    if (litlens > 286 || dists > 30) return 0;
    for (k = 0; k < smalls; k++) {
        int length = lv_take(b, 3);
        if (length < 0) return 0;
        small[order[k]] = (uint8_t)length;
    }
    root = lv_build(table, 128, 7, small, 19, 0, lv_plain_entry);
    if (!root) return 0;
    for (k = 0, total = litlens + dists; k < total;) {
        uint32_t entry;
        unsigned symbol, times, value = 0;
        lv_refill(b);
        entry = table[b->bits & ((1u << root) - 1)];
        symbol = entry >> 16;
        if (LV_BITS(entry) + (symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7) > b->count) return 0;
        lv_drop(b, LV_BITS(entry));
        if (symbol < 16) {
            lengths[k++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16) {
            if (!k) return 0;
            value = lengths[k - 1];
            times = 3 + (unsigned)(b->bits & 3);
            lv_drop(b, 2);
        } else if (symbol == 17) {
            times = 3 + (unsigned)(b->bits & 7);
            lv_drop(b, 3);
        } else {
            times = 11 + (unsigned)(b->bits & 127);
            lv_drop(b, 7);
        }
        if ((int)times > total - k) return 0;
        memset(lengths + k, (int)value, times);
        k += (int)times;
    }
    if (!lengths[256]) return 0; /* a block that cannot end */
    c->litlen_root = lv_build(c->litlen, LV_LITLEN_SIZE, small_stream ? LV_SMALL_ROOT : LV_LITLEN_ROOT, lengths, (unsigned)litlens, 1,
                              lv_litlen_entry);
    c->dist_root = lv_build(c->dist, LV_DIST_SIZE, LV_DIST_ROOT, lengths + litlens, (unsigned)dists, 1, lv_dist_entry);
    if (!c->litlen_root || !c->dist_root) return 0;
    if (!small_stream) lv_join_literals(c->litlen, c->litlen_root);
    return 1;
}

#endif
