/* Room for the columns: every buffer of a part lies in one block of memory, sized by what its first lines needed.

   The kernel takes a new page from the system at about a microsecond each, which is as long as ten lines take to read, so no
   buffer is copied as it grows, and the blocks of tables that were dropped are kept for the next ones, as the memory pools of
   Arrow and malloc do. Huge pages are not asked for: later calls were a sixth faster with them, but where the host of a virtual
   machine has to find them first, the first call took up to three times as long. A buffer that outgrows its place moves to a
   block of its own. */
#ifndef LVTOOLS_MANIFEST_ROOM_H
#define LVTOOLS_MANIFEST_ROOM_H

#include "manifest_state.h"
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define MAPPED_FROM ((int64_t)1 << 21)
#define FIRST 4096      /* rows, entries and boxes until the input's needs are known */
#define LINE_BYTES 64   /* buffers begin on a cache line, as Arrow likes them */

/* Memory of several buffers; the last one to leave frees it. */
struct Block { void *memory; int64_t mapped, users; };

/* Blocks that nobody uses any more. The system may take their pages back whenever it wants some (MADV_FREE); until then
   they cost nothing to use again. A block lies in one slot, put there and taken away by exchange: no lock. */
#define KEPT 12
#define KEPT_BYTES ((int64_t)1 << 27)   /* a larger one goes back at once */
static Block *kept[KEPT];

static void block_unmap(Block *b) {
#if defined(__linux__)
    if (b->mapped) munmap(b->memory, (size_t)b->mapped);
    else
#endif
    free(b->memory);
    free(b);
}

static void block_free(Block *b) {
#if defined(__linux__) && defined(MADV_FREE)
    int k;
    if (b->mapped && b->mapped <= KEPT_BYTES && madvise(b->memory, (size_t)b->mapped, MADV_FREE) == 0)
        for (k = 0; k < KEPT && b; k++) b = __atomic_exchange_n(&kept[k], b, __ATOMIC_ACQ_REL);   /* the newest first */
    if (!b) return;
#endif
    block_unmap(b);
}

/* A kept block of that size, or up to half more, so that little data does not hold much memory. */
static Block *block_again(int64_t size) {
    int k;
    for (k = 0; k < KEPT; k++) {
        Block *b = __atomic_exchange_n(&kept[k], NULL, __ATOMIC_ACQ_REL);
        if (b && b->mapped >= size && b->mapped <= size + size / 2) return b;
        if (b && (b = __atomic_exchange_n(&kept[k], b, __ATOMIC_ACQ_REL))) block_unmap(b);   /* another came meanwhile */
    }
    return NULL;
}

