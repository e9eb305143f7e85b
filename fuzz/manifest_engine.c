/* The manifest engine on any bytes, after two bytes that choose the profile, the columns and whether the lines are read a
 * second time, with what was learned from them. A line that the engine does not take is skipped, as if the slow path had read it.
 *
 * Room is what manifest_room.h reckons for a line, to the byte, so that a write that it has no room for is seen. Besides
 * what the sanitizers see: the wide loops give what the scalar ones give. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l; Python.h says so in the product */
#endif
#include <locale.h>
#include <stdio.h>

#include "manifest_fast.h"

#define MUST(what) ((what) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), abort()))
#define MOST (1 << 19) /* WINDOW of manifest_fast.pyx */
#define FINDS 4096

static void *room(void *at, size_t size) {
    void *grown = realloc(at, size);
    MUST(grown);
    return grown;
}

/* Every buffer in memory of its own that ends where its room ends, so that a write behind it is seen. */
static void reserve(State *s) {
    int buffer;
    for (buffer = 0; buffer < BUFFERS; buffer++) {
        const int64_t need = used_bytes(s, buffer) + line_bytes(s, buffer);
        Block *block;
        if (s->cap[buffer] >= need) continue;
        block = room(NULL, sizeof *block);
        block->mapped = 0;
        block->users = 1;
        block->memory = room(NULL, (size_t)(need + need / 4));
        move_to(s, buffer, block->memory, need + need / 4, block);
    }
    note_room(s);
}

static void start(State *s, int choice, int want, int64_t window) {
    Words *words[] = {&s->keys, &s->classes, &s->jobs, &s->label_keys, &s->mask_keys, &s->distinct, &s->pairs, &s->box_names, &s->indexes};
    size_t k;
    memset(s, 0, sizeof *s);
    s->profile = choice % 3;
    s->want = want;
    s->bucket_len = s->other_len = -1;
    s->credit = 16;
    s->last_label_key = s->last_mask_key = -1;
    for (k = 0; k < sizeof words / sizeof *words; k++) words[k]->last = -1;
    for (k = 0; k < 4; k++) s->key[k] = 0x9e3779b97f4a7c15u * (k + 1);
    if (choice & 4) memcpy(s->wanted, "anomaly-label", (size_t)(s->wanted_len = 13));
    s->find_cap = FINDS;
    s->finds = room(NULL, FINDS * sizeof(Find));
    s->facts = room(NULL, (size_t)(window / 16 + 2) * sizeof(Fact));
    s->present_in_all = 0xFFFF;
    reserve(s);
}

/* All lines of text[:size], which ends in a line feed and has PAD zeros behind it; how many the engine took. */
static int64_t read_lines(State *s, int wide, const uint8_t *text, int64_t size) {
    const uint8_t *at = text, *end = text + size;
    int64_t taken = 0;
    s->line = 0;
    while (at < end) {
        const uint8_t *before = at;
        const int64_t line = s->line;
        int answer = TAKEN;
        s->fact_count = s->find_count = s->news_count = 0;
        reserve(s);
        s->buf = text;
        s->origin = 0;
        at = run_lines(s, wide, at, end, &answer);
        MUST(at >= before && at <= end && (at == text || at[-1] == '\n'));
        taken += s->line - line;
        if (answer == TAKEN) MUST(at == end);
        if (answer == FULL) MUST(at > before || s->names_wanted); /* a line with many boxes asks for its room first */
        if (answer == UNFIT) {
            at = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
            s->line++;
        }
    }
    return taken;
}

static void same(const State *one, const State *other) {
    int buffer;
    MUST(one->rows == other->rows && one->maps == other->maps && one->boxes == other->boxes);
    MUST(!memcmp(one->counts, other->counts, sizeof one->counts));
    for (buffer = 0; buffer < BUFFERS; buffer++) {
        const int64_t size = used_bytes(one, buffer) - (buffer == B_START ? ITEM[buffer] : 0); /* its end comes at the close */
        MUST(used_bytes(one, buffer) == used_bytes(other, buffer) && is_filled(one, buffer) == is_filled(other, buffer));
        MUST(!size || !is_filled(one, buffer) || !memcmp(one->at[buffer], other->at[buffer], (size_t)size));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int ready;
    static State scalar, wide; /* too large for the stack */
    uint8_t *text;
    int64_t length = (int64_t)size - 2, taken;
    int want;
    if (!ready) lvtools_open_locale(), ready = 1;
    if (length < 1 || length >= MOST) return 0;
    text = room(NULL, (size_t)length + 1 + PAD);
    memcpy(text, data + 2, (size_t)length);
    text[length] = '\n';
    memset(text + length + 1, 0, PAD);
    want = data[1] & 1 ? (1 << 13) - 1 : data[1] << 5;
    start(&scalar, data[0], want, length + 1);
    taken = read_lines(&scalar, 0, text, length + 1);
    if (data[0] & 8) taken += read_lines(&scalar, 0, text, length + 1); /* with the templates and maps learned */
    if (has_avx2()) {
        start(&wide, data[0], want, length + 1);
        MUST(read_lines(&wide, 1, text, length + 1) + (data[0] & 8 ? read_lines(&wide, 1, text, length + 1) : 0) == taken);
        same(&scalar, &wide);
        free_state(&wide);
    }
    free_state(&scalar);
    free(text);
    return 0;
}
