/* The state of one pass, one parsed line, and the judgements that do not look at bytes 32 at a time. */
#ifndef LVTOOLS_MANIFEST_STATE_H
#define LVTOOLS_MANIFEST_STATE_H

#include "manifest_base.h"
#include "manifest_values.h"

enum Kind { NO_KIND, CLASSIFICATION, SEGMENTATION, BOXES };
enum Value { NO_VALUE, V_NUMBER, V_STRING, V_BOXES };

/* What can stand behind a key; the same functions read it whichever tier met it. */
enum Op {
    OP_REF, OP_NUMBER, OP_STRING, OP_META, OP_CLASS, OP_CONF, OP_DATE, OP_JOB, OP_MAP, OP_CLASSES, OP_OBJECTS, OP_BOXES,
    OP_SKIP,
    OP_TYPE, OP_HUMAN   /* these two belong to a template's text: a tool writes one type, and nearly always "yes" */
};

enum Have {
    H_VALUE = 1, H_META = 2, H_TYPE = 4, H_CLASS = 8, H_CONF = 16, H_HUMAN = 32, H_DATE = 64, H_JOB = 128, H_MAP = 256,
    H_CLASSES = 512, H_OBJECTS = 1024
};

/* A color map as parsed; equal bytes give the same one again. */
typedef struct {
    uint8_t *bytes; int32_t size, cap;     /* as written; NULL: free */
    int32_t id;                            /* of the distinct (name, colour) list */
    int32_t count, index_used, name_used, finds;
    int32_t index_end[MAX_MAP], name_end[MAX_MAP], name_at[MAX_MAP];   /* name_at: the class name's quote, as written */
    double conf[MAX_MAP];
    uint8_t flag[MAX_MAP], color[MAX_MAP * 7 + PAD];
    uint8_t *index, *name;                 /* count texts each, one behind the other */
    struct { int32_t code, at, value_at, value_len, part_at, part_len; } find[3 * MAX_MAP + 1];
} ColorMap;
#define COLOR_MAPS 16

typedef struct { int32_t at, len; } Piece;   /* of ClassMap.bytes */
typedef struct {
    uint8_t *bytes; int32_t size, count;
    Piece key[MAX_CLASSES], name[MAX_CLASSES];
    int8_t direct[MAX_CLASSES];              /* class id, written plainly -> entry, or -1 */
    uint64_t told;                           /* entries whose name a box had already */
} ClassMap;
#define CLASS_MAPS 8

/* What is known of the last class names and jobs, by their bytes: nearly every line has one of a few. `stamp` tells whether
   an entry is still the one that a line met. */
typedef struct {
    uint8_t text[2 * PAD]; int32_t len;       /* closing quote included; 0: free */
    uint32_t stamp;
    int32_t code, pair[10];                   /* in `classes`; in `pairs`, with a number of one digit; -1: not there yet */
    int is_normal, is_anomaly;
} Name;
#define NAMES 4
typedef struct { uint8_t text[3 * PAD]; int32_t len; uint32_t stamp; int32_t code; } Job;
#define JOBS 4

typedef struct {
    int32_t key;                              /* interned attribute name */
    int32_t have;
    int kind, value_kind, human, javascript;
    const uint8_t *value, *value_end, *meta, *name, *name_end, *conf_at, *conf_end, *date, *date_end, *job, *job_end, *map_at;
    double conf;
    int64_t moment;
    Name *memo; Job *job_memo; uint32_t stamp, job_stamp;   /* memo: NULL when the name is too long for one */
    int is_normal, is_anomaly;
    const ColorMap *map;
    const ClassMap *classes;
    const uint8_t *annotations, *size_at, *size_end;
    int64_t boxes, objects;
    double frame_width, frame_height;
} Attribute;

typedef struct {
    const uint8_t *start, *ref, *ref_end;
    int32_t ref_code, bucket_at, bucket_len;  /* finding's code or 0; bucket from ref, -1: none */
    int known_bucket;                         /* it is the one of `good_prefix` */
    int attributes;
    const void *from;                         /* the template that set what its lines share */
    Attribute attribute[MAX_ATTRIBUTES];
} Row;

/* The text between the numbers of the last box: boxes of one tool have their keys in one order. */
typedef struct {
    uint8_t text[6][PAD];
    int8_t len[6], field[5], id;              /* `id`: which of the five is the class_id ... */
    int64_t is_id[4];                         /* ... and as a mask over the first four */
    int learned;
} BoxShape;

typedef struct { int32_t text_at, text_len; int16_t op, attribute; } Step;
typedef struct {
    uint8_t *text; int32_t cap;
    int32_t steps, hits;
    Step step[MAX_LOG + 1];                   /* the last one is the text behind the last value */
    int attributes;
    struct { int32_t key, have; int kind, value_kind, human; } fixed[MAX_ATTRIBUTES];
} Template;
#define TEMPLATES 8

typedef struct { const uint8_t *start, *end; int op, attribute; } Logged;

