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
    """A-90, A-97: 256 random bits in base64url without padding; http-01 for each name"""
    tokens = []
    for authorization in orders(account, 6):
        assert [c["type"] for c in authorization["challenges"]] == ["http-01"]
        tokens.append(authorization["challenges"][0]["token"])
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
    assert len(set(tokens)) == len(tokens) == 300
    octets = [raw.unb64(token) for token in tokens]
    for bit in range(256):
        ones = sum(one[bit // 8] >> (bit % 8) & 1 for one in octets)
        assert 85 < ones < 215, f"bit {bit} is set in {ones} of 300 tokens"  # seven standard deviations


def test_a_wildcard_has_no_challenge_that_proves_one_host(account):
    """A-90: with http-01 alone there is nothing to offer for a wildcard"""
    answer = account.order("*.wild.ids.test")
    assert answer.status_code == 400 and answer.json()["type"].endswith(":rejectedIdentifier"), answer.text


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
