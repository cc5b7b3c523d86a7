#!/usr/bin/env python3
"""Each kind of event that SQL or C writes stands in db/functions/audit_event_kind.sql with its meaning, and no other: an auditor who reads audit.event knows what it may hold.
A kind is found by its literal; those that are put together ('process.' || what) are listed here by what they are made of."""
import re

import _tree

PAGE = "db/functions/audit_event_kind.sql"
PUT_TOGETHER = {"process": ("started", "stopped", "reloaded"), "recovery": ("set", "replaced", "deleted", "done", "stopped", "lapsed")}
ACT = re.compile(r"\('([a-z-]+)', '\{[a-z0-9_,]*\}', '\{[a-z0-9_,]*\}'\)")
# Literals of the same form that are none: relations, parts of the public export, and rules by which a key is refused.
RELATION = re.compile(r"CREATE (?:OR REPLACE )?(?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?([a-z_.]+)")
OTHERS = {"key.compromised", "key.of-certificate"}

listed = re.findall(r"^\t\('([a-z-]+\.[a-z_-]+)', (?:true|false), '", _tree.read(PAGE), re.M)
families = {kind.split(".")[0] for kind in listed}
sql = {path: _tree.read(path) for path in _tree.files(".sql", under=("db",)) if path != PAGE}
relations = {name for text in sql.values() for name in RELATION.findall(text)}
acts = [act for text in sql.values() if "INSERT INTO disclosure.act " in text for act in ACT.findall(text)]
written = {f"disclosure.{act}": "disclosure.act" for act in acts}
written |= {f"{family}.{what}": family for family, all_of in PUT_TOGETHER.items() for what in all_of}
findings = []
for path, text in {**sql, **{p: _tree.read(p) for p in _tree.files(".c", under=_tree.PRODUCT)}}.items():
    for match in re.finditer(r"'([a-z]+)\.([a-z_-]+)'", re.sub(r"--[^\n]*", "", text)):
        kind = match.group()[1:-1]
        if match.group(1) in families and kind not in relations | OTHERS:
            written[kind] = path
findings += [f"{PAGE}: {kind}, written by {written[kind]}, is not there" for kind in sorted(set(written) - set(listed))]
findings += [f"{PAGE}: nothing writes {kind}" for kind in sorted(set(listed) - set(written))]
findings += [f"{PAGE}: {kind} stands there twice" for kind in sorted({k for k in listed if listed.count(k) > 1})]
_tree.end(findings, "the list of kinds of events is not that of what is written")
