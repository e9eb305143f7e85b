/* A line in any key order and spacing (tier b), the templates it teaches (tier a), and the loop over lines.
   Included per instruction set. */

/* A class name behind its quote; behind the closing one, or NULL. */
static inline const uint8_t *FN(class_name)(State *s, Attribute *a, const uint8_t *p) {
    const uint8_t *q;
    Name *m;
    int k;
    a->name = p;
    for (k = 0; k < NAMES; k++) {
        m = &s->name[k];
        if (!m->len) break;   /* filled in order */
        if (FN(same)(p, m->text, m->len)) {
            a->memo = m; a->stamp = m->stamp;
            a->is_normal = m->is_normal; a->is_anomaly = m->is_anomaly;
            a->name_end = p + m->len - 1;
            return p + m->len;
        }
    }
    if (!(q = a->name_end = FN(string)(p, NULL)) || !plain_name(p, q)) return NULL;
    a->is_normal = IS(p, q, "normal");
    a->is_anomaly = IS(p, q, "anomaly");
    a->memo = NULL;
    if (q + 1 - p <= PAD) {
        m = a->memo = &s->name[s->next_name];
        s->next_name = (s->next_name + 1) % NAMES;
        m->len = (int32_t)(q + 1 - p);
        memcpy(m->text, p, (size_t)m->len);
        m->stamp = a->stamp = ++s->stamp;
        m->is_normal = a->is_normal; m->is_anomaly = a->is_anomaly;
        m->code = -1;
        for (k = 0; k < 10; k++) m->pair[k] = -1;
    }
    return q + 1;
}

static inline const uint8_t *FN(job_name)(State *s, Attribute *a, const uint8_t *p) {
    const uint8_t *q;
    Job *m;
    int k;
    a->job = p;
    for (k = 0; k < JOBS; k++) {
        m = &s->job[k];
        if (!m->len) break;
        if (FN(same)(p, m->text, m->len)) {
            a->job_memo = m; a->job_stamp = m->stamp;
            a->job_end = p + m->len - 1;
            return p + m->len;
        }
    }
    if (!(q = a->job_end = FN(string)(p, NULL))) return NULL;
    a->job_memo = NULL;
    if (q + 1 - p <= 2 * PAD) {
        m = a->job_memo = &s->job[s->next_job];
        s->next_job = (s->next_job + 1) % JOBS;
        m->len = (int32_t)(q + 1 - p);
        memcpy(m->text, p, (size_t)m->len);
        m->stamp = a->job_stamp = ++s->stamp;
        m->code = -1;
    }
    return q + 1;
}

/* Read the value of an operation at `p`; the first byte behind it, or NULL. */
static inline const uint8_t *FN(operate)(State *s, Row *row, Attribute *a, int op, const uint8_t *p) {
    const uint8_t *q;
    Number number;
    switch (op) {
    case OP_REF:
        if (*p != '"') return NULL;
        row->ref = p + 1;
        if (!(q = row->ref_end = FN(reference)(p + 1, s->at[B_REF] + s->ref_used))) return NULL;
        row->known_bucket = s->good_len && q - row->ref > s->good_len && FN(same)(row->ref, s->good_prefix, s->good_len);
        if (row->known_bucket) {
            row->ref_code = 0;
            row->bucket_at = 5; row->bucket_len = s->good_len - 6;
            return q + 1;
        }
        row->ref_code = judge_reference(s, row->ref, q, &row->bucket_at, &row->bucket_len);
        return row->ref_code < 0 ? NULL : q + 1;
    case OP_NUMBER:
        a->value = p;
        if (!(p = a->value_end = read_number(p, &number)) || !number.is_whole) return NULL;
        return p;
    case OP_STRING:
        if (*p != '"') return NULL;
        a->value = p;
        if (!(q = FN(string)(p + 1, NULL))) return NULL;
        return a->value_end = q + 1;
    case OP_META:
        a->meta = p;
        return *p == '{' ? p : NULL;
    case OP_CLASS:
        return *p == '"' ? FN(class_name)(s, a, p + 1) : NULL;
    case OP_CONF:
        a->conf_at = p;
        if (!(p = a->conf_end = read_number(p, &number))) return NULL;
        a->conf = number.value;
        return p;
    case OP_DATE:
        a->date = p;
        if (*p != '"' || !(q = read_date(p + 1, &a->moment, &a->javascript))) return NULL;
        return a->date_end = q + 1;
    case OP_JOB:
        return *p == '"' ? FN(job_name)(s, a, p + 1) : NULL;
    case OP_MAP:
        a->map_at = p;
        return FN(color_map)(s, p, &a->map);
    case OP_CLASSES: return FN(class_map)(s, p, &a->classes);
    case OP_OBJECTS: return FN(objects)(s, a, p);
    case OP_BOXES: return FN(boxes)(s, row, a, p);
    default: return FN(scalar)(p);
    }
}

