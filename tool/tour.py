#!/usr/bin/python3
"""Does every file and folder that doc/TOUR.md and doc/SECURITY.md name exist?  Prints those that do not; exit status 1
then.  `test_x.py` also stands for `test/contract/test_x.py` and `test/hostile/test_x.py`."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = [ROOT, ROOT / 'src'] + [p for p in (ROOT / 'src').rglob('*') if p.is_dir()] + [ROOT / 'test/contract', ROOT / 'test/hostile']
DOCUMENTS = ('doc/TOUR.md', 'doc/SECURITY.md')
NAMED = re.compile(r'[\w./*-]+\.(c|h|py|sql|md)|[\w./-]+/')


def exists(name):
    return any((room / name.rstrip('/')).exists() for room in ROOMS)


def is_path(name):
    """`/tmp/` and the like are places at run time, not files of ours."""
    return NAMED.fullmatch(name) and '*' not in name and not name.startswith('/')


names = {(document, name) for document in DOCUMENTS for name in re.findall(r'`([^`\s]+)`', (ROOT / document).read_text()) if is_path(name)}
missing = sorted((document, name) for document, name in names if not exists(name))
for document, name in missing:
    print(f'{document} names {name}, which is not there')
print(f'{len(names) - len(missing)} passed, {len(missing)} failed')
sys.exit(bool(missing))
