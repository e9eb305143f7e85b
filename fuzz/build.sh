#!/usr/bin/env bash
# The C targets, instrumented: fuzz/build.sh FOLDER [LIBFUZZER] makes FOLDER/mask_engine and FOLDER/manifest_engine.
# With clang they are libFuzzer programs. With gcc they replay files (replay.c); or are libFuzzer programs as well, when
# LIBFUZZER names a libclang_rt.fuzzer_no_main.a, as the wheel of atheris has one.
set -euo pipefail
cd "$(dirname "$0")"
out=$1 library=${2:-}
mkdir -p "$out"
cc=${CC:-cc}
# Full instrumentation of these loops takes gcc a minute or more: the tests ask for less (OPTIMIZE=-O0 SANITIZE=address).
sanitize=-fsanitize=${SANITIZE:-address,undefined}
flags=(-g "${OPTIMIZE:--O1}" -fno-omit-frame-pointer "$sanitize" -fno-sanitize-recover=all -I../lvtools/_native)
for target in mask_engine manifest_engine; do
    if [ -n "$library" ]; then
        traced=(-fsanitize-coverage=trace-pc,trace-cmp)
        "$cc" "${flags[@]}" "${traced[@]}" -c "$target.c" -o "$out/$target.o"
        "$cc" -O1 -c coverage.c -o "$out/coverage.o"
        "$cc" -O1 -c libfuzzer_main.c -o "$out/libfuzzer_main.o"
        # libFuzzer has a trace-pc of its own that only says that it is gone: ours comes first.
        "$cc" "$sanitize" -Wl,-z,muldefs "$out/$target.o" "$out/coverage.o" "$out/libfuzzer_main.o" \
            "$library" -lstdc++ -lpthread -lm -o "$out/$target"
    elif "$cc" --version | grep -q clang; then
        "$cc" "${flags[@]}" -fsanitize=fuzzer "$target.c" -o "$out/$target"
    else
        "$cc" "${flags[@]}" "$target.c" replay.c -lm -o "$out/$target"
    fi
done
