#!/usr/bin/env python3
"""Who may include whom (design 9): lib/base <- lib/{crypto,http,db} <- lib/seal, lib/ct, lib/rpc <- lib/service <- policy <- processes; a process never
includes another's folder; cli may use lib, policy and the RPC stubs."""
import os
import re

import _tree

BASE = {"lib/base"}
MIDDLE = BASE | {"lib/crypto", "lib/http", "lib/db"}
RPC = MIDDLE | {"lib/rpc", "lib/seal", "lib/ct"}
SERVICE = RPC | {"lib/service"}
POLICY = SERVICE | {"policy"}
ALLOWED = {
    "lib/base": BASE,
    "lib/crypto": MIDDLE,
    "lib/http": MIDDLE,
    "lib/db": MIDDLE,
    "lib/seal": MIDDLE | {"lib/seal"},
    "lib/ct": MIDDLE | {"lib/ct"},
    "lib/rpc": RPC,
    "lib/service": SERVICE,
    "policy": POLICY,
    **{p: POLICY | {p} for p in ("wfe", "ra", "va", "ca", "subscriber", "cli")},
    "deploy": BASE | {"deploy"},
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


def layer(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "lib" else parts[0]


findings = []
for path in _tree.files(".c", ".h", ".def", under=_tree.PRODUCT):
    text = _tree.code_only(_tree.read(path), strings=False)
    own = layer(path)
    if own not in ALLOWED:
        findings.append(f"{path}: folder {own} has no place in the layers")
        continue
    for match in INCLUDE.finditer(text):
        target = match.group(1)
        where = f"{path}:{_tree.line_of(text, match.start())}"
        if not os.path.exists(os.path.join(_tree.ROOT, target)):
            findings.append(f"{where}: \"{target}\" is not a path from the root of the project")
        elif layer(target) not in ALLOWED[own]:
            findings.append(f"{where}: {own} may not include {target}")
_tree.end(findings, "design.md 9, layers")
