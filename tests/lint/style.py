"""Rules of form that no compiler checks: banned functions, extern variables,
struct typedefs, file length, and what a header needs."""
import re

import tree

LINES_MAX = 800

BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|stpcpy|sprintf|vsprintf|strtok|strtok_r|atoi"
    r"|atol|atoll|atof|gets|alloca|system|popen|mktemp|tmpnam)\s*\(")
STRTO = re.compile(r"(?<![\w.>])strto(l|ul|ll|ull|d|f|ld|imax|umax)\s*\(")
# A constant table is no state.
EXTERN = re.compile(r"\s*extern\b(?!\s+const\b)[^(]*;")
TYPEDEF = re.compile(r"\s*typedef\s+(struct|union|enum)\b(?!.*\()")
NDEBUG = re.compile(r"\s*#\s*define\s+NDEBUG")
# Where a rule may be left out on purpose; see src/base/sabotage.h.
SABOTAGE = re.compile(r"\bSABOTAGE_[A-Z_]+")
SABOTAGE_OFF = re.compile(
    r"#define (SABOTAGE_[A-Z_]+ 0|SABOTAGE_ANY \\|SABOTAGE_NOTE .*)$")
SABOTAGE_HEADER = "src/base/sabotage.h"
SABOTAGED = {"src/api/tags.c", "src/cli/cli.c", "src/cli/daemon.c",
             "src/origin/flight.c", "src/origin/landing.c",
             "src/origin/movement.c", SABOTAGE_HEADER}
ONE_CHECKED_HELPER = "src/base/num.c"


def check_line(path, number, line):
    m = BANNED.search(line)
    if m:
        yield f"{path}:{number}: {m.group(1)} is banned"
    m = STRTO.search(line)
    if m and path != ONE_CHECKED_HELPER:
        yield f"{path}:{number}: strto{m.group(1)} outside {ONE_CHECKED_HELPER}"
    if EXTERN.match(line):
        yield f"{path}:{number}: extern variable"
    if TYPEDEF.match(line):
        yield f"{path}:{number}: typedef of a struct, union or enum"
    m = SABOTAGE.search(line)
    if m and path not in SABOTAGED:
        yield f"{path}:{number}: {m.group()} has no business here"
    if m and path == SABOTAGE_HEADER and line.startswith("#define"):
        if not SABOTAGE_OFF.match(line):
            yield f"{path}:{number}: {m.group()} is not 0"
    if NDEBUG.match(line):
        yield f"{path}:{number}: asserts are never compiled out"


def check_header(t, path):
    text = t.text(path)
    if not text.startswith("/*"):
        yield f"{path}:1: begins without a comment on what it is for"
    guard = path[len("src/"):].upper().replace("/", "_").replace(".", "_")
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield f"{path}:1: no include guard {guard}"


def check(t):
    for path in t.files(r"(src|tests|contrib)/.*\.([ch]|py)$"):
        length = t.text(path).count("\n")
        if length > LINES_MAX:
            yield f"{path}:{length}: over {LINES_MAX} lines"
    for path in t.files(r"(src|tests)/.*\.[ch]$"):
        for number, line in t.code(path):
            yield from check_line(path, number, line)
    for path in t.files(r"src/.*\.h$"):
        yield from check_header(t, path)


if __name__ == "__main__":
    tree.run(check)
