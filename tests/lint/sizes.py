#!/usr/bin/env python3
"""Sizes that keep the code readable (style 5): lines of a file and of a function, parameters, nesting. The cognitive
complexity is clang-tidy's to measure (.clang-tidy)."""
import re

import _tree

FILE, TEST_FILE, FUNCTION, PARAMETERS, NESTING = 500, 800, 60, 6, 4
# Functions whose parameters a library prescribes (OpenSSL, libunbound).
PRESCRIBED = {"choose_protocol", "on_dns_answer", "ub_resolve_event"}
# clang-format puts the brace that opens a function, and only that one, at the start of a line of its own.
FUNCTION_START = re.compile(r"^(\w[^;{}=#]*?)(\w+)\(([^;{}]*)\)[^;{}()]*\n\{\n(.*?)^\}", re.M | re.S)
# The cases of a test are data, wherever they stand.
TABLE = re.compile(r"^\tstatic const [^;]*?(?:\{[^{}]*\} )?\w+\[\] = \{\n.*?^\t\};\n", re.M | re.S)
CONTROL = re.compile(r"(\b(if|for|while|switch)\b.*\)|\b(else|do))\s*$", re.S)


def parameters(text):
    depth, count = 0, 1
    for c in text:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 0
    return 0 if text.strip() in ("", "void") else count


def nesting(body):
    """Deepest nest of control blocks; braces of initialisers do not count."""
    stack, deepest, since = [], 0, 0
    for i, c in enumerate(body):
        if c == "{":
            stack.append(bool(CONTROL.search(body[since:i])))
            deepest = max(deepest, sum(stack))
            since = i + 1
        elif c == "}":
            if stack:
                stack.pop()
            since = i + 1
        elif c == ";" and body.count("(", since, i) == body.count(")", since, i):
            since = i + 1
    return deepest


def check_functions(path, findings):
    text = _tree.code_only(_tree.read(path))
    for match in FUNCTION_START.finditer(text):
        _, name, params, body = match.groups()
        where = f"{path}:{_tree.line_of(text, match.start(2))}: {name}"
        if path.startswith("tests/"):
            body = TABLE.sub("", body)
        lines = body.count("\n") + 3 + params.count("\n")
        if lines > FUNCTION:
            findings.append(f"{where} has {lines} lines (at most {FUNCTION})")
        if parameters(params) > PARAMETERS and name not in PRESCRIBED:
            findings.append(f"{where} has {parameters(params)} parameters (at most {PARAMETERS})")
        if nesting(body) > NESTING:
            findings.append(f"{where} nests {nesting(body)} deep (at most {NESTING})")


found = []
for source in _tree.files(".c", ".h", ".def", ".py", ".sh", ".sql", "/up", "/down", "/run", "/compare"):
    count = _tree.read(source).count("\n")
    limit = TEST_FILE if source.startswith("tests/") else FILE
    if count > limit:
        found.append(f"{source}: {count} lines (at most {limit})")
    if source.endswith((".c", ".h")):
        check_functions(source, found)
_tree.end(found, "style.md 5, sizes")
