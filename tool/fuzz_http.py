#!/usr/bin/python3
"""Requests nobody would send, to every operation the server has, in every protocol it speaks.

    tool/fuzz_http.py [--seconds N] [--seed N] [--jobs N] [--out DIRECTORY]
                      [--binary PROGRAM [--serve-option=OPTION]... | --endpoint http://127.0.0.1:PORT]
    tool/fuzz_http.py --replay FILE [--binary PROGRAM | --endpoint URL]

A black box: it knows the rows of src/model and what the server answers, nothing else.  A server of its own is filled
with a function, queues, topics, a bus with a rule, a bucket, roles and logs.  First comes a right request of every
operation the binary serves, alone and with a dozen changes of who asks; then requests that are right but for one value, or wild; a request that got a new kind
of answer is kept and bent further.  Bodies are damaged (bytes, depth, CBOR, codings), and so are headers, credential
scopes, paths and queries, lengths, chunks; requests are cut, pipelined, sent in pieces.

What must be true, whatever is sent:
  - a whole request gets a whole reply, in its protocol's form, within the patience;
  - no 5xx but a 501 or 503 that says by name what it is;
  - nothing follows a reply, no header comes from a parameter;
  - the server lives, answers its health, says nothing to a sanitizer, and ends with status 0.

The same seed and jobs make the same requests (but for ids the server chose).  What fails is printed once per kind
and written to DIRECTORY, the requests before it included; --replay sends such a file to a new server and says
whether its last request still fails.  Ends with `N passed, N failed`: operations that were asked, and kinds of failure.

A minute finds what a change broke; an hour is for before a release:
    tool/fuzz_http.py --seconds 3600 --jobs 2 --seed $RANDOM --binary build-check/gcc/src/cli/waybill
"""
import argparse
import collections
import copy
import json
import multiprocessing
import os
import queue
import random
import re
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'test/fuzz_http'))
sys.dont_write_bytecode = True
import damage  # noqa: E402  (the path comes first)
import exchange  # noqa: E402
import inputs  # noqa: E402
import judge  # noqa: E402
import render  # noqa: E402
import seeds  # noqa: E402
import world  # noqa: E402

HISTORY = 300                                                # requests kept before a failing one
REBUILD = 4000                                               # requests before the server is emptied and filled again
KEPT_PER_OPERATION = 30
DEATHS = 10                                                  # a server that dies this often has been asked enough
PROGRESS_SECONDS = 10
CONTROL = [('GET', 'health', None), ('GET', 'clock', None), ('GET', 'journeys?limit=3', None), ('GET', 'journeys?function=fz', None), ('GET', 'explain?function=fz', None),
           ('GET', 'journeys/00000000-0000-0000-0000-000000000000', None), ('GET', 'code/' + '0' * 64, None), ('POST', 'clock', {'advance_ms': 1000}),
           ('POST', 'clock', {'rate': 1}), ('POST', 'clock', {'resume': True}), ('POST', 'settle', {'advance': False, 'timeout_ms': 100}), ('PUT', 'clock', None)]
CONTROL_VALUES = [None, '', 'x', -1, 0, 1, 0.5, 1e300, 2 ** 53, 2 ** 63, 2 ** 64, [], {}, [1], True, 'a' * 3000, '1\0']


class Failure(Exception):
    def __init__(self, kind, text):
        super().__init__(text)
        self.kind, self.text = kind, text


