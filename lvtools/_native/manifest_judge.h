/* A parsed line: is it one that the fast tiers answer for, which findings has it, and its row. Included per instruction set.

   Every test follows lvtools/manifest/rules.py and attributes.py; what is not tested for here is not taken. Findings are
   staged in the order in which those functions make them, since findings at one place keep that order. */

static int FN(judge_common)(State *s, Row *row, Attribute *a) {
    if (s->profile == GROUNDTRUTH && !(a->have & H_JOB) && !stage(s, row, C_LV118, a->meta, a->key, -1, NULL, 0, NULL, 0)) return 0;
    if (!(a->have & H_HUMAN) && !stage(s, row, C_LV127, a->meta, a->key, -1, NULL, 0, NULL, 0)) return 0;
    if (!(a->have & H_DATE)) return s->profile == LOOKOUT || stage(s, row, C_LV129, a->meta, a->key, -1, NULL, 0, NULL, 0);
    return !a->javascript || stage(s, row, C_LV131, a->date, a->key, -1, a->date, a->date_end - a->date, NULL, 0);
}

static int FN(judge_class)(State *s, Row *row, Attribute *a) {
    const uint8_t *k;
    if (!(a->have & H_CLASS)) return 0;
    if (a->value_kind == V_STRING) {
        if (s->profile != GROUNDTRUTH || a->value_end - a->value < 3 || a->value_end - a->value > MAX_DIGITS + 2) return 0;
        for (k = a->value + 1; k < a->value_end - 1; k++) if (!is_digit(*k)) return 0;
    } else if (a->value_kind != V_NUMBER) return 0;
    if (s->profile == LOOKOUT && !a->is_normal && !a->is_anomaly) {
        if (same_folded(a->name, a->name_end - a->name, "normal") || same_folded(a->name, a->name_end - a->name, "anomaly")) return 0;
        if (!stage(s, row, C_LV121, a->name - 1, a->key, -1, a->name - 1, a->name_end - a->name + 2, NULL, 0)) return 0;
    }
    if (!(a->have & H_CONF)) {
        if (s->profile != LOOKOUT && !stage(s, row, C_LV125, a->meta, a->key, -1, NULL, 0, NULL, 0)) return 0;
    } else if (!(a->conf >= 0 && a->conf <= 1)) {
        if (!stage(s, row, C_LV126, a->conf_at, a->key, -1, a->conf_at, a->conf_end - a->conf_at, NULL, 0)) return 0;
    }
    return FN(judge_common)(s, row, a);
}

static int FN(judge_mask)(State *s, Row *row, Attribute *a, int32_t *bucket_at, int32_t *bucket_len) {
    int64_t key_start = word_start(&s->keys, a->key), key_len = s->keys.ends[a->key] - key_start;
    const uint8_t *ref = a->value + 1, *end = a->value_end - 1;
    int code, k;
    if (s->profile == REKOGNITION || a->value_kind != V_STRING || !(a->have & H_MAP)) return 0;
    if (key_len < 4 || memcmp(s->keys.text + key_start + key_len - 4, "-ref", 4)) return 0;
    if (!FN(judge_common)(s, row, a)) return 0;
    for (k = 0; k < a->map->finds; k++) {
        const uint8_t *base = a->map_at;
        if (!stage(s, row, a->map->find[k].code, base + a->map->find[k].at, a->key, -1,
                   a->map->find[k].value_at < 0 ? NULL : base + a->map->find[k].value_at, a->map->find[k].value_len,
                   a->map->find[k].part_at < 0 ? NULL : base + a->map->find[k].part_at, a->map->find[k].part_len)) return 0;
    }
    if (end - ref > MAX_REF || FN(odd_reference)(ref, end)) return 0;
    code = judge_reference(s, ref, end, bucket_at, bucket_len);
    if (code < 0 || (code && !stage(s, row, code, a->value, a->key, -1, a->value, end - ref + 2, NULL, 0))) return 0;
    if (end - ref < 4 || !same_folded(end - 4, 4, ".png"))
        return stage(s, row, C_LV192, a->value, a->key, -1, a->value, end - ref + 2, NULL, 0);
    return 1;
}

