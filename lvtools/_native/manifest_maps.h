/* The sub-objects that lines repeat: color maps and class maps. Equal bytes are parsed once. Included per instruction set. */

static int FN(map_find)(ColorMap *m, const uint8_t *base, int code, const uint8_t *at, const uint8_t *value, int64_t value_len,
                        const uint8_t *part, int64_t part_len) {
    int n = m->finds;
    if (n >= 3 * MAX_MAP + 1) return 0;
    m->find[n].code = code;
    m->find[n].at = (int32_t)(at - base);
    m->find[n].value_at = value ? (int32_t)(value - base) : -1;
    m->find[n].value_len = (int32_t)value_len;
    m->find[n].part_at = part ? (int32_t)(part - base) : -1;
    m->find[n].part_len = (int32_t)part_len;
    m->finds++;
    return 1;
}

/* One entry, {"class-name": ..., "hex-color": ..., "confidence": ...} in any order; `p` stands on its brace. */
static const uint8_t *FN(map_entry)(ColorMap *m, const uint8_t *base, const uint8_t *p, const uint8_t *index, const uint8_t *index_end,
                                    int32_t name_used, uint8_t *names, int profile, int *background) {
    const uint8_t *entry = p, *name, *end, *q, *text = NULL, *text_end = NULL, *hex = NULL;
    int have = 0, k = m->count, n;
    Number number;
    uint8_t *color = m->color + 7 * k;
    if (*p != '{') return NULL;
    m->flag[k] = 0;
    m->conf[k] = 0;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        if (!(p = FN(key)(p, &name, &end))) return NULL;
        if (IS(name, end, "class-name") && !(have & 1) && *p == '"') {
            have |= 1;
            text = p + 1;
            m->name_at[k] = (int32_t)(p - base);
            if (!(q = text_end = FN(string)(text, NULL)) || !plain_name(text, text_end)) return NULL;
            q++;
        } else if (IS(name, end, "hex-color") && !(have & 2) && *p == '"' && p[1] == '#') {
            have |= 2;
            hex = p + 1;
            for (n = 1; n < 7; n++) {
                int c = lower(hex[n]);
                if (!is_digit((uint8_t)c) && (c < 'a' || c > 'f')) return NULL;
                color[n] = (uint8_t)c;
            }
            color[0] = '#';
            q = hex + 7;
            if (*q++ != '"') return NULL;
        } else if (IS(name, end, "confidence") && !(have & 4)) {
            have |= 4;
            if (!(q = read_number(p, &number)) || !(number.value >= 0 && number.value <= 1)) return NULL;
            m->conf[k] = number.value;
            m->flag[k] |= F_CONF;
        } else return NULL;
        p = FN(blank)(q);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    if ((have & 3) != 3) return NULL;
    m->flag[k] |= F_COLOR;
    *background = same_folded(text, text_end - text, "background");
    if (!*background) {
        for (q = text; q < text_end && is_alnum(*q); q++) {}
        if (q < text_end && profile == LOOKOUT &&
            !FN(map_find)(m, base, C_LV191, text - 1, text - 1, text_end - text + 2, index, index_end - index)) return NULL;
    } else if (memcmp(color, "#ffffff", 7) && profile == LOOKOUT &&
               !FN(map_find)(m, base, C_LV184, hex - 1, hex - 1, 9, index, index_end - index)) return NULL;
    if (!(have & 4) && profile != REKOGNITION &&
        !FN(map_find)(m, base, C_LV187, entry, NULL, 0, index, index_end - index)) return NULL;
    FN(put)(names + name_used, text, text_end - text);
    m->name_end[k] = name_used + (int32_t)(text_end - text);
    return p + 1;
}