typedef struct {
    const uint8_t *buf;       /* byte 0 of what is being read ... */
    int64_t origin;           /* ... and its position in the caller's buffer */
    int profile, want, quiet; /* quiet: bits of findings the profile has switched off */
    uint8_t *at[BUFFERS];
    int64_t cap[BUFFERS];
    Block *block[BUFFERS];                               /* see manifest_room.h */
    int64_t room[BUFFERS], row_room, map_room, box_room; /* how far one may go without asking */
    int64_t names_wanted;                                /* what the last line's box names may take */
    int any_masks, any_boxes;                            /* until the first one their columns are not written */
    int present_in_all, present_in_any;                  /* bits of B_PRESENT */
    int64_t rows, ref_used, label_used, mask_used, maps, index_used, name_used, color_used, boxes, box_name_used;
    int64_t line;             /* from 0 */
    Fact *facts; int64_t fact_count;
    Find *finds; int64_t find_count, find_cap; int staged;
    News *news; int64_t news_count, news_cap;
    Words pairs, box_names, indexes;   /* class and number, classes of boxes, numbers of color map entries */
    int64_t *pair_lines, *map_lines; int32_t pair_cap, map_cap;   /* how many lines have each of `pairs`, `distinct` */
    Words keys;               /* attribute names met, whether their lines were taken or not */
    Words classes, jobs, label_keys, mask_keys, distinct;   /* dictionaries of columns: words of taken lines only */
    int64_t counts[6];        /* entries, labeled, normal, anomaly, masks, with_boxes */
    uint8_t bucket[256]; int32_t bucket_len;        /* the first one, -1: none yet */
    int64_t bucket_line, bucket_start, bucket_at;   /* where it stood */
    uint8_t other[256]; int32_t other_len;          /* the first that differs, -1: none */
    int64_t other_line, other_start, other_at;
    uint8_t good_prefix[2 * PAD]; int32_t good_len; /* memo: the last bucket that was sound, from "s3://" to its slash */
    int good_noted;                                 /* and `note_bucket` knows it */
    Name name[NAMES]; Job job[JOBS]; int next_name, next_job; uint32_t stamp;
    int32_t last_label_key, last_label_code, last_mask_key, last_mask_code;
    uint8_t wanted[256]; int32_t wanted_len;        /* the label attribute asked for; 0: any */
    BoxShape shape;
    uint32_t box_at[MAX_BOXES], id_at[MAX_BOXES]; uint8_t id_len[MAX_BOXES], name_of[MAX_BOXES];
    ColorMap map[COLOR_MAPS]; int next_map, last_map;
    ClassMap classmap[CLASS_MAPS]; int next_classmap, last_classmap;
    Template tpl[TEMPLATES]; int templates, order[TEMPLATES], credit, skipped;
    Logged log[MAX_LOG]; int logged;
    uint64_t key[4];
    int64_t taken[3];         /* lines by template, by the any-order scanner, and tried in vain */
} State;

enum { C_LV104 = 104, C_LV107 = 107, C_LV108 = 108, C_LV110 = 110, C_LV118 = 118, C_LV121 = 121, C_LV125 = 125, C_LV126 = 126,
       C_LV127 = 127, C_LV129 = 129, C_LV131 = 131, C_LV152 = 152, C_LV153 = 153, C_LV154 = 154, C_LV156 = 156, C_LV157 = 157,
       C_LV158 = 158, C_LV183 = 183, C_LV184 = 184, C_LV187 = 187, C_LV191 = 191, C_LV192 = 192, C_LV194 = 194 };

enum Answer { TAKEN, UNFIT, FULL };   /* of a run: all taken, a line for the slow path, Python has to make room */
enum Field { LEFT, TOP, BOX_WIDTH, BOX_HEIGHT, CLASS_ID };
#define COLUMN(type, buffer) ((type *)(void *)s->at[buffer])
#define IS(name, end, word) ((end) - (name) == (int64_t)sizeof(word) - 1 && !memcmp(name, word, sizeof(word) - 1))

static inline int64_t position(const State *s, const uint8_t *p) { return (int64_t)(p - s->buf) + s->origin; }

/* Put a finding aside until the line is taken. 0: the line has too many, the slow path takes it. */
static int stage(State *s, const Row *row, int code, const uint8_t *at, int32_t key, int32_t index,
                 const uint8_t *value, int64_t value_len, const uint8_t *part, int64_t part_len) {
    Find *f;
    if (s->staged >= MAX_STAGED) return 0;
    f = s->finds + s->find_count + s->staged++;
    f->line = s->line; f->start = position(s, row->start); f->at = position(s, at);
    f->value_at = value ? position(s, value) : -1; f->value_len = (int32_t)value_len;
    f->part_at = part ? position(s, part) : -1; f->part_len = (int32_t)part_len;
    f->code = code; f->key = key; f->index = index; f->unused = 0;
    return 1;
}

