/* A mask's bytes to colours and counts, and to run lists when they are wanted: the parts put together.
 *
 * Rows that are equal are one group: its runs are counted once, times the number of rows. The first row of a group is
 * where new colours are first seen, so the order of first sight is that of the pixels. The passes of an interlaced picture
 * are pictures of their own, one after the other; the place of each run is then reckoned, and the order mended at the end. */
#ifndef LV_PNG_MASK_H
#define LV_PNG_MASK_H

#include "png_colors.h"
#include "png_inflate.h"
#include "png_rows.h"
#include "png_wide.h"

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
    int pass;           /* of lv_passes */
    int64_t row, top;   /* of the pass, which has `pass_rows` */
    int64_t pass_rows;
} lv_mask;

/* A stream of more than 1/12 of its inflated size has few zero matches: plain copies are faster. Measured. */
#define LV_DENSE_RATIO 12

/* Up to here a row with hardly a zero costs less as bytes, before a single run has been set up. */
#define LV_SHORT_ROW 128

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
static void lv_group_runs(lv_mask *m) {
    const lv_png *png = &m->png;
    if (png->bpp > 4) m->run_count = lv_find_wide_runs(png, m->bytes, m->runs);
    else m->run_count = lv_find_runs(m->bytes, png->cells, m->runs, png->bpp);
}

/* The group is over, nobody needs its raw colours any more. */
static void lv_group_reduce(lv_mask *m) {
    int64_t k;
    for (k = 0; k < m->run_count; k++) m->runs[k].color = lv_reduced(&m->png, m->runs[k].color);
}

/* Of a pass: first places may be less than those known. */
static int lv_pass_group_end(lv_mask *m) {
    const lv_png *png = &m->png;
    const lv_pass *pass = lv_passes + m->pass;
    const int64_t rows = m->row - m->top, line = (pass->row + m->top * pass->row_step) * png->width + pass->column;
    const int per_byte = png->bpp == 1 ? 8 / png->depth : 1, step = pass->column_step;
    const int in_last = png->columns - (png->cells - 1) * per_byte; /* pixels of the row's last byte */
    int32_t c = 0, end;
    int64_t k;
    if (png->bpp > 1) return lv_count_pass_runs(&m->colors, m->runs, m->run_count, rows, line, step);
    for (k = 0; k < m->run_count; k++, c = end) {
        const uint32_t color = m->runs[k].color;
        int64_t at = line + (int64_t)c * per_byte * step;
        int part;
        end = m->runs[k].end;
        for (part = 0; part < per_byte; part++, at += step) {
            int32_t cells = end - c - (end == png->cells && part >= in_last);
            uint32_t pixel = color >> (8 - png->depth * (part + 1)) & ((1u << png->depth) - 1);
            if (cells) lv_count_least(&m->colors, pixel, cells * rows, at);
        }
    }
    return 0;
}

