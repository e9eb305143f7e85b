/* Numbers and dates, exactly as Python reads them, or not at all (NULL): then the slow path decides. */
#ifndef LVTOOLS_MANIFEST_VALUES_H
#define LVTOOLS_MANIFEST_VALUES_H

#include <locale.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

typedef struct { double value; int64_t whole; int is_whole; } Number;

static const double TEN[23] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
                               1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t plain_locale;  /* strtod listens to the process's locale, strtod_l does not */

static int is_digit(uint8_t byte) { return (uint8_t)(byte - '0') <= 9; }

/* Digits that do not fit an integer over a power of ten: strtod rounds correctly, as Python's float does. */
static const uint8_t *long_number(const uint8_t *p, Number *out) {
    char text[72];
    char *end;
    int n = 0;
    while (n < 64 && (is_digit(p[n]) || p[n] == '.' || p[n] == 'e' || p[n] == 'E' || p[n] == '-' || p[n] == '+')) n++;
    if (n >= 64 || !plain_locale) return NULL;
    memcpy(text, p, (size_t)n);
    text[n] = 0;
    out->value = strtod_l(text, &end, plain_locale);
    out->is_whole = 0;
    if (end != text + n || !(out->value - out->value == 0)) return NULL;   /* infinite: a finding */
    return p + n;
}

