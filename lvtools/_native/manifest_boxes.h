/* Bounding boxes: image_size, annotations and the objects' confidences. Included per instruction set.

   Numbers are written behind the box columns' last row as they are read; they count only when the line is taken. */

static const uint8_t *FN(image_size)(const uint8_t *p, Attribute *a) {
    const uint8_t *name, *end;
    Number number;
    int have = 0;
    if (*p != '[') return NULL;
    p = FN(blank)(p + 1);
    if (*p != '{') return NULL;
    a->size_at = p;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        int bit;
        if (!(p = FN(key)(p, &name, &end))) return NULL;
        bit = IS(name, end, "width") ? 1 : IS(name, end, "height") ? 2 : IS(name, end, "depth") ? 4 : 0;
        if (!bit || have & bit || !(p = read_number(p, &number))) return NULL;
        have |= bit;
        if (bit == 1) a->frame_width = number.value;
        if (bit == 2) a->frame_height = number.value;
        p = FN(blank)(p);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    if (have != 7) return NULL;
    a->size_end = ++p;
    p = FN(blank)(p);
    return *p == ']' ? p + 1 : NULL;
}

static inline const uint8_t *FN(box_number)(State *s, Attribute *a, const uint8_t *p, int field, const uint8_t *start) {
    static const int BUFFER[4] = {B_LEFT, B_TOP, B_WIDTH, B_HEIGHT};
    Number number;
    const uint8_t *q = read_number(p, &number);
    if (!q) return NULL;
    if (field != CLASS_ID) {
        COLUMN(double, BUFFER[field])[s->boxes + a->boxes] = number.value;
    } else {
        if (!number.is_whole) return NULL;
        COLUMN(int64_t, B_BOX_ID)[s->boxes + a->boxes] = number.whole;
        s->id_at[a->boxes] = (uint32_t)(p - start);
        s->id_len[a->boxes] = (uint8_t)(q - p);
    }
    return q;
}

static const uint8_t *FN(box_as_before)(State *s, Attribute *a, const uint8_t *p, const uint8_t *start) {
    const BoxShape *shape = &s->shape;
    int k;
    for (k = 0; k < 5; k++) {
        if (!FN(same)(p, shape->text[k], shape->len[k])) return NULL;
        if (!(p = FN(box_number)(s, a, p + shape->len[k], shape->field[k], start))) return NULL;
    }
    return FN(same)(p, shape->text[5], shape->len[5]) ? p + shape->len[5] : NULL;
}

#if WITH_AVX2
/* Which of 64 bytes are digits. */
static inline uint64_t FN(digits)(const uint8_t *p) {
    const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
    __m256i a = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)p), zero);
    __m256i b = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(p + 32)), zero);
    a = _mm256_cmpeq_epi8(_mm256_min_epu8(a, nine), a);
    b = _mm256_cmpeq_epi8(_mm256_min_epu8(b, nine), b);
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

/* The text before number k, and how many digits that has: `at` counts from `base`, and `digits` are those of 64 bytes there. */
static inline ALWAYS int FN(is_text)(const uint8_t *p, const uint8_t *text, int n) {
    uint32_t equal = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)text)));
    return (~equal & ((1u << n) - 1)) == 0;
}

static inline ALWAYS int FN(digits_at)(uint64_t digits, const uint8_t *base, int at) {
    int n;
    if (at >= 64) return 0;
    n = (int)__builtin_ctzll(~(digits >> at) | 1u << 8);
    return n > 7 || at + n >= 64 || (n > 1 && base[at] == '0') ? 0 : n;   /* behind the mask's end nothing is known */
}

/* A box of five whole numbers of 1 to 7 digits between the texts of the box before; NULL: some other box. Where a number ends
   is read from a bit mask, which is sooner known than its value, and four are made of their digits at once. That a number
   has no fraction is what the text behind it says. */
