/* Coverage for libFuzzer from gcc, which knows -fsanitize-coverage=trace-pc but not clang's counters: a byte per hashed
 * place in the code, counted up at each basic block. With clang's -fsanitize=fuzzer this file is not needed. */
#include <stdint.h>

#define PLACES (1 << 16) /* a kernel has some thousand blocks: few share a byte */

static uint8_t counters[PLACES];
extern void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);

__attribute__((constructor)) static void tell_libfuzzer(void) {
    __sanitizer_cov_8bit_counters_init(counters, counters + PLACES);
}

__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    counters[(place ^ place >> 16) % PLACES]++;
}

/* gcc tells of comparisons of floating-point numbers, too; libFuzzer knows nothing of those. */
void __sanitizer_cov_trace_cmpf(float a, float b) { (void)a, (void)b; }
void __sanitizer_cov_trace_cmpd(double a, double b) { (void)a, (void)b; }