class Job:
    """One server and the requests to it, one after another."""

    def __init__(self, options, number):
        self.options, self.number = options, number
        self.services, self.served = world.rows.load(), world.rows.served(options.binary)
        self.operations = [(s, o) for s in self.served for o in self.served[s]]
        self.operations.sort(key=seeds.order)
        self.kept = collections.defaultdict(list)
        self.known, self.asked, self.succeeded, self.count = set(), collections.Counter(), set(), 0
        self.server = self.world = None

    def start(self):
        if self.server is None or self.server.dead():
            self.server = world.Server(self.options.binary, self.options.serve_option, self.options.endpoint, self.options.patience)
        self.world = world.World(self.server, self.services)
        self.world.build()
        self.connection = self.world.connection
        self.history = collections.deque(maxlen=HISTORY)

    # ---- making ----

    def input(self, rng, service, op, tame):
        w, shape = self.world, self.services[service].shapes.get(op.input)
        if shape is None:
            return {}
        generator = inputs.Generator(rng, self.services[service], w.urls, w.found.get(service, w.handles), world.CODE)
        kept = self.kept[service, op.name]
        if tame or not kept or rng.random() < 0.5:
            value = generator.request(shape, tame)
        else:
            value = copy.deepcopy(rng.choice(kept))
            for _ in range(rng.choice((1, 1, 2, 4))):
                generator.bend(value)
        return inputs.without_waits(inputs.spared(op.name, value))

    def make(self, rng, which=None, sweep=None):
        """A case, ready to be sent, and its input.  which: a right one of that operation; sweep: with that change."""
        if which is None and rng.random() < 0.02:
            return self.make_control(rng)
        service, name = which or rng.choice(self.operations)
        op = self.services[service].operations[name]
        seed = seeds.of(self.world, service, name)
        if seed is not None and not self.kept[service, name]:
            self.kept[service, name].append(copy.deepcopy(seed))
        value = seed if which and seed is not None else self.input(rng, service, op, True if which else None)
        protocol = rng.choice(self.services[service].protocols)
        request = render.render(None if which else rng, op, value, protocol)
        case = damage.Case(self.count, service, name, protocol, True)
        if sweep:
            return damage.sweep(case, sweep, request, self.world.session), None
        if which:
            case.methods, case.sends = [request.method], [request.bytes()]
            return case, value
        if rng.random() < 0.1:
            damage.as_role(request, self.world.session)
        return damage.send(rng, case, request), value

    def make_control(self, rng):
        method, path, body = rng.choice(CONTROL)
        if rng.random() < 0.5 and body:
            body = {rng.choice((*body, 'x', 'advance_ms', 'rate', 'freeze')): rng.choice(CONTROL_VALUES)}
            if body.get('rate') not in (None, 1) or body.get('freeze') or body.get('advance_ms') in (2 ** 53, 1e300):
                body = {'rate': -1}                          # a clock that stands, or lies in ages to come, would end the test and not the server
        request = render.Request(method, '/_waybill/' + path, [('Content-Type', 'application/json')], b'' if body is None else json.dumps(body).encode())
        case = damage.Case(self.count, 'control', f'{method} {path.split("?")[0].split("/")[0]}', 'CONTROL', True)
        return damage.send(rng, case, request), None

    # ---- sending ----

    def send(self, case):
        """Sends a case and judges its replies -> the replies.  Raises Failure."""
        self.history.append(case)
        try:
            replies = self.connection.run(case)
            judge.check(case, replies)
            return replies
        except exchange.Wrong as e:
            why, text = re.sub(r'[0-9a-f-]{36}|\d+', 'N', str(e).split('\n')[0][:90]), str(e)
        except TimeoutError:
            why = text = f'no reply within {self.options.patience} s'
        except OSError as e:
            why = text = f'{type(e).__name__}: {e}'
        self.connection.close()
        time.sleep(0.2)                                      # a process that dies takes a moment to be gone
        dead = self.wait_dead() if 'closed' in why or 'refused' in why or 'Reset' in why else self.server.dead()
        if dead:
            raise Failure('dead: ' + self.headline(dead), dead)
        raise Failure(f'{case.service} {case.operation}: {why}', text)

    def wait_dead(self):
        """A sanitizer's report takes its time, and the connection is closed before it."""
        for _ in range(100):
            if self.server.dead():
                break
            time.sleep(0.1)
            try:
                if self.world.control('GET', 'health').status == 200:
                    return ''
            except (exchange.Wrong, OSError):
                self.connection.close()
        return self.server.dead()

    @staticmethod
    def headline(dead):
        found = re.search(r'SUMMARY: ([^\n]*)|(broken invariant[^\n]*)|(\S+: runtime error:[^\n]*)', dead)
        return re.sub(r'0x[0-9a-f]+|\d{5,}', 'N', next(g for g in found.groups() if g))[:140] if found else dead.split('\n')[0]

    def keep(self, case, value, reply):
        """An input that got a new kind of answer is worth bending."""
        name = case.service, case.operation
        text = re.sub(r'[^A-Za-z ]+', '', reply.data[:300].decode('latin-1'))[:80] if reply.status >= 400 else ''
        sign = (*name, reply.status, judge.error_code(reply), text)
        if value is not None and sign not in self.known and len(self.kept[name]) < KEPT_PER_OPERATION:
            self.known.add(sign)
            self.kept[name].append(value)

    def one(self, case, value):
        replies = self.send(case)
        self.asked[case.service, case.operation] += 1
        for reply in replies[:1]:
            self.keep(case, value, reply)
            self.world.learn(case.service, reply.data)
            if reply.status < 300 and case.replies == 1 and case.how == 'plain':
                self.succeeded.add((case.service, case.operation))

    def cases(self):
        """All requests of a seed, in order."""
        for which in self.operations:
            for attempt in range(3 if seeds.of(self.world, *which) is not None else 20):
                if which not in self.succeeded:
                    yield self.make(random.Random(f'{self.options.seed}/{self.number}/{which}/{attempt}'), which)
        for sweep in damage.SWEEPS:
            for which in self.operations:
                yield self.make(random.Random(f'{self.options.seed}/{self.number}/{which}/{sweep}'), which, sweep)
        while True:
            rng = random.Random(f'{self.options.seed}/{self.number}/{self.count}')
            case, value = self.make(rng)
            if case.replies == 1 and rng.random() < 0.02:
                others = [self.make(rng)[0] for _ in range(rng.randrange(1, 8))]
                case = damage.pipeline([case] + [o for o in others if o.replies == 1 and len(o.whole()) < 60000])
            yield case, value

    def run(self, tell):
        end = time.monotonic() + self.options.seconds
        self.start()
        deaths = 0
        for case, value in self.cases():
            case.number = self.count
            if time.monotonic() > end and self.count >= (len(damage.SWEEPS) + 1) * len(self.operations):
                break
            self.count += 1
            try:
                self.one(case, value)
                if self.count % REBUILD == 0:
                    self.world.build()
                elif self.count % 300 == 0 and self.world.control('GET', 'health').status != 200:
                    raise Failure('health is not 200', '')
            except (Failure, exchange.Wrong, OSError) as e:
                failure = e if isinstance(e, Failure) else Failure(f'{type(e).__name__}: {e}'[:100], self.server.dead() or str(e))
                tell('failure', failure.kind, failure.text, [c.to_json() for c in self.history])
                if self.options.first:
                    break
                deaths += bool(self.server.dead())
                if deaths > DEATHS or self.options.endpoint and deaths:
                    break
                self.start()
            if self.count % 50 == 0:
                tell('count', self.count)
        wrong = self.server.end()
        if wrong and not deaths:
            tell('failure', 'end: ' + self.headline(wrong), wrong, [c.to_json() for c in self.history])
        tell('done', self.count, sorted(self.asked), sorted(self.succeeded), len(self.operations))