static inline const uint8_t *FN(box_of_digits)(State *s, Attribute *a, const uint8_t *p, const uint8_t *start) {
    static const uint8_t BUFFER[5] = {B_LEFT, B_TOP, B_WIDTH, B_HEIGHT, B_BOX_ID};   /* of 8 bytes a box, all of them */
    const __m256i tens = _mm256_set1_epi16(0x010A), hundreds = _mm256_set1_epi32(0x00010064), magic = _mm256_set1_epi64x(0x4330000000000000);
    const BoxShape *shape = &s->shape;
    const int64_t row = s->boxes + a->boxes;
    const int id = shape->id;
    uint64_t digits = FN(digits)(p), word[5], last;
    __m256i four, real;
    int n, at = 0;
#define NUMBER(k)                                                                       \
    if (!FN(is_text)(p + at, shape->text[k], shape->len[k])) return NULL;               \
    at += shape->len[k];                                                                \
    if (k == 3) {   /* at least these 32 bytes belong to the line: 64 behind them can be read */ \
        if (at < 32) return NULL;                                                       \
        p += 32; at -= 32;                                                              \
        digits = FN(digits)(p);                                                         \
    }                                                                                   \
    if (!(n = FN(digits_at)(digits, p, at))) return NULL;                               \
    word[k] = (load64(p + at) - 0x3030303030303030u) << (64 - 8 * n);                   \
    if (k == id) { s->id_at[a->boxes] = (uint32_t)(p + at - start); s->id_len[a->boxes] = (uint8_t)n; } \
    at += n;
    NUMBER(0) NUMBER(1) NUMBER(2) NUMBER(3) NUMBER(4)
#undef NUMBER
    if (!FN(is_text)(p + at, shape->text[5], shape->len[5])) return NULL;
    four = _mm256_set_epi64x((int64_t)word[3], (int64_t)word[2], (int64_t)word[1], (int64_t)word[0]);
    four = _mm256_madd_epi16(_mm256_maddubs_epi16(four, tens), hundreds);   /* two times four digits */
    four = _mm256_add_epi64(_mm256_mul_epu32(four, _mm256_set1_epi64x(10000)), _mm256_srli_epi64(four, 32));
    real = _mm256_castpd_si256(_mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(four, magic)), _mm256_castsi256_pd(magic)));   /* exact below 2^52 */
    four = _mm256_blendv_epi8(real, four, _mm256_loadu_si256((const __m256i *)shape->is_id));
    last = join_digits(word[4] + 0x3030303030303030u, 8);
    if (id != 4) {
        const double number = (double)last;
        memcpy(&last, &number, 8);
    }
    COLUMN(int64_t, BUFFER[shape->field[0]])[row] = _mm256_extract_epi64(four, 0);
    COLUMN(int64_t, BUFFER[shape->field[1]])[row] = _mm256_extract_epi64(four, 1);
    COLUMN(int64_t, BUFFER[shape->field[2]])[row] = _mm256_extract_epi64(four, 2);
    COLUMN(int64_t, BUFFER[shape->field[3]])[row] = _mm256_extract_epi64(four, 3);
    COLUMN(uint64_t, BUFFER[shape->field[4]])[row] = last;
    return p + at + shape->len[5];
}
#endif

static const uint8_t *FN(box_in_any_order)(State *s, Attribute *a, const uint8_t *p, const uint8_t *start) {
    BoxShape *shape = &s->shape;
    const uint8_t *name, *end, *before = p;
    int have = 0, count = 0, fits = 1;
    if (*p != '{') return NULL;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        int field;
        if (!(p = FN(key)(p, &name, &end))) return NULL;
        field = IS(name, end, "left") ? LEFT : IS(name, end, "top") ? TOP : IS(name, end, "width") ? BOX_WIDTH
              : IS(name, end, "height") ? BOX_HEIGHT : IS(name, end, "class_id") ? CLASS_ID : -1;
        if (field < 0 || have & 1 << field) return NULL;
        have |= 1 << field;
        if (p - before < PAD - 32) {
            memcpy(shape->text[count], before, (size_t)(p - before));
            shape->len[count] = (int8_t)(p - before);
            shape->field[count] = (int8_t)field;
        } else fits = 0;
        count++;
        if (!(p = FN(box_number)(s, a, p, field, start))) { shape->learned = 0; return NULL; }
        before = p;
        p = FN(blank)(p);
        if (*p == '}') break;
        if (*p != ',') { shape->learned = 0; return NULL; }
    }
    p++;
    shape->learned = fits && have == 31 && p - before < PAD - 32;
    if (have != 31) return NULL;
    if (shape->learned) {
        memcpy(shape->text[5], before, (size_t)(p - before));
        shape->len[5] = (int8_t)(p - before);
        for (count = 0; count < 5; count++) {
            if (shape->field[count] == CLASS_ID) shape->id = (int8_t)count;
            if (count < 4) shape->is_id[count] = shape->field[count] == CLASS_ID ? -1 : 0;
        }
    }
    return p;
}

