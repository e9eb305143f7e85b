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
        q = s->shape.learned ? FN(box_as_before)(s, a, p, start) : NULL;
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
        if (*p != '{') return NULL;
        if (!memcmp(p, "{\"confidence\":", 14)) p += 14;
        else if (!(p = FN(key)(FN(blank)(p + 1), &name, &end)) || !IS(name, end, "confidence")) return NULL;
        p = FN(blank)(p);
        if (!(p = read_number(p, &number)) || !(number.value >= 0 && number.value <= 1)) return NULL;
        if (a->objects >= MAX_BOXES) return NULL;
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