static const uint8_t *FN(do_and_log)(State *s, Row *row, int attribute, int op, const uint8_t *p) {
    const uint8_t *q = FN(operate)(s, row, attribute < 0 ? NULL : &row->attribute[attribute], op, p);
    if (s->logged < MAX_LOG) {
        Logged *l = &s->log[s->logged];
        l->start = p; l->end = q; l->op = op; l->attribute = attribute;
    }
    s->logged++;
    return q;
}

static int FN(attribute_of)(State *s, Row *row, const uint8_t *name, int64_t n) {
    int32_t key = -1;
    int k;
    if (n > 255) return -1;
    for (k = 0; k < s->keys.count && k < 8; k++)   /* most files name two or three attributes: cheaper than a hash */
        if (word_is(&s->keys, k, name, n)) { key = k; break; }
    if (key < 0 && (key = intern(&s->keys, name, n)) < 0) return -1;
    for (k = 0; k < row->attributes; k++) if (row->attribute[k].key == key) return k;
    if (k >= MAX_ATTRIBUTES) return -1;
    memset(&row->attribute[k], 0, sizeof row->attribute[k]);
    row->attribute[k].key = key;
    row->attribute[k].human = 2;
    row->attributes++;
    return k;
}

static const uint8_t *FN(metadata)(State *s, Row *row, int k, const uint8_t *p) {
    Attribute *a = &row->attribute[k];
    const uint8_t *name, *end, *q, *open = p;
    Span seen[MAX_EXTRA];
    int extra = 0;
    if (!FN(do_and_log)(s, row, k, OP_META, p)) return NULL;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        int bit = 0, op = OP_SKIP;
        if (!(p = FN(key)(p, &name, &end)) || !plain_key(name, end)) return NULL;
        switch (end - name) {
        case 4: if (IS(name, end, "type")) { bit = H_TYPE; op = OP_TYPE; } break;
        case 7: if (IS(name, end, "objects")) { bit = H_OBJECTS; op = OP_OBJECTS; } break;
        case 8: if (IS(name, end, "job-name")) { bit = H_JOB; op = OP_JOB; } break;
        case 9: if (IS(name, end, "class-map")) { bit = H_CLASSES; op = OP_CLASSES; } break;
        case 10: if (IS(name, end, "class-name")) { bit = H_CLASS; op = OP_CLASS; }
                 if (IS(name, end, "confidence")) { bit = H_CONF; op = OP_CONF; }
                 break;
        case 13: if (IS(name, end, "creation-date")) { bit = H_DATE; op = OP_DATE; } break;
        case 15: if (IS(name, end, "human-annotated")) { bit = H_HUMAN; op = OP_HUMAN; } break;
        case 17: if (IS(name, end, "adjustment-status")) return NULL;
                 break;
        case 18: if (IS(name, end, "internal-color-map")) { bit = H_MAP; op = OP_MAP; } break;
        default: break;
        }
        if (bit ? a->have & bit : !FN(new_key)(seen, &extra, open, name, end)) return NULL;
        a->have |= bit;
        if (op == OP_TYPE || op == OP_HUMAN) {
            if (*p != '"' || !(q = FN(string)(p + 1, NULL))) return NULL;
            if (op == OP_HUMAN) {
                a->human = IS(p + 1, q, "yes") ? 1 : IS(p + 1, q, "no") ? 0 : 2;
                if (a->human == 2) return NULL;
            } else {
                a->kind = IS(p + 1, q, "groundtruth/image-classification") ? CLASSIFICATION
                        : IS(p + 1, q, "groundtruth/semantic-segmentation") ? SEGMENTATION
                        : IS(p + 1, q, "groundtruth/object-detection") ? BOXES : NO_KIND;
                if (a->kind == NO_KIND) return NULL;
            }
            p = q + 1;
        } else if (!(p = FN(do_and_log)(s, row, k, op, p))) return NULL;
        p = FN(blank)(p);
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
    }
}

