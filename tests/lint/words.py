#!/usr/bin/env python3
"""Words that may not stand in the sources: functions without bounds (style 4), notes of unfinished work, and what only
the debugger needs."""
import re

import _tree

CALLS = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|atof|strtok|gets|alloca|mktemp|tmpnam|system|goto)\b(?=\s*\(|\s+\w+;)")
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
findings = []
for path in _tree.files(".c", ".h", ".def", under=_tree.PRODUCT + ("tests",)):
    text = _tree.code_only(_tree.read(path))
    for match in CALLS.finditer(text):
        findings.append(f"{path}:{_tree.line_of(text, match.start())}: {match.group(1)}")
for path in _tree.files(".c", ".h", ".def", ".py", ".sh", ".sql", ".md", ".txt", "/up", "/down", "/run"):
    if path == "tests/lint/words.py":
        continue
    text = _tree.read(path)
    for match in NOTES.finditer(text):
        findings.append(f"{path}:{_tree.line_of(text, match.start())}: {match.group(1)}")
_tree.end(findings, "style.md 4 and 15: banned words")
