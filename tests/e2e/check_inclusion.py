#!/usr/bin/env python3
"""Checks that entry INDEX is in a sealed log, from nothing but its checkpoint and tiles (C2SP tlog-tiles): no code of Cairn's, no package.
Usage: check_inclusion.py URL-OR-FOLDER VKEY INDEX [ENTRY-FILE]    The entry is taken from the file, or from the log itself."""
import base64
import hashlib
import sys
import urllib.request
where, vkey, index = sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3])
P, ORDER, D = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, -121665 * pow(121666, -1, 2**255 - 19)
def fetch(path):
    return (urllib.request.urlopen(f"{where}/{path}") if "://" in where else open(f"{where}/{path}", "rb")).read()
def sha256(*octets):
    return hashlib.sha256(b"".join(octets)).digest()
def point(octets):  # of the curve of Ed25519: x and y (RFC 8032 5.1.3)
    y = int.from_bytes(octets, "little") % 2**255
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = next(x for x in (pow(xx, (P + 3) // 8, P) * pow(2, i * (P - 1) // 4, P) % P for i in (0, 1)) if x * x % P == xx)
    return (x if x % 2 == octets[31] >> 7 else P - x), y
def add(a, b):
    t = D * a[0] * b[0] * a[1] * b[1]
    return (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P
def times(n, a):
    return (0, 1) if n == 0 else add(a, times(n - 1, a)) if n % 2 else times(n // 2, add(a, a))
def signed(key, signature, text):  # RFC 8032 5.1.7
    k, s = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little"), int.from_bytes(signature[32:], "little")
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    return s < ORDER and times(s, base) == add(point(signature[:32]), times(k % ORDER, point(key)))
def checkpoint():
    text, signatures = fetch("checkpoint").decode().rsplit("\n\n", 1)
    name, key_hash, key = vkey.split("+", 2)
    line = next(l for l in signatures.splitlines() if l.startswith(f"\u2014 {name} "))
    signature, key = base64.b64decode(line.split(" ")[2]), base64.b64decode(key)
    assert signature[:4].hex() == key_hash == sha256(name.encode(), b"\n", key)[:4].hex() and text.split("\n")[0] == name
    assert key[0] == 1 and signed(key[1:], signature[4:], text.encode() + b"\n"), "the checkpoint is not signed by this key"
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
    return tile(height // 8, (start >> height) // 256)[(start >> height) % 256 * 32:][:32]
def climb(start, end):  # the hash of the leaves start..end with that of the entry in its place (RFC 6962 2.1.1)
    half = 1 << max(end - start - 1, 1).bit_length() - 1
    if end - start == 1 or end - start == 2 * half and not start <= index < end:
        return leaf if start == index else subtree(start, (end - start).bit_length() - 1)
    return sha256(b"\1", climb(start, start + half), climb(start + half, end))
size, root = checkpoint()
assert 0 <= index < size, f"the log has {size} entries"
entry = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else entry_of_log()
leaf = sha256(b"\0", entry or exit("the log withholds this entry: give a file with the leaf"))
if climb(0, size) != root:
    sys.exit(f"entry {index} is NOT in the log")
print(f"entry {index} of {size}: {entry.decode()}")
