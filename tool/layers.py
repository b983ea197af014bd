#!/usr/bin/env python3
"""Checks that every #include in src/ points down the layers.

    tool/layers.py [source root]
    tool/layers.py --objects BUILD_DIRECTORY

The table below is the one of doc/TOUR.md: a room may include what its row names, and itself.  A row may name a single
header of a room; what a row names and no file uses is an offence too, for nobody would miss that wall.  Also checked:
headers that are private to their room, circles inside a room, which room may use which library, and who may ask the
system for the time.

--objects looks at what the compiler made instead: a function that is declared in one room and defined in another, or
used across rooms without an #include, is an arrow that no #include shows.

Exit status 1 and a line per offence."""
import collections
import os
import re
import subprocess
import sys

# room -> what it may include
ROOMS = {
    'base': (),
    'net': ('base',),
    'wire': ('base', 'net/exchange.h'),
    'model': ('wire',),                                      # generated: tables made of wire's row types
    'store': ('base',),
    'turn': ('base', 'store'),                               # the engine's promise to all that decide; a header
    'policy': ('base',),
    'pattern': ('base',),
    'metric': ('base', 'turn'),
    'flow': ('base', 'turn', 'policy', 'pattern', 'metric'),
    'service/lambda': ('base', 'wire', 'model', 'policy', 'metric', 'flow'),
    'service/sqs': ('base', 'wire', 'model', 'turn', 'policy', 'metric', 'flow'),
    'service/iam': ('base', 'wire', 'model', 'turn', 'policy', 'flow'),
    'service/logs': ('base', 'wire', 'model', 'store', 'policy', 'flow'),
    'service/sns': ('base', 'wire', 'model', 'policy', 'pattern', 'metric', 'flow'),
    'service/events': ('base', 'wire', 'model', 'policy', 'pattern', 'metric', 'flow'),
    'service/s3': ('base', 'wire', 'model', 'turn', 'policy', 'flow'),
    'service/cloudwatch': ('base', 'wire', 'model', 'turn', 'metric'),
    'service/sts': ('model', 'policy', 'service/iam/iam.h'),            # STS hands out what IAM keeps: one state, two front doors
    'runtime': ('base', 'net', 'flow/execution.h'),          # the executor's contract is flow's, its fulfilment runtime's
    'engine': ('base', 'net', 'wire', 'turn'),
    'control': ('base', 'net', 'metric', 'flow', 'engine', 'runtime'),
    'cli': ('*',),                                           # main: assembles the rooms
}

# Headers that only their own room includes.  base/state.h is a word for everybody, not a room's state.
PRIVATE = re.compile(r'^(?!base/)(.*[/_])?(internal|parts|state)\.h$|^store/engine\.h$')

# room -> files of its largest circle, where it has more than two.  To be made smaller, and never larger.
CIRCLES = {
    'engine': 3, 'net': 6, 'runtime': 7, 'service/events': 6, 'service/lambda': 13, 'service/s3': 5, 'service/sns': 8,
    'service/sqs': 7, 'wire': 3,
}

