/* One column as byte codes, a block at a time: bits, whole numbers (dictionary indexes too) and strings.

   A null's value is never looked at: Arrow leaves it open. Nothing outside the buffers is read, whatever offsets or
   indexes say. */
#ifndef LVTOOLS_CONFUSION_SIDES_H
#define LVTOOLS_CONFUSION_SIDES_H

#include "confusion_pairs.h"

/* ---- Words: strings seen so far ----------------------------------------------------------------------------- */

#define LV_MOST_WORDS 255
#define LV_SLOTS 1024

typedef struct {
    uint64_t first, last;
    int64_t length; /* -1: empty */
    const uint8_t *text;
    int32_t code;
} lv_slot;

typedef struct {
    lv_slot slots[LV_SLOTS];
    const uint8_t *text[LV_MOST_WORDS + 1];
    int64_t length[LV_MOST_WORDS + 1]; /* -1 is null */
    int used, null_code;
} lv_words;

static void lv_no_words(lv_words *words)
{
    words->used = 0;
    words->null_code = -1;
    for (int k = 0; k < LV_SLOTS; k++)
        words->slots[k].length = -1;
}

/* The slot comes from the upper bits of the product, which every bit below has reached. */
static inline uint32_t lv_slot_of(uint64_t first, uint64_t last, int64_t length)
{
    return (uint32_t)(((first ^ ((last << 29) | (last >> 35))) + (uint64_t)length) * 0x9E3779B97F4A7C15ULL >> 54);
}

static int lv_new_word(lv_words *words, uint32_t at, uint64_t first, uint64_t last, const uint8_t *text, int64_t length)
{
    if (words->used >= LV_MOST_WORDS)
        return -1;
    words->slots[at].first = first;
    words->slots[at].last = last;
    words->slots[at].length = length;
    words->slots[at].text = text;
    words->slots[at].code = words->used;
    words->text[words->used] = text;
    words->length[words->used] = length;
    return words->used++;
}

/* The code of a word, or -1 when it is new and there is no room. First and last 8 bytes and the length are all of a word
   of up to 16 bytes; of a longer one the whole is compared. */
static __attribute__((noinline)) int lv_word_code(lv_words *words, uint64_t first, uint64_t last, const uint8_t *text, int64_t length)
{
    uint32_t at = lv_slot_of(first, last, length);
    for (;; at = (at + 1) & (LV_SLOTS - 1)) {
        const lv_slot *slot = &words->slots[at];
        if (slot->length == length && slot->first == first && slot->last == last &&
            (length <= 16 || memcmp(slot->text, text, (size_t)length) == 0))
            return slot->code;
        if (slot->length < 0)
            return lv_new_word(words, at, first, last, text, length);
    }
}

static inline int lv_null_word(lv_words *words)
{
    if (words->null_code < 0) {
        if (words->used > LV_MOST_WORDS)
            return -1;
        words->text[words->used] = 0;
        words->length[words->used] = -1;
        words->null_code = words->used++;
    }
    return words->null_code;
}

/* ---- A side ------------------------------------------------------------------------------------------------- */

enum { LV_BITS, LV_INT8, LV_UINT8, LV_INT16, LV_UINT16, LV_INT32, LV_UINT32, LV_INT64, LV_UINT64, LV_STRING, LV_LARGE_STRING };

typedef struct {
    int kind;
    const uint8_t *data;    /* values, bits, or the strings' bytes */
    int64_t bytes;          /* of data */
    const uint8_t *offsets; /* strings only */
    const uint8_t *valid;   /* bitmap, or NULL when there is no null */
    int64_t valid_bytes;
    int64_t offset;         /* of row 0 in data or offsets, and in valid */
    int64_t base;           /* value of code 0 */
    int codes;              /* values' codes are 0..codes - 1, null's is `codes`; not for strings */
    lv_words *words;
} lv_side;

static inline int lv_row_valid(const lv_side *side, int64_t row)
{
    int64_t bit = side->offset + row;
    return (side->valid[bit >> 3] >> (bit & 7)) & 1;
}

/* Asks the cache for what is read `ahead` bytes later. The processor's own prefetching ends with every page, and other
   streams are read in between: strings take a third of the time. Nothing is read, so it may lie behind the buffer. */
static inline void lv_fetch(const void *at, int64_t ahead)
{
    __builtin_prefetch((const void *)((uintptr_t)at + (uintptr_t)ahead));
}
#define LV_NUMBERS_AHEAD 3072
#define LV_OFFSETS_AHEAD 4096 /* at least a block: its offsets are checked before its strings are read */
#define LV_TEXT_AHEAD 2048

