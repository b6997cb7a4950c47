"""Proof that the lints can fail: each is given small trees with one fault and
must complain about it once, and about its mended twin not at all."""
import os
import tempfile
import unittest

import docs
import format as form
import layers
import listed
import scripts
import style
import told
import tree
import words

# A source with one event and one field, and a manual that has them.
LOGS = {"src/base/b.c": 'log_event(LOG_INFO, "up", LOG_INT("n", 1));\n'}
LOG_MANUAL = (".Sh LOG\n.Ss Events\n.It Cm request\nA.\n%s.Ss Fields\n"
              ".It Cm ts , level , event\nB.\n.It Cm cut\nC.\n%s")
LOG_TOLD = {"doc/ghlmirror.1": LOG_MANUAL % (
    ".It Cm up\nD.\n", ".It Cm n\nE.\n")}
COUNTERS = {"src/base/metrics.h": (
    "#define METRICS(X) \\\n\tX(A, \"a\", \\\n\t    \"One \" \\\n"
    "\t    \"two.\")\n\nenum metric {\n")}
COUNTERS_MANUAL = ".Sh METRICS\n.Ss Counters\n%s.El\n.Sh FILES\n"
COUNTERS_TOLD = {
    "doc/ghlmirror.1": COUNTERS_MANUAL % ".It Cm a\nOne\ntwo.\n"}

GUARD = "/* For tests. */\n#ifndef BASE_A_H\n#define BASE_A_H\n#endif\n"
SLICE = {"src/base/a.h": GUARD}

