#!/usr/bin/env python3
"""The documents name only files that exist: relative links, and paths in backticks that begin with one of our folders."""
import os
import re

import _tree

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:lib|policy|wfe|ra|va|ca|subscriber|cli|db|deploy|tests|docs)/[\w./-]*\w)(?::\d+)?`")
findings = []
for page in _tree.files(".md"):
    if page.startswith("tests/fuzz/") or page == "docs/decisions.md":  # decisions are a record: files move on
        continue
    text = _tree.read(page)
    folder = os.path.dirname(page)
    wanted = [(m, os.path.join(folder, m.group(1))) for m in LINK.finditer(text)]
    wanted += [(m, m.group(1)) for m in PATH.finditer(text)]
    for match, target in wanted:
        if not os.path.exists(os.path.join(_tree.ROOT, target)):
            findings.append(f"{page}:{_tree.line_of(text, match.start())}: {match.group(1)} does not exist")
_tree.end(findings, "a document names a file that is not there")
