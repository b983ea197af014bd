#!/usr/bin/env python3
"""embed_sql.py SCHEMA_DIR OUT.c [DEPFILE] - the schema files as one C array of migrations.

NN-name.sql, in name order, make migration 1; mNNNN-what.sql makes migration NNNN.  Numbers have no gaps.
Comments and blank lines are left out: the texts are read in the files, not in the program.
"""
import os
import re
import sys


def statements(path):
    """The file's lines without comments; a quoted text never holds two dashes in our files."""
    with open(path, encoding="utf-8") as f:
        lines = (re.sub(r"--.*", "", line).rstrip() for line in f)
        return [line for line in lines if line]


def migrations(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        if re.fullmatch(r"\d\d-[a-z_]+\.sql", name):
            number = 1
        elif m := re.fullmatch(r"m(\d{4})-[a-z0-9_-]+\.sql", name):
            number = int(m[1])
        elif name.endswith(".sql"):
            sys.exit(f"{folder}/{name}: neither NN-name.sql nor mNNNN-what.sql")
        else:
            continue
        found.setdefault(number, []).append(os.path.join(folder, name))
    if sorted(found) != list(range(1, len(found) + 1)):
        sys.exit(f"{folder}: migrations have gaps or number 1 is missing: {sorted(found)}")
    return found


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main():
    folder, out = sys.argv[1:3]
    found = migrations(folder)
    c = ["/* Written by tool/embed_sql.py; do not edit. */", '#include "store/schema.h"', "",
         "const struct migration store_migrations[] = {"]
    for number in sorted(found):
        c.append(f"    {{ {number},")
        for path in found[number]:
            c.append(f"      /* {os.path.basename(path)} */")
            c += ["      " + quoted(line) for line in statements(path)]
        c.append("    },")
    c += ["};", f"const size_t store_n_migrations = {len(found)};", ""]
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(c))
    if len(sys.argv) > 3:
        with open(sys.argv[3], "w", encoding="utf-8") as f:
            files = [folder] + [p for paths in found.values() for p in paths]
            f.write(f"{out}: " + " ".join(p.replace(" ", "\\ ") for p in files) + "\n")


main()