/* `zero`: its bytes are zero. Else they are anything. */
static Block *block_new(int64_t size, uint8_t **at, int mapped, int zero) {
    Block *b = mapped && size >= MAPPED_FROM ? block_again(size) : NULL;
    if (b) {
        *at = (uint8_t *)b->memory;
    } else {
        if (!(b = (Block *)malloc(sizeof *b))) return NULL;
        b->mapped = 0;
#if defined(__linux__)
        if (mapped && size >= MAPPED_FROM) {
            *at = (uint8_t *)(b->memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            if (b->memory == MAP_FAILED) { free(b); return NULL; }
            b->mapped = size;
            b->users = 0;
            return b;   /* zeros, of which no page exists before it is looked at */
        }
#endif
        if (!(b->memory = malloc((size_t)size + LINE_BYTES))) { free(b); return NULL; }
        *at = (uint8_t *)(((uintptr_t)b->memory + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
    }
    b->users = 0;
    if (zero) memset(*at, 0, (size_t)size);
    return b;
}

/* Columns are dropped by whoever holds them, on any thread. */
static void block_leave(Block *b) {
    if (b && __atomic_sub_fetch(&b->users, 1, __ATOMIC_ACQ_REL) == 0) block_free(b);
}

/* Zeroed memory for a table that is looked up at random. */
static void *table_new(Block **block, int64_t size) {
    uint8_t *at;
    Block *b = block_new(size, &at, 1, 1);
    if (!b) return NULL;
    b->users = 1;
    *block = b;
    return at;
}

enum Count { OF_ROWS, OF_MAPS, OF_BOXES, OF_TEXT };
static const uint8_t ITEM[BUFFERS] = {   /* bytes per item, in the order of `enum Buffer`; 0: a text */
    2, 8, 8, 4, 0, 4, 0, 8, 8, 4, 4, 4, 4, 4, 0, 4, 4, 0, 4, 0, 4, 0, 8, 1, 4, 8, 4, 0, 8, 8, 8, 8, 8, 1
};

static int count_of(int buffer) {
    if (!ITEM[buffer]) return OF_TEXT;
    if (buffer == B_INDEX_END || buffer == B_NAME_END || buffer == B_COLOR_END || buffer == B_MAP_CONF || buffer == B_MAP_FLAG) return OF_MAPS;
    return buffer >= B_BOX_ID ? OF_BOXES : OF_ROWS;
}

static int has_end(int buffer) {   /* Arrow's offsets, and the places of lines, have one more at the end */
    return buffer == B_START || buffer == B_REF_END || buffer == B_LABEL_END || buffer == B_MASK_END || buffer == B_MAP_END ||
           buffer == B_BOX_END || buffer == B_INDEX_END || buffer == B_NAME_END || buffer == B_COLOR_END || buffer == B_BOX_NAME_END;
}

/* Bytes of a buffer that are filled. */
static int64_t used_bytes(const State *s, int buffer) {
    switch (buffer) {
    case B_REF: return s->ref_used;
    case B_LABEL: return s->label_used;
    case B_MASK: return s->mask_used;
    case B_INDEX: return s->index_used;
    case B_NAME: return s->name_used;
    case B_COLOR: return s->color_used;
    case B_BOX_NAME: return s->box_name_used;
    default: {
        int count = count_of(buffer);
        return ITEM[buffer] * ((count == OF_ROWS ? s->rows : count == OF_MAPS ? s->maps : s->boxes) + has_end(buffer));
    }
    }
}

/* Bytes that one line more can add; the loops look at `room` before each. */
static int64_t line_bytes(const State *s, int buffer) {
    switch (buffer) {
    case B_REF: case B_MASK: return MAX_REF + 2 * PAD;
    case B_LABEL: return MAX_DIGITS + 4 * PAD;
    case B_INDEX: return MAX_INDEXES + 2 * PAD;
    case B_NAME: return MAX_NAMES + 2 * PAD;
    case B_COLOR: return 7 * MAX_MAP + 3 * PAD;
    case B_BOX_NAME: return s->names_wanted + 2 * PAD;
    default: {
        int count = count_of(buffer);
        return ITEM[buffer] * (int64_t)(count == OF_ROWS ? 2 : count == OF_MAPS ? MAX_MAP + 1 : MAX_BOXES + 1);
    }
    }
}

/* Is a column written to at all, as far as one knows? Those that are not lie at the end of a block, where no page is touched. */
static int is_filled(const State *s, int buffer) {
    static const uint16_t WANTED[BUFFERS] = {
        W_ROWS, W_ROWS, W_ROWS, W_REF, W_REF, W_LABEL, W_LABEL, W_CONF, W_DATE, W_CLASS, W_JOB, W_LABEL_KEY, W_MASK_KEY,
        W_MASK, W_MASK, W_MAP, W_MAP, W_MAP, W_MAP, W_MAP, W_MAP, W_MAP, W_MAP, W_MAP
    };
    if (buffer >= B_BOX_END) return s->any_boxes && s->want & W_BOXES;
    if (buffer >= B_MASK_KEY && !s->any_masks) return 0;
    return s->want & WANTED[buffer] && (ITEM[buffer] || used_bytes(s, buffer));
}

/* The first mask or box of a part: until then their columns are null and nothing was written. */
static void begin_masks(State *s) {
    memset(s->at[B_MASK_KEY], 0, (size_t)s->rows * 4);
    memset(s->at[B_MASK_END], 0, (size_t)(s->rows + 1) * 4);
    memset(s->at[B_MAP_END], 0, (size_t)(s->rows + 1) * 4);
    s->any_masks = 1;
}

static void begin_boxes(State *s) {
    memset(s->at[B_BOX_END], 0, (size_t)(s->rows + 1) * 4);
    s->any_boxes = 1;
}

/* How far the counters may go before a line could lack room. */
static void note_room(State *s) {
    int buffer;
    int64_t rows = INT64_MAX, maps = INT64_MAX, boxes = INT64_MAX;
    for (buffer = 0; buffer < BUFFERS; buffer++) {
        int64_t items, *least;
        int count = count_of(buffer);
        if (count == OF_TEXT) {   /* Arrow's offsets have 32 bits */
            s->room[buffer] = (s->cap[buffer] < INT32_MAX ? s->cap[buffer] : INT32_MAX) - line_bytes(s, buffer);
            continue;
        }
        items = s->cap[buffer] / ITEM[buffer] - 1;
        least = count == OF_ROWS ? &rows : count == OF_MAPS ? &maps : &boxes;
        if (items < *least) *least = items;
    }
    s->row_room = rows;
    s->map_room = maps - MAX_MAP;
    s->box_room = boxes - MAX_BOXES;
}

static void move_to(State *s, int buffer, uint8_t *at, int64_t cap, Block *block) {
    if (s->at[buffer] && is_filled(s, buffer)) memcpy(at, s->at[buffer], (size_t)used_bytes(s, buffer));
    else if (has_end(buffer)) memset(at, 0, ITEM[buffer]);
    block_leave(s->block[buffer]);
    s->block[buffer] = block;
    s->at[buffer] = at;
    s->cap[buffer] = cap;
}

/* Give every buffer its place in one new block: for what it holds, `more` times as much, and one line; in the first block, for
   `FIRST` of all. 0: no memory. */
static int lay_out(State *s, double more) {
    int64_t cap[BUFFERS], place[BUFFERS], total = 0;
    int buffer, filled;
    uint8_t *at;
    Block *block;
    for (filled = 1; filled >= 0; filled--)
        for (buffer = 0; buffer < BUFFERS; buffer++) {
            if (is_filled(s, buffer) != filled) continue;
            cap[buffer] = used_bytes(s, buffer) + (int64_t)(more * (double)used_bytes(s, buffer)) + line_bytes(s, buffer);
            if (!s->at[buffer]) cap[buffer] += ITEM[buffer] ? ITEM[buffer] * FIRST : 64 * FIRST;
            cap[buffer] = (cap[buffer] + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
            place[buffer] = total;
            total += cap[buffer];
        }
    if (!(block = block_new(total, &at, s->at[0] != NULL, 0))) return 0;   /* little of the first one is ever touched */
    block->users = BUFFERS;
    for (buffer = 0; buffer < BUFFERS; buffer++) {
        move_to(s, buffer, at + place[buffer], cap[buffer], block);
    }
    note_room(s);
    return 1;
}

/* Room in one buffer for `extra` bytes and a line, and then for what `more` times as much of the input would add. */
static int make_room(State *s, int buffer, int64_t extra, double more) {
    int64_t used = used_bytes(s, buffer), need = used + extra + line_bytes(s, buffer);
    uint8_t *at;
    Block *block;
    if (need <= s->cap[buffer]) return 1;
    need += used / 2 + (int64_t)(more * (double)used);
    if (!(block = block_new(need, &at, 1, 0))) return 0;
    block->users = 1;
    move_to(s, buffer, at, need, block);
    return 1;
}
#endif
