#!/usr/bin/python3
"""Is the list of operations at the end of doc/COMPATIBILITY.md what the binary says?

    tool/compatibility.py BINARY            compares; exit status 1 and a diff when they differ
    tool/compatibility.py BINARY --write    writes it
"""
import difflib
import pathlib
import subprocess
import sys

MARK = '<!-- operations: printed by `waybill operations --markdown`; do not edit below -->\n'
DOC = pathlib.Path(__file__).resolve().parent.parent / 'doc' / 'COMPATIBILITY.md'


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ['--write']):
        sys.exit(__doc__)
    printed = subprocess.run([sys.argv[1], 'operations', '--markdown'], check=True, capture_output=True, text=True).stdout
    text = DOC.read_text()
    if MARK not in text:
        sys.exit(f'{DOC.name} has lost its mark')
    head = text[:text.index(MARK) + len(MARK)]
    want = head + '\n' + printed.rstrip('\n') + '\n'
    if sys.argv[2:] == ['--write']:
        DOC.write_text(want)
    elif text != want:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), want.splitlines(True), DOC.name, 'waybill operations'))
        sys.exit(1)


main()
