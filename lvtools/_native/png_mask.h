/* A mask's bytes to colours and counts, and to run lists when they are wanted: the parts put together.
 *
 * Rows that are equal are one group: its runs are counted once, times the number of rows. The first row of a group is
 * where new colours are first seen, so the order of first sight is that of the pixels. */
#ifndef LV_PNG_MASK_H
#define LV_PNG_MASK_H

#include "png_colors.h"
#include "png_inflate.h"
#include "png_rows.h"
#include "png_walk.h"

typedef struct { /* what is kept: groups of equal rows, each with its runs in pixels */
    lv_run *runs; /* color: the number of the colour, or the index or grey level */
    int64_t *starts; /* of group g: its runs are runs[starts[g]:starts[g + 1]] */
    int32_t *rows;   /* how many rows the group has */
    int64_t run_count, run_room, group_count, group_room, most_runs;
} lv_kept;

typedef struct {
    lv_png png;
    lv_window window;
    lv_inflate stream;
    lv_colors colors;
    lv_kept kept;
    int keep;
    /* The current group of equal rows: as runs, as bytes, or both; `rows` of them from row `top` on. */
    lv_run *runs, *spare_runs;
    uint8_t *bytes, *spare_bytes;
    int64_t run_count; /* 0: not known as runs */
    int has_bytes;
    int64_t cells_room, bytes_room;
    int64_t row, top;
} lv_mask;

/* A stream of more than 1/12 of its inflated size has few zero matches: plain copies are faster. Measured. */
#define LV_DENSE_RATIO 12

/* From here on counting a busy row of bytes by a histogram (4 kB to clear and add up) beats finding its runs. */
#define LV_HISTOGRAM_CELLS 512

static int lv_mask_room(lv_mask *m) {
    int64_t cells = m->png.cells, bytes = m->png.row_bytes;
    if (!m->window.bytes) {
        m->window.bytes = calloc(1, LV_WINDOW + LV_PAD);
        m->window.marks = calloc(LV_WINDOW / LV_SLIDE + 2, sizeof(uint64_t));
    }
    if (cells > m->cells_room) {
        free(m->runs);
        free(m->spare_runs);
        m->runs = malloc((size_t)(cells + 2) * sizeof(lv_run));
        m->spare_runs = malloc((size_t)(cells + 2) * sizeof(lv_run));
        m->cells_room = m->runs && m->spare_runs ? cells : 0;
    }
    if (bytes > m->bytes_room) {
        free(m->bytes);
        free(m->spare_bytes);
        m->bytes = calloc(1, (size_t)bytes + 64);
        m->spare_bytes = calloc(1, (size_t)bytes + 64);
        m->bytes_room = m->bytes && m->spare_bytes ? bytes : 0;
    }
    return m->window.bytes && m->window.marks && m->cells_room && m->bytes_room ? 0 : LV_NO_ROOM;
}

static void lv_mask_free(lv_mask *m) {
    free(m->window.bytes);
    free(m->window.marks);
    free(m->runs);
    free(m->spare_runs);
    free(m->bytes);
    free(m->spare_bytes);
    free(m->kept.runs);
    free(m->kept.starts);
    free(m->kept.rows);
    lv_colors_free(&m->colors);
}

/* ---- Keeping run lists. */
static int lv_keep_room(lv_kept *k, int64_t more) {
    if (k->run_count + more > k->most_runs) return LV_NO_ROOM;
    if (k->run_count + more > k->run_room) {
        int64_t room = 2 * k->run_room > k->run_count + more ? 2 * k->run_room : k->run_count + more + 256;
        lv_run *runs = realloc(k->runs, (size_t)room * sizeof(lv_run));
        if (!runs) return LV_NO_ROOM;
        k->runs = runs;
        k->run_room = room;
    }
    if (k->group_count + 2 > k->group_room) {
        int64_t room = 2 * k->group_room + 64;
        int64_t *starts = realloc(k->starts, (size_t)room * sizeof(int64_t));
        int32_t *rows;
        if (!starts) return LV_NO_ROOM;
        k->starts = starts;
        rows = realloc(k->rows, (size_t)room * sizeof(int32_t));
        if (!rows) return LV_NO_ROOM;
        k->rows = rows;
        k->group_room = room;
    }
    return 0;
}

