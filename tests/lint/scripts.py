"""Scripts parse and can be run: sh -n, bash -n, Python's own compiler, and
the executable bit of whatever begins with #!."""
import os
import subprocess

import tree


def shell_of(first_line):
    """sh, bash, or None when the line asks for something else."""
    name = first_line.split()[-1].rsplit("/", 1)[-1] if first_line else ""
    return name if name in ("sh", "bash") else None


def check_shell(t, path, shell):
    r = subprocess.run([shell, "-n", t.path(path)], capture_output=True,
                       text=True)
    if r.returncode != 0:
        yield f"{path}:1: {r.stderr.strip()}"


def check_python(t, path):
    try:
        compile(t.text(path), path, "exec", dont_inherit=True)
    except SyntaxError as e:
        yield f"{path}:{e.lineno}: {e.msg}"


def check(t):
    for path in t.files():
        first = t.text(path).split("\n", 1)[0]
        is_script = first.startswith("#!")
        shell = shell_of(first) if is_script else None
        if shell:
            yield from check_shell(t, path, shell)
        if path.endswith(".py") or (is_script and "python" in first):
            yield from check_python(t, path)
        if is_script and not os.access(t.path(path), os.X_OK):
            yield f"{path}:1: begins with #! and is not executable"


if __name__ == "__main__":
    tree.run(check)
