"""C sources are as clang-format 14 writes them (.clang-format). Skipped where
that version is not installed, for others differ in detail."""
import os
import re
import shutil
import subprocess
import sys

import tree

TOOL = "clang-format-14"


def is_installed():
    return shutil.which(TOOL) is not None


def check(t):
    paths = t.files(r"(src|tests)/.*\.[ch]$")
    if not paths:
        return
    r = subprocess.run(
        [TOOL, "--dry-run", "-style=file:" + t.path(".clang-format")]
        + [t.path(p) for p in paths], capture_output=True, text=True)
    if r.returncode != 0:
        yield f".clang-format:1: {TOOL} failed: {r.stderr.strip()}"
    for m in re.finditer(r"(?m)^(.+?):(\d+):\d+: warning:", r.stderr):
        path = os.path.relpath(m.group(1), t.root)
        yield f"{path}:{m.group(2)}: not as {TOOL} writes it"


if __name__ == "__main__":
    if not is_installed():
        print(f"skipped: no {TOOL}")
        sys.exit(77)
    tree.run(check)