static const uint8_t *FN(parse_map)(State *s, const uint8_t *p, ColorMap *m) {
    const uint8_t *base = p, *index, *end, *value;
    /* 4 KB hold 21 names of 256 letters in all practice; a longer map goes the slow way. */
    uint8_t names[MAX_NAMES + PAD], indexes[MAX_INDEXES + PAD], distinct[MAX_NAMES + 16 * MAX_MAP + PAD];
    int32_t name_used = 0, index_used = 0, used = 0, j, first = 0;
    int background, zero = 0;
    m->count = m->finds = 0;
    for (p = FN(blank)(p + 1);; p = FN(blank)(p + 1)) {
        if (!(value = FN(key)(p, &index, &end)) || m->count >= MAX_MAP) return NULL;
        for (j = 0, first = 0; j < m->count; first = m->index_end[j++])
            if (m->index_end[j] - first == end - index && !memcmp(indexes + first, index, (size_t)(end - index))) return NULL;
        if (index_used + (end - index) > (int64_t)sizeof indexes - PAD || name_used + MAX_NAME + PAD > (int32_t)sizeof names) return NULL;
        FN(put)(indexes + index_used, index, end - index);
        m->index_end[m->count] = index_used += (int32_t)(end - index);
        if (!(p = FN(map_entry)(m, base, value, index, end, name_used, names, s->profile, &background))) return NULL;
        if (IS(index, end, "0") && background) zero = 1;
        /* Two names for a colour or two colours for a name: LV188, worded by the slow path. */
        for (j = 0, first = 0; j < m->count; first = m->name_end[j++]) {
            int32_t len = m->name_end[j] - first, now = m->name_end[m->count] - name_used;
            int same_name = len == now && !memcmp(names + first, names + name_used, (size_t)len);
            if (same_name != !memcmp(m->color + 7 * j, m->color + 7 * m->count, 7)) return NULL;
        }
        name_used = m->name_end[m->count++];
        p = FN(blank)(p);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    p++;
    if (!zero && s->profile != REKOGNITION && !FN(map_find)(m, base, C_LV183, base, NULL, 0, NULL, 0)) return NULL;
    for (j = 0, first = 0; j < m->count; first = m->name_end[j++]) {
        FN(put)(distinct + used, names + first, m->name_end[j] - first);
        used += m->name_end[j] - first;
        distinct[used++] = 0;
        memcpy(distinct + used, m->color + 7 * j, 7);
        used += 7;
    }
    m->id = intern(&s->distinct, distinct, used);
    if (m->id < 0) return NULL;
    m->size = (int32_t)(p - base);
    if (m->cap < m->size + index_used + name_used + 4 * PAD) {
        free(m->bytes);
        m->cap = (m->size + index_used + name_used + 4 * PAD) * 2;
        if (!(m->bytes = (uint8_t *)malloc((size_t)m->cap))) { m->cap = 0; return NULL; }
    }
    FN(put)(m->bytes, base, m->size);
    m->index = m->bytes + m->size + PAD;
    FN(put)(m->index, indexes, index_used);
    m->name = m->index + index_used + PAD;
    FN(put)(m->name, names, name_used);
    m->index_used = index_used;
    m->name_used = name_used;
    return p;
}

static const uint8_t *FN(color_map)(State *s, const uint8_t *p, const ColorMap **out) {
    int k, tries;
    if (*p != '{') return NULL;
    for (k = s->last_map, tries = 0; tries < COLOR_MAPS; tries++, k = (k + 1) % COLOR_MAPS) {
        const ColorMap *m = &s->map[k];
        if (m->bytes && m->size && FN(same)(p, m->bytes, m->size)) {
            s->last_map = k;
            *out = m;
            return p + m->size;
        }
        if (!m->bytes) break;   /* filled in order */
    }
    k = s->next_map;
    s->map[k].size = 0;         /* whatever happens below, the old one is gone */
    if (!(p = FN(parse_map)(s, p, &s->map[k]))) { s->map[k].size = 0; return NULL; }
    s->next_map = (k + 1) % COLOR_MAPS;
    s->last_map = k;
    *out = &s->map[k];
    return p;
}

static const uint8_t *FN(parse_classes)(const uint8_t *p, ClassMap *m) {
    const uint8_t *base = p, *key, *end, *value, *q;
    int j;
    m->count = 0;
    m->told = 0;
    memset(m->direct, -1, sizeof m->direct);
    for (p = FN(blank)(p + 1); *p != '}' || m->count; p = FN(blank)(p + 1)) {
        if (m->count >= MAX_CLASSES || !(value = FN(key)(p, &key, &end)) || *value != '"') return NULL;
        for (j = 0; j < m->count; j++)
            if (m->key[j].len == end - key && !memcmp(base + m->key[j].at, key, (size_t)(end - key))) return NULL;
        q = FN(string)(value + 1, NULL);
        if (!q || !plain_name(value + 1, q)) return NULL;
        for (j = 0; j < m->count; j++)   /* one name for two numbers: a finding of the slow path */
            if (m->name[j].len == q - value - 1 && !memcmp(base + m->name[j].at, value + 1, (size_t)(q - value - 1))) return NULL;
        m->key[m->count].at = (int32_t)(key - base);
        m->key[m->count].len = (int32_t)(end - key);
        m->name[m->count].at = (int32_t)(value + 1 - base);
        m->name[m->count].len = (int32_t)(q - value - 1);
        if (end - key == 1 && is_digit(*key)) m->direct[*key - '0'] = (int8_t)m->count;
        if (end - key == 2 && *key != '0' && two(key) >= 0 && two(key) < MAX_CLASSES) m->direct[two(key)] = (int8_t)m->count;
        m->count++;
        p = FN(blank)(q + 1);
        if (*p == '}') break;
        if (*p != ',') return NULL;
    }
    p++;
    free(m->bytes);
    m->size = (int32_t)(p - base);
    m->bytes = (uint8_t *)malloc((size_t)m->size + 2 * PAD);
    if (!m->bytes) return NULL;
    memcpy(m->bytes, base, (size_t)m->size);
    return p;
}

static const uint8_t *FN(class_map)(State *s, const uint8_t *p, const ClassMap **out) {
    int k, tries;
    if (*p != '{') return NULL;
    for (k = s->last_classmap, tries = 0; tries < CLASS_MAPS; tries++, k = (k + 1) % CLASS_MAPS) {
        const ClassMap *m = &s->classmap[k];
        if (m->bytes && m->size && FN(same)(p, m->bytes, m->size)) {
            s->last_classmap = k;
            *out = m;
            return p + m->size;
        }
        if (!m->bytes) break;
    }
    k = s->next_classmap;
    s->classmap[k].size = 0;
    if (!(p = FN(parse_classes)(p, &s->classmap[k]))) { s->classmap[k].size = 0; return NULL; }
    s->next_classmap = (k + 1) % CLASS_MAPS;
    s->last_classmap = k;
    *out = &s->classmap[k];
    return p;
}
