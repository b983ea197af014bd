#!/usr/bin/python3
"""The hostile neighbours: every family of test_*.py beside this file, and how long the calm one waited.

    test/hostile/run.py [-j N] [-k PATTERN] [-v] [--figures FILE] [NAME...]

Runs them as test/contract/run.py does (the options are its own), then prints, a line for each kind of hostility, the
99th percentile of what the calm neighbour waited, in milliseconds.  Those are figures, not tests: they count on an
optimised build and an idle machine (./bench/run --only hostile).  Ends with `N passed, N failed, N skipped`."""
import json
import os
import subprocess
import sys
import tempfile

FILE_SECONDS = 1200                                          # a busy machine may take its time

HERE = os.path.dirname(os.path.abspath(__file__))


def table(path):
    rows = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
    print(f'{"calm p99, ms":60}{"sync":>9}{"event":>9}{"health":>9}{"calls":>7}')
    for row in sorted(rows, key=lambda r: (r['family'], -r['p99_ms'].get('sync', 0))):
        p99 = row['p99_ms']
        print(f'{row["family"] + ": " + row["row"]:60.60}' + ''.join(f'{p99.get(k, float("nan")):9.1f}' for k in ('sync', 'event', 'health'))
              + f'{sum(row["calls"].values()):7}' + (f'  {row["wrong"]} WRONG' if row['wrong'] else ''))


def main():
    arguments = sys.argv[1:]
    if '-h' in arguments or '--help' in arguments:
        print(__doc__)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        figures = os.path.join(scratch, 'figures')
        if '--figures' in arguments:
            at = arguments.index('--figures')
            figures = os.path.abspath(arguments[at + 1])
            del arguments[at:at + 2]
        done = subprocess.run([os.path.join(os.path.dirname(HERE), 'contract/run.py'), '--folder', HERE, '--file-seconds', str(FILE_SECONDS), *arguments], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, 'WAYBILL_HOSTILE_FIGURES': figures})
        *report, counts = done.stdout.splitlines() or ['']
        print('\n'.join(report))
        table(figures)
        print(counts)
    return done.returncode


if __name__ == '__main__':
    sys.exit(main())
