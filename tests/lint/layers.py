"""Who may include what: the layers of src/, and the one owner of each library.

See doc/architecture, "Layers".
"""
import os
import re

import tree

ALLOWED = {"base": set(), "http": {"base"}, "api": {"base"}}
LAYERS = ["base", "http", "api", "store", "origin", "front", "admin", "cli"]
for i, layer in enumerate(LAYERS):
    ALLOWED.setdefault(layer, set(LAYERS[:i]))

# First match decides; a folder ends in a slash.
OWNERS = [
    (r"lmdb\.h", ["src/store/"]),
    (r"event2/http", ["src/front/"]),
    (r"event2/bufferevent_ssl", ["src/front/"]),
    (r"event2/", ["src/front/", "src/origin/", "src/admin/", "src/cli/"]),
    (r"curl/", ["src/origin/"]),
    (r"openssl/", ["src/base/digest.c", "src/front/tls.c"]),
    (r"xxhash\.h", ["src/base/digest.c"]),
    (r"ini\.h", ["src/base/config.c"]),
    (r"(cjson/)?cJSON\.h", ["src/admin/", "src/cli/"]),
]

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(t, path):
    """(line number, is_quoted, name) of each include of a file."""
    for number, line in t.code(path):
        m = INCLUDE.match(line)
        if m:
            yield number, m.group(1) == '"', m.group(2)


def check_own(t, path, number, name):
    """Complaints about an include of our own header."""
    folder = path.split("/")[1]
    if not t.exists("src/" + name):
        yield f"{path}:{number}: no src/{name}; includes start at src/"
        return
    target = name.split("/")[0]
    if name.endswith("_internal.h") and target != folder:
        yield f"{path}:{number}: {name} is internal to {target}"
    if folder not in ALLOWED:
        return
    if target != folder and target not in ALLOWED[folder]:
        yield f"{path}:{number}: {folder} may not include {name}"


def check_library(path, number, name):
    for pattern, owners in OWNERS:
        if re.match(pattern, name):
            if not any(path.startswith(o) for o in owners):
                yield (f"{path}:{number}: <{name}> belongs to "
                       + " ".join(owners))
            return


def check(t):
    for path in t.files(r"src/.*\.[ch]$"):
        if path.count("/") > 1 and path.split("/")[1] not in ALLOWED:
            yield f"{path}:1: a folder without a layer"
        found = list(includes(t, path))
        own = os.path.splitext(path)[0][len("src/"):] + ".h"
        if (path.endswith(".c") and t.exists("src/" + own)
                and (not found or found[0][2] != own)):
            yield f"{path}:1: its own header {own} must come first"
        for number, is_quoted, name in found:
            if is_quoted:
                yield from check_own(t, path, number, name)
            else:
                yield from check_library(path, number, name)


if __name__ == "__main__":
    tree.run(check)