/* Runs of bytes that hold several pixels each, as runs of pixels; room for all pixels of the row has been made. */
static void lv_keep_packed(lv_kept *k, const lv_png *png, const lv_run *runs, int64_t n) {
    const int depth = png->depth, per_byte = 8 / depth;
    lv_line line = {k->runs + k->run_count, 0, 0};
    int32_t cell = 0;
    int64_t r;
    for (r = 0; r < n; cell = runs[r++].end) {
        uint32_t value = runs[r].color, low = value & ((1u << depth) - 1);
        int32_t pixel = cell * per_byte, stop = runs[r].end * per_byte;
        if (stop > png->width) stop = png->width;
        if (value == low * (255u / ((1u << depth) - 1))) lv_emit(&line, stop, low); /* all its pixels are the same */
        for (; line.end < stop; pixel++)
            lv_emit(&line, pixel + 1, value >> (8 - depth * (1 + pixel % per_byte)) & ((1u << depth) - 1));
    }
    k->run_count += line.n;
}

/* ---- Counting a group. */
static int lv_group_end(lv_mask *m) {
    const lv_png *png = &m->png;
    const int64_t rows = m->row - m->top, place = m->top * png->cells;
    const int packed = png->depth < 8;
    const lv_run *runs = m->runs;
    lv_kept *kept = &m->kept;
    int32_t c = 0;
    int64_t k;
    if (!rows) return 0;
    if (!m->run_count && png->bpp == 1 && !m->keep && png->cells >= LV_HISTOGRAM_CELLS) {
        lv_count_row(&m->colors, m->bytes, png->cells - packed, rows, place);
        if (packed) lv_count_last(&m->colors, m->bytes[png->cells - 1], rows, place + png->cells - 1);
        return 0;
    }
    if (!m->run_count) m->run_count = lv_find_runs(m->bytes, png->cells, m->runs, png->bpp);
    if (m->keep && lv_keep_room(kept, packed ? png->width : m->run_count)) return LV_NO_ROOM;
    if (m->keep) {
        kept->starts[kept->group_count] = kept->run_count;
        kept->rows[kept->group_count++] = (int32_t)rows;
    }
    if (png->bpp == 1) {
        for (k = 0; k < m->run_count; c = runs[k++].end) {
            int64_t cells = runs[k].end - c - (packed && runs[k].end == png->cells);
            if (cells) lv_count_byte(&m->colors, runs[k].color, cells * rows, place + c);
        }
        if (packed) {
            lv_count_last(&m->colors, runs[k - 1].color, rows, place + png->cells - 1);
            if (m->keep) lv_keep_packed(kept, png, runs, m->run_count);
        } else if (m->keep) {
            memcpy(kept->runs + kept->run_count, runs, (size_t)m->run_count * sizeof(lv_run));
            kept->run_count += m->run_count;
        }
        return 0;
    }
    for (k = 0; k < m->run_count; c = runs[k++].end) {
        int32_t id;
        if (k + 16 < m->run_count) lv_color_ahead(&m->colors, runs[k + 16].color);
        id = lv_color_id(&m->colors, runs[k].color, place + c);
        if (LV_UNLIKELY(id < 0)) return LV_NO_ROOM;
        m->colors.counts[id] += (runs[k].end - c) * rows;
        if (m->keep) {
            kept->runs[kept->run_count].end = runs[k].end;
            kept->runs[kept->run_count++].color = (uint32_t)id;
        }
    }
    return 0;
}