/* One more line with a word; how many had it before, or -1. */
static int64_t count_word(int64_t **lines, int32_t *cap, int32_t word) {
    if (word >= *cap) {
        int32_t more = word * 2 + 64;
        int64_t *grown = (int64_t *)realloc(*lines, (size_t)more * sizeof *grown);
        if (!grown) return -1;
        memset(grown + *cap, 0, (size_t)(more - *cap) * sizeof *grown);
        *lines = grown; *cap = more;
    }
    return (*lines)[word]++;
}

static int tell_news(State *s, const Row *row, int kind, int32_t word, const uint8_t *at, int32_t key, int32_t index) {
    News *n;
    if (s->news_count == s->news_cap) {
        int64_t cap = s->news_cap * 2 + 64;
        News *grown = (News *)realloc(s->news, (size_t)cap * sizeof *grown);
        if (!grown) return 0;
        s->news = grown; s->news_cap = cap;
    }
    n = s->news + s->news_count++;
    n->line = s->line; n->start = position(s, row->start); n->at = position(s, at);
    n->kind = kind; n->word = word; n->key = key; n->index = index;
    return 1;
}

static inline int lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
static inline int is_alnum(uint8_t c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z'); }

static int same_folded(const uint8_t *p, int64_t n, const char *word) {
    int64_t k;
    for (k = 0; k < n; k++) if (!word[k] || lower(p[k]) != word[k]) return 0;
    return word[n] == 0;
}

/* references.check_reference: 0 sound, a finding's code, or -1: the slow path's words are needed. */
static int judge_reference(State *s, const uint8_t *p, const uint8_t *end, int32_t *bucket_at, int32_t *bucket_len) {
    const uint8_t *q, *b;
    int old = 1;
    *bucket_at = -1; *bucket_len = 0;
    if (end - p > 5 && (p[0] | 32) == 's' && p[1] == '3' && p[2] == ':' && p[3] == '/' && p[4] == '/') {
        b = p + 5;
        if (end - b >= 3 && same_folded(b, 3, "s3:")) return -1;
        for (q = b; q < end && *q != '/'; q++) {
            if (*q >= 0x80) return -1;
            if (!is_alnum(*q) && *q != '.' && *q != '-' && *q != '_') old = 0;
        }
        if (q >= end || q + 1 >= end || q - b > 255) return -1;
        *bucket_at = 5; *bucket_len = (int32_t)(q - b);
        if (q - b >= 3 && q - b <= 63 && old) {
            const uint8_t *k;
            int good = is_alnum(b[0]) && is_alnum(q[-1]);
            for (k = b; k < q; k++) if (*k == '_' || (*k >= 'A' && *k <= 'Z')) good = 0;
            if (good) {
                memcpy(s->good_prefix, "s3://", 5);
                memcpy(s->good_prefix + 5, b, (size_t)(q + 1 - b));
                s->good_len = (int32_t)(q + 1 - b) + 5;
                s->good_noted = 0;
                return 0;
            }
        }
        return old && q - b >= 3 ? C_LV107 : C_LV108;
    }
    if (p >= end || (p[0] == '/' && p[1] == '/')) return -1;
    for (q = p, old = 0; q < end; q++) {
        if (*q == ':' || *q >= 0x80) return -1;
        old |= *q == '/';
    }
    return old ? C_LV104 : -1;
}

static void note_bucket(State *s, const uint8_t *p, int32_t n, int64_t line, int64_t start, int64_t at) {
    if (s->bucket_len < 0) {
        memcpy(s->bucket, p, (size_t)n);
        s->bucket_len = n; s->bucket_line = line; s->bucket_start = start; s->bucket_at = at;
    } else if (s->other_len < 0 && (s->bucket_len != n || memcmp(s->bucket, p, (size_t)n))) {
        memcpy(s->other, p, (size_t)n);
        s->other_len = n; s->other_line = line; s->other_start = start; s->other_at = at;
    }
}

/* A class name that calls for no finding but LV121 and LV191: ASCII, not too long, no blank at its ends. */
static inline int plain_name(const uint8_t *p, const uint8_t *end) {
    const uint8_t *q;
    if (p >= end || end - p > MAX_NAME || *p == ' ' || end[-1] == ' ') return 0;
    for (q = p; q < end; q++) if (*q >= 0x7f) return 0;
    return 1;
}

/* A key that calls for no finding: what is printed of ASCII. */
static inline int plain_key(const uint8_t *p, const uint8_t *end) {
    for (; p < end; p++) if (*p >= 0x7f) return 0;
    return 1;
}

/* rules._PREDICTED over an attribute's name without '-ref'. */
static int is_predicted(const uint8_t *p, int64_t n) {
    if (n >= 4 && !memcmp(p + n - 4, "-ref", 4)) n -= 4;
    if (n >= 9 && !memcmp(p + n - 9, "-detected", 9)) return 1;
    return n >= 36 && !memcmp(p, "rekognition-custom-labels-evaluation", 36);
}
#endif
