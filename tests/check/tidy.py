#!/usr/bin/env python3
"""clang-tidy over the product's sources, configured by .clang-tidy. Usage: tidy.py BUILD_DIR [FILE ...]

A file that is unchanged after preprocessing since it last passed is not looked at again."""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRODUCT = ("lib/", "policy/", "wfe/", "ra/", "va/", "ca/", "subscriber/", "cli/", "deploy/", "tests/bench/")
# gcc's own flags, which clang does not know or does not need to look at a file.
DROP = ("-Wduplicated", "-Wlogical-op", "-fanalyzer", "-ftrivial-auto-var-init", "-fcf-protection", "-D_FORTIFY_SOURCE", "-Werror")


def clang_flags(entry):
    words = shlex.split(entry["command"])
    words = words[next(i for i, word in enumerate(words) if word.startswith("-")):]  # behind the compiler and what launches it
    kept, skip = [], False
    for word in words:
        if skip or word == "-c" or word.startswith(DROP):
            skip = False
        elif word == "-o":
            skip = True
        elif word != entry["file"]:
            kept.append(word)
    return kept + ["-Wno-unknown-warning-option"]


def key(entry, flags, salt):
    preprocessed = subprocess.run(["clang", "-E", *flags, entry["file"]], cwd=entry["directory"], capture_output=True, check=True).stdout
    return hashlib.sha256(salt + preprocessed).hexdigest()


def look(entry, cache, salt):
    flags = clang_flags(entry)
    stamp = os.path.join(cache, key(entry, flags, salt))
    if os.path.exists(stamp):
        return True, ""
    done = subprocess.run(["clang-tidy", "--quiet", entry["file"], "--", *flags], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and "warning:" not in done.stdout:
        open(stamp, "w", encoding="ascii").close()
        return True, ""
    return False, done.stdout + ("" if done.stdout else done.stderr)


def main():
    build = sys.argv[1]
    cache = os.path.join(build, "tidy")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(ROOT, ".clang-tidy"), "rb") as f:
        salt = f.read() + subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = {e["file"]: e for e in json.load(f)}
    only = [os.path.abspath(p) for p in sys.argv[2:]]
    chosen = [e for p, e in sorted(entries.items())
              if (p in only if only else os.path.relpath(p, ROOT).startswith(PRODUCT))]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("CAIRN_JOBS", "2"))) as pool:
        for ok, text in pool.map(lambda e: look(e, cache, salt), chosen):
            bad += not ok
            print(text, end="", flush=True)
    print(f"clang-tidy: {len(chosen)} files, {bad} with findings")
    sys.exit(1 if bad else 0)


main()
