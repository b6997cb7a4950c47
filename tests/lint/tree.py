"""The source tree as the lints see it.

A lint is a module with check(tree), which yields complaints as strings
"path:line: what is wrong", and run() as its main program. selftest.py feeds
each of them trees with one fault.
"""
import os
import re
import sys

ROOTS = ("src", "tests", "contrib", "doc", ".ci")
TOP_FILES = ("configure.ac", "Makefile.am", "README", ".clang-format",
             ".gitignore")
# What a build in the tree leaves behind, and caches.
SKIPPED_DIRS = {"__pycache__", "node_modules", ".deps"}
SKIPPED_ENDS = (".o", ".a", ".log", ".trs", ".gcno", ".gcda", ".pyc",
                ".dirstamp")


class Tree:
    def __init__(self, root):
        self.root = root

    def files(self, pattern=r""):
        """Paths below the root, sorted, that pattern matches from the start."""
        found = [f for f in TOP_FILES if os.path.isfile(self.path(f))]
        for top in ROOTS:
            for folder, dirs, names in os.walk(self.path(top)):
                dirs[:] = [d for d in dirs if d not in SKIPPED_DIRS]
                rel = os.path.relpath(folder, self.root)
                found += [os.path.join(rel, n) for n in names
                          if not n.endswith(SKIPPED_ENDS)]
        return sorted(f for f in found
                      if re.match(pattern, f) and self.is_source(f))

    def is_source(self, name):
        """Not a program that was built in the tree."""
        with open(self.path(name), "rb") as f:
            return f.read(4) != b"\x7fELF"

    def path(self, name):
        return os.path.join(self.root, name)

    def exists(self, name):
        return os.path.exists(self.path(name))

    def text(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def lines(self, name):
        """(number, line) pairs."""
        return enumerate(self.text(name).splitlines(), 1)

    def code(self, name):
        """As lines(), C comments and the inside of literals blanked."""
        return enumerate(blank(self.text(name)).splitlines(), 1)


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
    re.DOTALL)


def blank(text):
    """C text with comments and literals replaced by spaces; include lines
    keep their names."""
    def space(m):
        start = text.rfind("\n", 0, m.start()) + 1
        if re.match(r"\s*#\s*include", text[start:m.start()]):
            return m.group(0)
        return re.sub(r"[^\n]", " ", m.group(0))
    return TOKEN.sub(space, text)


def run(check):
    """Exit status of a lint over the tree of $top_srcdir."""
    root = os.environ.get("top_srcdir") or os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..")
    complaints = list(check(Tree(root)))
    for c in complaints:
        print(c)
    if complaints:
        print(f"{len(complaints)} complaints", file=sys.stderr)
    sys.exit(1 if complaints else 0)
