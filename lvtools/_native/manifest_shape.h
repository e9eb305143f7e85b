/* The shape of a line: its bytes without the values that differ from line to line and that the rules judge one by one.

   Lines of equal shape get the same findings at the same members, but for those values. Which they are: references (source-ref,
   strings under a key in -ref, any other string of some length that the line itself holds), creation dates, confidences, whole boxes. Each leaves a mark, a control character, which
   JSON has nowhere. A value that surely calls for no finding is passed over; any other one is a suspect, which
   `lvtools.manifest.replay` gives to the rule that judges it. Knows the tape of manifest_scan.pyx, and that it is sound JSON. */
#ifndef LVTOOLS_MANIFEST_SHAPE_H
#define LVTOOLS_MANIFEST_SHAPE_H

#include <stdint.h>
#include <string.h>

#define MAX_SHAPE_BYTES 8192   /* longer lines have findings about their length */
#define MAX_SHAPE_ROWS (MAX_SHAPE_BYTES / 2 + 2)
#define MAX_FREE 256
#define MAX_SUSPECTS 32

enum TapeKind { T_OBJECT = 1, T_ARRAY, T_STRING, T_NUMBER, T_TRUE, T_FALSE, T_NULL, T_KEY };   /* `Kind` there */
enum Mark { MARK_REF = 1, MARK_NUMBER, MARK_DATE, MARK_BOX };
enum Role {   /* of a container */
    NO_ROLE, ROOT, METADATA, COLOR_MAP, MAP_ENTRY, OBJECTS, OBJECT, CONFIDENCES, BOX_VALUE, ANNOTATIONS, BOX
};

typedef struct {
    uint8_t key[MAX_SHAPE_BYTES + MAX_FREE], role[MAX_SHAPE_ROWS];
    int32_t key_len, free_count, suspect_count;
    int32_t free[MAX_FREE], suspect[MAX_SUSPECTS];   /* rows of the tape */
} Shape;

#define TAPE_KIND(r) tape[4 * (r)]
#define TAPE_START(r) tape[4 * (r) + 1]
#define TAPE_END(r) tape[4 * (r) + 2]
#define TAPE_PARENT(r) tape[4 * (r) + 3]
#define NAMED(word) (n == (int64_t)sizeof(word) - 1 && !memcmp(name, word, sizeof(word) - 1))
#define ENDS_IN(word) (n > (int64_t)sizeof(word) - 1 && !memcmp(name + n - (sizeof(word) - 1), word, sizeof(word) - 1))

static inline int shape_digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

/* Digits, perhaps with a point in between: a float holds them as written, and nobody needs the sign or exponent. */
static int is_plain_number(const uint8_t *p, const uint8_t *end) {
    if (end - p > 15) return 0;
    for (; p < end; p++) if (!shape_digit(*p) && *p != '.') return 0;
    return 1;
}

/* A plain number in 0..1, by its digits. */
static int is_fraction(const uint8_t *p, const uint8_t *end) {
    if (*p == '0') return 1;   /* JSON has no digit behind a leading zero */
    if (*p != '1') return 0;
    if (++p < end && *p != '.') return 0;
    for (p++; p < end; p++) if (*p != '0') return 0;
    return 1;
}

