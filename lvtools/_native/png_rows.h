/* Rows as lists of runs, made from the residuals that are not zero and the runs of the row above. Knows PNG's filters.
 *
 * Each filter says what a pixel is where its residual is zero: None 0; Sub its left neighbour; Up the one above; Paeth,
 * inside a run of the row above, its left neighbour; Average, there, after a few steps, its left neighbour too. So a row
 * costs its runs and the runs above, not its pixels. `cells` are pixels, or bytes of several pixels. */
#ifndef LV_PNG_ROWS_H
#define LV_PNG_ROWS_H

#include "png_dense.h"
#include "png_window.h"

typedef struct {
    lv_run *out;
    int64_t n;
    int32_t end; /* of what has been given out */
} lv_line;

/* Go on to column `end` in this colour; joins with the run before if it has the same. */
LV_INLINE void lv_emit(lv_line *line, int32_t end, uint32_t color) {
    if (end <= line->end) return;
    if (line->n && line->out[line->n - 1].color == color) {
        line->out[line->n - 1].end = end;
    } else {
        line->out[line->n].end = end;
        line->out[line->n].color = color;
        line->n++;
    }
    line->end = end;
}

LV_INLINE int32_t lv_cell_of(int64_t offset, const int bpp) {
    if (bpp == 1) return (int32_t)offset;
    if (bpp == 2) return (int32_t)(offset >> 1);
    if (bpp == 4) return (int32_t)(offset >> 2);
    return (int32_t)(((uint64_t)offset * 0xaaaaaaabULL) >> 33); /* offset / 3 below 2^32 */
}

/* Build the row whose residuals are window bytes [from, from + cells * bpp) into `out`, with room for cells + 1 runs.
 * `above` covers all cells. Returns the number of runs, or 0 when all residuals are zero and the row is the one above. */
LV_INLINE int64_t lv_row_of_runs_as(const lv_window *w, int64_t from, int filter, const lv_run *above, int32_t cells,
                                    lv_run *out, const int bpp) {
    const uint8_t *bytes = w->bytes + from;
    const int64_t end = from + (int64_t)cells * bpp;
    lv_line line = {out, 0, 0};
    lv_scan scan;
    int64_t at;
    int32_t c, next;
    uint32_t left = 0, corner = 0, up, value;
    lv_scan_start(&scan, w, end);
    at = lv_scan_next(&scan, from);
    c = lv_cell_of(at - from, bpp); /* the next cell whose residual is not zero, or `cells` */
    switch (filter) {
    case 0:
        while (c < cells) {
            lv_emit(&line, c, 0);
            for (; c < cells && (value = lv_pixel(bytes + (int64_t)c * bpp, bpp)) != 0; c++) {
                const uint8_t *p = bytes + (int64_t)c * bpp;
                if (bpp == 1) /* indexes come in long runs too */
                    while (c + 33 <= cells && !lv_differ32(p, p + 1)) p += 32, c += 32;
                lv_emit(&line, c + 1, value);
            }
            if (c < cells) c = lv_cell_of(lv_scan_next(&scan, from + (int64_t)c * bpp) - from, bpp);
        }
        lv_emit(&line, cells, 0);
        break;
    case 1:
        while (c < cells) {
            value = lv_pixel(bytes + (int64_t)c * bpp, bpp);
            do { /* residuals that are not zero often stand side by side: look at the next one before searching */
                if (c > line.end) { /* not zero, so neighbouring runs never have the same colour */
                    line.out[line.n].end = line.end = c;
                    line.out[line.n++].color = left;
                }
                left = lv_add4(left, value);
                if (++c == cells) break;
                value = lv_pixel(bytes + (int64_t)c * bpp, bpp);
            } while (value);
            if (c < cells) c = lv_cell_of(lv_scan_next(&scan, from + (int64_t)(c + 1) * bpp) - from, bpp);
        }
        lv_emit(&line, cells, left);
        break;
    case 2:
        if (c == cells) return 0;
        while (c < cells) {
            while (above->end <= c) lv_emit(&line, above->end, above->color), above++;
            lv_emit(&line, c, above->color);
            lv_emit(&line, c + 1, lv_add4(above->color, lv_pixel(bytes + (int64_t)c * bpp, bpp)));
            c = lv_cell_of(lv_scan_next(&scan, from + (int64_t)(c + 1) * bpp) - from, bpp);
        }
        for (; above->end < cells; above++) lv_emit(&line, above->end, above->color);
        lv_emit(&line, cells, above->color);
        break;
    case 3: /* stops where a residual is not zero, or the row above has another colour */
        for (next = 0; next < cells;) {
            while (above->end <= next) above++;
            left = lv_average4(left, above->color);
            if (next == c) {
                left = lv_add4(left, lv_pixel(bytes + (int64_t)c * bpp, bpp));
                c = lv_cell_of(lv_scan_next(&scan, from + (int64_t)(c + 1) * bpp) - from, bpp);
            }
            lv_emit(&line, ++next, left);
            if (lv_average4(left, above->color) == left) { /* settled: nothing changes up to the next stop */
                next = c < above->end ? c : above->end;
                lv_emit(&line, next, left);
            }
        }
        break;
    default: /* 4 */
        if (c == cells) return 0; /* from the left: up, then wherever the row above changes, its left is the corner */
        for (next = 0; next < cells;) {
            while (above->end <= next) above++;
            up = above->color;
            if (corner == left) value = up; /* what Paeth gives then */
            else if (corner == up) value = left;
            else value = bpp == 1 ? lv_paeth1((int)left, (int)up, (int)corner) : lv_paeth4(left, up, corner);
            if (next == c) {
                value = lv_add4(value, lv_pixel(bytes + (int64_t)c * bpp, bpp));
                if (bpp == 1) value &= 255;
                c = lv_cell_of(lv_scan_next(&scan, from + (int64_t)(c + 1) * bpp) - from, bpp);
            }
            lv_emit(&line, ++next, value);
            left = value;
            corner = up;
            if (next < above->end) { /* inside the run above, corner is up: the left pixel goes on */
                next = c < above->end ? c : above->end;
                lv_emit(&line, next, left);
            }
        }
    }
    return line.n;
}

static int64_t lv_row_of_runs(const lv_window *w, int64_t from, int filter, const lv_run *above, int32_t cells,
                              lv_run *out, int bpp) {
    if (bpp == 1) return lv_row_of_runs_as(w, from, filter, above, cells, out, 1);
    if (bpp == 2) return lv_row_of_runs_as(w, from, filter, above, cells, out, 2);
    if (bpp == 3) return lv_row_of_runs_as(w, from, filter, above, cells, out, 3);
    return lv_row_of_runs_as(w, from, filter, above, cells, out, 4);
}

#endif