/* Whole numbers less the base to bytes; the result is what did not fit into a byte. */
#define LV_NARROW(NAME, ATTRIBUTE, TYPE)                                                                               \
    ATTRIBUTE static TYPE NAME(const TYPE *restrict values, int64_t n, TYPE base, uint8_t *restrict out)               \
    {                                                                                                                  \
        TYPE above = 0;                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            TYPE code = (TYPE)(values[i] - base);                                                                      \
            above |= code;                                                                                             \
            out[i] = (uint8_t)code;                                                                                    \
        }                                                                                                              \
        return (TYPE)(above >> 8);                                                                                     \
    }                                                                                                                  \
    ATTRIBUTE static TYPE NAME##_null(const TYPE *restrict values, int64_t n, TYPE base, uint8_t *restrict out,        \
                                      const uint8_t *restrict valid, uint8_t null_code)                                \
    {                                                                                                                  \
        TYPE above = 0;                                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            TYPE code = valid[i] ? (TYPE)(values[i] - base) : (TYPE)null_code;                                         \
            above |= code;                                                                                             \
            out[i] = (uint8_t)code;                                                                                    \
        }                                                                                                              \
        return (TYPE)(above >> 8);                                                                                     \
    }

LV_NARROW(lv_narrow16_plain, , uint16_t)
LV_NARROW(lv_narrow32_plain, , uint32_t)
LV_NARROW(lv_narrow64_plain, , uint64_t)
#ifdef LV_X86
LV_NARROW(lv_narrow16_avx2, LV_AVX2, uint16_t)
LV_NARROW(lv_narrow64_avx2, LV_AVX2, uint64_t)
LV_NARROW(lv_narrow32_rest, LV_AVX2, uint32_t)

/* 32 numbers per turn: two packs put them lane by lane, one permutation puts the lanes back in order. */
LV_AVX2 static uint32_t lv_narrow32_avx2(const uint32_t *restrict values, int64_t n, uint32_t base, uint8_t *restrict out)
{
    const __m256i low = _mm256_set1_epi32((int)base), byte = _mm256_set1_epi32(255);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i above = _mm256_setzero_si256();
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        lv_fetch(values + i, LV_NUMBERS_AHEAD);
        lv_fetch(values + i + 16, LV_NUMBERS_AHEAD);
        __m256i a = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(values + i)), low);
        __m256i b = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(values + i + 8)), low);
        __m256i c = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(values + i + 16)), low);
        __m256i d = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(values + i + 24)), low);
        above = _mm256_or_si256(above, _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)));
        __m256i ab = _mm256_packs_epi32(_mm256_and_si256(a, byte), _mm256_and_si256(b, byte));
        __m256i cd = _mm256_packs_epi32(_mm256_and_si256(c, byte), _mm256_and_si256(d, byte));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order));
    }
    uint32_t lane[8], seen = 0;
    _mm256_storeu_si256((__m256i *)lane, above);
    for (int k = 0; k < 8; k++)
        seen |= lane[k];
    return (seen >> 8) | lv_narrow32_rest(values + i, n - i, base, out + i);
}
LV_AVX2 static uint32_t lv_narrow32_avx2_null(const uint32_t *restrict values, int64_t n, uint32_t base,
                                              uint8_t *restrict out, const uint8_t *restrict valid, uint8_t null_code)
{
    return lv_narrow32_rest_null(values, n, base, out, valid, null_code);
}
#define LV_NARROW_BY(WIDTH, ...) (level ? lv_narrow##WIDTH##_avx2 __VA_ARGS__ : lv_narrow##WIDTH##_plain __VA_ARGS__)
#define LV_NARROW_NULL_BY(WIDTH, ...)                                                                                  \
    (level ? lv_narrow##WIDTH##_avx2_null __VA_ARGS__ : lv_narrow##WIDTH##_plain_null __VA_ARGS__)
#else
#define LV_NARROW_BY(WIDTH, ...) lv_narrow##WIDTH##_plain __VA_ARGS__
#define LV_NARROW_NULL_BY(WIDTH, ...) lv_narrow##WIDTH##_plain_null __VA_ARGS__
#endif

/* Bits to bytes 0 and 1. */
static void lv_spread_bits(const uint8_t *bitmap, int64_t bytes, int64_t offset, int64_t n, uint8_t *out)
{
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word = lv_bits_at(bitmap, bytes, offset + i);
        int64_t many = n - i < 64 ? n - i : 64;
        for (int64_t k = 0; k < many; k++)
            out[i + k] = (uint8_t)((word >> k) & 1);
    }
}