static int FN(is_wanted)(const State *s, const uint8_t *name, int64_t n) {
    return (!s->wanted_len || (n == s->wanted_len && !memcmp(name, s->wanted, (size_t)n)));
}

/* The whole line; behind its line feed, or NULL. */
static const uint8_t *FN(any_order)(State *s, Row *row, const uint8_t *p) {
    const uint8_t *name, *end;
    int k, op;
    row->start = p;
    row->ref = NULL;
    row->from = NULL;
    row->attributes = 0;
    s->logged = 0;
    p = FN(blank)(p);
    if (*p != '{') return NULL;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        if (!(p = FN(key)(p, &name, &end)) || !plain_key(name, end) || *name == '$') return NULL;
        if (IS(name, end, "source-ref")) {
            if (row->ref || !(p = FN(do_and_log)(s, row, -1, OP_REF, p))) return NULL;
        } else if (end - name >= 9 && !memcmp(end - 9, "-metadata", 9)) {
            int64_t n = end - name - 9;
            /* Twins of twins and the services' own keys have rules of their own. */
            if (n == 0 || IS(name, end - 9, "source-ref") || IS(name, end - 9, "cl") || (n >= 9 && !memcmp(end - 18, "-metadata", 9))) return NULL;
            if (is_predicted(name, n)) return NULL;
            if ((k = FN(attribute_of)(s, row, name, n)) < 0 || row->attribute[k].have & H_META) return NULL;
            row->attribute[k].have |= H_META;
            if (!(p = FN(metadata)(s, row, k, p))) return NULL;
            if (!(row->attribute[k].have & H_TYPE)) return NULL;
            if (row->attribute[k].kind != SEGMENTATION && n >= 4 && !memcmp(end - 13, "-ref", 4)) return NULL;
            if (row->attribute[k].kind == CLASSIFICATION && !FN(is_wanted)(s, name, n)) return NULL;
        } else {
            if (IS(name, end, "source")) return NULL;
            if ((k = FN(attribute_of)(s, row, name, end - name)) < 0 || row->attribute[k].have & H_VALUE) return NULL;
            row->attribute[k].have |= H_VALUE;
            op = *p == '"' ? OP_STRING : *p == '{' ? OP_BOXES : OP_NUMBER;
            row->attribute[k].value_kind = *p == '"' ? V_STRING : *p == '{' ? V_BOXES : V_NUMBER;
            if (!(p = FN(do_and_log)(s, row, k, op, p))) return NULL;
        }
        p = FN(blank)(p);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    p = FN(blank)(p + 1);
    return *p == '\n' ? p + 1 : NULL;
}

/* Keep the text between the line's values; the type and "yes" stay part of it. */
static void FN(learn)(State *s, const Row *row, const uint8_t *end) {
    Template *t;
    const uint8_t *before = row->start;
    int k, slot, at = 0;
    if (s->logged > MAX_LOG) return;
    slot = s->templates < TEMPLATES ? s->templates : s->order[TEMPLATES - 1];
    t = &s->tpl[slot];
    if (t->cap < end - row->start + (MAX_LOG + 1) * PAD) {
        int32_t cap = (int32_t)(end - row->start) * 2 + (MAX_LOG + 1) * PAD;
        uint8_t *text = (uint8_t *)realloc(t->text, (size_t)cap);
        if (!text) return;
        t->text = text;
        t->cap = cap;
    }
    t->steps = 0;
    for (k = 0; k <= s->logged; k++) {
        const uint8_t *stop = k < s->logged ? s->log[k].start : end;
        Step *step = &t->step[t->steps];
        if (k < s->logged && s->log[k].op == OP_META) {   /* its place is only asked for by what is missing in it */
            int all = H_HUMAN | H_DATE | (s->profile == GROUNDTRUTH ? H_JOB : 0);
            const Attribute *a = &row->attribute[s->log[k].attribute];
            if (a->kind == CLASSIFICATION) all |= H_CONF;
            if ((a->have & all) == all) continue;
        }
        memcpy(t->text + at, before, (size_t)(stop - before));
        memset(t->text + at + (stop - before), 0, PAD);
        step->text_at = at;
        step->text_len = (int32_t)(stop - before);
        at += step->text_len + (PAD - step->text_len % 32);   /* each starts on a 32-byte step, padded */
        step->op = k < s->logged ? (int16_t)s->log[k].op : -1;
        step->attribute = k < s->logged ? (int16_t)s->log[k].attribute : -1;
        if (k < s->logged) before = s->log[k].end;
        t->steps++;
    }
    t->attributes = row->attributes;
    for (k = 0; k < row->attributes; k++) {
        t->fixed[k].key = row->attribute[k].key;
        t->fixed[k].have = row->attribute[k].have;
        t->fixed[k].kind = row->attribute[k].kind;
        t->fixed[k].value_kind = row->attribute[k].value_kind;
        t->fixed[k].human = row->attribute[k].human;
    }
    if (s->templates < TEMPLATES) s->templates++;
    memmove(s->order + 1, s->order, (size_t)(s->templates - 1) * sizeof(int));
    s->order[0] = slot;   /* the newest first; the one unused for longest gave its place */
}

