"""Every file is in a makefile: sources in their folder's fragment, tests in
tests/Makefile.inc, the rest among what a release tarball takes along."""
import re

import tree

# Fed to autoconf and automake, which take it along by themselves, or only
# of use in a checkout.
NOT_LISTED = {"configure.ac", "Makefile.am", "README", ".gitignore"}


def makefiles(t):
    """All makefile text of the tree, continued lines joined."""
    paths = ["Makefile.am"] + t.files(r".*/Makefile\.inc$")
    text = "".join(t.text(p) for p in paths if t.exists(p))
    return re.sub(r"\\\n", " ", re.sub(r"(?m)#.*$", "", text))


def names(t):
    """Every word of every makefile that could name a file or a folder."""
    return {w for w in re.split(r"[\s=]+", makefiles(t))
            if "/" in w or w.startswith(".")}


def is_listed(path, words):
    stem = re.sub(r"\.c$", "", path)
    parts = path.split("/")
    folders = {"/".join(parts[:n]) for n in range(2, len(parts))}
    if path.startswith("tests/") and stem in words:
        return True
    return path in words or (
        not path.startswith("src/") and bool(folders & words))


def check(t):
    words = names(t)
    for path in t.files():
        if path in NOT_LISTED or path.endswith("Makefile.inc"):
            continue
        if not is_listed(path, words):
            yield f"{path}:1: in no makefile, so no release would have it"


if __name__ == "__main__":
    tree.run(check)
