/* Which instructions may be used: 0 is plain C, 1 is AVX2. LVTOOLS_SIMD=0 in the environment asks for plain C. */
#ifndef LVTOOLS_CPU_LEVEL_H
#define LVTOOLS_CPU_LEVEL_H

#include <stdlib.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define LV_X86 1
#include <immintrin.h>
#define LV_AVX2 __attribute__((target("avx2,popcnt,bmi")))
#endif

/* Those with which NumPy sorts floats several times as fast as by digits. */
static inline int lv_cpu_avx512(void)
{
#ifdef LV_X86
    const char *asked = getenv("LVTOOLS_SIMD");
    if (asked && asked[0] == '0')
        return 0;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

static inline int lv_cpu_level(void)
{
#ifdef LV_X86
    const char *asked = getenv("LVTOOLS_SIMD");
    if (asked && asked[0] == '0')
        return 0;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi");
#else
    return 0;
#endif
}

#endif
