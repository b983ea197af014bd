#!/usr/bin/env python3
"""Changes one line of the source at a time and looks whether a test notices.

    tool/mutate.py [--rooms flow,engine] [--count N] [--seed N] [--only FILE[:LINE]] [--list] [--no-contract]

A change is a comparison, a condition, a constant, a truth value, MIN for MAX, or a call, an assignment or a return that
is left out.  Each one is made in a copy of the tree (build-mutate/tree, so that yours stays as it is), built, and put to
the unit tests of its room, then to all unit and story tests, then to the contract tests of its room; the first that fails
kills it, and is named.  Tests whose program did not change are not run.  What does not compile is counted apart, and what
compiles to the same code is equivalent.

Who survives is printed with its change: a test is missing, or the change cannot be noticed.  Of the latter,
tool/mutate_equivalent.txt keeps a line each, and they are not tried again:

    file | line as it stands | line as changed | why

The report (also in build-mutate/report.txt) ends with a table of the rooms: how many changes were made, compiled, noticed
by the room's own tests, by another unit test, by a contract test; how many survived, how many are equivalent, and how much
of what can be noticed was.  Exit status 1 when a room is below --goal per cent (90)."""
import argparse
import collections
import filecmp
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
WORK = os.path.join(ROOT, 'build-mutate')
TREE, BUILD = os.path.join(WORK, 'tree'), os.path.join(WORK, 'build')
EQUIVALENT = os.path.join(ROOT, 'tool', 'mutate_equivalent.txt')
UNIT_SECONDS, CONTRACT_SECONDS = 1200, 600
GOOD = ('OK', 'SKIP', 'EXPECTEDFAIL')

