#!/usr/bin/env python3
"""Changes one line of the source at a time and looks whether a test notices.

    tool/mutate.py [--rooms flow,engine] [--count N] [--seed N] [--only FILE[:LINE]] [--list] [--no-contract]

A change is a comparison, a condition, a constant, a truth value, MIN for MAX, or a call, an assignment or a return that
is left out.  Each one is made in a copy of the tree (build-mutate/tree, so that yours stays as it is), built, and put to
the unit tests of its room, then to all unit and story tests, then to the contract tests of its room; the first that fails
kills it.  What does not compile, and what compiles to the same code, is counted apart.

Who survives is printed with its change: a test is missing, or the change cannot be noticed.  Of the latter,
tool/mutate_equivalent.txt keeps a line each (`file | line as it stands | line as changed | why`), and they are left out.

The report ends with a table of the rooms; exit status 1 when a room is below --goal per cent (90)."""
import argparse
import collections
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
WORK = os.path.join(ROOT, 'build-mutate')
TREE, BUILD = os.path.join(WORK, 'tree'), os.path.join(WORK, 'build')
EQUIVALENT = os.path.join(ROOT, 'tool', 'mutate_equivalent.txt')
UNIT_SECONDS, CONTRACT_SECONDS = 180, 300

# room -> (prefixes of its own unit tests, contract tests that look at it); whatever has no row of its own takes the last
ROOMS = {
    'base': (('base',), ('test_http', 'test_wire_s3')),
    'net': (('net',), ('test_http', 'test_slow_readers', 'test_robust_security')),
    'wire': (('wire',), ('test_wire_s3', 'test_http', 'test_sqs_json')),
    'store': (('store', 'story'), ('test_robust_life', 'test_crash_world')),
    'policy': (('iam', 'flow'), ('test_permissions', 'test_permissions_table')),
    'pattern': (('pattern',), ('test_events',)),
    'metric': (('metric',), ('test_cloudwatch', 'test_cloudwatch_lambda')),
    'flow': (('flow', 'story'), ('test_async', 'test_destinations', 'test_dead_letter', 'test_explain', 'test_destinations_services')),
    'engine': (('engine', 'story'), ('test_http', 'test_slow_readers', 'test_scope', 'test_crash_world')),
    'runtime': (('runtime',), ('test_runtime_e2e', 'test_hostile_functions', 'test_robust_sandbox')),
    'control': (('control',), ('test_control', 'test_explain')),
    'cli': (('cli',), ('test_cli', 'test_control')),
    'service/lambda': (('lambda',), ('test_lambda_functions', 'test_lambda_invoke', 'test_lambda_event_invoke_config', 'test_no_op_lambda')),
    'service/sqs': (('sqs',), ('test_sqs', 'test_sqs_fifo', 'test_sqs_json', 'test_no_op_sqs')),
    'service/sns': (('sns',), ('test_sns', 'test_sns_http', 'test_no_op_sns')),
    'service/events': (('events',), ('test_events', 'test_no_op_events')),
    'service/s3': (('s3',), ('test_s3', 'test_no_op_s3', 'test_wire_s3')),
    'service/iam': (('iam',), ('test_iam', 'test_permissions', 'test_no_op_iam')),
    'service/sts': (('iam',), ('test_sts',)),
    'service/logs': (('logs',), ('test_logs', 'test_no_op_logs')),
    'service/cloudwatch': (('cloudwatch',), ('test_cloudwatch', 'test_no_op_cloudwatch')),
}

Mutant = collections.namedtuple('Mutant', 'path number old new kind')

# ---- what is changed ----

OPPOSITE = {'==': '!=', '!=': '==', '<': '<=', '<=': '<', '>': '>=', '>=': '>'}
COMPARISON = re.compile(r'(?<=[\w)\]] )(==|!=|<=|>=|<|>)(?= [\w(*&\'"-])')
CONDITION = re.compile(r'^(\s*(?:else |\} else )?(?:if|while) \()(.+)(\)(?: \{)?)$')
LOGIC = re.compile(r' (&&|\|\|) ')
NUMBER = re.compile(r'(?<![\w.\'"%])(\d+)(?![\w.\'"])')
TRUTH = re.compile(r'\b(true|false)\b')
EDGE = re.compile(r'\b(MIN|MAX)\(')
CALL = re.compile(r'^\s*(?:\(void\))?[a-z_]\w*\(.*\);$')
ASSIGNMENT = re.compile(r'^\s*[a-z_][\w\->.\[\]]*(?:->|\.|\[)[\w\->.\[\]]*\s*[|&+-]?= .+;$')
RETURN = re.compile(r'^\s+return\b.*;$')
LEAVE = re.compile(r'^\s*(?:CHECK|_Static_assert|UNUSED|#|//|/?\*)|\bCHECK\(')