# ---- replay ----

def load(path):
    with open(path) as f:
        return json.loads(f.readline()), [damage.Case.of_json(json.loads(line)) for line in f]


def fails(options, cases):
    """The Failure of the last case, sent to a new server after those before it; None when it no longer fails."""
    job = Job(options, 0)
    job.start()
    failure = None
    for case in cases:
        # The server's own port stands in the addresses of the file.
        try:
            job.send(case)
            failure = None
        except Failure as e:
            failure = e
            if job.server.dead():
                break
    wrong = job.server.end()
    return failure or (Failure('end: ' + Job.headline(wrong), wrong) if wrong else None)


def replay(options):
    head, cases = load(options.replay)
    print(f'{options.replay}: {head["kind"]}\n{len(cases)} requests; the last: {cases[-1].service} {cases[-1].operation}, {cases[-1].how}')
    print(cases[-1].whole()[:3000].decode('latin-1'))
    # Alone if that is enough, else with what came before.
    for n in sorted({1, min(10, len(cases)), len(cases)}):
        failure = fails(options, cases[-n:])
        if failure:
            print(f'FAILED with the last {n}: {failure.kind}\n{failure.text}\n0 passed, 1 failed')
            return 1
    print('it does not fail any more\n1 passed, 0 failed')
    return 0


# ---- all jobs ----

def work(options, number, messages):
    def tell(*what):
        messages.put((number, *what))
    try:
        Job(options, number).run(tell)
    except BaseException:
        tell('broken', traceback.format_exc())


