/* The manifest engine on any bytes, after two bytes that choose the profile, the columns and whether the lines are read a
 * second time, with what was learned from them. A line that the engine does not take is skipped, as if the slow path had read it.
 *
 * Room is made as `Engine._reserve` of manifest_fast.pyx makes it, to the byte, so that a write that its reckoning has no
 * room for is seen; a change there belongs here, too. Besides what the sanitizers see: the wide loops give what the scalar
 * ones give. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l; Python.h says so in the product */
#endif
#include <locale.h>
#include <stdio.h>

#include "manifest_fast.h"

#define MUST(what) ((what) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), abort()))
#define MOST (1 << 19) /* WINDOW of manifest_fast.pyx */
#define FINDS 4096

static int item(int buffer) { /* bytes; 0: a text */
    switch (buffer) {
    case B_PRESENT: return 2;
    case B_REF: case B_LABEL: case B_MASK: case B_INDEX: case B_NAME: case B_COLOR: case B_BOX_NAME: return 0;
    case B_MAP_FLAG: case B_BOX_FLAG: return 1;
    case B_LINE: case B_START: case B_CONF: case B_DATE: case B_MAP_CONF: case B_BOX_ID: case B_LEFT: case B_TOP:
    case B_WIDTH: case B_HEIGHT: case B_BOX_CONF: return 8;
    default: return 4;
    }
}

static int64_t used(const State *s, int buffer) {
    switch (buffer) {
    case B_REF: return s->ref_used;
    case B_LABEL: return s->label_used;
    case B_MASK: return s->mask_used;
    case B_INDEX: return s->index_used;
    case B_NAME: return s->name_used;
    case B_COLOR: return s->color_used;
    case B_BOX_NAME: return s->box_name_used;
    case B_INDEX_END: case B_NAME_END: case B_COLOR_END: return 4 * (s->maps + 1);
    case B_MAP_CONF: case B_MAP_FLAG: return item(buffer) * s->maps;
    case B_BOX_NAME_END: return 4 * (s->boxes + 1);
    case B_BOX_ID: case B_LEFT: case B_TOP: case B_WIDTH: case B_HEIGHT: case B_BOX_CONF: case B_BOX_FLAG:
        return item(buffer) * s->boxes;
    case B_REF_END: case B_LABEL_END: case B_MASK_END: case B_MAP_END: case B_BOX_END: return 4 * (s->rows + 1);
    default: return item(buffer) * s->rows;
    }
}

static void *room(void *at, size_t size) {
    void *grown = realloc(at, size);
    MUST(grown);
    return grown;
}

static void reserve(State *s, int64_t window) {
    int buffer;
    for (buffer = 0; buffer < BUFFERS; buffer++) {
        int64_t need = used(s, buffer) + (item(buffer) ? item(buffer) * (window / 16 + 4) : window + 2 * PAD);
        if (buffer == B_BOX_NAME) need = s->box_name_used + MAX_BOXES * MAX_NAME + 2 * PAD + window;
        if (need > s->cap[buffer]) s->at[buffer] = room(s->at[buffer], (size_t)need), s->cap[buffer] = need;
    }
}

static void start(State *s, int choice, int want, int64_t window) {
    static const int ends[] = {B_REF_END, B_LABEL_END, B_MASK_END, B_MAP_END, B_INDEX_END, B_NAME_END, B_COLOR_END, B_BOX_END, B_BOX_NAME_END};
    Words *words[] = {&s->keys, &s->classes, &s->jobs, &s->label_keys, &s->mask_keys, &s->distinct, &s->pairs, &s->box_names, &s->indexes};
    size_t k;
    memset(s, 0, sizeof *s);
    s->profile = choice % 3;
    s->want = want;
    s->bucket_len = s->other_len = -1;
    s->credit = 16;
    for (k = 0; k < sizeof words / sizeof *words; k++) words[k]->last = -1;
    for (k = 0; k < 4; k++) s->key[k] = 0x9e3779b97f4a7c15u * (k + 1);
    if (choice & 4) memcpy(s->wanted, "anomaly-label", (size_t)(s->wanted_len = 13));
    s->find_cap = FINDS;
    s->finds = room(NULL, FINDS * sizeof(Find));
    s->facts = room(NULL, (size_t)(window / 16 + 2) * sizeof(Fact));
    reserve(s, 0);
    for (k = 0; k < sizeof ends / sizeof *ends; k++) memset(s->at[ends[k]], 0, 4);
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
        reserve(s, end - at);
        s->buf = text;
        s->origin = 0;
        at = run_lines(s, wide, at, end, &answer);
        MUST(at >= before && at <= end && (at == text || at[-1] == '\n'));
        taken += s->line - line;
        if (answer == TAKEN) MUST(at == end);
        if (answer == FULL) MUST(at > before);
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
        MUST(used(one, buffer) == used(other, buffer));
        MUST(!used(one, buffer) || !memcmp(one->at[buffer], other->at[buffer], (size_t)used(one, buffer)));
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
