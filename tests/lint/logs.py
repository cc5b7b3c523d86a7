#!/usr/bin/env python3
"""Each field of a line of a process's log stands in docs/logs.md with the one class that it has, and no other (G-1): who adds a field says what it holds."""
import re

import _tree

PAGE = "docs/logs.md"
CLASSES = {"SUB-REQ", "SUB-VAL", "SUB-SW", "SUB-CERT", "RECOVERY", "RP-OCSP", "RP-HOLD", "WEB", "OPS", "AGG"}
OF_EACH_LINE = {"time", "level", "process", "message", "request", "caller", "account"}  # lib/base/log.c
OF_AN_ERROR = {"problem", "detail", "cause", "rule"}


def arguments(text, start):
    """The arguments of the call whose opening bracket is before `start`."""
    found, depth, quoted, begin, at = [], 1, False, start, start
    while depth > 0:
        one = text[at]
        if quoted:
            at += one == "\\"
            quoted = one != '"'
        elif one == '"':
            quoted = True
        elif one in "([{":
            depth += 1
        elif one in ")]}":
            depth -= 1
        if not quoted and (depth == 0 or (depth == 1 and one == ",")):
            found.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    return found


findings, written = [], {name: "lib/base/log.c" for name in OF_EACH_LINE | OF_AN_ERROR}
for path in _tree.files(".c", under=_tree.PRODUCT):
    if path == "lib/base/log.c":
        continue
    text = _tree.code_only(_tree.read(path), strings=False)
    for call in re.finditer(r"\blog_event\(", text):
        for name in arguments(text, call.end())[3::2]:
            literal = re.fullmatch(r'"([a-zA-Z0-9_ ]+)"', name)
            if literal:
                written[literal.group(1)] = path
            elif name != "NULL":
                findings.append(f"{path}:{_tree.line_of(text, call.start())}: the field {name} is no literal")
written |= {name: "deploy/supervise.c" for name in re.findall(r'\\"([a-z_]+)\\":', _tree.read("deploy/supervise.c"))}
listed = {}
for row in re.findall(r"^\| (`[^|]+) \| ([A-Z-]+) \|", _tree.read(PAGE), re.M):
    if row[1] not in CLASSES:
        findings.append(f"{PAGE}: {row[1]} is no class")
    for name in re.findall(r"`([^`]+)`", row[0]):
        if name in listed:
            findings.append(f"{PAGE}: {name} stands there twice")
        listed[name] = row[1]
findings += [f"{PAGE}: {name}, written by {written[name]}, is not there" for name in sorted(set(written) - set(listed))]
findings += [f"{PAGE}: nothing writes {name}" for name in sorted(set(listed) - set(written))]
_tree.end(findings, "the fields of logs are not those that have a class")
