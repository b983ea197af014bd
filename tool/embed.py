#!/usr/bin/env python3
"""Writes files into a C source: embed.py OUT.c BASE FILE...

Each FILE is known by its path below BASE.  The table is the one that src/runtime/bootstrap.h declares.
"""
import os
import sys


def rows(data):
    for at in range(0, len(data), 20):
        yield "    " + ",".join(str(b) for b in data[at:at + 20]) + ","


def main(out_path, base, paths):
    out = ['/* Made by tool/embed.py; do not edit. */', '#include "runtime/bootstrap.h"', '']
    table = []
    for number, path in enumerate(paths):
        with open(path, 'rb') as f:
            data = f.read()
        out.append(f'static const unsigned char file_{number}[] = {{')
        out.extend(rows(data))
        out.append('};')
        table.append(f'    {{ "{os.path.relpath(path, base)}", file_{number}, sizeof(file_{number}) }},')
    out += ['', 'const struct bootstrap_file bootstrap_files[] = {', *table, '};',
            'const size_t bootstrap_file_count = sizeof(bootstrap_files) / sizeof(bootstrap_files[0]);', '']
    with open(out_path, 'w') as f:
        f.write('\n'.join(out))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
