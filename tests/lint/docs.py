#!/usr/bin/env python3
"""The documents name only files that exist: relative links, and paths in backticks that begin with one of our folders; and of a test (`tests/FILE::NAME`) only functions that stand in it."""
import os
import re

import _tree

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:lib|policy|wfe|ra|va|ca|subscriber|cli|db|deploy|tests|docs)/[\w./-]*\w)(?::\d+)?`")
TEST = re.compile(r"`(tests/[\w./-]*\w)::(\w+)`")
findings = []
for page in _tree.files(".md"):
    if page.startswith("tests/fuzz/") or page == "docs/decisions.md":  # decisions are a record: files move on
        continue
    text = _tree.read(page)
    folder = os.path.dirname(page)
    wanted = [(m, os.path.join(folder, m.group(1))) for m in LINK.finditer(text)]
    wanted += [(m, m.group(1)) for m in PATH.finditer(text)]
    for m in TEST.finditer(text):
        path = os.path.join(_tree.ROOT, m.group(1))
        there = os.path.exists(path) and re.search(rf"^(?:def|static void) {m.group(2)}\(", _tree.read(m.group(1)), re.M)
        if not there:
            findings.append(f"{page}:{_tree.line_of(text, m.start())}: there is no {m.group(1)}::{m.group(2)}")
    for match, target in wanted:
        if not os.path.exists(os.path.join(_tree.ROOT, target)):
            findings.append(f"{page}:{_tree.line_of(text, match.start())}: {match.group(1)} does not exist")
_tree.end(findings, "a document names a file that is not there")