static const uint8_t *FN(annotations)(State *s, Attribute *a, const uint8_t *p, const uint8_t *start) {
    const uint8_t *q;
    a->boxes = 0;
    if (*p != '[') return NULL;
    a->annotations = p;
    p = FN(blank)(p + 1);
    if (*p == ']') return p + 1;
    for (;; p = FN(blank)(p + 1)) {
        if (a->boxes >= MAX_BOXES) return NULL;
        s->box_at[a->boxes] = (uint32_t)(p - start);
        q = NULL;
#if WITH_AVX2
        if (s->shape.learned) q = FN(box_of_digits)(s, a, p, start);
#endif
        if (!q && s->shape.learned) q = FN(box_as_before)(s, a, p, start);
        if (!q && !(q = FN(box_in_any_order)(s, a, p, start))) return NULL;
        a->boxes++;
        p = FN(blank)(q);
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
    }
}

/* The value of a box attribute: image_size and annotations, nothing else. */
static const uint8_t *FN(boxes)(State *s, Row *row, Attribute *a, const uint8_t *p) {
    const uint8_t *name, *end;
    int have = 0;
    if (*p != '{') return NULL;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        if (!(p = FN(key)(p, &name, &end))) return NULL;
        if (IS(name, end, "image_size") && !(have & 1)) {
            have |= 1;
            if (!(p = FN(image_size)(p, a))) return NULL;
        } else if (IS(name, end, "annotations") && !(have & 2)) {
            have |= 2;
            if (!(p = FN(annotations)(s, a, p, row->start))) return NULL;
        } else return NULL;
        p = FN(blank)(p);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    return have == 3 ? p + 1 : NULL;
}

/* "objects": [{"confidence": 0.9}, ...] */
static const uint8_t *FN(objects)(State *s, Attribute *a, const uint8_t *p) {
    const uint8_t *name, *end;
    double *out = COLUMN(double, B_BOX_CONF) + s->boxes;
    Number number;
    a->objects = 0;
    if (*p != '[') return NULL;
    p = FN(blank)(p + 1);
    if (*p == ']') return p + 1;
    for (;; p = FN(blank)(p + 1)) {
        if (a->objects >= MAX_BOXES) return NULL;
        if (!memcmp(p, "{\"confidence\":0.", 16)) {   /* nearly every one, up to its brace */
            uint64_t word = load64(p + 16);
            int n = count_digits(word);
            if (n > 0 && n < 8 && p[16 + n] == '}') {
                out[a->objects++] = (double)join_digits(word, n) / TEN[n];
                p = FN(blank)(p + 17 + n);
                if (*p == ']') return p + 1;
                if (*p != ',') return NULL;
                continue;
            }
        }
        if (*p != '{') return NULL;
        if (!memcmp(p, "{\"confidence\":", 14)) p += 14;
        else if (!(p = FN(key)(FN(blank)(p + 1), &name, &end)) || !IS(name, end, "confidence")) return NULL;
        p = FN(blank)(p);
        if (!(p = read_number(p, &number)) || !(number.value >= 0 && number.value <= 1)) return NULL;
        out[a->objects++] = number.value;
        p = FN(blank)(p);
        if (*p != '}') return NULL;
        p = FN(blank)(p + 1);
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
    }
}

static int FN(class_of)(const ClassMap *m, const uint8_t *id, int len) {
    int k;
    if (len == 1) return m->direct[*id - '0'];
    for (k = 0; k < m->count; k++) if (m->key[k].len == len && !memcmp(m->bytes + m->key[k].at, id, (size_t)len)) return k;
    return -1;
}

