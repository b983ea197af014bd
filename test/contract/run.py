#!/usr/bin/python3
"""Runs the contract tests: every test_*.py beside this file, each in a process of its own.

  run.py [-j N] [-k PATTERN] [-v] [--folder FOLDER] [--file-seconds N] [NAME...]

Prints a line per failing test with its report, and ends with `N passed, N failed, N skipped`."""
import argparse
import concurrent.futures
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FILE_SECONDS = 420                                           # a file that takes longer hangs: it is ended and has failed

# Runs inside the worker: one file's tests, the results as JSON in the file it is told.
WORKER = r'''
import io, json, os, signal, sys, time, unittest
signal.signal(signal.SIGINT, signal.default_int_handler)         # a check in the background ignores it, and so would the tests' children
sys.path.insert(0, sys.argv[1])
class Result(unittest.TextTestResult):
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.passed, self.slow = [], []
    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)
    def stopTest(self, test):
        self.slow.append((round(time.monotonic() - self.began, 2), test.id()))
        super().stopTest(test)
    def addSuccess(self, test):
        self.passed.append(test.id())
        super().addSuccess(test)
    def addExpectedFailure(self, test, err):
        self.passed.append(test.id())
        super().addExpectedFailure(test, err)
loader = unittest.TestLoader()
if len(sys.argv) > 4:
    loader.testNamePatterns = ['*%s*' % sys.argv[4]]
suite = loader.loadTestsFromName(sys.argv[2])
out = io.StringIO()
result = unittest.TextTestRunner(stream=out, resultclass=Result, verbosity=0).run(suite)
name = lambda t: t.id() if hasattr(t, 'id') else str(t)
failed = {}
for test, trace in result.failures + result.errors:          # subtests of one test are one failure
    owner = getattr(test, 'test_case', test)
    failed[name(owner)] = failed.get(name(owner), '') + (str(test) + '\n' if owner is not test else '') + trace
for test in result.unexpectedSuccesses:
    failed[name(test)] = 'was expected to fail, and passed'
with open(sys.argv[3], 'w') as f:
    json.dump({'passed': [p for p in result.passed if p not in failed], 'failed': list(failed.items()),
               'skipped': [(name(t), why) for t, why in result.skipped], 'slow': sorted(result.slow, reverse=True)[:5]}, f)
'''


def run_file(folder, name, pattern, scratch, most_seconds):
    """One file -> (name, seconds, results, what it printed)."""
    began = time.monotonic()
    path = os.path.join(scratch, name)
    argv = [sys.executable, '-c', WORKER, folder, name, path] + ([pattern] if pattern else [])
    env = {**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'}
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=most_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)               # with its servers
        output, _ = process.communicate()
        output += f'\nended after {most_seconds} s'.encode()
    text = ''
    if os.path.exists(path):
        with open(path) as f:
            text = f.read()
    try:
        results = json.loads(text)
    except ValueError:
        results = {'passed': [], 'skipped': [], 'slow': [],
                   'failed': [(name, 'the file did not run to its end:\n' + output.decode(errors='replace')[-4000:])]}
    return name, time.monotonic() - began, results, output.decode(errors='replace')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-j', type=int, default=max(2, min(3, os.cpu_count() or 2)), help='processes at a time')
    parser.add_argument('-k', default=None, help='only tests whose name contains this')
    parser.add_argument('-v', action='store_true', help='also the files, their seconds and slowest tests')
    parser.add_argument('--folder', default=HERE, help='where the files are (beside this one)')
    parser.add_argument('--file-seconds', type=float, default=FILE_SECONDS, help=f'what a file may take ({FILE_SECONDS})')
    parser.add_argument('names', nargs='*', help='test_cli, test_http, ...; default all')
    options = parser.parse_args()
    names = [os.path.basename(n).removesuffix('.py') for n in options.names]
    if not names:
        files = glob.glob(os.path.join(options.folder, 'test_*.py'))
        # The longest first, by size: the best guess there is of what takes long.
        names = [os.path.basename(f)[:-3] for f in sorted(files, key=os.path.getsize, reverse=True)]
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run_file, options.folder, n, options.k, scratch, options.file_seconds) for n in names]):
            name, seconds, results, output = done.result()
            if not any(results[k] for k in ('passed', 'failed', 'skipped')):
                if not options.k:
                    results['failed'] = [(name, 'holds no test')]
            passed += len(results['passed'])
            failed += len(results['failed'])
            skipped += len(results['skipped'])
            for test, report in results['failed']:
                print(f'FAILED {test}\n    ' + report.rstrip().replace('\n', '\n    '))
            for test, why in results['skipped']:
                print(f'SKIPPED {test}: {why}')
            if options.v:
                print(f'{seconds:6.1f} s  {name}: {len(results["passed"])} passed, {len(results["failed"])} failed; slowest: ' +
                      ', '.join(f'{t.rsplit(".", 1)[-1]} {s}' for s, t in results['slow'][:3]))
                for line in output.splitlines()[-5:]:
                    print('            ' + line.strip())
            sys.stdout.flush()
    if passed + failed + skipped == 0:
        print('FAILED no test was found')
        failed = 1
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