static int lv_group_end(lv_mask *m) {
    const lv_png *png = &m->png;
    const int64_t rows = m->row - m->top, place = m->top * png->cells;
    const int packed = png->depth < 8;
    const lv_run *runs = m->runs;
    lv_kept *kept = &m->kept;
    int32_t c = 0;
    int64_t k;
    int bad;
    if (!rows) return 0;
    if (!m->run_count && png->bpp == 1 && !png->interlaced && !m->keep && png->cells >= LV_HISTOGRAM_CELLS) {
        lv_count_row(&m->colors, m->bytes, png->cells - packed, rows, place);
        if (packed) lv_count_last(&m->colors, m->bytes[png->cells - 1], rows, place + png->cells - 1);
        return 0;
    }
    if (!m->run_count) lv_group_runs(m);
    if (png->reduced && png->bpp <= 4) lv_group_reduce(m);
    if (png->interlaced) return lv_pass_group_end(m);
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
    bad = lv_count_runs(&m->colors, runs, m->run_count, rows, place, m->keep ? kept->runs + kept->run_count : NULL);
    if (m->keep) kept->run_count += m->run_count;
    return bad;
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
    if (png->bpp > 4) {
        if (m->row && (filter == 2 || filter == 4) && !m->window.dense && /* no residual: the row above once more */
            !lv_count_marks(&m->window, at + 1, at + 1 + png->row_bytes)) {
            m->row++;
            return 0;
        }
    } else if (!m->window.dense && lv_count_marks(&m->window, at + 1, at + 1 + png->row_bytes) * 4 <= png->row_bytes / 32 * 3 + (png->row_bytes > LV_SHORT_ROW ? 8 : 0)) {
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
    if (png->bpp > 4) lv_unfilter_wide(filter, row + 1, m->bytes, m->spare_bytes, png->cells, png->bpp);
    else lv_unfilter(filter, row + 1, m->bytes, m->spare_bytes, png->cells, png->bpp);
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

/* Go on to the first pass from `number` on that has pixels. Returns 1, or 0 when there is none. */
static int lv_pass_start(lv_mask *m, int number) {
    for (m->pass = number; m->pass <= LV_WHOLE - m->png.interlaced; m->pass++) {
        m->pass_rows = lv_shape(&m->png, m->pass);
        if (!m->pass_rows) continue;
        m->runs[0].end = m->png.cells; /* above the first row there are zeros */
        m->runs[0].color = 0;
        m->run_count = 1;
        m->has_bytes = m->png.bpp > 4;
        if (m->has_bytes) memset(m->bytes, 0, (size_t)m->png.row_bytes);
        m->row = m->top = 0;
        return 1;
    }
    return 0;
}

/* The rows that have come, from window offset `at` on; where the next one begins, or a status below 0. */
static int64_t lv_rows(lv_mask *m, int64_t at) {
    for (;;) {
        const int64_t stride = 1 + m->png.row_bytes;
        int bad;
        for (; m->row < m->pass_rows && at + stride <= m->window.pos; at += stride)
            if ((bad = lv_row(m, at)) != 0) return bad;
        if (m->row < m->pass_rows || m->pass >= LV_WHOLE - m->png.interlaced) return at;
        if (lv_group_end(m)) return LV_NO_ROOM;
        m->top = m->row; /* counted */
        if (!lv_pass_start(m, m->pass + 1)) return at;
    }
}

static int lv_decode(lv_mask *m) {
    const lv_png *png = &m->png;
    lv_window *w = &m->window;
    const int64_t total = lv_raw_bytes(&m->png);
    int64_t at = 0; /* window offset of the next row */
    int state;
    lv_window_start(w, total, png->idat_bytes > total / LV_DENSE_RATIO);
    lv_pass_start(m, png->interlaced ? 0 : LV_WHOLE);
    m->stream.small = total < LV_SMALL;
    if (lv_inflate_start(&m->stream) != LV_DONE) return LV_DAMAGED;
    do {
        state = lv_inflate_on(&m->stream, w);
        if (state == LV_DAMAGED) return LV_DAMAGED;
        if ((at = lv_rows(m, at)) < 0) return (int)at;
        if (state == LV_FULL) {
            int64_t marked = w->dense ? 0 : lv_count_marks(w, 0, w->pos);
            at -= lv_window_slide(w, at);
            if (marked * 2 > LV_WINDOW / 32) lv_window_densify(w);
        }
    } while (state == LV_FULL);
    if (lv_inflate_finish(&m->stream, w) != LV_DONE) return LV_DAMAGED;
    if (lv_group_end(m)) return LV_NO_ROOM;
    return png->interlaced && png->bpp > 1 ? lv_colors_order(&m->colors) : 0;
}

/* Walk, decode and count one mask. 0, or LV_REFERRED, LV_DAMAGED, LV_NO_ROOM. Touches no Python object. */
static int lv_read_mask(lv_mask *m, const uint8_t *data, int64_t size, const lv_limits *limits, uint64_t multiplier,
                        int64_t most_colors, int64_t most_kept) {
    int result = lv_walk(&m->png, data, size, limits);
    if (result) return result;
    if (most_kept > 0 && (m->png.interlaced || m->png.reduced)) return LV_REFERRED; /* counted, but not kept as runs */
    if (lv_mask_room(m)) return LV_NO_ROOM;
    lv_colors_start(&m->colors, multiplier, most_colors, m->png.bpp == 1);
    m->keep = most_kept > 0;
    m->kept.most_runs = most_kept;
    m->kept.run_count = m->kept.group_count = 0;
    memset(&m->stream.in, 0, sizeof m->stream.in);
    m->stream.in.in = m->png.idat;
    m->stream.in.end = m->png.idat_end;
    m->stream.in.file_end = data + size;
    result = lv_decode(m);
    if (result == LV_DAMAGED) m->window.dirty = LV_WINDOW; /* do not rely on marks then; it is rare */
    lv_window_finish(&m->window);
    if (!result && m->keep) m->kept.starts[m->kept.group_count] = m->kept.run_count;
    return result;
}

#endif