/* Every box against its frame and class map; 0: the slow path words what is wrong. */
static int FN(judge_boxes)(State *s, Row *row, Attribute *a) {
    const double *left = COLUMN(double, B_LEFT) + s->boxes, *top = COLUMN(double, B_TOP) + s->boxes;
    const double *width = COLUMN(double, B_WIDTH) + s->boxes, *height = COLUMN(double, B_HEIGHT) + s->boxes;
    double longest = a->frame_width > a->frame_height ? a->frame_width : a->frame_height, shrink;
    int64_t k, sound = 0;
    if (a->frame_width * a->frame_height > 1e8) return 0;
    if (s->profile == REKOGNITION && !(a->frame_width >= 64 && a->frame_width <= 4096 && a->frame_height >= 64 && a->frame_height <= 4096) &&
        !stage(s, row, C_LV156, a->size_at, a->key, -1, a->size_at, a->size_end - a->size_at, NULL, 0)) return 0;
    if (a->boxes == 0) {
        const uint8_t *root = FN(blank)(row->start);
        return (a->human == 0 || stage(s, row, C_LV157, root, -1, -1, NULL, 0, NULL, 0)) &&
               stage(s, row, C_LV158, a->annotations, a->key, -1, NULL, 0, NULL, 0);
    }
    if (a->objects < a->boxes || (a->boxes > 50 && s->profile == REKOGNITION)) return 0;
    shrink = 1280 / (longest > 1.0 ? longest : 1.0);
    if (shrink > 1.0) shrink = 1.0;
    for (k = 0; k < a->boxes; k++) {
        const uint8_t *id = row->start + s->id_at[k], *box = row->start + s->box_at[k];
        int name = FN(class_of)(a->classes, id, s->id_len[k]), good = 1;
        s->name_of[k] = (uint8_t)(name + 1);
        if (name < 0) {
            good = 0;
            if (!stage(s, row, C_LV152, id, a->key, (int32_t)k, id, s->id_len[k], NULL, 0)) return 0;
        }
        if (left[k] < 0 || top[k] < 0 || width[k] < 0 || height[k] < 0 || left[k] + width[k] > a->frame_width ||
            top[k] + height[k] > a->frame_height) {
            const uint8_t *end = box;
            while (*end != '}') end++;   /* a box holds numbers only */
            good = 0;
            if (!stage(s, row, C_LV153, box, a->key, (int32_t)k, box, end + 1 - box, a->size_at, a->size_end - a->size_at)) return 0;
        } else if (s->profile == REKOGNITION && (width[k] * shrink <= 1 || height[k] * shrink <= 1)) {
            const uint8_t *end = box;
            while (*end != '}') end++;
            good = 0;
            if (!stage(s, row, C_LV154, box, a->key, (int32_t)k, box, end + 1 - box, NULL, 0)) return 0;
        }
        sound += good;
    }
    return sound > 0;
}

/* Append the line's boxes to their columns. 0: no room for the class names, which the input does not bound. */
static int FN(keep_boxes)(State *s, const Attribute *a) {
    int32_t *ends = COLUMN(int32_t, B_BOX_NAME_END) + s->boxes + 1;
    uint8_t *flags = s->at[B_BOX_FLAG] + s->boxes;
    int64_t k;
    s->names_wanted = a->boxes * MAX_NAME;
    if (s->box_name_used + s->names_wanted + 2 * PAD > s->cap[B_BOX_NAME] || s->box_name_used + s->names_wanted > INT32_MAX) return 0;
    s->names_wanted = 0;
    for (k = 0; k < a->boxes; k++) {
        int name = s->name_of[k] - 1;
        flags[k] = F_CONF | F_ID;
        if (name >= 0) {
            FN(put)(s->at[B_BOX_NAME] + s->box_name_used, a->classes->bytes + a->classes->name[name].at, a->classes->name[name].len);
            s->box_name_used += a->classes->name[name].len;
            flags[k] |= F_NAME;
        }
        ends[k] = (int32_t)s->box_name_used;
    }
    s->boxes += a->boxes;
    return 1;
}