static const uint64_t lv_kept[9] = {
    0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, ~0ULL};

/* 'normal' and 'anomaly': while the words are at most four of at most 8 bytes, four strings per turn are compared with all
   of them. The number of strings coded; one that is none of them ends it, and so does the end of the data. */
#define LV_MISSES 8 /* in a block, before one gives up */
#ifdef LV_X86
static const uint32_t lv_four_bytes[16] = {
    0x00000000, 0x00000001, 0x00000100, 0x00000101, 0x00010000, 0x00010001, 0x00010100, 0x00010101,
    0x01000000, 0x01000001, 0x01000100, 0x01000101, 0x01010000, 0x01010001, 0x01010100, 0x01010101};

#define LV_FEW_WORDS(NAME, OFFSET, LOAD)                                                                               \
    LV_AVX2 static int64_t NAME(const OFFSET *offsets, int64_t n, const uint8_t *data, int64_t bytes,                  \
                                const lv_words *words, uint8_t *restrict out)                                          \
    {                                                                                                                  \
        __m256i word[4], size[4];                                                                                      \
        int64_t i = 0;                                                                                                 \
        if (words->used > 4 || !words->used)                                                                           \
            return 0;                                                                                                  \
        for (int k = 0; k < 4; k++) {                                                                                  \
            int at = k < words->used ? k : 0; /* a word twice: the first of both is found */                           \
            uint64_t text = 0;                                                                                         \
            if (words->length[at] < 0 || words->length[at] > 8)                                                        \
                return 0;                                                                                              \
            if (words->length[at])                                                                                     \
                memcpy(&text, words->text[at], (size_t)words->length[at]);                                             \
            word[k] = _mm256_set1_epi64x((long long)text);                                                             \
            size[k] = _mm256_set1_epi64x(k < words->used ? words->length[at] : -1); /* no string has that length */    \
        }                                                                                                              \
        for (; i + 4 <= n && (int64_t)offsets[i + 3] + 8 <= bytes; i += 4) {                                           \
            lv_fetch(offsets + i, LV_OFFSETS_AHEAD);                                                                   \
            lv_fetch(data + offsets[i], LV_TEXT_AHEAD);                                                                \
            __m256i from = LOAD(offsets + i), length = _mm256_sub_epi64(LOAD(offsets + i + 1), from);                  \
            /* Beyond 8 the count of bits is no longer below 65, so nothing is kept; and no word is that long. */      \
            __m256i kept = _mm256_srlv_epi64(_mm256_set1_epi64x(-1),                                                   \
                                             _mm256_sub_epi64(_mm256_set1_epi64x(64), _mm256_slli_epi64(length, 3)));  \
            __m256i text = _mm256_and_si256(_mm256_i64gather_epi64((const long long *)data, from, 1), kept);           \
            __m256i is[4];                                                                                             \
            for (int k = 0; k < 4; k++)                                                                                \
                is[k] = _mm256_and_si256(_mm256_cmpeq_epi64(text, word[k]), _mm256_cmpeq_epi64(length, size[k]));      \
            __m256i odd = _mm256_or_si256(is[1], is[3]), high = _mm256_or_si256(is[2], is[3]);                         \
            __m256i known = _mm256_or_si256(_mm256_or_si256(is[0], is[2]), odd);                                       \
            if (_mm256_movemask_pd(_mm256_castsi256_pd(known)) != 15)                                                  \
                break;                                                                                                 \
            uint32_t codes = lv_four_bytes[_mm256_movemask_pd(_mm256_castsi256_pd(odd))] |                             \
                             lv_four_bytes[_mm256_movemask_pd(_mm256_castsi256_pd(high))] << 1;                        \
            memcpy(out + i, &codes, 4);                                                                                \
        }                                                                                                              \
        return i;                                                                                                      \
    }
#define LV_LOAD_32(AT) _mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)(AT)))
#define LV_LOAD_64(AT) _mm256_loadu_si256((const __m256i *)(AT))
LV_FEW_WORDS(lv_few_words32, int32_t, LV_LOAD_32)
LV_FEW_WORDS(lv_few_words64, int64_t, LV_LOAD_64)
#else
#define lv_few_words32(...) 0
#define lv_few_words64(...) 0
#endif

