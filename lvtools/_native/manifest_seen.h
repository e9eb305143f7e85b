/* Source-refs seen so far: 96 bits of hash and the line, 16 bytes a slot; at most two thirds of the slots are in use. */
#ifndef LVTOOLS_MANIFEST_SEEN_H
#define LVTOOLS_MANIFEST_SEEN_H

#include "manifest_room.h"

typedef struct { uint64_t hash; uint32_t hash2, line; } Slot;   /* line 0: free; lines count from 1 */
typedef struct { Slot *slots; int64_t size, used; Block *block; } Seen;

/* Room for so many more. */
static int seen_grow(Seen *s, int64_t more) {
    int64_t size = s->size ? s->size : 1024, k, at;
    Slot *slots;
    Block *block;
    while ((s->used + more) * 3 > size * 2) size *= 2;
    if (size == s->size) return 1;
    if (!(slots = (Slot *)table_new(&block, size * (int64_t)sizeof *slots))) return 0;
    for (k = 0; k < s->size; k++) {
        if (!s->slots[k].line) continue;
        for (at = (int64_t)(s->slots[k].hash & (uint64_t)(size - 1)); slots[at].line; at = (at + 1) & (size - 1)) {}
        slots[at] = s->slots[k];
    }
    block_leave(s->block);
    s->slots = slots; s->size = size; s->block = block;
    return 1;
}

static inline void seen_prefetch(const Seen *s, uint64_t hash) {
    __builtin_prefetch(&s->slots[hash & (uint64_t)(s->size - 1)]);
}

/* The line that had this reference first: `line` itself when it is new. */
static inline uint32_t seen_line(Seen *s, uint64_t hash, uint32_t hash2, uint32_t line) {
    int64_t at = (int64_t)(hash & (uint64_t)(s->size - 1));
    while (s->slots[at].line) {
        if (s->slots[at].hash == hash && s->slots[at].hash2 == hash2) return s->slots[at].line;
        at = (at + 1) & (s->size - 1);
    }
    s->slots[at].hash = hash; s->slots[at].hash2 = hash2; s->slots[at].line = line;
    s->used++;
    return line;
}

/* Anomalies without a mask: told when the file turns out to have masks. */
typedef struct { int64_t *places; int64_t count, cap; } Unmasked;   /* line << 32 | column, place */

static int add_unmasked(Unmasked *u, int64_t line, int64_t column, int64_t at) {
    if (u->count == u->cap) {
        int64_t cap = u->cap * 2 + 64;
        int64_t *grown = (int64_t *)realloc(u->places, (size_t)cap * 2 * sizeof *grown);
        if (!grown) return 0;
        u->places = grown; u->cap = cap;
    }
    u->places[2 * u->count] = line << 32 | column;
    u->places[2 * u->count++ + 1] = at;
    return 1;
}

static int add_all_unmasked(Unmasked *u, const Unmasked *other, int64_t lines) {
    int64_t k, cap = u->count + other->count;
    if (cap > u->cap) {
        int64_t *grown = (int64_t *)realloc(u->places, (size_t)cap * 2 * sizeof *grown);
        if (!grown) return 0;
        u->places = grown; u->cap = cap;
    }
    for (k = 0; k < other->count; k++) {
        u->places[2 * u->count] = other->places[2 * k] + (lines << 32);
        u->places[2 * u->count++ + 1] = other->places[2 * k + 1];
    }
    return 1;
}

/* Take note of the facts [k, count): the index of the first that Python has to see, or `count`. `first` is then the line that
   had its reference before, 0: it is its map that calls (not judged yet, or it contradicts; `maps` NULL: none does); -1 is
   out of memory. */
static int64_t meet_facts(Seen *s, Unmasked *u, const Fact *facts, int64_t k, int64_t count, int64_t line,
                          const uint8_t *maps, int64_t map_count, uint32_t *first) {
    int64_t j;
    for (j = k; j < k + 12 && j < count; j++) seen_prefetch(s, facts[j].hash);
    for (; k < count; k++) {
        const Fact *f = facts + k;
        int64_t before = s->used;
        if (k + 12 < count) seen_prefetch(s, facts[k + 12].hash);
        *first = 0;
        if (maps && f->map_id >= 0 && (f->map_id >= map_count || maps[f->map_id] != 1)) return k;
        *first = seen_line(s, f->hash, f->hash2, (uint32_t)(f->line + line + 1));
        if (s->used == before) return k;
        if (f->flags & K_UNMASKED && !add_unmasked(u, f->line + line + 1, f->ref_at + 1, f->start + f->ref_at)) return -1;
    }
    return count;
}

/* Is any of these references in `s`? */
static int seen_any(const Seen *s, const Slot *const *slots, int count) {
    int64_t at;
    int k;
    for (k = 0; k < count; k++)
        for (at = (int64_t)(slots[k]->hash & (uint64_t)(s->size - 1)); s->slots[at].line; at = (at + 1) & (s->size - 1))
            if (s->slots[at].hash == slots[k]->hash && s->slots[at].hash2 == slots[k]->hash2) return 1;
    return 0;
}

/* Do any of the references in the slots [from, to) of `other` stand in `s`? Which slots are free nobody can foresee, so they
   are passed over without a branch; what is asked for waits until some 32 others were asked for. */
static int seen_shares(const Seen *s, const Seen *other, int64_t from, int64_t to) {
    const Slot *waiting[64];
    int64_t k;
    int count = 0;
    for (k = from; k < to; k++) {
        waiting[count] = other->slots + k;
        seen_prefetch(s, other->slots[k].hash);
        count += other->slots[k].line != 0;
        if (count < 64) continue;
        if (seen_any(s, waiting, 32)) return 1;
        memcpy(waiting, waiting + 32, 32 * sizeof *waiting);
        count = 32;
    }
    return seen_any(s, waiting, count);
}
#endif
