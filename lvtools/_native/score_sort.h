/* Sorting floats by their bits: one scatter into buckets, then a radix sort inside each, which stays in the cache.

   NumPy sorts floats with vector instructions on some machines and without them takes ten times as long; this is in
   between and everywhere the same. */
#ifndef LVTOOLS_SCORE_SORT_H
#define LVTOOLS_SCORE_SORT_H

#include <stdint.h>
#include <string.h>

#define LV_MOST_BUCKETS 2048
#define LV_FEW 24 /* up to here, insertion */

/* KEY: the float's bits, turned so that they ascend as unsigned numbers. BACK undoes it. A NaN lands beyond infinity of
   its sign: no order worth having, but nothing breaks. */
#define LV_SORT(NAME, UINT, FLOAT, BITS)                                                                               \
    static inline UINT NAME##_key(UINT bits)                                                                           \
    {                                                                                                                  \
        return bits ^ ((UINT)(0 - (bits >> (BITS - 1))) | (UINT)1 << (BITS - 1));                                      \
    }                                                                                                                  \
    static inline UINT NAME##_back(UINT key)                                                                           \
    {                                                                                                                  \
        return key ^ ((UINT)((key >> (BITS - 1)) - 1) | (UINT)1 << (BITS - 1));                                        \
    }                                                                                                                  \
    static inline FLOAT NAME##_float(UINT bits)                                                                        \
    {                                                                                                                  \
        FLOAT value;                                                                                                   \
        memcpy(&value, &bits, sizeof value);                                                                           \
        return value;                                                                                                  \
    }                                                                                                                  \
    /* Keys in `from`; floats end up in `to`. */                                                                       \
    static void NAME##_bucket(UINT *from, UINT *to, int64_t n)                                                         \
    {                                                                                                                  \
        UINT *target = to;                                                                                             \
        if (n <= LV_FEW) {                                                                                             \
            for (int64_t i = 1; i < n; i++) {                                                                          \
                UINT key = from[i];                                                                                    \
                int64_t at = i;                                                                                        \
                for (; at > 0 && from[at - 1] > key; at--)                                                             \
                    from[at] = from[at - 1];                                                                           \
                from[at] = key;                                                                                        \
            }                                                                                                          \
        } else {                                                                                                       \
            UINT low = from[0], high = from[0];                                                                        \
            for (int64_t i = 1; i < n; i++) {                                                                          \
                low = from[i] < low ? from[i] : low;                                                                   \
                high = from[i] > high ? from[i] : high;                                                                \
            }                                                                                                          \
            const int width = n < 1 << 15 ? 8 : 11;                                                                    \
            const UINT mask = ((UINT)1 << width) - 1;                                                                  \
            for (int shift = 0; shift < BITS && (UINT)(high - low) >> shift; shift += width) {                         \
                int64_t place[2048] = {0}, sum = 0;                                                                    \
                for (int64_t i = 0; i < n; i++)                                                                        \
                    place[(UINT)(from[i] - low) >> shift & mask]++;                                                    \
                for (UINT k = 0; k <= mask; k++) {                                                                     \
                    int64_t many = place[k];                                                                           \
                    place[k] = sum;                                                                                    \
                    sum += many;                                                                                       \
                }                                                                                                      \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                    UINT key = from[i];                                                                                \
                    to[place[(UINT)(key - low) >> shift & mask]++] = key;                                              \
                }                                                                                                      \
                UINT *swap = from;                                                                                     \
                from = to;                                                                                             \
                to = swap;                                                                                             \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                                                \
            target[i] = NAME##_back(from[i]);                                                                          \
    }                                                                                                                  \
    typedef struct {                                                                                                   \
        FLOAT low, scale;                                                                                              \
        UINT base;                                                                                                     \
        int shift, linear;                                                                                             \
    } NAME##_map;                                                                                                      \
    /* Ascends with the value, by value or by bits; whatever the value, the result is inside. */                       \
    static inline UINT NAME##_place(const NAME##_map *map, UINT bits, UINT buckets)                                    \
    {                                                                                                                  \
        if (map->linear) {                                                                                             \
            FLOAT place = (NAME##_float(bits) - map->low) * map->scale;                                                \
            return place >= 1 ? (place < (FLOAT)(buckets - 1) ? (UINT)(int32_t)place : buckets - 1) : 0;               \
        }                                                                                                              \
        return (UINT)(NAME##_key(bits) - map->base) >> map->shift;                                                     \
    }                                                                                                                  \
    static int64_t NAME##_spread(const NAME##_map *map, const UINT *values, int64_t n, UINT buckets, int64_t *many)    \
    {                                                                                                                  \
        int64_t most = 0;                                                                                              \
        memset(many, 0, sizeof(int64_t) * buckets);                                                                    \
        for (int64_t i = 0; i < n; i++)                                                                                \
            many[NAME##_place(map, values[i], buckets)]++;                                                             \
        for (UINT k = 0; k < buckets; k++)                                                                             \
            most = many[k] > most ? many[k] : most;                                                                    \
        return most;                                                                                                   \
    }                                                                                                                  \
    /* Ascending, in place; `scratch` is as long. */                                                                   \
    static void NAME(UINT *values, UINT *scratch, int64_t n)                                                           \
    {                                                                                                                  \
        int64_t start[LV_MOST_BUCKETS], other[LV_MOST_BUCKETS];                                                        \
        UINT buckets = 1, low = ~(UINT)0, high = 0;                                                                    \
        NAME##_map map = {0, 0, 0, 0, 1};                                                                              \
        while (buckets < LV_MOST_BUCKETS && (int64_t)buckets * 1024 < n)                                               \
            buckets *= 2;                                                                                              \
        if (buckets < 4) {                                                                                             \
            for (int64_t i = 0; i < n; i++)                                                                            \
                scratch[i] = NAME##_key(values[i]);                                                                    \
            NAME##_bucket(scratch, values, n);                                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            UINT key = NAME##_key(values[i]);                                                                          \
            low = key < low ? key : low;                                                                               \
            high = key > high ? key : high;                                                                            \
        }                                                                                                              \
        map.base = low;                                                                                                \
        while ((UINT)(high - low) >> map.shift >= buckets)                                                             \
            map.shift++;                                                                                               \
        map.low = NAME##_float(NAME##_back(low));                                                                      \
        map.scale = (FLOAT)buckets / (NAME##_float(NAME##_back(high)) - map.low);                                      \
        /* Even slices suit most scores. A tail that makes one slice very full is cut by bits instead. */              \
        int64_t most = NAME##_spread(&map, values, n, buckets, start);                                                 \
        if (most > n / 32) {                                                                                           \
            map.linear = 0;                                                                                            \
            if (NAME##_spread(&map, values, n, buckets, other) < most)                                                 \
                memcpy(start, other, sizeof start);                                                                    \
            else                                                                                                       \
                map.linear = 1;                                                                                        \
        }                                                                                                              \
        int64_t sum = 0;                                                                                               \
        for (UINT k = 0; k < buckets; k++) {                                                                           \
            int64_t many = start[k];                                                                                   \
            start[k] = sum;                                                                                            \
            sum += many;                                                                                               \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            UINT bits = values[i];                                                                                     \
            scratch[start[NAME##_place(&map, bits, buckets)]++] = NAME##_key(bits);                                    \
        }                                                                                                              \
        int64_t from = 0;                                                                                              \
        for (UINT k = 0; k < buckets; k++) {                                                                           \
            NAME##_bucket(scratch + from, values + from, start[k] - from);                                             \
            from = start[k];                                                                                           \
        }                                                                                                              \
    }

LV_SORT(lv_sort_f32, uint32_t, float, 32)
LV_SORT(lv_sort_f64, uint64_t, double, 64)

#endif
