"""What all lints share: the files of the project, C without comments, and how a finding ends the script."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP = re.compile(r"^(build|build-.*|var|\.git|__pycache__|\.pytest_cache|\.cache|node_modules|corpus)$")
PRODUCT = ("lib", "policy", "wfe", "ra", "va", "ca", "subscriber", "cli", "deploy")


def files(*ends, under=("",)):
    """Paths relative to the root, sorted, that end in one of `ends`, below one of the folders `under`."""
    found = []
    for top in under:
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders[:] = [f for f in folders if not SKIP.match(f)]
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(ends)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


_TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def code_only(text, strings=True):
    """C text whose comments (and, unless strings is false, literals) are blanks; lines stay where they are."""

    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1] if strings else token
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def end(findings, rule):
    """Prints each finding and the rule that they break; the exit status says whether there were any."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} finding(s): {rule}")
    sys.exit(1 if findings else 0)
