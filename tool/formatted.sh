#!/bin/sh
# Is every C file as .clang-format has it, and no line longer than 110 columns?
#
#   tool/formatted.sh          a line per place that is not; ends with `N passed, N failed`, counted by file
#   tool/formatted.sh --fix    formats the tree
#
# The generated files of src/model/ are left alone.  clang-format 14 is Debian 12's; another one has other habits, and
# then nothing is checked and exit status is 77.
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
files=$(find src test bench -name node_modules -prune -o -path src/model -prune -o -name '*.[ch]' -print | sort)
if [ "$version" != 14 ]; then
    echo "SKIPPED clang-format 14 is not here"
    exit 77
fi
if [ "${1:-}" = --fix ]; then
    # Some comments settle at the second or third reading.
    for _ in 1 2 3; do echo "$files" | xargs clang-format -i --style=file; done
    exit 0
fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
echo "$files" | xargs -n 40 -P "$(getconf _NPROCESSORS_ONLN)" clang-format --dry-run --style=file >"$said" 2>&1 || true
echo "$files" | xargs grep -HnE '^.{111,}$' | cut -d: -f1,2 | sed 's/$/: longer than 110 columns/' >>"$said" || true
grep -E '^[a-z].*: ' "$said" | sed 's/ \[-Wclang.*//' || true
failed=$(grep -E '^[a-z].*: ' "$said" | cut -d: -f1 | sort -u | grep -c . || true)
all=$(echo "$files" | grep -c .)
[ "$failed" -eq 0 ] || echo "tool/formatted.sh --fix formats the tree; long words of a drawing or a text are yours to break"
echo "$((all - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
