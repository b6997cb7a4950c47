"""Words that no file of the tree may hold: paths of one machine, hosts of
package registries, unfinished marks."""
import re

import tree

# This file and the self-test spell the patterns out.
EXEMPT = {"tests/lint/words.py", "tests/lint/selftest.py"}

ANYWHERE = [
    (re.compile(r"(?<![\w.}*-])/(?:root|home|Users|work|farm|mnt|media)/\w"),
     "a path of one machine"),
    (re.compile(r"(?<![\w.}*-])/tmp/\w"), "a fixed name in /tmp"),
    (re.compile(r"\b(?:registry|deb|security|snapshot|archive|mirrors?|npm"
                r"|pypi|files|artifactory|nexus)\.[\w.-]*"
                r"(?:npmjs|debian|ubuntu|python|pythonhosted|github|internal"
                r"|local|corp)\b"),
     "the host of a package registry"),
    (re.compile(r"\bpypi\.org\b"), "the host of a package registry"),
]
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|not implemented")


def check(t):
    for path in t.files():
        if path in EXEMPT:
            continue
        for number, line in t.lines(path):
            for pattern, what in ANYWHERE:
                if pattern.search(line):
                    yield f"{path}:{number}: {what}"
            if UNFINISHED.search(line):
                yield f"{path}:{number}: an unfinished mark"


if __name__ == "__main__":
    tree.run(check)
