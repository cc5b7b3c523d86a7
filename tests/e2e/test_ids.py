"""What the API hands out to name things and to prove control: nobody can guess it."""
import re

import raw


def orders(client, n):
    """The URLs of n orders of 50 names each, and of their authorizations."""
    found = []
    for i in range(n):
        made = client.order(*(f"n{k}.o{i}.ids.test" for k in range(50)))
        assert made.status_code == 201, made.text
        found.append((made.headers["Location"], made.json()["authorizations"]))
    return found


def is_chance(octets, bits):
    """Each of these bits is set in about half of the 300, and changes from one to the next in about half of the cases."""
    for bit in bits:
        each = [one[bit // 8] >> (7 - bit % 8) & 1 for one in octets]
        changes = sum(a != b for a, b in zip(each, each[1:]))
        assert 85 < sum(each) < 215 and 85 < changes < 215, (bit, sum(each), changes)  # seven standard deviations


def test_tokens_and_ids(account):
    """A-86, A-90, A-97: tokens of 256 random bits in base64url without padding; in the ids of what was ordered together nothing is alike but the time"""
    made = orders(account, 6)
    authorizations = [url for _, urls in made for url in urls]
    every = [[c["token"] for c in account.post(url).json()["challenges"]] for url in authorizations]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for one in every for token in one)
    assert len({token for one in every for token in one}) == sum(len(one) for one in every) == 900
    is_chance([raw.unb64(one[0]) for one in every], range(256))
    ids = [raw.unb64(url.rpartition("/")[2]) for url in authorizations]
    assert len(set(ids)) == 300 and {len(i) for i in ids} == {16}
    is_chance(ids, [*range(52, 64), *range(66, 120)])  # RFC 9562 5.7; the last octet is that of the challenge
    assert not {i[6:] for i in ids} & {raw.unb64(url.rpartition("/")[2])[6:] for url, _ in made}


def test_neighbours_of_an_id_are_not_found(account):
    """A-86"""
    made = account.order("neighbour.ids.test")
    url = made.headers["Location"]
    folder, _, name = url.rpartition("/")
    octets = bytearray(raw.unb64(name))
    for bit in list(range(0, 8)) + list(range(56, 64)) + list(range(120, 128)):
        near = bytearray(octets)
        near[bit // 8] ^= 0x80 >> bit % 8
        raw.problem(account.post(f"{folder}/{raw.b64(bytes(near))}"), 404, "malformed")
    assert account.post(url).status_code == 200
