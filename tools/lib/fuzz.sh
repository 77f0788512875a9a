# Building and running the fuzzers, for tools/fuzz and tools/test. Sourced after common.sh. A target is an executable
# NAME_fuzz with its corpus in test/fuzz/corpus/NAME.

# fuzz_build SOURCE BUILD
fuzz_build() {
    cmake -S "$1" -B "$2" -DBASTION_FUZZ=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O2 -g1' \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ && cmake --build "$2" -j"$(nproc)"
}

fuzz_targets() {
    find "$1" -type f -executable -name '*_fuzz' | sort
}

fuzz_corpus() {
    echo "$2/test/fuzz/corpus/$(basename "$1" | sed 's/_fuzz$//')"
}

# fuzz_replay TARGET SOURCE: the corpus once, without new inputs.
fuzz_replay() {
    local corpus
    corpus=$(fuzz_corpus "$1" "$2")
    [ -d "$corpus" ] || { echo "no corpus $corpus"; return 1; }
    "$1" -runs=0 "$corpus"
}
