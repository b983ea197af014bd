#!/bin/sh
# Builds the fuzz targets with clang and runs each for some seconds over its kept corpus.
#
#   tool/fuzz.sh BUILD_DIRECTORY SECONDS [TARGET...]
#
# A target fuzz_NAME reads test/fuzz/corpus/NAME; what it finds beyond goes to a scratch directory.  Prints a line per
# target and the report of those that failed; ends with `N passed, N failed`.
set -eu
cd "$(dirname "$0")/.."
build=$1
seconds=$2
shift 2

if [ ! -f "$build/build.ninja" ]; then
    CC=clang meson setup "$build" -Dfuzz=true -Dwerror=true -Doptimization=1 -Ddebug=true \
        -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined' >"$build.setup.log" 2>&1 ||
        { cat "$build.setup.log"; exit 1; }
    rm -f "$build.setup.log"
fi
targets=$(ninja -C "$build" -t targets all | sed -n 's,^\(test/fuzz/fuzz_[a-z0-9_]*\): .*,\1,p')
ninja -C "$build" $targets >"$build/ninja.log" 2>&1 || { tail -40 "$build/ninja.log"; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# One target; what is to be printed goes to $scratch/NAME.told, and what it found to the build directory.
run_one() {
    program=$1
    name=${program##*/fuzz_}
    mkdir "$scratch/$name" "$scratch/$name.found"
    corpus=
    [ ! -d "test/fuzz/corpus/$name" ] || corpus=test/fuzz/corpus/$name
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$scratch/$name.found/" \
           "$scratch/$name" $corpus >"$scratch/$name.log" 2>&1; then
        echo "$name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$scratch/$name.log") runs"
        return
    fi
    echo "FAILED fuzz_$name"
    tail -60 "$scratch/$name.log" | sed 's/^/    /'
    for found in "$scratch/$name.found"/*; do
        [ -f "$found" ] || continue
        cp "$found" "$build/"
        echo "    the input: $build/${found##*/}"
    done
}

# As many at once as there are processors; each takes the same time.
at_once=$(getconf _NPROCESSORS_ONLN)
n=0
for program in "$build"/test/fuzz/fuzz_*; do
    { [ -f "$program" ] && [ -x "$program" ]; } || continue
    name=${program##*/fuzz_}
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    run_one "$program" >"$scratch/$name.told" 2>&1 &
    n=$((n + 1))
    [ $((n % at_once)) -ne 0 ] || wait
done
wait
failed=0
for told in "$scratch"/*.told; do
    [ -f "$told" ] || continue
    cat "$told"
    ! grep -q '^FAILED' "$told" || failed=$((failed + 1))
done
passed=$((n - failed))
if [ "$n" -eq 0 ]; then
    echo "FAILED no fuzz target was built"
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