/* Digits at the start of 8 bytes (low byte first): 0..8. */
static inline int count_digits(uint64_t v) {
    uint64_t other = ((v & 0xF0F0F0F0F0F0F0F0u) | (((v + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4)) ^ 0x3333333333333333u;
    return other ? __builtin_ctzll(other) >> 3 : 8;
}

/* The number that the first n (1..8) of 8 bytes write, all of them digits: three multiplications instead of n. */
static inline uint64_t join_digits(uint64_t v, int n) {
    v = (v - 0x3030303030303030u) << (64 - 8 * n);
    v = v * 10 + (v >> 8);
    return (((v & 0x000000FF000000FFu) * 0x000F424000000064u) + (((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >> 32;
}

/* Any other JSON number; minus zero, and integers of more than 15 digits, are left to the slow path. */
static const uint8_t *odd_number(const uint8_t *p, Number *out) {
    const uint8_t *start = p, *first;
    uint64_t mantissa = 0;
    int64_t digits;
    int negative = *p == '-';
    p += negative;
    first = p;
    while (is_digit(*p) && p - first < 19) mantissa = mantissa * 10 + (uint64_t)(*p++ - '0');
    digits = p - first;
    if (digits == 0 || (digits > 1 && *first == '0')) return NULL;
    if (*p != '.' && *p != 'e' && *p != 'E') {
        if (digits > 15 || (negative && mantissa == 0)) return NULL;
        out->is_whole = 1;
        out->whole = negative ? -(int64_t)mantissa : (int64_t)mantissa;
        out->value = (double)out->whole;
        return p;
    }
    if (*p == '.') {
        const uint8_t *point = ++p;
        while (is_digit(*p) && p - first < 20) mantissa = mantissa * 10 + (uint64_t)(*p++ - '0');
        if (p == point) return NULL;
        if (*p != 'e' && *p != 'E' && !is_digit(*p) && mantissa < ((uint64_t)1 << 53)) {
            double value = (double)mantissa / TEN[p - point];   /* one rounding: both are exact */
            out->is_whole = 0;
            out->value = negative ? -value : value;
            return p;
        }
        while (is_digit(*p)) p++;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!is_digit(*p)) return NULL;
    }
    return long_number(start, out);
}

/* A JSON number; nearly every one of a manifest has fewer than 8 digits on either side of its point. */
static inline ALWAYS const uint8_t *read_number(const uint8_t *p, Number *out) {
    static const uint32_t POWER[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    uint64_t word = load64(p), mantissa;
    int n = count_digits(word), m;
    if (n > 0 && n < 8 && (*p != '0' || n == 1)) {
        mantissa = join_digits(word, n);
        if (p[n] == '.') {
            word = load64(p + n + 1);
            m = count_digits(word);
            if (m > 0 && m < 8 && (p[n + 1 + m] | 32) != 'e') {
                out->is_whole = 0;
                out->value = (double)(mantissa * POWER[m] + join_digits(word, m)) / TEN[m];   /* one rounding */
                return p + n + 1 + m;
            }
        } else if ((p[n] | 32) != 'e') {
            out->is_whole = 1;
            out->whole = (int64_t)mantissa;
            out->value = (double)mantissa;
            return p + n;
        }
    }
    return odd_number(p, out);
}

/* ---- dates ---- */
static inline int two(const uint8_t *p) {
    return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* Days from 1970-01-01, by the proleptic Gregorian calendar; year from 1. */
static inline int64_t days_from_civil(int year, int month, int day, int leap) {
    static const int16_t BEFORE[13] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned past = (unsigned)year - 1;
    return (int64_t)past * 365 + past / 4 - past / 100 + past / 400 + BEFORE[month] + (leap && month > 2) + day - 719163;
}

static inline int moment(int year, int month, int day, int hour, int minute, int second, int64_t *out) {
    static const int8_t DAYS[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    /* The first and last years can leave datetime's range when a zone is taken off: Python decides there. */
    if (year < 2 || year > 9998 || month < 1 || month > 12 || day < 1 || day > DAYS[month] + (month == 2 && leap)) return 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
    *out = (days_from_civil(year, month, day, leap) * 86400 + hour * 3600 + minute * 60 + second) * 1000000;
    return 1;
}

/* Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time) */
static const uint8_t *read_javascript_date(const uint8_t *p, int64_t *out) {
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int month, day, year;
    if (p[0] < 'A' || p[0] > 'Z' || p[1] < 'a' || p[1] > 'z' || p[2] < 'a' || p[2] > 'z' || p[3] != ' ') return NULL;
    for (month = 0; month < 12 && memcmp(p + 4, MONTHS + 3 * month, 3); month++) {}
    if (month == 12 || p[7] != ' ' || !is_digit(p[8])) return NULL;
    if (is_digit(p[9])) { day = two(p + 8); p += 10; } else { day = p[8] - '0'; p += 9; }
    if (p[0] != ' ' || two(p + 1) < 0 || two(p + 3) < 0 || p[5] != ' ' || p[8] != ':' || p[11] != ':') return NULL;
    year = two(p + 1) * 100 + two(p + 3);
    if (!moment(year, month + 1, day, two(p + 6), two(p + 9), two(p + 12), out)) return NULL;
    p += 14;
    if (p[0] == ' ' && (memcmp(p + 1, "GMT", 3) == 0 || memcmp(p + 1, "UTC", 3) == 0)) {
        int hours = two(p + 5), minutes, sign = p[4] == '-' ? -1 : 1;
        if ((p[4] != '+' && p[4] != '-') || hours < 0 || hours > 23) return NULL;
        p += 7 + (p[7] == ':');
        minutes = two(p);
        if (minutes < 0 || minutes > 59) return NULL;
        *out -= sign * (int64_t)(hours * 60 + minutes) * 60000000;
        p += 2;
    }
    if (p[0] == ' ' && p[1] == '(') {
        for (p += 2; *p != ')'; p++)
            if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\' || *p == '(') return NULL;
        p++;
    }
    return *p == '"' ? p : NULL;
}

/* 2024-01-31T23:59:59, or a blank for the T: eight bytes at a time. A digit's byte less its '0' has to be below 10 and a
   separator's byte less itself 0, so that one addition carries into bit 7 of every byte that is something else. */
static inline int read_clock(const uint8_t *p, int64_t *out) {
    uint64_t day = load64(p) ^ 0x2D30302D30303030u, hour = load64(p + 8) ^ 0x30303A3030543030u, second, odd;
    if (p[10] == ' ') hour ^= (uint64_t)(' ' ^ 'T') << 16;
    second = ((uint64_t)load32(p + 16) ^ 0x0030303Au) & 0x00FFFFFFu;
    odd = day | hour | second | (day + 0x7F76767F76767676u) | (hour + 0x76767F76767F7676u) | (second + 0x0076767Fu);
    if (odd & 0x8080808080808080u) return 0;
    day = day * 10 + (day >> 8); hour = hour * 10 + (hour >> 8); second = second * 10 + (second >> 8);
    return moment((int)((day & 255) * 100 + (day >> 16 & 255)), (int)(day >> 40 & 255), (int)(hour & 255),
                  (int)(hour >> 24 & 255), (int)(hour >> 48 & 255), (int)(second >> 8 & 255), out);
}

/* `p` stands behind the opening quote; returns the closing one. The forms real manifests hold, each as fromisoformat reads it. */
static inline const uint8_t *read_date(const uint8_t *p, int64_t *out, int *javascript) {
    int digits;
    int64_t micro;
    *javascript = 0;
    if (!is_digit(*p)) {
        *javascript = 1;
        return read_javascript_date(p, out);
    }
    if (!read_clock(p, out)) return NULL;
    p += 19;
    if (*p == '.') {
        uint64_t fraction = load64(++p);
        digits = count_digits(fraction);
        if (digits == 6) micro = (int64_t)join_digits(fraction, 6);
        else if (digits == 3) micro = 1000 * (int64_t)join_digits(fraction, 3);
        else return NULL;
        *out += micro;
        p += digits;
    }
    if (*p == 'Z') p++;
    else if (*p == '+' || *p == '-') {
        int hours = two(p + 1), minutes = p[3] == ':' ? two(p + 4) : -1;
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return NULL;
        *out -= (*p == '-' ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60000000;
        p += 6;
    }
    return *p == '"' ? p : NULL;
}
#endif