static void FN(keep_map)(State *s, const ColorMap *m) {
    int32_t *index_ends = COLUMN(int32_t, B_INDEX_END) + s->maps + 1, *name_ends = COLUMN(int32_t, B_NAME_END) + s->maps + 1;
    int32_t *color_ends = COLUMN(int32_t, B_COLOR_END) + s->maps + 1;
    int k;
    FN(put)(s->at[B_INDEX] + s->index_used, m->index, m->index_used);
    FN(put)(s->at[B_NAME] + s->name_used, m->name, m->name_used);
    FN(put)(s->at[B_COLOR] + s->color_used, m->color, 7 * m->count);
    for (k = 0; k < m->count; k++) {
        index_ends[k] = (int32_t)s->index_used + m->index_end[k];
        name_ends[k] = (int32_t)s->name_used + m->name_end[k];
        color_ends[k] = (int32_t)s->color_used + 7 * (k + 1);
        COLUMN(double, B_MAP_CONF)[s->maps + k] = m->conf[k];
        s->at[B_MAP_FLAG][s->maps + k] = m->flag[k];
    }
    s->index_used += m->index_used;
    s->name_used += m->name_used;
    s->color_used += 7 * m->count;
    s->maps += m->count;
}

static inline int FN(intern_key)(State *s, Words *words, int32_t key) {
    int64_t start = word_start(&s->keys, key);
    return intern(words, s->keys.text + start, s->keys.ends[key] - start);
}

/* The words that a line adds to the tally, told when they are new to this part; in the order of `Tally.see`. */
static int FN(note_words)(State *s, const Row *row, const Attribute *label, const Attribute *mask, const Attribute *boxes) {
    int32_t word, before;
    int64_t count, k;
    if (label) {
        uint8_t text[MAX_NAME + MAX_DIGITS + 2 + 2 * PAD];
        int64_t n = label->name_end - label->name, quote = label->value_kind == V_STRING;
        int64_t digits = label->value_end - label->value - 2 * quote;
        Name *memo = label->memo && label->memo->stamp == label->stamp && digits == 1 ? label->memo : NULL;
        int32_t *known = memo ? &memo->pair[label->value[quote] - '0'] : NULL;
        if (known && *known >= 0) {
            s->pair_lines[*known]++;
            goto told;
        }
        FN(put)(text, label->name, n);
        text[n] = 0;
        FN(put)(text + n + 1, label->value + quote, digits);
        if ((word = intern(&s->pairs, text, n + 1 + digits)) < 0) return 0;
        if ((count = count_word(&s->pair_lines, &s->pair_cap, word)) < 0) return 0;
        if (!count && !tell_news(s, row, N_LABEL, word, label->name - 1, label->key, -1)) return 0;
        if (known) *known = word;
    }
told:
    for (k = 0; boxes && k < boxes->boxes; k++) {
        ClassMap *m = (ClassMap *)boxes->classes;
        int name = s->name_of[k] - 1;
        if (name < 0 || m->told >> name & 1) continue;
        m->told |= (uint64_t)1 << name;
        before = s->box_names.count;
        if ((word = intern(&s->box_names, m->bytes + m->name[name].at, m->name[name].len)) < 0) return 0;
        if (s->box_names.count > before && !tell_news(s, row, N_BOX, word, FN(blank)(row->start), boxes->key, -1)) return 0;
    }
    if (mask) {
        const ColorMap *m = mask->map;
        int first = 0;
        if ((count = count_word(&s->map_lines, &s->map_cap, m->id)) < 0) return 0;
        if (count) return 1;
        if (!tell_news(s, row, N_MAP, m->id, mask->map_at, mask->key, m->count)) return 0;
        for (k = 0; k < m->count; first = m->index_end[k++]) {
            if ((word = intern(&s->indexes, m->index + first, m->index_end[k] - first)) < 0) return 0;
            if (!tell_news(s, row, N_ENTRY, word, mask->map_at + m->name_at[k], mask->key, (int32_t)k)) return 0;
        }
    }
    return 1;
}

