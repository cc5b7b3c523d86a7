"""A canary: a text that must be found nowhere, and the search for it in everything that a CA can make (G-5, G-65)."""
import base64
import os
import secrets
import subprocess

import requests

CHUNK = 1 << 22


class Canary:
    """`text` holds digits and lower-case letters only; it is given to the CA inside of addresses."""

    def __init__(self):
        self.text = "cnry" + "".join(secrets.choice("ghjkmnpqrstvwxyz23456789") for _ in range(20))
        self.number = "15" + "".join(secrets.choice("123456789") for _ in range(11))
        forms = set()
        for text in self.text, self.number:
            for plain in text.encode(), text.upper().encode(), text.encode("utf-16-le"), text.encode("utf-16-be"):
                forms |= {plain} | self.armoured(plain) | {a.hex().encode() for a in self.armoured(plain)}
        self.forms = sorted(forms)
        self.longest = max(map(len, forms))

    @staticmethod
    def armoured(plain):
        """Its hex, and what is always the same of its base64 and base64url, wherever it stands in what was encoded."""
        found = {plain.hex().encode()}
        for before in range(3):
            for encode in base64.b64encode, base64.urlsafe_b64encode:
                text = encode(bytes(before) + plain + bytes(2))
                found.add(text[(before * 8 + 5) // 6:(before + len(plain)) * 8 // 6])
        return found

    def address(self, way):
        return f"mailto:{self.text}.{way}@recovery.example"

    @property
    def telephone(self):
        return "tel:+" + self.number

    def hits(self, data):
        return data.count(0) < len(data) and any(form in data for form in self.forms)

    def in_stream(self, stream):
        """In all that the stream has; pieces overlap, so that nothing hides between them."""
        tail = b""
        while piece := stream.read(CHUNK):
            if self.hits(tail + piece):
                return True
            tail = piece[-self.longest:]
        return False

    def in_files(self, *folders):
        """The files below the folders that hold it."""
        found = []
        for folder in folders:
            for where, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(where, name)
                    try:
                        if os.path.isfile(path) and not os.path.islink(path):
                            with open(path, "rb") as f:
                                found += [path] if self.in_stream(f) else []
                    except FileNotFoundError:
                        pass  # temporary files of PostgreSQL come and go
        return found

    def in_new_files(self, since, *folders):
        """The files right in the folders that came or changed since then: where programs put what is for a moment."""
        found = []
        for folder in folders:
            for entry in os.scandir(folder):
                try:
                    if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime >= since:
                        with open(entry.path, "rb") as f:
                            found += [entry.path] if self.in_stream(f) else []
                except FileNotFoundError:
                    pass
        return found

    def in_open_files(self, pid):
        """The files that the process has open, wherever they are, also when they have no name any more."""
        found = []
        for number in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{number}"
            try:
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        found += [os.readlink(path)] if self.in_stream(f) else []
            except FileNotFoundError:
                pass
        return found

    def in_dump(self, ca):
        """In everything that the database gives, as its owner, who may read all of it."""
        url = ca.AUDITOR_DATABASE_URL.replace("cairn_auditor", "cairn_owner")
        with subprocess.Popen(["pg_dump", "--inserts", "--dbname", url], stdout=subprocess.PIPE) as dump:
            found = self.in_stream(dump.stdout)
            dump.stdout.read()  # to its end, also when it was found before
        assert dump.returncode == 0
        return found

    def in_memory(self, pid, shared=True):
        """In all memory that the process has: more than a core dump would have. As root, since nobody else may look at a process that
        has declared itself not dumpable."""
        found, read = [], 0
        with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                span, rights = line.split()[:2]
                if not rights.startswith("rw" if shared else "rw-p"):
                    continue
                at, end = (int(x, 16) for x in span.split("-"))
                tail = b""
                while at < end:
                    memory.seek(at)
                    try:
                        data = memory.read(min(end - at, CHUNK))
                    except OSError:
                        data = b""
                    found += [line.strip()] if data and self.hits(tail + data) else []
                    read += len(data)
                    tail = data[-self.longest:]
                    at += len(data) or end - at
        assert read > 100000
        return found

    def in_answers(self, *urls, verify):
        return [url for url in urls if self.hits(requests.get(url, verify=verify, timeout=30).content)]