# room -> (prefixes of its own unit tests, contract tests that look at it); whatever has no row of its own takes the last
ROOMS = {
    'base': (('base',), ('test_http', 'test_wire_s3')),
    'net': (('net',), ('test_http', 'test_slow_readers', 'test_robust_security')),
    'wire': (('wire',), ('test_wire_s3', 'test_http', 'test_sqs_json')),
    'store': (('store', 'story'), ('test_damage', 'test_disk_full', 'test_robust_life', 'test_crash_world')),
    'policy': (('iam', 'flow'), ('test_permissions', 'test_permissions_table')),
    'pattern': (('pattern',), ('test_events',)),
    'metric': (('metric',), ('test_cloudwatch', 'test_cloudwatch_lambda')),
    'flow': (('flow', 'story'), ('test_async', 'test_destinations', 'test_dead_letter', 'test_explain', 'test_destinations_services')),
    'engine': (('engine', 'story'), ('test_auth', 'test_http', 'test_slow_readers', 'test_scope', 'test_crash_world')),
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

INSTRUMENTS = ('src/store/disk.c',)                          # the bad disk of the tests: no part of a server

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
            if not name.endswith('.c') or room_of(path) not in rooms or path in INSTRUMENTS:
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


def key_of(m):
    return m.path, m.old.strip(), m.new.strip()


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

def run(argv, seconds, log=None, **how):
    """-> exit status, or None when it took too long; whatever it started is gone afterwards."""
    with open(log or os.devnull, 'w') as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def same(a, b):
    return os.path.isfile(b) and filecmp.cmp(a, b, shallow=False) and os.stat(a).st_mode == os.stat(b).st_mode


def copy_tree():
    """What differs only, and with the time of now: ninja must not take what an earlier run compiled for current."""
    files = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split('\0')
    wanted = {name for name in files if name and os.path.isfile(os.path.join(ROOT, name))}
    for folder, _, names in os.walk(TREE):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in wanted and not os.path.islink(path):
                os.remove(path)
    for name in wanted:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if not same(source, target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
    node, link = (os.path.join(top, 'test', 'contract', 'node_modules') for top in (ROOT, TREE))
    if os.path.isdir(node) and not os.path.lexists(link):
        os.symlink(node, link)


def prepare():
    copy_tree()
    if not os.path.exists(os.path.join(BUILD, 'build.ninja')):
        subprocess.run(['meson', 'setup', BUILD, TREE, '-Doptimization=1', '-Ddebug=false', '-Dbench=false'], check=True,
                       stdout=subprocess.DEVNULL)
    if not ninja():
        sys.exit('mutate: the tree does not build as it is; see build-mutate/ninja.log')


def ninja(*targets):
    return run(['ninja', '-C', BUILD, *targets], 1800, os.path.join(WORK, 'ninja.log')) == 0


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


class Bench:
    """What was built of the tree as it is, and the tests that can tell."""

    def __init__(self):
        targets = {t['id']: t['filename'] for t in self.introspect('--targets')}
        self.made, self.seconds = {}, {}                     # test -> files it runs, how long it takes
        for t in self.introspect('--tests'):
            files = [f for i in t['depends'] for f in targets.get(i, [])]
            self.made[t['name']] = [os.path.relpath(f, BUILD) for f in files if f.startswith(BUILD)]
        self.binary = os.path.join('src', 'cli', 'waybill')
        self.objects = {}                                    # source file -> compiled file
        for folder, _, names in os.walk(os.path.join(BUILD, 'src')):
            for name in names:
                if folder.endswith('.a.p') and name.endswith('.c.o'):
                    source = os.path.join(os.path.dirname(folder), name[:-2].split('_')[-1] if '.._' in name else name[:-2])
                    self.objects[os.path.relpath(source, BUILD)] = os.path.relpath(os.path.join(folder, name), BUILD)
        known = {f for files in self.made.values() for f in files} | set(self.objects.values()) | {self.binary}
        self.digests = {f: digest(os.path.join(BUILD, f)) for f in known}

    @staticmethod
    def introspect(what):
        return json.loads(subprocess.run(['meson', 'introspect', what, BUILD], check=True, capture_output=True).stdout)

    def changed(self, *files):
        return any(digest(os.path.join(BUILD, f)) != self.digests[f] for f in files)

    def touched(self, names):
        """Those of these tests that run other code now; builds them."""
        files = sorted({f for n in names for f in self.made[n]})
        if files and not ninja(*files):
            return None
        return [n for n in names if self.changed(*self.made[n])]

    def own(self, room):
        return [n for n in self.made if re.split('[ /-]', n)[0] in ROOMS[room][0]]


def meson_test(names, most_seconds):
    """-> the test that failed, or ''."""
    if not names:
        return ''
    argv = ['meson', 'test', '-C', BUILD, '--no-rebuild', '--num-processes', '2', '--maxfail', '1', '--timeout-multiplier', '3']
    if run(argv + names, most_seconds) == 0:
        return ''
    for t in tests_run():
        if t['result'] not in GOOD:
            line = re.search(r'^FAILED (.*)', t.get('stdout', '') + t.get('stderr', ''), re.M)
            return t['name'] + ': ' + (line.group(1) if line else t['result'].lower())
    return 'a test that did not end'


def tests_run():
    try:
        with open(os.path.join(BUILD, 'meson-logs', 'testlog.json')) as f:
            return [json.loads(line) for line in f]
    except (OSError, ValueError):
        return []


def seconds_of(names):
    """The tests that pass on the tree as it is, and how long each takes; the others can judge nothing."""
    run(['meson', 'test', '-C', BUILD, '--no-rebuild', '--num-processes', '2', '--timeout-multiplier', '3', *names], UNIT_SECONDS)
    return {t['name'].split(' / ')[-1]: t['duration'] for t in tests_run() if t['result'] in GOOD}


def contract(names):
    """-> the test that failed, or ''."""
    env = {**os.environ, 'WAYBILL_BINARY': os.path.join(BUILD, 'src', 'cli', 'waybill')}
    log = os.path.join(WORK, 'contract.log')
    for name in names:
        if not os.path.exists(os.path.join(TREE, 'test', 'contract', name + '.py')):
            sys.exit(f'mutate: no test/contract/{name}.py')
        if run([os.path.join(TREE, 'test', 'contract', 'run.py'), '-j', '2', name], CONTRACT_SECONDS, log, env=env) != 0:
            with open(log, errors='replace') as f:
                line = re.search(r'^.*(?:FAIL|ERROR):? .*', f.read(), re.M)
            return name + (': ' + line.group().strip() if line else '')
    return ''


def write(path, number, text):
    """One line of the copy; -> what stood there."""
    full = os.path.join(TREE, path)
    with open(full, encoding='utf-8') as f:
        lines = f.read().split('\n')
    was, lines[number - 1] = lines[number - 1], text
    with open(full, 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines))
    return was


def judge(m, bench, with_contract):
    """-> what became of one change, and who noticed."""
    object_file = bench.objects[m.path]
    if not ninja(object_file):
        return 'no code', ''
    if not bench.changed(object_file):
        return 'same code', ''
    own = bench.own(room_of(m.path))
    for result, names in (('room', own), ('unit', [n for n in bench.made if n not in own])):
        names = bench.touched(names)
        if names is None:
            return 'no code', ''                             # does not link
        who = meson_test(names, 20 + 5 * sum(bench.seconds[n] for n in names))
        if who:
            return result, who
    if with_contract:
        if not ninja(bench.binary):
            return 'no code', ''
        who = contract(ROOMS[room_of(m.path)][1]) if bench.changed(bench.binary) else ''
        if who:
            return 'contract', who
    return 'survived', ''


# ---- the report ----

class Report:
    """On the screen and in build-mutate/report.txt."""

    def __init__(self):
        self.file = open(os.path.join(WORK, 'report.txt'), 'w', encoding='utf-8')

    def say(self, text):
        print(text, flush=True)
        print(text, file=self.file, flush=True)

    def table(self, results):
        """-> the worst room's per cent of what could be noticed and was."""
        columns = ('made', 'compiled', 'room', 'unit', 'contract', 'survived', 'equivalent', 'noticed')
        self.say('\n' + f'{"room":<20}' + ''.join(f'{c:>11}' for c in columns))
        worst = 100.0
        for room in sorted({room_of(m.path) for m, _ in results}):
            n = collections.Counter(r for m, r in results if room_of(m.path) == room)
            noticed, made = n['room'] + n['unit'] + n['contract'], sum(n.values())
            rate = 100.0 * noticed / max(1, noticed + n['survived'])
            worst = min(worst, rate) if noticed + n['survived'] else worst
            row = (made, made - n['no code'], n['room'], n['unit'], n['contract'], n['survived'], n['same code'] + n['listed'])
            self.say(f'{room:<20}' + ''.join(f'{x:>11}' for x in row) + f'{rate:>9.0f} %')
        return worst


def try_all(chosen, known, bench, report, with_contract):
    results = []
    for i, m in enumerate(chosen, 1):
        began, result, who = time.monotonic(), 'listed', ''
        if key_of(m) not in known:
            was = write(m.path, m.number, m.new)
            try:
                result, who = judge(m, bench, with_contract)
            finally:
                write(m.path, m.number, was)
        results.append((m, result))
        report.say(f'{i:4}/{len(chosen)} {time.monotonic() - began:6.1f} s  {result:<10}{m.path}:{m.number} {m.kind}'
                   + (f'  [{who[:90]}]' if who else ''))
        if result == 'survived':
            report.say(f'      - {m.old.strip()}\n      + {m.new.strip()}')
    return results


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
        here = list(all_mutants({room}, options.only))
        chosen += here if options.only else drawn(here, options.count, f'{options.seed} {room}')
    if options.list:
        for m in chosen:
            print(f'{m.path}:{m.number}: {m.kind}\n  - {m.old.strip()}\n  + {m.new.strip()}')
        return 0
    if not chosen:
        sys.exit('mutate: nothing to change there')
    os.makedirs(WORK, exist_ok=True)
    report = Report()
    report.say(f'seed {options.seed}: {len(chosen)} changes')
    prepare()
    bench = Bench()
    bench.seconds = seconds_of(list(bench.made))
    for name in [n for n in bench.made if n not in bench.seconds]:
        report.say(f'{name} fails on the tree as it is, and is not asked')
        del bench.made[name]
    return 0 if report.table(try_all(chosen, known, bench, report, not options.no_contract)) >= options.goal else 1


if __name__ == '__main__':
    sys.exit(main())
