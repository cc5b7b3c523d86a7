#!/usr/bin/env python3
"""Checks that entry INDEX is in a sealed log, from nothing but its checkpoint and tiles (C2SP tlog-tiles): no code of Cairn's.
Usage: check_inclusion.py URL-OR-FOLDER VKEY INDEX [ENTRY-FILE]    The entry is taken from the file, or from the log itself."""
import base64
import hashlib
import sys
import urllib.request

from cryptography.hazmat.primitives.asymmetric import ed25519

base, vkey, index = sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3])

def fetch(path):
    return (urllib.request.urlopen(f"{base}/{path}") if "://" in base else open(f"{base}/{path}", "rb")).read()

def sha256(*octets):
    return hashlib.sha256(b"".join(octets)).digest()

def checkpoint():
    text, signatures = fetch("checkpoint").decode().rsplit("\n\n", 1)
    name, key_hash, key = vkey.split("+", 2)
    line = next(l for l in signatures.splitlines() if l.startswith(f"\u2014 {name} "))
    signature, key = base64.b64decode(line.split(" ")[2]), base64.b64decode(key)
    assert signature[:4].hex() == key_hash == sha256(name.encode(), b"\n", key)[:4].hex()
    ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode() + b"\n")
    assert text.split("\n")[0] == name
    return int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2])

def tile(level, n):
    width = min((size if level == "entries" else size >> 8 * level) - n * 256, 256)
    groups = [f"x{n // 1000 ** i % 1000:03}" for i in range(3, 0, -1) if n >= 1000 ** i] + [f"{n % 1000:03}"]
    return fetch(f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else ""))

def entry_of_log():
    bundle = tile("entries", index // 256)
    for _ in range(index % 256):
        bundle = bundle[2 + int.from_bytes(bundle[:2], "big"):]
    return bundle[2:][:int.from_bytes(bundle[:2], "big")]

def subtree(start, height):  # the hash of the 2^height leaves that begin at `start`, all of which are in the tree
    if height % 8:
        return sha256(b"\1", subtree(start, height - 1), subtree(start + (1 << height - 1), height - 1))
    at = start >> height
    return tile(height // 8, at // 256)[at % 256 * 32:][:32]

def climb(start, end):  # the hash of the leaves start..end with that of the entry in its place (RFC 6962 2.1.1)
    if end - start == 1:
        return leaf if start == index else subtree(start, 0)
    half = 1 << (end - start - 1).bit_length() - 1
    if end - start == 2 * half and not start <= index < end:
        return subtree(start, half.bit_length())
    return sha256(b"\1", climb(start, start + half), climb(start + half, end))

size, root = checkpoint()
assert index < size, f"the log has {size} entries"
entry = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else entry_of_log()
leaf = sha256(b"\0", entry)
if climb(0, size) != root:
    sys.exit(f"entry {index} is NOT in the log")
print(f"entry {index} of {size}: {entry.decode()}")