# lint, part of the complaint, the faulty tree, what mends it
CASES = [
    (layers, "base may not include store/s.h",
     {"src/base/b.c": '#include "store/s.h"\n', "src/store/s.h": ""},
     {"src/base/b.c": '/* #include "store/s.h" */\n'}),
    (layers, "api may not include http/h.h",
     {"src/api/b.c": '#include "http/h.h"\n', "src/http/h.h": ""},
     {"src/api/b.c": "#include <stdio.h>\n"}),
    (layers, "no src/a.h", {**SLICE, "src/base/b.c": '#include "a.h"\n'},
     {"src/base/b.c": '#include "base/a.h"\n'}),
    (layers, "must come first",
     {**SLICE, "src/base/a.c": '#include <stdio.h>\n#include "base/a.h"\n'},
     {"src/base/a.c": '#include "base/a.h"\n#include <stdio.h>\n'}),
    (layers, "is internal to store",
     {"src/front/b.c": '#include "store/s_internal.h"\n',
      "src/store/s_internal.h": ""},
     {"src/front/b.c": ""}),
    (layers, "folder without a layer", {"src/misc/b.c": ""},
     {"src/misc/b.c": None}),
    (layers, "<lmdb.h> belongs to", {"src/front/b.c": "#include <lmdb.h>\n"},
     {"src/front/b.c": None, "src/store/b.c": "#include <lmdb.h>\n"}),
    (layers, "belongs to src/front/",
     {"src/admin/b.c": "#include <event2/http_struct.h>\n"},
     {"src/admin/b.c": "#include <event2/event.h>\n"}),
    (layers, "<curl/curl.h> belongs",
     {"src/front/b.c": "#include <curl/curl.h>\n"},
     {"src/front/b.c": ""}),
    (style, "sprintf is banned", {"src/base/b.c": "int n = sprintf (p, q);\n"},
     {"src/base/b.c": "int n = snprintf(p, 1, q); /* sprintf( */\n"}),
    (style, "atoi is banned", {"tests/unit/b.c": "\treturn atoi(p);\n"},
     {"tests/unit/b.c": '\treturn f("atoi(p)");\n'}),
    (style, "strtoul outside", {"src/http/b.c": "x = strtoul(p, 0, 10);\n"},
     {"src/http/b.c": None, "src/base/num.c": "x = strtoul(p, 0, 10);\n"}),
    (style, "extern variable", {"src/base/b.c": "extern int counter;\n"},
     {"src/base/b.c": "extern int counter(void);\n"}),
    (style, "typedef of a struct",
     {"src/base/b.c": "typedef struct a a_t;\n"},
     {"src/base/b.c": "typedef struct a *(*a_maker)(void);\n"}),
    (style, "never compiled out", {"src/base/b.c": "#define NDEBUG 1\n"},
     {"src/base/b.c": ""}),
    (style, "has no business here",
     {"src/base/b.c": "if (SABOTAGE_JOIN_AFTER_WRITE)\n"},
     {"src/base/b.c": "if (JOIN_AFTER_WRITE)\n"}),
    (style, "is not 0",
     {"src/base/sabotage.h": GUARD.replace("A_H", "SABOTAGE_H").replace(
         "#endif", "#define SABOTAGE_A 1\n#endif")},
     {"src/base/sabotage.h": GUARD.replace("A_H", "SABOTAGE_H").replace(
         "#endif", "#define SABOTAGE_A 0\n#endif")}),
    (style, "over 800 lines", {"src/base/b.c": "\n" * 801},
     {"src/base/b.c": "\n" * 800}),
    (style, "no include guard BASE_A_H",
     {"src/base/a.h": "/* For tests. */\n#pragma once\n"}, SLICE),
    (style, "without a comment", {"src/base/a.h": GUARD.split("\n", 1)[1]},
     SLICE),
    (words, "a path of one machine", {"README": "see /home/jo/notes\n"},
     {"README": "see https://host/home/jo\n"}),
    (words, "a fixed name in /tmp", {"contrib/a": "log=/tmp/a.log\n"},
     {"contrib/a": "log=$dir/tmp/a.log\n"}),
    (words, "host of a package registry",
     {"doc/a": "from registry.npmjs.org\n"},
     {"doc/a": "from npm\n"}),
    (words, "an unfinished mark", {"src/base/b.c": "/* TODO: free it */\n"},
     {"src/base/b.c": "/* autodoc */\n"}),
    (scripts, "contrib/a", {"contrib/a": "#!/bin/sh\nif true; then\n"},
     {"contrib/a": "#!/bin/sh\nif true; then :; fi\n"}),
    (scripts, "contrib/a", {"contrib/a": "#!/bin/bash\na=(1\n"},
     {"contrib/a": "#!/bin/bash\na=(1)\n"}),
    (scripts, "tests/a.py:1", {"tests/a.py": "def f(:\n"},
     {"tests/a.py": "def f():\n    pass\n"}),
    (scripts, "is not executable", {"doc/a": "#!/bin/sh\n"},
     {"doc/a": "# !/bin/sh\n"}),
    (listed, "src/base/b.c:1: in no makefile", {"src/base/b.c": ""},
     {"src/base/Makefile.inc": "base_sources = \\\n\tsrc/base/b.c\n"}),
    (listed, "test_b.c:1: in no makefile", {"tests/unit/test_b.c": ""},
     {"tests/Makefile.inc": "unit_tests = tests/unit/test_b\n"}),
    (listed, "contrib/box/a:1: in no makefile", {"contrib/box/a": ""},
     {"Makefile.am": "EXTRA_DIST = contrib/box\n"}),
    (listed, "src/base/b.c:1: in no makefile",
     {"src/base/b.c": "", "Makefile.am": "# src/base/b.c\nX = src/base\n"},
     {"Makefile.am": "X = src/base/b.c\n"}),
    (docs, "--json is not in doc/ghlmirror.1",
     {"src/cli/b.c": '"  --json  print JSON\\n"\n',
      "doc/ghlmirror.1": ".It Fl -json-lines\n"},
     {"doc/ghlmirror.1": ".It Fl -json\n"}),
    (docs, "status is not in doc/ghlmirror.1",
     {"src/cli/b.c": '    .name = "status",\n',
      "doc/ghlmirror.1": "has a status\n"},
     {"doc/ghlmirror.1": ".It Cm status\n"}),
    (docs, "no line @OPTIONS@",
     {"src/base/config.h": "", "doc/ghlmirror.conf.5.in": ".Sh OPTIONS\n"},
     {"doc/ghlmirror.conf.5.in": ".Sh OPTIONS\n@OPTIONS@\n"}),
    (told, 'src/base/b.c:1: log event up is not in the manual: describe it '
     'under ".Ss Events" of ".Sh LOG" in doc/ghlmirror.1 as ".It Cm up"',
     {**LOGS, "doc/ghlmirror.1": LOG_MANUAL % ("", ".It Cm n\nE.\n")},
     LOG_TOLD),
    (told, "src/base/b.c:1: log field n is not in the manual",
     {**LOGS, "doc/ghlmirror.1": LOG_MANUAL % (".It Cm up\nD.\n", "")},
     LOG_TOLD),
    (told, "doc/ghlmirror.1:5: describes log event up, which the source does",
     {"src/base/b.c": 'LOG_INT("n", 1);\n', **LOG_TOLD}, LOGS),
    (told, "doc/ghlmirror.1:12: describes log field n, which the source does",
     {"src/base/b.c": 'log_event(LOG_INFO, "up");\n', **LOG_TOLD}, LOGS),
    (told, "src/base/b.c:2: the event of log_event is not a literal",
     {"src/base/b.c": LOGS["src/base/b.c"] + "log_event(LOG_INFO, x);\n",
      **LOG_TOLD}, LOGS),
    (told, "src/base/metrics.h:2: counter a is not in the manual",
     {**COUNTERS, "doc/ghlmirror.1": COUNTERS_MANUAL % ""}, COUNTERS_TOLD),
    (told, "doc/ghlmirror.1:3: describes counter a, which the source does",
     {"src/base/metrics.h": "#define METRICS(X)\n", **COUNTERS_TOLD},
     COUNTERS),
    (told, 'doc/ghlmirror.1:3: of counter a the text of src/base/metrics.h '
     'should stand here: "One two."',
     {**COUNTERS, "doc/ghlmirror.1":
      COUNTERS_MANUAL % ".It Cm a\nOne three.\n"}, COUNTERS_TOLD),
]