/* ---- One row: its filter byte lies at window offset `at`. */
static int lv_row(lv_mask *m, int64_t at) {
    const lv_png *png = &m->png;
    const uint8_t *row = m->window.bytes + at;
    const int filter = row[0];
    int64_t n;
    lv_run *swap;
    uint8_t *swap_bytes;
    if (filter > 4) return LV_DAMAGED;
    if (!m->window.dense && lv_count_marks(&m->window, at + 1, at + 1 + png->row_bytes) * 4 <= png->row_bytes / 32 * 3 + 8) {
        if (!m->run_count && filter >= 2) m->run_count = lv_find_runs(m->bytes, png->cells, m->runs, png->bpp);
        n = lv_row_of_runs(&m->window, at + 1, filter, m->runs, png->cells, m->spare_runs, png->bpp);
        if (m->row && (!n || (n == m->run_count && !memcmp(m->runs, m->spare_runs, (size_t)n * sizeof(lv_run))))) {
            m->row++; /* the same row once more */
            return 0;
        }
        if (lv_group_end(m)) return LV_NO_ROOM;
        if (n) {
            swap = m->runs, m->runs = m->spare_runs, m->spare_runs = swap;
            m->run_count = n;
            m->has_bytes = 0;
        } /* else the first row, like the row of zeros above it */
        m->top = m->row++;
        return 0;
    }
    if (!m->has_bytes) lv_fill_runs(m->runs, m->run_count, m->bytes, png->bpp);
    m->has_bytes = 1;
    lv_unfilter(filter, row + 1, m->bytes, m->spare_bytes, png->cells, png->bpp);
    if (m->row && !memcmp(m->bytes, m->spare_bytes, (size_t)png->row_bytes)) {
        m->row++;
        return 0;
    }
    if (lv_group_end(m)) return LV_NO_ROOM;
    swap_bytes = m->bytes, m->bytes = m->spare_bytes, m->spare_bytes = swap_bytes;
    m->run_count = 0;
    m->top = m->row++;
    return 0;
}

static int lv_decode(lv_mask *m) {
    const lv_png *png = &m->png;
    lv_window *w = &m->window;
    const int64_t stride = 1 + png->row_bytes, total = stride * png->height;
    int64_t at = 0; /* window offset of the next row */
    int state;
    lv_window_start(w, total, png->idat_bytes > total / LV_DENSE_RATIO);
    m->runs[0].end = png->cells; /* above the first row there are zeros */
    m->runs[0].color = 0;
    m->run_count = 1;
    m->has_bytes = 0;
    m->row = m->top = 0;
    if (lv_inflate_start(&m->stream) != LV_DONE) return LV_DAMAGED;
    do {
        int bad;
        state = lv_inflate_on(&m->stream, w);
        if (state == LV_DAMAGED) return LV_DAMAGED;
        for (; m->row < png->height && at + stride <= w->pos; at += stride)
            if ((bad = lv_row(m, at)) != 0) return bad;
        if (state == LV_FULL) {
            int64_t marked = w->dense ? 0 : lv_count_marks(w, 0, w->pos);
            at -= lv_window_slide(w, at);
            if (marked * 2 > LV_WINDOW / 32) lv_window_densify(w);
        }
    } while (state == LV_FULL);
    if (lv_inflate_finish(&m->stream, w) != LV_DONE) return LV_DAMAGED;
    return lv_group_end(m);
}

/* Walk, decode and count one mask. 0, or LV_REFERRED, LV_DAMAGED, LV_NO_ROOM. Touches no Python object. */
static int lv_read_mask(lv_mask *m, const uint8_t *data, int64_t size, const lv_limits *limits, uint64_t multiplier,
                        int64_t most_colors, int64_t most_kept) {
    int result = lv_walk(&m->png, data, size, limits);
    if (result) return result;
    if (lv_mask_room(m)) return LV_NO_ROOM;
    lv_colors_start(&m->colors, multiplier, most_colors);
    m->keep = most_kept > 0;
    m->kept.most_runs = most_kept;
    m->kept.run_count = m->kept.group_count = 0;
    memset(&m->stream.in, 0, sizeof m->stream.in);
    m->stream.in.in = m->png.idat;
    m->stream.in.end = m->png.idat_end;
    m->stream.in.file_end = data + size;
    result = lv_decode(m);
    if (result == LV_DAMAGED) m->window.dirty = 1; /* do not rely on marks then; it is rare */
    lv_window_finish(&m->window);
    if (!result && m->keep) m->kept.starts[m->kept.group_count] = m->kept.run_count;
    return result;
}

#endif
