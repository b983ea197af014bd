#!/usr/bin/python3
"""Has clang read the unit tests, which only gcc builds: each must be free of its warnings.

    tool/clang_tests.py BUILD_DIRECTORY

BUILD_DIRECTORY is one that meson has set up with gcc; its compile_commands.json says with which options each file of test/
is compiled.  Prints clang's words for each file it has any for; ends with `N passed, N failed`.
"""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

KEPT = ('-I', '-isystem', '-D', '-U', '-W', '-std=', '-include')


def command(entry):
    """(what clang is to be called with, where)"""
    words, kept = shlex.split(entry['command']), []
    for word, following in zip(words, words[1:] + ['']):
        if word.startswith(KEPT) and not word.startswith('-Wl,'):
            kept += [word, following] if word in ('-include', '-isystem', '-I') else [word]
    return ['clang', '-fsyntax-only', '-Werror', *kept, entry['file']], entry['directory']


def read(entry):
    words, directory = command(entry)
    done = subprocess.run(words, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith('-'):
        sys.exit(__doc__)
    with open(os.path.join(sys.argv[1], 'compile_commands.json')) as f:
        entries = {entry['file']: entry for entry in json.load(f) if '/test/' in entry['file'] or entry['file'].startswith('test/')}
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, (status, said) in zip(entries, pool.map(read, entries.values())):
            if status != 0:
                failed += 1
                print(f'FAILED {name}\n{said}')
    if not entries:
        print(f'FAILED {sys.argv[1]} compiles no file of test/')
        failed = 1
    print(f'{max(len(entries) - failed, 0)} passed, {failed} failed')
    sys.exit(failed > 0)


main()
