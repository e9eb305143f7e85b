/* Runs a target over files, for compilers without libFuzzer and for the tests: replay [-mutations=N] FILE...
 * Each file is run as it is, then N times with one to eight of its bytes changed, the same ones every time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint64_t drawn(uint64_t below) { /* xorshift64; what it draws is no secret */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static int run_file(const char *name, long mutations) {
    FILE *file = fopen(name, "rb");
    uint8_t *data, *changed;
    long size, k;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET)) return perror(name), 1;
    data = malloc((size_t)size + 1);
    changed = malloc((size_t)size + 1);
    if (!data || !changed || fread(data, 1, (size_t)size, file) != (size_t)size) return perror(name), 1;
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    state = 88172645463325252u;
    for (k = 0; k < mutations && size; k++) {
        size_t length = drawn(8) ? (size_t)size : (size_t)drawn((uint64_t)size) + 1;
        uint64_t many = 1 + drawn(8);
        memcpy(changed, data, length);
        while (many--) changed[drawn(length)] = drawn(2) ? (uint8_t)drawn(256) : data[drawn((uint64_t)size)];
        LLVMFuzzerTestOneInput(changed, length);
    }
    free(data);
    free(changed);
    return 0;
}

int main(int count, char **names) {
    long mutations = 0;
    int k, bad = 0, files = 0;
    for (k = 1; k < count; k++) {
        if (!strncmp(names[k], "-mutations=", 11)) mutations = atol(names[k] + 11);
        else files++, bad |= run_file(names[k], mutations);
    }
    printf("%d files, %ld inputs: no fault found\n", files, files * (1 + mutations));
    return bad;
}
