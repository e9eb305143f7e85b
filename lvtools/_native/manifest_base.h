/* The shapes that the fast manifest tiers share: output buffers, facts, findings, interned words, one parsed line.

   Knows shapes, not JSON. No write asks whether there is room: before every line there is room for what one line can add at
   most (manifest_room.h). */
#ifndef LVTOOLS_MANIFEST_BASE_H
#define LVTOOLS_MANIFEST_BASE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS __attribute__((always_inline))   /* what is compiled per instruction set has to take its callees along */
#else
#define ALWAYS
#endif

#define PAD 64          /* readable bytes behind a window, writable bytes behind every text buffer */
#define MAX_ATTRIBUTES 4
#define MAX_MAP 21      /* a longer color map is a finding under one profile: left to the slow path */
#define MAX_CLASSES 64
#define MAX_NAME 256
#define MAX_STAGED 128  /* findings of one line; a line with more is slow anyway */
#define MAX_LOG 48      /* values of one line, for its template */
#define MAX_BOXES 2048
#define MAX_DIGITS 64
#define MAX_REF 4096    /* of S3 a key has at most 1024 */
#define MAX_INDEXES 1024 /* keys and names of a color map */
#define MAX_NAMES 4096
#define AHEAD 2048      /* bytes between what is read and what is asked for from memory */
#define MAX_EXTRA 8     /* keys we do not know, per object */

enum Buffer {
    B_PRESENT, B_LINE, B_START, B_REF_END, B_REF, B_LABEL_END, B_LABEL, B_CONF, B_DATE, B_CLASS, B_JOB, B_LABEL_KEY,
    B_MASK_KEY, B_MASK_END, B_MASK, B_MAP_END, B_INDEX_END, B_INDEX, B_NAME_END, B_NAME, B_COLOR_END, B_COLOR,
    B_MAP_CONF, B_MAP_FLAG, B_BOX_END, B_BOX_ID, B_BOX_NAME_END, B_BOX_NAME, B_LEFT, B_TOP, B_WIDTH, B_HEIGHT,
    B_BOX_CONF, B_BOX_FLAG, BUFFERS
};

/* Bits of B_PRESENT, one uint16 per row; they become Arrow's validity bitmaps at the end. */
enum Present {
    P_REF = 1, P_CLASS = 2, P_LABEL = 4, P_CONF = 8, P_DATE = 16, P_HUMAN = 32, P_YES = 64, P_JOB = 128,
    P_LABEL_KEY = 256, P_MASK = 512, P_MASK_KEY = 1024, P_MAP = 2048, P_BOXES = 4096
};
enum Flag { F_COLOR = 1, F_CONF = 2, F_ID = 4, F_NAME = 8 };

/* Columns that were asked for; the others are judged and not kept. */
enum Want {
    W_REF = 1, W_CLASS = 2, W_LABEL = 4, W_CONF = 8, W_DATE = 16, W_HUMAN = 32, W_JOB = 64, W_LABEL_KEY = 128,
    W_MASK = 256, W_MASK_KEY = 512, W_MAP = 1024, W_BOXES = 2048, W_ROWS = 4096
};

enum Profile { LOOKOUT = 0, REKOGNITION = 1, GROUNDTRUTH = 2 };

/* What a line contributes to the rules that need several lines. */
typedef struct {
    uint64_t hash;     /* of source-ref, together with `hash2` 96 bits */
    uint32_t hash2;
    uint32_t line;     /* from 0 in this part */
    int64_t start;     /* of the line in the buffer, as a position in the part */
    uint32_t ref_at, ref_len; /* of source-ref's text, from `start` */
    uint32_t map_at;
    int32_t map_id;    /* distinct color map, or -1 */
    int32_t mask_key;  /* interned attribute name */
    uint32_t flags;
} Fact;
enum FactFlag { K_REF = 1, K_UNMASKED = 2 };

/* A finding that Python words later. `key` is an interned attribute name, `part`, `part_len` a member name or index. */
typedef struct {
    int64_t line, start, at;
    int64_t value_at, part_at;
    int32_t value_len, part_len;
    int32_t code, key, index, unused;
} Find;

/* A word of a line that this part has not had before, for the tally: a class with its number, a class of boxes, a color map
   (followed by one record for each of its entries). `word` is its code, `key` an attribute, `index` an entry's. */
typedef struct {
    int64_t line, start, at;
    int32_t kind, word, key, index;
} News;
enum NewsKind { N_LABEL, N_BOX, N_MAP, N_ENTRY };

typedef struct Block Block;   /* memory of several buffers */
typedef struct { int64_t at; int32_t len; } Span;

