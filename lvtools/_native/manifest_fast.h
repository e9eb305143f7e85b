/* The fast manifest tiers, compiled twice: for any machine, and for those with AVX2, chosen when a pass starts. */
#ifndef LVTOOLS_MANIFEST_FAST_H
#define LVTOOLS_MANIFEST_FAST_H

#include "manifest_seen.h"

#define WITH_AVX2 0
#define FN(name) name##_scalar
#include "manifest_text.h"
#include "manifest_maps.h"
#include "manifest_boxes.h"
#include "manifest_judge.h"
#include "manifest_line.h"
#undef WITH_AVX2
#undef FN
#undef WIDE

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__)) && !defined(LVTOOLS_NO_AVX2)
#define LVTOOLS_HAS_AVX2 1
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif
#define WITH_AVX2 1
#define FN(name) name##_avx2
#include "manifest_text.h"
#include "manifest_maps.h"
#include "manifest_boxes.h"
#include "manifest_judge.h"
#include "manifest_line.h"
#undef WITH_AVX2
#undef FN
#undef WIDE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

/* Once, at import. Without a plain locale long numbers are left to the slow path. */
static void lvtools_open_locale(void) {
    if (!plain_locale) plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static int has_avx2(void) {
#ifdef LVTOOLS_HAS_AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

static const uint8_t *run_lines(State *s, int wide, const uint8_t *p, const uint8_t *end, int *answer) {
#ifdef LVTOOLS_HAS_AVX2
    if (wide) return run_avx2(s, p, end, answer);
#endif
    (void)wide;
    return run_scalar(s, p, end, answer);
}

static void free_state(State *s) {
    int k;
    for (k = 0; k < BUFFERS; k++) block_leave(s->block[k]);
    for (k = 0; k < COLOR_MAPS; k++) free(s->map[k].bytes);
    for (k = 0; k < CLASS_MAPS; k++) free(s->classmap[k].bytes);
    for (k = 0; k < TEMPLATES; k++) free(s->tpl[k].text);
    forget_words(&s->keys); forget_words(&s->classes); forget_words(&s->jobs);
    forget_words(&s->label_keys); forget_words(&s->mask_keys); forget_words(&s->distinct);
    forget_words(&s->pairs); forget_words(&s->box_names); forget_words(&s->indexes);
    free(s->news); free(s->pair_lines); free(s->map_lines);
    free(s->facts);
    free(s->finds);
}
#endif
