"""The manual tells every log event, every field of a log line and every
counter that the source has, and none that it lacks."""
import re

import tree

MANUAL = "doc/ghlmirror.1"
METRICS = "src/base/metrics.h"
# What src/base/log.c puts into lines by itself.
OWN_FIELDS = {"ts", "level", "event", "cut"}
OWN_EVENTS = {"request"}

CALL = re.compile(r'\blog_event\(([^";]*)("(?:[a-z0-9_-]+)")?')
FIELD = re.compile(r'\bLOG_[A-Z0-9]+\(\s*"([^"]*)"')
# X(ID, "name", "help" "more help")
ENTRY = re.compile(r'\bX\(\w+,\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)')
ITEM = re.compile(r"\.It Cm (.+)")


def line_of(text, at):
    return text.count("\n", 0, at) + 1


class Manual:
    """The lists of the manual, by the section and subsection they are in."""

    def __init__(self, t):
        self.items = {}
        place, names = (None, None), []
        lines = t.lines(MANUAL) if t.exists(MANUAL) else ()
        for number, line in lines:
            if line.startswith(".Sh "):
                place, names = (line[4:], None), []
            elif line.startswith(".Ss "):
                place, names = (place[0], line[4:]), []
            elif ITEM.match(line):
                names = [n for n in re.split(r"[ ,]+", line[7:]) if n]
                for name in names:
                    self.items.setdefault(place, {})[name] = (number, [])
            elif line.startswith((".El", ".Bl", ".Pp")):
                names = []
            else:
                for name in names:
                    self.items[place][name][1].append(line)

    def list(self, section, subsection):
        """{name: (line number, text)}"""
        found = self.items.get((section, subsection), {})
        return {name: (number, " ".join(" ".join(text).split()))
                for name, (number, text) in found.items()}


def where(section, subsection):
    return f'under ".Ss {subsection}" of ".Sh {section}" in {MANUAL}'


def compare(kind, had, manual, section, subsection):
    """had: {name: place in the source}"""
    told = manual.list(section, subsection)
    for name in sorted(had.keys() - told.keys()):
        yield (f'{had[name]}: {kind} {name} is not in the manual: describe it '
               f'{where(section, subsection)} as ".It Cm {name}"')
    for name in sorted(told.keys() - had.keys()):
        yield (f"{MANUAL}:{told[name][0]}: describes {kind} {name}, which the "
               "source does not have: remove it")


def sources(t):
    for path in t.files(r"src/.*\.c$"):
        if path != "src/base/log.c":
            yield path, t.text(path)


def check_log(t, manual):
    events, fields = {}, {}
    for path, text in sources(t):
        for m in CALL.finditer(text):
            place = f"{path}:{line_of(text, m.start())}"
            if m[2] is None:
                yield f"{place}: the event of log_event is not a literal"
            else:
                events.setdefault(m[2].strip('"'), place)
        for m in FIELD.finditer(text):
            fields.setdefault(m[1], f"{path}:{line_of(text, m.start())}")
    if events or fields:
        log = "src/base/log.c:1"
        events.update({name: log for name in OWN_EVENTS})
        fields.update({name: log for name in OWN_FIELDS})
    yield from compare("log event", events, manual, "LOG", "Events")
    yield from compare("log field", fields, manual, "LOG", "Fields")


def check_metrics(t, manual, define, kind, subsection):
    """The help sentences are part of the product: word for word."""
    text = t.text(METRICS) if t.exists(METRICS) else ""
    block = re.search(rf"#define {define}\(X\)((?:.*\\\n)*.*)", text)
    had, told = {}, manual.list("METRICS", subsection)
    for m in ENTRY.finditer(re.sub(r"\\\n", " \n", block[1])
                            if block else ""):
        line = line_of(text, block.start(1)) + block[1].count(
            "\n", 0, m.start())
        had[m[1]] = f"{METRICS}:{line}"
        help_text = " ".join("".join(
            re.findall(r'"([^"]*)"', m[2])).split())
        if m[1] in told and told[m[1]][1] != help_text:
            yield (f"{MANUAL}:{told[m[1]][0]}: of {kind} {m[1]} the text of "
                   f'{METRICS} should stand here: "{help_text}"')
    yield from compare(kind, had, manual, "METRICS", subsection)


def check(t):
    manual = Manual(t)
    yield from check_log(t, manual)
    yield from check_metrics(t, manual, "METRICS", "counter", "Counters")
    yield from check_metrics(t, manual, "TIMINGS", "timing", "Times")


if __name__ == "__main__":
    tree.run(check)