def masked(line):
    """The line with its strings, characters and trailing comment blotted out, place for place."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', lambda m: '"' + '_' * (len(m.group()) - 2) + '"', line)
    line = re.sub(r"'(?:\\.|[^'\\])'", lambda m: "'" + '_' * (len(m.group()) - 2) + "'", line)
    return re.sub(r'\s*/\*.*', lambda m: ' ' * len(m.group()), line)


def splice(line, start, end, text):
    return line[:start] + text + line[end:]


def changes(line):
    """Every change of one line of code -> (kind, new line)."""
    code = masked(line)
    for m in COMPARISON.finditer(code):
        yield 'comparison', splice(line, m.start(1), m.end(1), OPPOSITE[m.group(1)])
    m = CONDITION.match(code.rstrip())
    if m and m.group(2).count('(') == m.group(2).count(')'):
        yield 'condition', splice(line, m.start(2), m.end(2), '!(' + line[m.start(2):m.end(2)] + ')')
    for m in LOGIC.finditer(code):
        yield 'and, or', splice(line, m.start(1), m.end(1), '||' if m.group(1) == '&&' else '&&')
    for m in NUMBER.finditer(code):
        yield 'constant', splice(line, m.start(1), m.end(1), str(int(m.group(1)) + 1))
    for m in TRUTH.finditer(code):
        yield 'truth', splice(line, m.start(1), m.end(1), 'false' if m.group(1) == 'true' else 'true')
    for m in EDGE.finditer(code):
        yield 'MIN, MAX', splice(line, m.start(1), m.end(1), 'MAX' if m.group(1) == 'MIN' else 'MIN')
    indent = line[:len(line) - len(line.lstrip())]
    for kind, pattern in (('dropped call', CALL), ('dropped assignment', ASSIGNMENT), ('dropped return', RETURN)):
        if pattern.match(code.rstrip()):
            yield kind, indent + ';'
            break


def mutants_of(path):
    """Of one file: only lines inside functions, whole statements, no comment, no assertion."""
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        lines = f.read().split('\n')
    inside, comment = False, False
    for i, line in enumerate(lines):
        if line == '{':
            inside = True
        elif line.startswith('}'):
            inside = False
        starts = comment
        comment = ('*/' not in line) if comment else ('/*' in line and '*/' not in line[line.rfind('/*'):])
        if not inside or starts or LEAVE.search(line) or line.rstrip().endswith('\\'):
            continue
        last = i + 1 < len(lines) and lines[i + 1].startswith('}')
        for kind, new in changes(line):
            if not (kind == 'dropped return' and last):      # the last return of a function: the compiler sees that
                yield Mutant(path, i + 1, line, new, kind)


def room_of(path):
    parts = path.split('/')[1:]                              # without src/
    return '/'.join(parts[:2]) if parts[0] == 'service' else parts[0]


def all_mutants(rooms, only):
    for folder, folders, names in os.walk(os.path.join(ROOT, 'src')):
        folders[:] = sorted(f for f in folders if f != 'model')
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if not name.endswith('.c') or room_of(path) not in rooms:
                continue
            for m in mutants_of(path):
                if only is None or only in (m.path, f'{m.path}:{m.number}'):
                    yield m


def equivalents():
    if not os.path.exists(EQUIVALENT):
        return set()
    with open(EQUIVALENT, encoding='utf-8') as f:
        rows = [line.rstrip('\n').split(' | ') for line in f if ' | ' in line and not line.startswith('#')]
    return {tuple(part.strip() for part in row[:3]) for row in rows}


def drawn(mutants, count, seed):
    """So many of each room, spread over kinds: a kind is drawn first, then one of its changes."""
    rng, left, chosen = random.Random(seed), collections.defaultdict(list), []
    for m in mutants:
        left[m.kind].append(m)
    while left and len(chosen) < count:
        kind = rng.choice(sorted(left))
        chosen.append(left[kind].pop(rng.randrange(len(left[kind]))))
        if not left[kind]:
            del left[kind]
    return chosen


# ---- how it is tried ----

def run(argv, seconds, **how):
    """-> exit status, or None when it took too long; whatever it started is gone afterwards."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True, **how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()


def prepare():
    shutil.rmtree(TREE, ignore_errors=True)
    os.makedirs(WORK, exist_ok=True)
    files = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split('\0')
    for name in filter(None, files):
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
    node = os.path.join(ROOT, 'test', 'contract', 'node_modules')
    if os.path.isdir(node):
        os.symlink(node, os.path.join(TREE, 'test', 'contract', 'node_modules'))
    if not os.path.exists(os.path.join(BUILD, 'build.ninja')):
        subprocess.run(['meson', 'setup', BUILD, TREE, '-Doptimization=1', '-Ddebug=false', '-Dbench=false'], check=True,
                       stdout=subprocess.DEVNULL)
    if subprocess.run(['ninja', '-C', BUILD], stdout=subprocess.DEVNULL).returncode:
        sys.exit('mutate: the tree does not build as it is')


def unit_tests():
    listed = subprocess.run(['meson', 'introspect', '--tests', BUILD], check=True, capture_output=True).stdout
    return [t['name'] for t in json.loads(listed)]


def own_tests(names, room):
    prefixes = ROOMS[room][0]
    return [n for n in names if re.split('[ -]', n)[0] in prefixes]