static int FN(take)(State *s, Row *row, const uint8_t *line_end) {
    Attribute *label = NULL, *mask = NULL, *boxes = NULL;
    int32_t mask_bucket_at = -1, mask_bucket_len = 0, code;
    int k, pairs = 0, present = 0, want = s->want, named = 0, is_anomaly = 0;
    int64_t r = s->rows;
    Fact *fact;
    if (!row->ref || line_end - row->start > (s->profile == LOOKOUT ? 8192 : s->profile == GROUNDTRUTH ? 20000 : 100000)) return UNFIT;
    if (s->find_count + MAX_STAGED > s->find_cap) return FULL;
    if (row->ref_code && !stage(s, row, row->ref_code, row->ref - 1, -1, -1, row->ref - 1, row->ref_end - row->ref + 2, NULL, 0)) return UNFIT;
    for (k = 0; k < row->attributes; k++) {
        Attribute *a = &row->attribute[k];
        if (!(a->have & H_META)) continue;
        pairs++;
        if (!(a->have & H_VALUE)) return UNFIT;
        if (a->kind == CLASSIFICATION && !label) { label = a; if (!FN(judge_class)(s, row, a)) return UNFIT; }
        else if (a->kind == SEGMENTATION && !mask) { mask = a; if (!FN(judge_mask)(s, row, a, &mask_bucket_at, &mask_bucket_len)) return UNFIT; }
        else if (a->kind == BOXES && !boxes && s->profile != LOOKOUT) {
            boxes = a;
            if (a->value_kind != V_BOXES || (a->have & (H_CLASSES | H_OBJECTS)) != (H_CLASSES | H_OBJECTS)) return UNFIT;
            if (a->objects > a->boxes || !FN(judge_common)(s, row, a) || !FN(judge_boxes)(s, row, a)) return UNFIT;
        } else return UNFIT;
    }
    if (!pairs && (row->attributes || !stage(s, row, C_LV110, FN(blank)(row->start), -1, -1, NULL, 0, NULL, 0))) return UNFIT;
    if (mask && mask_bucket_len && row->bucket_len && (row->bucket_len != mask_bucket_len ||
        memcmp(row->ref + row->bucket_at, mask->value + 1 + mask_bucket_at, (size_t)mask_bucket_len))) {
        if (!stage(s, row, C_LV194, mask->value, mask->key, -1, mask->value + 1 + mask_bucket_at, mask_bucket_len, NULL, 0)) return UNFIT;
    }
    /* From here on the line is taken; only the names of boxes can still lack room, so they go first. */
    if (boxes && want & W_BOXES) {
        if (!s->any_boxes) begin_boxes(s);
        if (!FN(keep_boxes)(s, boxes)) return FULL;
    }
    if (mask && !s->any_masks && want & W_ROWS) begin_masks(s);
    present = P_REF | (boxes ? P_BOXES : 0);
    named = label && (s->profile != LOOKOUT || label->is_normal || label->is_anomaly);
    if (!FN(note_words)(s, row, named ? label : NULL, mask, boxes)) return UNFIT;
    if (label) {
        is_anomaly = label->is_anomaly;
        s->counts[2] += label->is_normal;
        s->counts[3] += is_anomaly;
        present |= P_LABEL | P_LABEL_KEY | (named ? P_CLASS : 0) | (label->have & H_CONF ? P_CONF : 0) | (label->have & H_DATE ? P_DATE : 0) |
                   (label->have & H_HUMAN ? P_HUMAN | (label->human == 1 ? P_YES : 0) : 0) | (label->have & H_JOB ? P_JOB : 0);
        if (want & W_CLASS) {
            Name *memo = label->memo && label->memo->stamp == label->stamp ? label->memo : NULL;
            code = !named ? 0 : memo && memo->code >= 0 ? memo->code : intern(&s->classes, label->name, label->name_end - label->name);
            if (code < 0) return UNFIT;
            if (memo && named) memo->code = code;
            COLUMN(int32_t, B_CLASS)[r] = code;
        }
        if (want & W_JOB) {
            int has_job = label->have & H_JOB;
            Job *memo = has_job && label->job_memo && label->job_memo->stamp == label->job_stamp ? label->job_memo : NULL;
            code = !has_job ? 0 : memo && memo->code >= 0 ? memo->code : intern(&s->jobs, label->job, label->job_end - label->job);
            if (code < 0) return UNFIT;
            if (memo) memo->code = code;
            COLUMN(int32_t, B_JOB)[r] = code;
        }
        if (want & W_LABEL_KEY) {
            if (label->key != s->last_label_key) {
                s->last_label_code = FN(intern_key)(s, &s->label_keys, label->key);
                s->last_label_key = label->key;
            }
            COLUMN(int32_t, B_LABEL_KEY)[r] = s->last_label_code;
        }
        if (want & W_LABEL) {
            int quote = label->value_kind == V_STRING;
            FN(put)(s->at[B_LABEL] + s->label_used, label->value + quote, label->value_end - label->value - 2 * quote);
            s->label_used += label->value_end - label->value - 2 * quote;
        }
        if (want & W_CONF) COLUMN(double, B_CONF)[r] = label->have & H_CONF ? label->conf : 0;
        if (want & W_DATE) COLUMN(int64_t, B_DATE)[r] = label->have & H_DATE ? label->moment : 0;
    } else {
        if (want & W_CLASS) COLUMN(int32_t, B_CLASS)[r] = 0;
        if (want & W_JOB) COLUMN(int32_t, B_JOB)[r] = 0;
        if (want & W_LABEL_KEY) COLUMN(int32_t, B_LABEL_KEY)[r] = 0;
        if (want & W_CONF) COLUMN(double, B_CONF)[r] = 0;
        if (want & W_DATE) COLUMN(int64_t, B_DATE)[r] = 0;
    }
    if (want & W_LABEL) COLUMN(int32_t, B_LABEL_END)[r + 1] = (int32_t)s->label_used;
    if (want & W_REF) COLUMN(int32_t, B_REF_END)[r + 1] = (int32_t)(s->ref_used += row->ref_end - row->ref);
    if (mask) {
        present |= P_MASK | P_MASK_KEY | P_MAP;
        if (want & W_MASK) {
            FN(put)(s->at[B_MASK] + s->mask_used, mask->value + 1, mask->value_end - mask->value - 2);
            s->mask_used += mask->value_end - mask->value - 2;
        }
        if (want & W_MAP) FN(keep_map)(s, mask->map);
    }
    if (s->any_masks && want & W_MASK_KEY) {
        if (mask && mask->key != s->last_mask_key) {
            s->last_mask_code = FN(intern_key)(s, &s->mask_keys, mask->key);
            s->last_mask_key = mask->key;
        }
        COLUMN(int32_t, B_MASK_KEY)[r] = mask ? s->last_mask_code : 0;
    }
    if (s->any_masks && want & W_MASK) COLUMN(int32_t, B_MASK_END)[r + 1] = (int32_t)s->mask_used;
    if (s->any_masks && want & W_MAP) COLUMN(int32_t, B_MAP_END)[r + 1] = (int32_t)s->maps;
    if (s->any_boxes && want & W_BOXES) COLUMN(int32_t, B_BOX_END)[r + 1] = (int32_t)s->boxes;
    if (want & W_ROWS) {
        COLUMN(uint16_t, B_PRESENT)[r] = (uint16_t)present;
        s->present_in_all &= present;
        s->present_in_any |= present;
        COLUMN(int64_t, B_LINE)[r] = s->line + 1;
        COLUMN(int64_t, B_START)[r] = position(s, row->start);
        s->rows++;
    }
    if (row->bucket_at >= 0 && !(row->known_bucket && s->good_noted)) {
        s->good_noted = row->known_bucket;
        note_bucket(s, row->ref + row->bucket_at, row->bucket_len, s->line, position(s, row->start), position(s, row->ref - 1));
    }
    s->counts[0]++;
    s->counts[1] += named || boxes || mask;
    s->counts[4] += mask != NULL;
    s->counts[5] += boxes && boxes->boxes;
    fact = s->facts + s->fact_count++;
    hash96(row->ref, row->ref_end - row->ref, s->key, &fact->hash, &fact->hash2);
    fact->line = (uint32_t)s->line;
    fact->start = position(s, row->start);
    fact->ref_at = (uint32_t)(row->ref - 1 - row->start);
    fact->ref_len = (uint32_t)(row->ref_end - row->ref + 2);
    fact->map_at = mask ? (uint32_t)(mask->map_at - row->start) : 0;
    fact->map_id = mask ? mask->map->id : -1;
    fact->mask_key = mask ? mask->key : -1;
    fact->flags = K_REF | (is_anomaly && !mask && s->profile == LOOKOUT ? K_UNMASKED : 0);
    s->find_count += s->staged;
    return TAKEN;
}