class Report:
    def __init__(self, options):
        self.options, self.kinds = options, {}
        self.counts, self.asked, self.succeeded, self.operations = collections.Counter(), set(), set(), 0

    def failure(self, job, kind, text, history):
        self.kinds.setdefault(kind, [0, ''])[0] += 1
        if self.kinds[kind][0] > 1:
            return
        os.makedirs(self.options.out, exist_ok=True)
        path = os.path.join(self.options.out, f'{self.options.seed}-{job}-{len(self.kinds)}.jsonl')
        self.kinds[kind][1] = path
        with open(path, 'w') as f:
            for row in [{'kind': kind, 'text': text, 'seed': self.options.seed, 'job': job}] + history:
                f.write(json.dumps(row) + '\n')
        last = damage.Case.of_json(history[-1]) if history else None
        print(f'\nFAILED {kind}\n{text[:4000]}\n  seed {self.options.seed}, job {job}; replay: tool/fuzz_http.py --replay {path}')
        if last:
            print(f'  request {last.number}, {last.how}: {last.whole()[:1500]!r}', flush=True)

    def finish(self):
        print(f'\n{sum(self.counts.values())} requests; {len(self.asked)} of {self.operations} operations asked, {len(self.succeeded)} succeeded at least once')
        if self.options.verbose:
            print('never succeeded:', ', '.join(f'{s} {o}' for s, o in sorted(self.asked - self.succeeded) if s != 'control'))
        for kind, (n, path) in self.kinds.items():
            print(f'FAILED {n} times: {kind}  ({path})')
        # A generator that no longer gets past the first check would find nothing.
        if self.operations and len(self.succeeded) < 0.7 * self.operations and not self.kinds:
            self.kinds['too few operations succeed: the inputs no longer fit the rows'] = [1, '']
            print('FAILED', *self.kinds)
        print(f'{len(self.asked)} passed, {len(self.kinds)} failed')
        return 1 if self.kinds else 0


def fuzz(options):
    messages = multiprocessing.Queue()
    jobs = [multiprocessing.Process(target=work, args=(options, n, messages)) for n in range(options.jobs)]
    for job in jobs:
        job.start()
    report, left, began, told = Report(options), len(jobs), time.monotonic(), 0
    while left:
        try:
            job, what, *rest = messages.get(timeout=5)
        except queue.Empty:
            if not any(j.is_alive() for j in jobs):
                report.kinds['a job ended without a word'] = [1, '']
                break
            continue
        if what == 'failure':
            report.failure(job, *rest)
        elif what == 'broken':
            report.kinds['the fuzzer itself: ' + rest[0].strip().split('\n')[-1]] = [1, '']
            print(rest[0])
            left -= 1
        else:
            report.counts[job] = rest[0]
        if what == 'done':
            left -= 1
            report.asked |= set(map(tuple, rest[1]))
            report.succeeded |= set(map(tuple, rest[2]))
            report.operations = rest[3]
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f'{told - began:6.0f} s  {sum(report.counts.values())} requests, {len(report.kinds)} kinds of failure', flush=True)
    for job in jobs:
        job.join()
    return report.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=60, help='how long (60)')
    parser.add_argument('--seed', type=int, default=1, help='which requests (1)')
    parser.add_argument('--jobs', type=int, default=1, help='servers at a time, each with requests of its own (1)')
    parser.add_argument('--binary', default=os.environ.get('WAYBILL_BINARY', os.path.join(ROOT, 'build-check/gcc/src/cli/waybill')),
                        help='the program; $WAYBILL_BINARY, else the one of ./check')
    parser.add_argument('--endpoint', help='a server that runs already, on 127.0.0.1: it is emptied!  --binary only lists the operations then')
    parser.add_argument('--serve-option', action='append', default=None, help='one more option for `waybill serve` (--max-environments=2)')
    parser.add_argument('--patience', type=float, default=120, help='seconds without a reply that are a hang (120; a long poll may take 20, and a busy machine its time)')
    parser.add_argument('--out', default='fuzz-failures', help='where failing requests are written (fuzz-failures)')
    parser.add_argument('--first', action='store_true', help='stop at the first failure')
    parser.add_argument('--replay', metavar='FILE', help='send what such a file holds, and nothing else')
    parser.add_argument('--verbose', '-v', action='store_true', help='also which operations never succeeded')
    options = parser.parse_args()
    options.serve_option = options.serve_option or ['--max-environments', '2']
    options.binary = os.path.abspath(options.binary)
    return replay(options) if options.replay else fuzz(options)


if __name__ == '__main__':
    sys.exit(main())