/* Strings to codes. n, or the row where the words are full (-1 - row) or an offset lies outside (-1 - n - row).
   Offsets are checked for a whole block first. Loads of 8 bytes may reach past a string but never past the buffer: the
   strings within 8 bytes of its end are loaded byte by byte. */
#define LV_STRINGS(NAME, OFFSET, FEW)                                                                                       \
    static int64_t NAME(const lv_side *side, int64_t start, int64_t n, uint8_t *restrict out, int level)               \
    {                                                                                                                  \
        const OFFSET *restrict offsets = (const OFFSET *)side->offsets + side->offset + start;                         \
        const uint8_t *data = side->data;                                                                              \
        const int64_t bytes = side->bytes;                                                                             \
        const int nulls = side->valid != 0;                                                                            \
        lv_words *words = side->words;                                                                                 \
        const lv_slot *slots = words->slots;                                                                           \
        int bad = offsets[0] < 0 || (int64_t)offsets[n] > bytes;                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            bad |= offsets[i + 1] < offsets[i];                                                                        \
        if (bad)                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || (int64_t)offsets[i + 1] > bytes)                  \
                    return -1 - n - i;                                                                                 \
        int misses = level && !nulls ? 0 : LV_MISSES;                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            if (misses < LV_MISSES) {                                                                                  \
                misses++;                                                                                              \
                i += FEW(offsets + i, n - i, data, bytes, words, out + i);                                             \
                if (i == n)                                                                                            \
                    break;                                                                                             \
            }                                                                                                          \
            int64_t from = (int64_t)offsets[i], to = (int64_t)offsets[i + 1], length = to - from;                      \
            const uint8_t *text = data + from;                                                                         \
            lv_fetch(offsets + i, LV_OFFSETS_AHEAD);                                                                   \
            lv_fetch(text, LV_TEXT_AHEAD);                                                                             \
            uint64_t first = 0, last;                                                                                  \
            int code;                                                                                                  \
            if (nulls && !lv_row_valid(side, start + i)) {                                                             \
                code = lv_null_word(words);                                                                            \
            } else {                                                                                                   \
                if (from + 8 <= bytes) {                                                                               \
                    memcpy(&first, text, 8);                                                                           \
                    first &= lv_kept[length < 8 ? length : 8];                                                         \
                } else if (length) {                                                                                   \
                    memcpy(&first, text, (size_t)(length < 8 ? length : 8));                                           \
                }                                                                                                      \
                last = first;                                                                                          \
                if (length > 8)                                                                                        \
                    memcpy(&last, data + to - 8, 8);                                                                   \
                const lv_slot *slot = slots + lv_slot_of(first, last, length);                                         \
                if (((slot->first ^ first) | (slot->last ^ last) | (uint64_t)(slot->length ^ length)) == 0 &&          \
                    length <= 16)                                                                                      \
                    code = slot->code;                                                                                 \
                else                                                                                                   \
                    code = lv_word_code(words, first, last, text, length);                                             \
            }                                                                                                          \
            if (code < 0)                                                                                              \
                return -1 - i;                                                                                         \
            out[i] = (uint8_t)code;                                                                                    \
        }                                                                                                              \
        return n;                                                                                                      \
    }

LV_STRINGS(lv_strings32, int32_t, lv_few_words32)
LV_STRINGS(lv_strings64, int64_t, lv_few_words64)

/* Both columns come from memory, a block of one after a block of the other: shorter blocks than LV_BLOCK keep both streams
   going, and a quarter of the time of numbers is saved. */
#define LV_TURN 1024

#define LV_FULL (-2)  /* more words than codes */
#define LV_STRAY (-3) /* an index, number or offset outside */