FORMATTED = "int f(void)\n{\n\treturn 0;\n}\n"


def write(root, files):
    for name, text in files.items():
        path = os.path.join(root, name)
        if text is None:
            os.unlink(path)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        is_program = name.startswith("contrib/") and text.startswith("#!")
        os.chmod(path, 0o755 if is_program else 0o644)


class LintsCanFail(unittest.TestCase):
    def prove(self, lint, part, faulty, mended):
        with tempfile.TemporaryDirectory() as root:
            write(root, faulty)
            found = list(lint.check(tree.Tree(root)))
            self.assertEqual(len(found), 1, found)
            self.assertIn(part, found[0])
            write(root, mended)
            self.assertEqual(list(lint.check(tree.Tree(root))), [])

    def test_cases(self):
        for lint, part, faulty, mended in CASES:
            with self.subTest(lint=lint.__name__, part=part):
                self.prove(lint, part, faulty, mended)

    def test_format(self):
        if not form.is_installed():
            self.skipTest("no " + form.TOOL)
        style_file = {".clang-format": "BasedOnStyle: LLVM\n"
                      "UseTab: Always\nIndentWidth: 8\n"
                      "BreakBeforeBraces: Linux\n"
                      "AllowShortFunctionsOnASingleLine: None\n"}
        self.prove(form, "src/base/b.c:2: not as",
                   {**style_file,
                    "src/base/b.c": FORMATTED.replace("\t", "  ")},
                   {"src/base/b.c": FORMATTED})


class Blanking(unittest.TestCase):
    def test_keeps_lines_and_includes(self):
        self.assertEqual(
            tree.blank('#include "a/b.h"\nf("x\\"y"); // "z\n/* 1\n2 */ g;'),
            '#include "a/b.h"\nf(      ); ' + " " * 5 + "\n" + " " * 4
            + "\n" + " " * 5 + "g;")


if __name__ == "__main__":
    unittest.main()