static inline const uint8_t *FN(by_template)(State *s, Row *row, const Template *t, const uint8_t *p) {
    const Step *step = t->step;
    int k;
    if (!FN(same)(p, t->text + step->text_at, step->text_len)) return NULL;
    row->start = p;
    row->ref = NULL;
    if (row->from != t) {
        row->from = t;
        row->attributes = t->attributes;
        for (k = 0; k < t->attributes; k++) {
            Attribute *a = &row->attribute[k];
            a->key = t->fixed[k].key;
            a->have = t->fixed[k].have;
            a->kind = t->fixed[k].kind;
            a->value_kind = t->fixed[k].value_kind;
            a->human = t->fixed[k].human;
        }
    }
    for (p += step->text_len; step->op >= 0;) {
        if (!(p = FN(operate)(s, row, &row->attribute[step->attribute < 0 ? 0 : step->attribute], step->op, p))) return NULL;
        step++;
        if (!FN(same)(p, t->text + step->text_at, step->text_len)) return NULL;
        p += step->text_len;
    }
    return p;
}

/* Take lines from `p`, which are whole up to `end`, until one does not fit. Returns its start, or `end`; `answer` says why. */
static const uint8_t *FN(run)(State *s, const uint8_t *p, const uint8_t *end, int *answer) {
    Row row;
    const uint8_t *ahead;
    int64_t length = 0;
    memset(&row, 0, sizeof row);
    *answer = TAKEN;
    while (p < end) {
        const uint8_t *next = NULL;
        int k, slot, by = 1;
        if (s->rows >= s->row_room || s->ref_used > s->room[B_REF] || s->label_used > s->room[B_LABEL] || s->boxes > s->box_room ||
            s->maps > s->map_room || s->mask_used > s->room[B_MASK] || s->index_used > s->room[B_INDEX] ||
            s->name_used > s->room[B_NAME] || s->color_used > s->room[B_COLOR]) {
            *answer = FULL;
            return p;
        }
        s->staged = 0;
        /* The processor's own look ahead ends with the page, and a dozen columns are written meanwhile. */
        for (ahead = p + AHEAD; ahead < p + AHEAD + length; ahead += 64) __builtin_prefetch(ahead);
        for (k = 0; k < s->templates; k++) {
            slot = s->order[k];
            if ((next = FN(by_template)(s, &row, &s->tpl[slot], p))) {
                if (k) {
                    memmove(s->order + 1, s->order, (size_t)k * sizeof(int));
                    s->order[0] = slot;
                }
                by = 0;
                break;
            }
        }
        if (!next && !(next = FN(any_order)(s, &row, p))) {
            s->taken[2]++;
            *answer = UNFIT;
            return p;
        }
        if ((*answer = FN(take)(s, &row, next)) != TAKEN) {
            s->taken[2] += *answer == UNFIT;
            return p;
        }
        if (by == 0) {
            if (s->credit < 32) s->credit++;
        } else if (s->credit > 0 || ++s->skipped >= 64) {   /* lines that change each time are not worth learning */
            s->credit -= s->credit > 0;
            s->skipped = 0;
            FN(learn)(s, &row, next);
        }
        s->taken[by]++;
        s->line++;
        length = next - p;
        p = next;
    }
    return p;
}
