#!/usr/bin/env python3
"""Reports how the source keeps to its budgets: length of functions and files, comments in headers, tests.

    tool/budget.py [--strict] [-n HOW_MANY]

The budgets: functions of 15 lines in the median, 40 at the 90th percentile, none above 120; files up to 1,200 lines;
35 % of the lines of hand-written headers are comment; at least 25 assertions per 1,000 lines of source; no
less test than source.  Generated files (src/model) are left out.  --strict: exit status 1 when one is not kept.

A function is counted from its opening brace at the start of a line to its closing one."""
import argparse
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
ASSERTION = re.compile(r'\b(CHECK|_Static_assert|EXPECT\w*|UNIT_FAIL|assert\w*|fail)\s*\(|\bself\.assert\w+\(')


def read(root, endings):
    for folder, folders, names in os.walk(os.path.join(ROOT, root)):
        folders[:] = sorted(f for f in folders if f not in ('node_modules', 'corpus', '__pycache__', 'model'))
        for name in sorted(names):
            if name.endswith(endings) and name != 'package-lock.json':
                path = os.path.join(folder, name)
                with open(path, encoding='utf-8', errors='replace') as f:
                    yield os.path.relpath(path, ROOT), f.read().splitlines()


def functions(path, lines):
    start = None
    for i, line in enumerate(lines):
        if line == '{' and start is None:
            start = i
        elif line == '}' and start is not None:
            head = ' '.join(lines[max(0, start - 2):start])
            names = re.findall(r'(\w+)\s*\(', head)
            yield i - start - 1, f'{path}:{start + 1}', names[-1] if names else '?'
            start = None


def comment_lines(lines):
    count, inside = 0, False
    for line in lines:
        opens = '/*' in line
        if inside or opens or '//' in line:
            count += 1
        inside = ('*/' not in line[line.rfind('/*'):]) if opens else inside and '*/' not in line
    return count


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))] if values else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--strict', action='store_true')
    parser.add_argument('-n', type=int, default=5, help='how many of the longest to name')
    options = parser.parse_args()
    source = list(read('src', ('.c', '.h')))
    tests = list(read('test', ('.c', '.h', '.py', '.mjs')))
    bodies = sorted((f for path, lines in source if path.endswith('.c') for f in functions(path, lines)), reverse=True)
    lengths = [n for n, _, _ in bodies]
    headers = [(path, lines) for path, lines in source if path.endswith('.h')]
    source_lines = sum(len(lines) for _, lines in source)
    test_lines = sum(len(lines) for _, lines in tests)
    header_lines = sum(len(lines) for _, lines in headers)
    asserted = sum(len(ASSERTION.findall('\n'.join(lines))) for _, lines in source + tests)
    longest_file = max((len(lines), path) for path, lines in source + tests)
    rows = (
        ('function, median lines', percentile(lengths, 50), 15, 'max'),
        ('function, 90th percentile', percentile(lengths, 90), 40, 'max'),
        ('function, longest', max(lengths, default=0), 120, 'max'),
        ('file, longest', longest_file[0], 1200, 'max'),
        ('header comment, percent', 100 * sum(comment_lines(l) for _, l in headers) // max(1, header_lines), 35, 'min'),
        ('assertions per 1,000 source lines', 1000 * asserted // max(1, source_lines), 25, 'min'),
        ('test lines per 100 source lines', 100 * test_lines // max(1, source_lines), 100, 'min'),
    )
    broken = 0
    for name, value, limit, kind in rows:
        kept = value <= limit if kind == 'max' else value >= limit
        broken += not kept
        print(f'{name:36} {value:6}   {"at most" if kind == "max" else "at least"} {limit:5}   {"" if kept else "NOT KEPT"}'.rstrip())
    print(f'\n{source_lines} lines of source, {test_lines} of test; {len(bodies)} functions; longest file {longest_file[1]}')
    for n, place, name in bodies[:options.n]:
        print(f'{n:6}  {name}  {place}')
    return 1 if options.strict and broken else 0


if __name__ == '__main__':
    sys.exit(main())
