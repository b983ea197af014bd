#!/usr/bin/python3
"""Does every file and folder that doc/TOUR.md names exist?  Prints those that do not; exit status 1 then."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = [ROOT, ROOT / 'src'] + [p for p in (ROOT / 'src').rglob('*') if p.is_dir()]


def exists(name):
    return any((room / name.rstrip('/')).exists() for room in ROOMS)


names = set()
for quoted in re.findall(r'`([^`\s]+)`', (ROOT / 'doc' / 'TOUR.md').read_text()):
    if re.fullmatch(r'[\w./*-]+\.(c|h|py|sql|md)|[\w./-]+/', quoted) and '*' not in quoted:
        names.add(quoted)
missing = sorted(name for name in names if not exists(name))
for name in missing:
    print(f'doc/TOUR.md names {name}, which is not there')
print(f'{len(names) - len(missing)} passed, {len(missing)} failed')
sys.exit(bool(missing))