def object_file(path):
    """The compiled file of a source file, as Meson names it."""
    flat = os.path.relpath(os.path.join(TREE, path), BUILD)
    wanted = path.split('/')[-1] + '.o'
    folder = os.path.join(BUILD, os.path.dirname(path))
    for base, _, names in os.walk(folder):
        for name in names:
            if name.endswith(wanted) and name in (wanted, flat.replace('/', '_') + '.o'):
                return os.path.join(base, name)
    return None


def digest(path):
    if path is None:
        return None
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def meson_test(names):
    if not names:
        return True
    return run(['meson', 'test', '-C', BUILD, '--no-rebuild', '--num-processes', '2', '--maxfail', '1', *names], UNIT_SECONDS) == 0


def contract(names):
    env = {**os.environ, 'WAYBILL_BINARY': os.path.join(BUILD, 'src', 'cli', 'waybill')}
    present = [n for n in names if os.path.exists(os.path.join(TREE, 'test', 'contract', n + '.py'))]
    if not present:
        return True
    return run([os.path.join(TREE, 'test', 'contract', 'run.py'), '-j', '2', *present], CONTRACT_SECONDS, env=env) == 0


def write(path, number, text):
    """One line of the copy; -> what stood there."""
    full = os.path.join(TREE, path)
    with open(full, encoding='utf-8') as f:
        lines = f.read().split('\n')
    was, lines[number - 1] = lines[number - 1], text
    with open(full, 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines))
    return was


def judge(m, names, with_contract):
    """-> what became of one change."""
    before = digest(object_file(m.path))
    if run(['ninja', '-C', BUILD], 600) != 0:
        return 'no code'
    if before is not None and digest(object_file(m.path)) == before:
        return 'same code'
    room = room_of(m.path)
    if not meson_test(own_tests(names, room)):
        return 'room'
    if not meson_test([n for n in names if n not in own_tests(names, room)]):
        return 'unit'
    if with_contract and not contract(ROOMS[room][1]):
        return 'contract'
    return 'survived'


def table(results):
    columns = ('room', 'unit', 'contract', 'survived', 'same code', 'no code')
    print(f'\n{"room":<20}{"changes":>8}' + ''.join(f'{c:>11}' for c in columns) + f'{"noticed":>10}')
    worst = 100.0
    for room in sorted({room_of(m.path) for m, _ in results}):
        counts = collections.Counter(r for m, r in results if room_of(m.path) == room)
        noticed = counts['room'] + counts['unit'] + counts['contract']
        rate = 100.0 * noticed / max(1, noticed + counts['survived'])
        worst = min(worst, rate)
        print(f'{room:<20}{sum(counts.values()):>8}' + ''.join(f'{counts[c]:>11}' for c in columns) + f'{rate:>8.0f} %')
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rooms', default=','.join(ROOMS), help='which rooms (all); `sqs` means service/sqs')
    parser.add_argument('--count', type=int, default=20, help='changes per room (20)')
    parser.add_argument('--seed', type=int, default=int(time.time()), help='which ones are drawn')
    parser.add_argument('--only', help='every change of one file, or of one line (src/flow/retry.c:40)')
    parser.add_argument('--list', action='store_true', help='print the changes and try none')
    parser.add_argument('--no-contract', action='store_true', help='unit and story tests only')
    parser.add_argument('--goal', type=float, default=90, help='per cent that must be noticed in each room (90)')
    options = parser.parse_args()
    rooms = [r if r in ROOMS else 'service/' + r for r in options.rooms.split(',')]
    unknown = [r for r in rooms if r not in ROOMS]
    if unknown:
        sys.exit(f'mutate: no room {unknown[0].removeprefix("service/")}; there are {", ".join(ROOMS)}')
    known, chosen = equivalents(), []
    for room in rooms:
        here = [m for m in all_mutants({room}, options.only) if (m.path, m.old.strip(), m.new.strip()) not in known]
        chosen += here if options.only else drawn(here, options.count, f'{options.seed} {room}')
    if options.list:
        for m in chosen:
            print(f'{m.path}:{m.number}: {m.kind}\n  - {m.old.strip()}\n  + {m.new.strip()}')
        return 0
    if not chosen:
        sys.exit('mutate: nothing to change there')
    print(f'seed {options.seed}: {len(chosen)} changes', flush=True)
    prepare()
    names, results = unit_tests(), []
    if not meson_test(names):
        sys.exit('mutate: the unit tests fail on the tree as it is')
    for i, m in enumerate(chosen, 1):
        was = write(m.path, m.number, m.new)
        began = time.monotonic()
        result = judge(m, names, not options.no_contract)
        write(m.path, m.number, was)
        results.append((m, result))
        print(f'{i:4}/{len(chosen)} {time.monotonic() - began:6.1f} s  {result:<10}{m.path}:{m.number} {m.kind}', flush=True)
        if result == 'survived':
            print(f'      - {m.old.strip()}\n      + {m.new.strip()}', flush=True)
        run(['ninja', '-C', BUILD], 600)
    return 0 if table(results) >= options.goal else 1


if __name__ == '__main__':
    sys.exit(main())
