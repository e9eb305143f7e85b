/* Strings and fixed text, 32 bytes at a time with AVX2, 8 without. Included once per instruction set: see FN.

   Reads up to PAD bytes behind the line: a window ends with a line feed, and PAD readable bytes follow it. A string cannot
   run over that line feed, because control characters end it. */

#if WITH_AVX2
#define WIDE 32
static inline uint32_t FN(stops)(const uint8_t *p, uint8_t *out) {
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    /* Signed: bytes from 0x80 are negative, so one compare finds them and the control characters. */
    __m256i odd = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v);
    __m256i quote = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"'));
    __m256i slash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
    if (out) _mm256_storeu_si256((__m256i *)out, v);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(odd, _mm256_or_si256(quote, slash)));
}
static inline int FN(same)(const uint8_t *p, const uint8_t *text, int64_t n) {
    for (; n > 32; p += 32, text += 32, n -= 32)
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p),
                                                   _mm256_loadu_si256((const __m256i *)text))) != -1) return 0;
    uint32_t equal = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p),
                                                                      _mm256_loadu_si256((const __m256i *)text)));
    return n == 32 ? equal == 0xFFFFFFFFu : (~equal & ((1u << n) - 1)) == 0;
}
#else
#define WIDE 8
static inline uint64_t FN(stops)(const uint8_t *p, uint8_t *out) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t v = load64(p), quote = v ^ (ones * '"'), slash = v ^ (ones * '\\');
    if (out) memcpy(out, &v, 8);
    /* The lowest bit set is exact; those above it may be false, and are not looked at. */
    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | v) & high;
}
static inline int FN(same)(const uint8_t *p, const uint8_t *text, int64_t n) {
    for (; n >= 8; p += 8, text += 8, n -= 8) if (load64(p) != load64(text)) return 0;
    return n == 0 || ((load64(p) ^ load64(text)) << (8 * (8 - n))) == 0;
}
#endif

/* One well-formed character beyond ASCII (Unicode table 3-7); its length, or 0. */
static int FN(character)(const uint8_t *p) {
    uint8_t low = 0x80, high = 0xBF;
    int more, k;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) more = 1;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        more = 2;
        if (p[0] == 0xE0) low = 0xA0;
        if (p[0] == 0xED) high = 0x9F;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        more = 3;
        if (p[0] == 0xF0) low = 0x90;
        if (p[0] == 0xF4) high = 0x8F;
    } else return 0;
    for (k = 1; k <= more; k++, low = 0x80, high = 0xBF) if (p[k] < low || p[k] > high) return 0;
    return more + 1;
}

static const uint8_t *FN(foreign_string)(const uint8_t *p, uint8_t *out) {
    for (;;) {
        int n = 1;
        if (*p == '"') return p;
        if (*p < 0x20 || *p == '\\') return NULL;
        if (*p >= 0x80 && !(n = FN(character)(p))) return NULL;
        if (out) { memcpy(out, p, (size_t)n); out += n; }
        p += n;
    }
}

/* `p` stands behind the opening quote; the closing one, with the text copied to `out` on the way, or NULL when there is an
   escape, a control character or broken UTF-8. */
static inline const uint8_t *FN(string)(const uint8_t *p, uint8_t *out) {
    for (;; p += WIDE, out += out ? WIDE : 0) {
        uint64_t stops = FN(stops)(p, out);
        if (stops) {
            int n = WIDE == 8 ? __builtin_ctzll(stops) >> 3 : __builtin_ctzll(stops);
            if (p[n] == '"') return p + n;
            return p[n] >= 0x80 ? FN(foreign_string)(p + n, out ? out + n : NULL) : NULL;
        }
    }
}

/* A reference that check_reference may have more to say about than judge_reference knows: a percent sign, two slashes behind
   the bucket, a blank at an end, or anything that is not printed ASCII. */
static inline int FN(odd_reference)(const uint8_t *p, const uint8_t *end) {
    const uint8_t *start = p;
    if (p >= end || *p == ' ' || end[-1] == ' ') return 1;
    for (; p < end; p += WIDE) {
#if WITH_AVX2
        __m256i v = _mm256_loadu_si256((const __m256i *)p), slash = _mm256_set1_epi8('/');
        __m256i next = _mm256_loadu_si256((const __m256i *)(p + 1));
        __m256i odd = _mm256_or_si256(v, _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('%')),
                                                         _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f))));
        uint32_t odds = (uint32_t)_mm256_movemask_epi8(odd), keep = end - p >= 32 ? 0xFFFFFFFFu : (1u << (end - p)) - 1;
        uint32_t pairs = (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(_mm256_cmpeq_epi8(v, slash), _mm256_cmpeq_epi8(next, slash)));
        if (p == start) pairs &= ~(uint32_t)15;   /* "s3://" */
        if ((odds | pairs) & keep) return 1;
