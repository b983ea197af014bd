#!/bin/sh
# Are the generated files what the generator writes today?  Regenerates src/model beside the tree and compares.
#   tool/check_generated.sh [shared-dir]      default: $WAYBILL_SHARED, else ../shared beside the sources
# Exit 0: equal; 1: different; 77: the models are not here.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
shared=${1:-${WAYBILL_SHARED:-$root/../shared}}
if [ ! -d "$shared/models" ]; then
    echo "skipped: check_generated: no models in $shared/models"
    exit 77
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
python3 "$root/tool/gen_model.py" "$shared/models" "$fresh"
status=0
for file in "$fresh"/*; do
    diff -u "$root/src/model/$(basename "$file")" "$file" | head -n 20 || true
    cmp -s "$root/src/model/$(basename "$file")" "$file" || status=1
done
for file in "$root"/src/model/*.[ch]; do
    [ -e "$fresh/$(basename "$file")" ] || { echo "not generated: $file"; status=1; }
done
[ $status = 0 ] && echo "check_generated: src/model is what tool/gen_model.py writes"
exit $status
