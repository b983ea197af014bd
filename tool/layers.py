#!/usr/bin/env python3
"""Checks that every #include in src/ points down the layers.

    tool/layers.py [source root]

The table below is the one of doc/TOUR.md: a room may include what its row names, and itself.  A row may name a
single header of a room.  Also checked: which room may use which library, and who may ask the system for the time.
Exit status 1 and a line per offence."""
import os
import re
import sys

SERVICES = ('base', 'wire', 'model', 'store', 'flow')

# room -> what it may include
ROOMS = {
    'base': (),
    'net': ('base',),
    'wire': ('base', 'net/exchange.h'),
    'model': ('wire',),                                      # generated: tables made of wire's row types
    'store': ('base',),
    'flow': ('base', 'store'),
    'service/lambda': SERVICES,
    'service/sqs': SERVICES,
    'service/iam': SERVICES,
    'service/logs': SERVICES,
    'service/sns': SERVICES,
    'service/events': SERVICES,
    'service/s3': SERVICES,
    'service/cloudwatch': SERVICES,
    'service/sts': SERVICES + ('service/iam/iam.h',),        # STS hands out what IAM keeps: one state, two front doors
    'runtime': ('base', 'net', 'flow/execution.h'),          # the executor's contract is flow's, its fulfilment runtime's
    'engine': ('base', 'net', 'wire', 'store', 'flow', 'service', 'runtime'),
    'control': ('base', 'net', 'store', 'flow', 'engine', 'runtime'),
    'cli': ('*',),                                           # main: assembles the rooms
}

# library header -> rooms that may use it; what is not named here belongs to the C library or the kernel
LIBRARIES = {
    'uv.h': ('net', 'runtime', 'engine', 'control', 'cli'),
    'llhttp.h': ('net',),
    'sqlite3.h': ('store',),
    'libpq-fe.h': ('store',),
    'openssl/': ('base', 'net'),
    'expat.h': ('wire',),
    'zlib.h': ('base', 'runtime'),
    'pcre2.h': ('wire',),
    'zip.h': ('runtime',),
    'nghttp2/': ('net',),
}

CLOCKS = re.compile(r'\b(clock_gettime|gettimeofday|timespec_get|time)\s*\(\s*(?:CLOCK_|NULL|0\s*\)|&)')
CLOCK_FILE = 'base/clock.c'
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
HEADERS_BY_HAND = re.compile(r'(?:STR_FMT\s*"|%s)\\r\\n')
HEADERS_FILES = ('base/header.c', 'net/client.c')            # what says how a line is made; requests of our own
COMMENT = re.compile(r'/\*.*?\*/', re.S)


def room_of(path):
    parts = path.split('/')
    return '/'.join(parts[:2]) if parts[0] == 'service' and len(parts) > 2 else parts[0]


def allowed(room, header):
    if room_of(header) == room:
        return True
    return any(row == '*' or header == row or header.startswith(row + '/') for row in ROOMS[room])


def source_files(root):
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            if name.endswith(('.c', '.h', '.inc')):
                path = os.path.join(folder, name)
                yield path, os.path.relpath(path, root)


def offences(text, path):
    room = room_of(path)
    if room not in ROOMS:
        yield f'{path}: the room {room} has no row in tool/layers.py'
        return
    for match in INCLUDE.finditer(text):
        own, system = match.groups()
        line = text.count('\n', 0, match.start()) + 1
        if own and not allowed(room, own):
            yield f'{path}:{line}: {room} may not include "{own}"'
        for library, rooms in LIBRARIES.items():
            if (own or system).startswith(library) and room not in rooms:
                yield f'{path}:{line}: {room} may not use <{system or own}>'
    if path not in HEADERS_FILES:
        for match in HEADERS_BY_HAND.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            yield f'{path}:{line}: a header line made by hand; base/header.h makes them'
    if path != CLOCK_FILE:
        for match in CLOCKS.finditer(COMMENT.sub(lambda m: '\n' * m.group().count('\n'), text)):
            yield f'{path}: only {CLOCK_FILE} asks the system for the time ({match.group(1)})'


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'src')
    files = bad = 0
    for path, relative in source_files(root):
        files += 1
        with open(path, encoding='utf-8') as f:
            for line in offences(f.read(), relative):
                print(line)
                bad += 1
    if files == 0:
        print(f'{root}: no source found')
        bad += 1
    print(f'{files} files, {bad} offences')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
