"""The manual knows every command and every flag of the program, and the page
on configuration takes its options from the program's own table."""
import re

import tree

MANUAL = "doc/ghlmirror.1"
CONFIG_PAGE = "doc/ghlmirror.conf.5.in"
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
# As each command of src/cli names itself.
COMMAND = re.compile(r'^\s*\.name = "([a-z-]+)",')


def manual_words(t):
    """Text of the manual page, roff's escaped dashes made plain."""
    if not t.exists(MANUAL):
        return ""
    return t.text(MANUAL).replace("\\-", "-").replace("Fl -", "Fl --")


def check_config_page(t):
    text = t.text(CONFIG_PAGE) if t.exists(CONFIG_PAGE) else ""
    if text.splitlines().count("@OPTIONS@") != 1:
        yield f"{CONFIG_PAGE}:1: no line @OPTIONS@ for the table of options"


def check(t):
    manual = manual_words(t)
    for path in t.files(r"src/(cli/.*|main)\.c$"):
        for number, line in t.lines(path):
            for flag in FLAG.findall(line):
                if not re.search(rf"--{flag}\b(?!-)", manual):
                    yield f"{path}:{number}: --{flag} is not in {MANUAL}"
            for command in COMMAND.findall(line):
                if not re.search(rf"(?m)^\.It Cm {command}$", manual):
                    yield f"{path}:{number}: {command} is not in {MANUAL}"
    if t.exists("src/base/config.h"):
        yield from check_config_page(t)


if __name__ == "__main__":
    tree.run(check)
