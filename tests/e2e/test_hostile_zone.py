"""Zones that cost a validator as much as they can (hostile_zone.py), against a real cairn-va."""
import asyncio
import time

import pytest

import hostile_zone
import instance
from authority import Authority, Hosts, quantiles

TIMEOUT_S = 10
TRAP = "trap.example"
HOSTILE = 6  # at once


@pytest.fixture
def authority_for():
    """authority_for(zone): a cairn-va that validates this zone from its own key."""
    made = []

    def make(zone):
        made.append(zone)
        made.append(Authority({"resolvers": [{"zone": TRAP, "forward": zone.forward, "trust_anchors": [zone.anchor]}]}, TIMEOUT_S))
        return made[-1]

    yield make
    for one in reversed(made):
        one.end()


async def hostile(authority, context, name):
    connection = await authority.connect(context)
    start = time.monotonic()
    result = await authority.validate(connection, name, "dns-01")
    connection[1].close()
    return time.monotonic() - start, result


async def beside(authority):
    """Quick validations, while hostile ones are under way, and those: each with its seconds."""
    context = authority.certificate()
    server = await asyncio.start_server(Hosts().serve, "127.0.0.1", authority.web_port)
    connection = await authority.connect(context)
    alone = await authority.times(connection, [f"host.alone{i}.test" for i in range(50)])
    cpu_s = authority.cpu_s()
    tasks = [asyncio.create_task(hostile(authority, context, f"x{i}.{TRAP}")) for i in range(HOSTILE)]
    await asyncio.sleep(0.5)
    times = []
    while not tasks[0].done() and len(times) < 300:
        times += await authority.times(connection, [f"host.quick{len(times)}.test"])
    found = await asyncio.gather(*tasks)
    connection[1].close()
    server.close()
    return alone, sorted(times), found, authority.cpu_s() - cpu_s


def test_quick_validations_beside_signatures_that_cost(authority_for):
    """Issue 4 (C-20, C-23): keys of one tag and signatures that fit none of them (KeyTrap) hold up no validation but those of the zone itself: the
    others take milliseconds, as they did alone. They take seconds of a processor, and end as bogus or in time."""
    authority = authority_for(hostile_zone.HostileZone(TRAP, instance.free_ports(1)[0]))
    alone, times, found, cpu_s = asyncio.run(beside(authority))
    print("alone", quantiles(alone), "beside", len(times), quantiles(times), "cpu", cpu_s)
    assert cpu_s > 0.5, "it costs something at all"
    assert len(times) > 20 and times[len(times) // 2] < 50 and times[len(times) * 95 // 100] < 500, quantiles(times)
    for seconds, result in found:
        assert not result["passed"] and result["problem"]["type"] == "DNS" and seconds < TIMEOUT_S + 2, result["problem"]
    (txt,) = [r for r in found[0][1]["resolutions"] if r["type"] == "TXT"]
    assert txt["dnssec"] != "secure" and txt["error"]


@pytest.mark.parametrize("iterations, state", ((150, "secure"), (151, "insecure"), (2500, "insecure")))
def test_iterations_of_nsec3(authority_for, iterations, state):
    """C-21: up to 150 iterations are followed (RFC 9276); with more the denial counts as that of an unsigned zone, at no cost"""
    authority = authority_for(hostile_zone.HostileZone(TRAP, instance.free_ports(1)[0], keys=1, iterations=iterations))
    _, result = asyncio.run(hostile(authority, authority.certificate(), f"x.{TRAP}"))
    (txt,) = [r for r in result["resolutions"] if r["type"] == "TXT"]
    assert txt["dnssec"] == state and not txt.get("error") and not txt["answers"], txt
    assert result["problem"]["type"] == "UNAUTHORIZED" and txt["duration_us"] < 2000000