#else
        const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
        uint64_t v = load64(p), keep = end - p >= 8 ? ~(uint64_t)0 : ((uint64_t)1 << 8 * (end - p)) - 1;
        uint64_t percent = v ^ (ones * '%'), del = v ^ (ones * 0x7f), pair = (v ^ (ones * '/')) | (load64(p + 1) ^ (ones * '/'));
        if (p == start) pair |= 0x00000000FFFFFFFFu;   /* "s3://": no hit in these four */
        /* The lowest bit set is exact, and false ones stand above it: whether there is one is exact. */
        if ((((percent - ones) & ~percent) | ((del - ones) & ~del) | ((pair - ones) & ~pair) | v) & high & keep) return 1;
#endif
    }
    return 0;
}

/* A reference behind its quote, copied to `out`: the closing quote, or NULL when it is no string or an odd one. */
static inline const uint8_t *FN(reference)(const uint8_t *p, uint8_t *out) {
#if WITH_AVX2
    const uint8_t *start = p;
    const __m256i slash = _mm256_set1_epi8('/');
    for (;; p += 32, out += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)p), next = _mm256_loadu_si256((const __m256i *)(p + 1));
        __m256i stop = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v),   /* signed: from 0x80 on too */
                                       _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                                       _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'))));
        __m256i odd = _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('%')),
                                                      _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f))),
                                      _mm256_and_si256(_mm256_cmpeq_epi8(v, slash), _mm256_cmpeq_epi8(next, slash)));
        uint32_t stops = (uint32_t)_mm256_movemask_epi8(stop), odds = (uint32_t)_mm256_movemask_epi8(odd);
        _mm256_storeu_si256((__m256i *)out, v);
        if (p == start) odds = start[3] == '/' ? odds & ~(uint32_t)8 : odds;   /* the slashes of "s3://" */
        if (stops) odds &= stops ^ (stops - 1);
        if (odds || p - start > MAX_REF) return NULL;
        if (stops) {
            p += __builtin_ctz(stops);
            return *p == '"' && p > start && *start != ' ' && p[-1] != ' ' ? p : NULL;
        }
    }
#else
    const uint8_t *end = FN(string)(p, NULL);
    if (!end || end - p > MAX_REF || FN(odd_reference)(p, end)) return NULL;
    memcpy(out, p, (size_t)(end - p));
    return end;
#endif
}

static inline const uint8_t *FN(blank)(const uint8_t *p) {
    while (*p == ' ' || *p == '\t' || *p == '\r') p++;
    return p;
}

/* A key and its colon: `p` stands on the opening quote. Returns the value's first byte. */
static inline const uint8_t *FN(key)(const uint8_t *p, const uint8_t **name, const uint8_t **end) {
    const uint8_t *q;
    if (*p != '"') return NULL;
    *name = p + 1;
    q = FN(string)(p + 1, NULL);
    if (!q) return NULL;
    *end = q;
    p = FN(blank)(q + 1);
    return *p == ':' ? FN(blank)(p + 1) : NULL;
}

/* A scalar that says nothing to us, but has to be sound JSON. */
static const uint8_t *FN(scalar)(const uint8_t *p) {
    Number number;
    const uint8_t *q;
    if (*p == '"') return (q = FN(string)(p + 1, NULL)) ? q + 1 : NULL;
    if (!memcmp(p, "true", 4) || !memcmp(p, "null", 4)) return p + 4;
    if (!memcmp(p, "false", 5)) return p + 5;
    return read_number(p, &number);
}

/* A key that is not known: 0 when it stands in its object already. */
static int FN(new_key)(Span *seen, int *count, const uint8_t *base, const uint8_t *name, const uint8_t *end) {
    int k;
    if (*count >= MAX_EXTRA) return 0;
    for (k = 0; k < *count; k++)
        if (seen[k].len == end - name && !memcmp(base + seen[k].at, name, (size_t)(end - name))) return 0;
    seen[*count].at = name - base;
    seen[(*count)++].len = (int32_t)(end - name);
    return 1;
}


/* Copy n bytes; up to 31 more are written, for which every text buffer has room. */
static inline void FN(put)(uint8_t *out, const uint8_t *p, int64_t n) {
#if WITH_AVX2
    int64_t k = 0;
    do { _mm256_storeu_si256((__m256i *)(out + k), _mm256_loadu_si256((const __m256i *)(p + k))); k += 32; } while (k < n);
#else
    memcpy(out, p, (size_t)n);
#endif
}
