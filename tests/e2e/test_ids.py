"""What the API hands out to name things and to prove control: nobody can guess it."""
import re

import raw


def orders(client, n):
    """The authorizations of n orders of 50 names each, with their challenges."""
    found = []
    for i in range(n):
        made = client.order(*(f"n{k}.o{i}.ids.test" for k in range(50)))
        assert made.status_code == 201, made.text
        found += [client.post(url).json() for url in made.json()["authorizations"]]
    return found


def test_tokens(account):
    """A-90, A-97: 256 random bits in base64url without padding, another token for each challenge"""
    every = [[c["token"] for c in authorization["challenges"]] for authorization in orders(account, 6)]
    tokens = [one[0] for one in every]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for one in every for token in one)
    assert len(tokens) == 300 and len({token for one in every for token in one}) == sum(len(one) for one in every)
    octets = [raw.unb64(token) for token in tokens]
    for bit in range(256):
        ones = sum(one[bit // 8] >> (bit % 8) & 1 for one in octets)
        assert 85 < ones < 215, f"bit {bit} is set in {ones} of 300 tokens"  # seven standard deviations


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