/* ---- interned words: equal texts get equal codes, in the order of their first use ---- */
typedef struct {
    uint8_t *text; int64_t text_used, text_cap;
    int64_t *ends; int32_t count, cap;      /* ends[count]; text of code k is ends[k-1]..ends[k] */
    int32_t *slots; int32_t slot_count;     /* open addressing, power of two, code + 1 */
    int32_t last;
} Words;

static inline uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static inline uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }

/* Two chains over 16-byte steps, keyed per process, so that nobody can prepare two references that collide. */
static inline void hash96(const uint8_t *p, int64_t n, const uint64_t key[4], uint64_t *one, uint32_t *two) {
    uint64_t a = key[0] ^ (uint64_t)n, b = key[1] + (uint64_t)n, x, y;
    uint8_t tail[16] = {0};
    int64_t all = n;
    for (; n > 16; p += 16, n -= 16) {
        x = load64(p); y = load64(p + 8);
        a = mix(x ^ a, y ^ key[2]);
        b = mix(x ^ key[3], y ^ b) + (x ^ (y << 1));
    }
    if (all >= 16) {   /* the last 16 bytes, some of them a second time: no copy of an odd size */
        x = load64(p + n - 16); y = load64(p + n - 8);
    } else {
        memcpy(tail, p, (size_t)n);
        x = load64(tail); y = load64(tail + 8);
    }
    a = mix(x ^ a, y ^ key[2]);
    b = mix(x ^ key[3], y ^ b) + (x ^ (y << 1));
    *one = mix(a ^ key[3], b ^ key[0]);
    *two = (uint32_t)(mix(b ^ key[2], a ^ key[1]) >> 16);
}

static const uint64_t PLAIN_KEY[4] = {0x9E3779B97F4A7C15u, 0xD1B54A32D192ED03u, 0x8CB92BA72F3D8DD7u, 0xABC98388FB8FAC03u};

static inline int64_t word_start(const Words *w, int32_t code) { return code ? w->ends[code - 1] : 0; }

static inline int word_is(const Words *w, int32_t code, const uint8_t *p, int64_t n) {
    int64_t start = word_start(w, code);
    return w->ends[code] - start == n && memcmp(w->text + start, p, (size_t)n) == 0;
}

/* The code of a text, -1 when memory is out. */
static int32_t intern(Words *w, const uint8_t *p, int64_t n) {
    uint64_t hash; uint32_t rest; int32_t slot, k;
    if (w->last >= 0 && w->last < w->count && word_is(w, w->last, p, n)) return w->last;
    hash96(p, n, PLAIN_KEY, &hash, &rest);
    if (w->count * 2 >= w->slot_count) {
        int32_t size = w->slot_count ? w->slot_count * 2 : 64;
        int32_t *slots = (int32_t *)calloc((size_t)size, sizeof *slots);
        if (!slots) return -1;
        for (k = 0; k < w->count; k++) {
            uint64_t h; int64_t start = word_start(w, k);
            hash96(w->text + start, w->ends[k] - start, PLAIN_KEY, &h, &rest);
            for (slot = (int32_t)(h & (uint64_t)(size - 1)); slots[slot]; slot = (slot + 1) & (size - 1)) {}
            slots[slot] = k + 1;
        }
        free(w->slots);
        w->slots = slots; w->slot_count = size;
    }
    for (slot = (int32_t)(hash & (uint64_t)(w->slot_count - 1)); w->slots[slot]; slot = (slot + 1) & (w->slot_count - 1))
        if (word_is(w, w->slots[slot] - 1, p, n)) return w->last = w->slots[slot] - 1;
    if (w->count >= w->cap) {
        int32_t cap = w->cap ? w->cap * 2 : 64;
        int64_t *ends = (int64_t *)realloc(w->ends, (size_t)cap * sizeof *ends);
        if (!ends) return -1;
        w->ends = ends; w->cap = cap;
    }
    if (!w->text || w->text_used + n > w->text_cap) {   /* even an empty word needs a place that is not NULL */
        int64_t cap = (w->text_used + n) * 2 + 256;
        uint8_t *text = (uint8_t *)realloc(w->text, (size_t)cap);
        if (!text) return -1;
        w->text = text; w->text_cap = cap;
    }
    memcpy(w->text + w->text_used, p, (size_t)n);
    w->text_used += n;
    w->ends[w->count] = w->text_used;
    w->slots[slot] = w->count + 1;
    return w->last = w->count++;
}

static void forget_words(Words *w) {
    free(w->text); free(w->ends); free(w->slots);
    memset(w, 0, sizeof *w);
}
#endif