static inline int shape_two(const uint8_t *p) { return shape_digit(p[0]) && shape_digit(p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1; }

/* 2024-05-01T08:00:00, perhaps with 3 or 6 digits of a second and a Z: dates that read_date reads. The rest is for it to say. */
static int is_common_date(const uint8_t *p, const uint8_t *end) {
    static const int8_t DAYS[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month, day, hour, minute, second;
    if (end > p && end[-1] == 'Z') end--;
    if (end - p != 19 && end - p != 23 && end - p != 26) return 0;
    if (p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != ' ') || p[13] != ':' || p[16] != ':') return 0;
    month = shape_two(p + 5); day = shape_two(p + 8); hour = shape_two(p + 11); minute = shape_two(p + 14); second = shape_two(p + 17);
    if ((p[0] != '1' && p[0] != '2') || !shape_digit(p[1]) || shape_two(p + 2) < 0) return 0;
    if (month < 1 || month > 12 || day < 1 || day > DAYS[month]) return 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
    if (end - p > 19) {
        if (p[19] != '.') return 0;
        for (p += 20; p < end; p++) if (!shape_digit(*p)) return 0;
    }
    return 1;
}

/* s3://bucket/key of plain signs; `png`: it has to end so. */
static int is_common_reference(const uint8_t *p, const uint8_t *end, int png) {
    const uint8_t *start = p + 5, *slash;
    if (end - p < 10 || (p[0] | 32) != 's' || memcmp(p + 1, "3://", 4) || end[-1] == ' ') return 0;
    for (slash = start; slash < end && *slash != '/'; slash++)
        if (!shape_digit(*slash) && (*slash < 'a' || *slash > 'z') && *slash != '.' && *slash != '-') return 0;
    if (slash - start < 3 || slash - start > 63 || end - slash < 2) return 0;
    if (*start == '.' || *start == '-' || slash[-1] == '.' || slash[-1] == '-') return 0;
    for (p = slash; p < end; p++)
        if (*p >= 0x7f || *p == '%' || *p == '\\' || (*p == '/' && p[-1] == '/')) return 0;
    return !png || ((end[-1] | 32) == 'g' && (end[-2] | 32) == 'n' && (end[-3] | 32) == 'p' && end[-4] == '.');
}

/* What a container at row `r` is to us. */
static int role_of(const uint8_t *data, const int64_t *tape, const uint8_t *role, int64_t r) {
    int64_t parent = TAPE_PARENT(r), n;
    int object = TAPE_KIND(r) == T_OBJECT, array = TAPE_KIND(r) == T_ARRAY, above;
    const uint8_t *name;
    if (r == 0) return object ? ROOT : NO_ROLE;
    above = role[parent];
    if (above == NO_ROLE) return NO_ROLE;
    if (TAPE_KIND(parent) == T_ARRAY) return !object ? NO_ROLE : above == OBJECTS ? OBJECT : above == ANNOTATIONS ? BOX : NO_ROLE;
    name = data + TAPE_START(r - 1) + 1;
    n = TAPE_END(r - 1) - TAPE_START(r - 1) - 2;
    if (above == ROOT && object) return ENDS_IN("-metadata") ? METADATA : BOX_VALUE;
    if (above == METADATA && object && NAMED("internal-color-map")) return COLOR_MAP;
    if (above == METADATA && object && NAMED("confidence-map")) return CONFIDENCES;
    if (above == METADATA && array && NAMED("objects")) return OBJECTS;
    if (above == COLOR_MAP && object) return MAP_ENTRY;
    if (above == BOX_VALUE && array && NAMED("annotations")) return ANNOTATIONS;
    return NO_ROLE;
}

/* Which mark a scalar at row `r` leaves, or 0: it belongs to the shape as it stands. */
static int mark_of(const uint8_t *data, const int64_t *tape, const uint8_t *role, int64_t r, int *good) {
    const uint8_t *p = data + TAPE_START(r), *end = data + TAPE_END(r), *name;
    int64_t parent = TAPE_PARENT(r), n;
    int above = parent < 0 ? NO_ROLE : role[parent], kind = (int)TAPE_KIND(r), is_source;
    if (above == NO_ROLE || TAPE_KIND(parent) != T_OBJECT) return 0;
    name = data + TAPE_START(r - 1) + 1;
    n = TAPE_END(r - 1) - TAPE_START(r - 1) - 2;
    if (kind == T_NUMBER) {
        if (above != CONFIDENCES && !((above == METADATA || above == MAP_ENTRY || above == OBJECT) && NAMED("confidence"))) return 0;
        if (!is_plain_number(p, end)) return 0;
        *good = is_fraction(p, end);
        return MARK_NUMBER;
    }
    if (kind != T_STRING) return 0;
    if (above == METADATA && NAMED("creation-date")) {
        *good = is_common_date(p + 1, end - 1);
        return MARK_DATE;
    }
    is_source = NAMED("source-ref");
    if (above == ROOT && (is_source || ENDS_IN("-ref") || end - p > 10) && p[1] > ' ' && p[1] < 0x7f && p[1] != '"' && p[1] != '\\') {
        *good = is_common_reference(p + 1, end - 1, !is_source);
        return MARK_REF;
    }
    return 0;
}

/* Write the shape of the line on the tape. 0: it has none. */
static int shape_of(const uint8_t *data, const int64_t *tape, int64_t rows, Shape *s) {
    int64_t r, copied = TAPE_START(0), end = TAPE_END(0), cut = copied;
    uint8_t *out = s->key;
    s->free_count = s->suspect_count = s->key_len = 0;
    if (end - copied > MAX_SHAPE_BYTES || rows > MAX_SHAPE_ROWS) return 0;
    for (r = 0; r < rows; r++) {
        int kind = (int)TAPE_KIND(r), mark = 0, good = 1;
        if (kind == T_KEY) continue;
        s->role[r] = NO_ROLE;
        if (TAPE_START(r) < cut) {   /* inside a box */
            if (kind == T_OBJECT || kind == T_ARRAY) return 0;
            if (kind == T_NUMBER && !is_plain_number(data + TAPE_START(r) + (data[TAPE_START(r)] == '-'), data + TAPE_END(r))) return 0;
            continue;
        }
        if (kind == T_OBJECT || kind == T_ARRAY) {
            s->role[r] = (uint8_t)role_of(data, tape, s->role, r);
            if (s->role[r] == BOX) mark = MARK_BOX;
        } else mark = mark_of(data, tape, s->role, r, &good);
        if (!mark) continue;
        if (s->free_count >= MAX_FREE) return 0;
        s->free[s->free_count++] = (int32_t)r;
        if (!good) {
            if (s->suspect_count >= MAX_SUSPECTS) return 0;
            s->suspect[s->suspect_count++] = (int32_t)r;
        }
        memcpy(out, data + copied, (size_t)(TAPE_START(r) - copied));
        out += TAPE_START(r) - copied;
        *out++ = (uint8_t)mark;
        if (mark == MARK_BOX) {   /* equal shapes have equal rows: how many does this one hide? */
            int64_t inside = r + 1;
            while (inside < rows && TAPE_START(inside) < TAPE_END(r)) inside++;
            if (inside - r > 100) return 0;
            *out++ = (uint8_t)(inside - r);
        }
        copied = cut = TAPE_END(r);
    }
    memcpy(out, data + copied, (size_t)(end - copied));
    s->key_len = (int32_t)(out + (end - copied) - s->key);
    return 1;
}

/* A plain number of a box; 0: none. */
static int box_number(const uint8_t *p, const uint8_t *end, double *out) {
    static const double TENS[16] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int64_t mantissa = 0, places = -1;
    if (end - p > 15) return 0;
    for (; p < end; p++) {
        if (*p == '.' && places < 0) places = 0;
        else if (!shape_digit(*p)) return 0;
        else { mantissa = mantissa * 10 + (*p - '0'); places += places >= 0; }
    }
    *out = (double)mantissa / TENS[places < 0 ? 0 : places];   /* both are exact: one rounding, as strtod's */
    return 1;
}

/* Is the box at row `r` one that calls for no finding? `ids`: class numbers as written, each behind its length. Returns the
   position of its class among them, or -1. */
static int judge_box(const uint8_t *data, const int64_t *tape, int64_t rows, int64_t r, double width, double height, double shrink,
                     const uint8_t *ids, int64_t ids_len) {
    double side[4];
    int have = 0, id = -1, k;
    int64_t row, at;
    for (row = r + 1; row < rows && TAPE_START(row) < TAPE_END(r); row += 2) {
        const uint8_t *name = data + TAPE_START(row) + 1, *p = data + TAPE_START(row + 1), *end = data + TAPE_END(row + 1);
        int64_t n = TAPE_END(row) - TAPE_START(row) - 2;
        k = NAMED("left") ? 0 : NAMED("top") ? 1 : NAMED("width") ? 2 : NAMED("height") ? 3 : -1;
        if (k >= 0) {
            if (TAPE_KIND(row + 1) != T_NUMBER || !box_number(p, end, &side[k])) return -1;
            have |= 1 << k;
        } else if (NAMED("class_id")) {
            if (TAPE_KIND(row + 1) != T_NUMBER) return -1;
            for (at = 0, k = 0; at < ids_len; at += 1 + ids[at], k++)
                if (ids[at] == end - p && !memcmp(ids + at + 1, p, (size_t)(end - p))) id = k;
        }
    }
    if (have != 15 || id < 0) return -1;
    if (side[0] + side[2] > width || side[1] + side[3] > height) return -1;
    return shrink > 0 && (side[2] * shrink <= 1 || side[3] * shrink <= 1) ? -1 : id;
}
#endif