/* n codes from row `start` on, in `out` or in place; *row says where it stopped. n <= LV_TURN. */
static int lv_codes(const lv_side *side, int64_t start, int64_t n, uint8_t *out, const uint8_t **codes, int64_t *row,
                    int level)
{
    uint8_t valid[LV_TURN];
    uint8_t null_code = (uint8_t)side->codes;
    int64_t at = side->offset + start, stopped;
    uint64_t above = 0;
    *codes = out;
    *row = start;
    if (side->kind == LV_STRING || side->kind == LV_LARGE_STRING) {
        stopped = side->kind == LV_STRING ? lv_strings32(side, start, n, out, level)
                                           : lv_strings64(side, start, n, out, level);
        if (stopped == n)
            return 0;
        *row = start + (stopped >= -n ? -1 - stopped : -1 - n - stopped);
        return stopped >= -n ? LV_FULL : LV_STRAY;
    }
    if (side->valid)
        lv_spread_bits(side->valid, side->valid_bytes, at, n, valid);
    switch (side->kind) {
    case LV_BITS:
        lv_spread_bits(side->data, side->bytes, at, n, out);
        if (side->valid)
            for (int64_t i = 0; i < n; i++)
                out[i] = valid[i] ? out[i] : null_code;
        return 0;
    case LV_INT8:
    case LV_UINT8:
        if (!side->valid && !side->base) {
            *codes = side->data + at; /* negative indexes are above 127 and so found with the others outside */
            return 0;
        }
        for (int64_t i = 0; i < n; i++)
            out[i] = (uint8_t)(side->data[at + i] - (uint8_t)side->base);
        if (side->valid)
            for (int64_t i = 0; i < n; i++) {
                /* A value just above the last one must not pass for null. */
                above |= (uint64_t)(valid[i] && out[i] >= side->codes);
                out[i] = valid[i] ? out[i] : null_code;
            }
        break;
    case LV_INT16:
    case LV_UINT16: {
        const uint16_t *values = (const uint16_t *)side->data + at;
        above = side->valid ? LV_NARROW_NULL_BY(16, (values, n, (uint16_t)side->base, out, valid, null_code))
                            : LV_NARROW_BY(16, (values, n, (uint16_t)side->base, out));
        break;
    }
    case LV_INT32:
    case LV_UINT32: {
        const uint32_t *values = (const uint32_t *)side->data + at;
        above = side->valid ? LV_NARROW_NULL_BY(32, (values, n, (uint32_t)side->base, out, valid, null_code))
                            : LV_NARROW_BY(32, (values, n, (uint32_t)side->base, out));
        break;
    }
    default: {
        const uint64_t *values = (const uint64_t *)side->data + at;
        above = side->valid ? LV_NARROW_NULL_BY(64, (values, n, (uint64_t)side->base, out, valid, null_code))
                            : LV_NARROW_BY(64, (values, n, (uint64_t)side->base, out));
    }
    }
    if (side->valid && !above)
        for (int64_t i = 0; i < n; i++)
            above |= (uint64_t)(valid[i] && out[i] >= side->codes);
    if (!above)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t value, place = at + i;
        if (side->valid && !valid[i])
            continue;
        switch (side->kind) {
        case LV_INT8:
        case LV_UINT8: value = (uint8_t)(side->data[place] - (uint8_t)side->base); break;
        case LV_INT16:
        case LV_UINT16: value = (uint16_t)(((const uint16_t *)side->data)[place] - (uint16_t)side->base); break;
        case LV_INT32:
        case LV_UINT32: value = (uint32_t)(((const uint32_t *)side->data)[place] - (uint32_t)side->base); break;
        default: {
            uint64_t wide = ((const uint64_t *)side->data)[place] - (uint64_t)side->base;
            value = wide > 1000 ? 1000 : (int64_t)wide;
        }
        }
        if (value >= side->codes) {
            *row = start + i;
            return LV_STRAY;
        }
    }
    return 0;
}

/* Adds to cells[t * stride + p]; 0, LV_FULL or LV_STRAY. *row is the first row not counted (blocks before it are). */
static int lv_count_sides(const lv_side *t, int64_t start_t, const lv_side *p, int64_t start_p, int64_t n, int64_t *cells,
                          int64_t stride, int64_t *row, int *which, int level)
{
    uint8_t own_t[LV_TURN], own_p[LV_TURN];
    for (int64_t i = 0; i < n; i += LV_TURN) {
        int64_t many = n - i < LV_TURN ? n - i : LV_TURN, at;
        const uint8_t *codes_t, *codes_p;
        int failed = lv_codes(t, start_t + i, many, own_t, &codes_t, &at, level);
        *row = at - start_t;
        *which = 0;
        if (failed)
            return failed;
        failed = lv_codes(p, start_p + i, many, own_p, &codes_p, &at, level);
        *row = at - start_p;
        *which = 1;
        if (failed)
            return failed;
        int rows = t->words ? t->words->used : t->codes + (t->valid != 0);
        int columns = p->words ? p->words->used : p->codes + (p->valid != 0);
        int64_t stray = lv_pairs(codes_t, codes_p, many, rows, columns, cells, stride, level);
        if (stray >= 0) {
            *row = i + stray;
            *which = codes_t[stray] < rows;
            return LV_STRAY;
        }
    }
    return 0;
}

#endif
