#!/usr/bin/env python3
"""What a stage's JUnit file says of the tests that failed, for tests/run.

    again.py files FILE           the end-to-end test files to be run a second time, each by itself; none when that can't excuse the failures
    again.py merge FIRST SECOND   takes the tests that failed in FIRST and passed in SECOND for passed, and names them: "unsteady ..."
    again.py failed FILE          a line for each test that failed, with the beginning of its message

A machine that stands still for some seconds makes a test fail that measures time. A second run excuses no more than three files, and never
what was found after a test: a process that ended by itself, or what a sanitizer said."""
import re
import sys
import xml.etree.ElementTree as ET

FILES_MAX = 3
MESSAGE_MAX = 400


def failures(tree):
    """The elements of tests that failed or could not begin, each with what says so."""
    for case in tree.iter("testcase"):
        for bad in case:
            if bad.tag in ("failure", "error"):
                yield case, bad
                break


def name(case):
    return f'{case.get("classname")}::{case.get("name")}'


def message(bad):
    return re.sub(r"\s+", " ", bad.get("message") or bad.text or "")[:MESSAGE_MAX]


def files(path):
    found = list(failures(ET.parse(path)))
    names = sorted({case.get("classname", "").split(".")[-1] for case, _ in found})
    unforgiven = [case for case, bad in found if bad.tag == "error" and "on setup" not in message(bad)]
    if not unforgiven and len(names) <= FILES_MAX and all(n.startswith("test_") for n in names):
        for one in names:
            print(f"tests/e2e/{one}.py")


def merge(first, second):
    tree, again = ET.parse(first), ET.parse(second)
    still = {name(case) for case, _ in failures(again)}
    passed = {name(case) for case in again.iter("testcase") if case.find("skipped") is None} - still
    for case, bad in list(failures(tree)):
        if name(case) in passed:
            case.remove(bad)
            print(f"unsteady: {name(case)} failed beside others and passed alone: {message(bad)}")
    left = list(failures(tree))
    known = {name(case) for case, _ in left}
    suite = next(tree.iter("testsuite"))
    # what failed only in the second run is a failure as well
    for case, _ in failures(again):
        if name(case) not in known:
            suite.append(case)
            suite.set("tests", str(int(suite.get("tests")) + 1))
    left = list(failures(tree))
    suite.set("failures", str(sum(bad.tag == "failure" for _, bad in left)))
    suite.set("errors", str(sum(bad.tag == "error" for _, bad in left)))
    tree.write(first, encoding="utf-8", xml_declaration=True)
    return 1 if left else 0


def failed(path):
    for case, bad in failures(ET.parse(path)):
        print(f"failed: {name(case)}: {message(bad)}")


if __name__ == "__main__":
    sys.exit({"files": files, "merge": merge, "failed": failed}[sys.argv[1]](*sys.argv[2:]))
