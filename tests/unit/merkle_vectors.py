#!/usr/bin/env python3
"""Writes tests/unit/merkle_vectors.h: RFC 6962 trees and proofs by the recursive definitions of the RFC, and a signed note by another
library. Leaf i of each tree is the number i in decimal. Proofs are given by the SHA-256 of their hashes one behind the other."""
import base64
import functools
import hashlib

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sha256(octets):
    return hashlib.sha256(octets).digest()


def below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@functools.lru_cache(maxsize=None)
def mth(start, end):
    n = end - start
    if n == 0:
        return sha256(b"")
    if n == 1:
        return sha256(b"\0" + str(start).encode())
    k = below(n)
    return sha256(b"\1" + mth(start, start + k) + mth(start + k, end))


def path(m, start, end):
    n = end - start
    if n == 1:
        return []
    k = below(n)
    if m < k:
        return path(m, start, start + k) + [mth(start + k, end)]
    return path(m - k, start + k, end) + [mth(start, start + k)]


def subproof(m, start, end, whole):
    n = end - start
    if m == n:
        return [] if whole else [mth(start, end)]
    k = below(n)
    if m <= k:
        return subproof(m, start, start + k, whole) + [mth(start + k, end)]
    return subproof(m - k, start + k, end, False) + [mth(start, start + k)]


def digest(proof):
    return sha256(b"".join(proof)).hex()


SIZES = (0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 65536, 65537, 70000)
INCLUSIONS = ((0, 1), (0, 2), (1, 3), (5, 7), (255, 256), (256, 257), (300, 700), (699, 700), (0, 65536), (65536, 65537), (69999, 70000),
              (12345, 70000))
CONSISTENCIES = ((1, 1), (1, 2), (3, 7), (4, 7), (6, 8), (255, 256), (256, 257), (256, 700), (300, 700), (512, 700), (65536, 65537),
                 (65535, 70000), (12345, 70000))
TEXT = "log.example/log\n70000\n" + base64.b64encode(mth(0, 70000)).decode() + "\n"


def note():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = sha256(b"log.example/log\n\1" + public)[:4]
    line = "\u2014 log.example/log " + base64.b64encode(key_id + key.sign(TEXT.encode())).decode() + "\n"
    return "log.example/log+" + key_id.hex() + "+" + base64.b64encode(b"\1" + public).decode(), TEXT + "\n" + line


def quoted(text):
    return '"' + "".join(c if " " <= c <= "~" else "".join(f"\\{b:03o}" for b in c.encode()) for c in text) + '"'


def main():
    vkey, signed = note()
    print("/* Written by tests/unit/merkle_vectors.py; do not edit. */")
    print("static const struct { uint64_t size; const char *root; } vector_roots[] = {")
    print("".join(f'\t{{ {n}, "{mth(0, n).hex()}" }},\n' for n in SIZES) + "};")
    print("static const struct { uint64_t index; uint64_t size; size_t n; const char *digest; } vector_inclusions[] = {")
    for m, n in INCLUSIONS:
        print(f'\t{{ {m}, {n}, {len(path(m, 0, n))}, "{digest(path(m, 0, n))}" }},')
    print("};\nstatic const struct { uint64_t older; uint64_t newer; size_t n; const char *digest; } vector_consistencies[] = {")
    for m, n in CONSISTENCIES:
        proof = subproof(m, 0, n, True)
        print(f'\t{{ {m}, {n}, {len(proof)}, "{digest(proof)}" }},')
    print("};")
    print(f"static const char vector_vkey[] = {quoted(vkey)};\nstatic const char vector_note[] =\n    {quoted(signed)};")


if __name__ == "__main__":
    main()