# Declared in the first room, defined in the second: what a room asks of the one that will use it.
UPWARD = {
    ('wire', 'engine'),                                      # the end of a call, and calls without a socket, are the engine's
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
        if own and PRIVATE.search(own) and room_of(own) != room:
            yield f'{path}:{line}: "{own}" is private to {room_of(own)}'
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


def unused(includes):
    """What rows permit and nobody does.  includes: room -> headers of other rooms."""
    for room, row in ROOMS.items():
        for item in row:
            if item != '*' and not any(h == item or h.startswith(item + '/') for h in includes[room]):
                yield f'tool/layers.py: {room} has no use for {item}: take it out of its row'


def circles(edges):
    """The circles of a graph (name -> names), each as a sorted list: its strongly connected parts, by Tarjan."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in edges.get(v, ()):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            part = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(part) > 1:
                found.append(sorted(part))
    for v in list(edges):
        if v not in index:
            visit(v)
    return found


def round_about(edges):
    """Headers in a circle, and files of one room in a larger circle than its row allows.  edges: file -> headers of its room."""
    for part in circles({f: [h for h in hs if h != f] for f, hs in edges.items() if f.endswith('.h')}):
        yield f'{part[0]}: its #includes go round: {" ".join(part)}'
    stems, largest = collections.defaultdict(set), collections.Counter()
    for f, headers in edges.items():
        stem = os.path.splitext(f)[0]
        stems[stem] |= {os.path.splitext(h)[0] for h in headers} - {stem}
    for part in circles(stems):
        room = room_of(part[0])
        largest[room] = max(largest[room], len(part))
        if len(part) > CIRCLES.get(room, 2):
            yield f'{part[0]}: a circle of {len(part)} files, of which {room} may have {CIRCLES.get(room, 2)}: {" ".join(part)}'
    for room, most in CIRCLES.items():
        if largest[room] < most:
            yield f'tool/layers.py: the largest circle of {room} is {largest[room]} files now: write that into CIRCLES'


# ---- what the compiler made ----

NM_LINE = re.compile(r'^(?:[0-9a-f]+)? +([A-Za-z]) (\w+)$')
DECLARED = re.compile(r'\b(\w+)\s*\((?!\*)')


def declarations(root):
    """function -> headers that declare it (a word before a parenthesis, outside of comments)."""
    found = collections.defaultdict(set)
    for path, relative in source_files(root):
        if relative.endswith('.h'):
            with open(path, encoding='utf-8') as f:
                for name in DECLARED.findall(COMMENT.sub('', f.read())):
                    found[name].add(relative)
    return found


def symbols(build):
    """(function -> room that defines it, (room, object) -> functions it uses and does not define)"""
    defined, used = {}, collections.defaultdict(set)
    for folder, _, names in os.walk(os.path.join(build, 'src')):
        for name in names:
            if not name.endswith('.o'):
                continue
            path = os.path.join(folder, name)
            room = room_of(os.path.relpath(path, os.path.join(build, 'src')))
            for line in subprocess.run(['nm', path], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
                match = NM_LINE.match(line)
                if match and match.group(1) in 'TDBR':
                    defined[match.group(2)] = room
                elif match and match.group(1) == 'U':
                    used[room, name].add(match.group(2))
    return defined, used


def link_offences(root, build):
    declared = declarations(root)
    defined, used = symbols(build)
    if not defined:
        yield f'{build}: no object of src/ was found'
    for name, room in sorted(defined.items()):
        rooms = {room_of(header) for header in declared.get(name, ())}
        for header in sorted(declared.get(name, ()) if room not in rooms else ()):
            if (room_of(header), room) not in UPWARD and room != 'cli':
                yield f'{name}() is declared in {header} and defined in {room}'
    for (room, name), functions in sorted(used.items()):
        for function in sorted(functions):
            target = defined.get(function, room)
            upward = any((room_of(header), target) in UPWARD for header in declared.get(function, ()))
            if target != room and ROOMS[room] != ('*',) and not upward and not reached(room, target):
                yield f'{name[:-2]} of {room} uses {function}() of {target}, which its row does not name'


def reached(room, target):
    """By way of the rooms that the row names: an inline function or a macro of theirs may use their own basement."""
    seen, todo = set(), [room]
    while todo:
        for row in ROOMS.get(todo.pop(), ()):
            near = room_of(row)
            if near == target:
                return True
            if near not in seen:
                seen.add(near)
                todo.append(near)
    return False


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'src')
    if sys.argv[1:2] == ['--objects']:
        found = list(link_offences(root, sys.argv[2]))
        print('\n'.join(found + [f'{len(found)} offences']))
        return 1 if found else 0
    root = sys.argv[1] if len(sys.argv) > 1 else root
    includes, edges, found = collections.defaultdict(set), collections.defaultdict(set), []
    for path, relative in source_files(root):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        found += offences(text, relative)
        for own, _ in INCLUDE.findall(text):
            if own and room_of(own) == room_of(relative):
                edges[relative].add(own)
            elif own:
                includes[room_of(relative)].add(own)
        edges[relative] |= set()
    files = len(edges)
    found += [*unused(includes), *round_about(edges)] if files > 0 else [f'{root}: no source found']
    for line in found:
        print(line)
    print(f'{files} files, {len(found)} offences')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
