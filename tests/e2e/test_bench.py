"""`cairn bench` against a Cairn and, through tests/bench/compare, against Pebble as Debian packages it."""
import json
import os

import instance

STEPS = {"newOrder", "authorization", "challenge", "finalize", "download", "total"}


def check(report):
    """No error, and each step's times."""
    assert report["errors"] == 0, report["errors_by_kind"]
    assert report["certificates_per_s"] > 0 and report["own_cpu_ms_per_certificate"] > 0
    assert STEPS <= set(report["steps"])
    for name, step in report["steps"].items():
        assert step["count"] > 0 and step["p50_ms"] <= step["p95_ms"] <= step["p99_ms"], name


def bench(ca, run, *arguments, **options):
    return run(ca.CAIRN, "bench", "--directory", ca.DIRECTORY_URL, "--ca-file", ca.API_CA_FILE, "--http01-port", ca.HTTP01_PORT,
               "--json", *arguments, **options)


def test_closed_loop(ca, run):
    report = json.loads(bench(ca, run, "--workers", 4, "--count", 24).stdout)
    check(report)
    assert report["steps"]["download"]["count"] == 24


def test_open_loop_with_new_accounts(ca, run):
    report = json.loads(bench(ca, run, "--rate", 10, "--count", 10, "--accounts", "new", "--key", "rsa").stdout)
    check(report)
    assert report["steps"]["newAccount"]["count"] == 10


def test_an_error_is_counted_and_fails_the_run(ca, run):
    done = bench(ca, run, "--workers", 1, "--count", 2, "--profile", "nothing", status=1)
    report = json.loads(done.stdout)
    assert report["errors"] == 2 and "invalidProfile" in json.dumps(report["errors_by_kind"])


def test_compare_runs_both(run):
    """Pebble answers the same generator unchanged; each side has its rate and its CPU time a certificate"""
    done = run(os.path.join(instance.ROOT, "tests/bench/compare"), "--build", instance.BUILD, "--rounds", 1, "--duration", 1, "--workers", 2,
               "--json", timeout=300)
    result = json.loads(done.stdout)
    assert result["ratio"] > 0
    for side in "pebble", "cairn":
        assert result[side]["server_cpu_ms_per_certificate"] > 0
        rows = result[side]["server_cpu_ms_per_certificate_by_process"]
        assert sum(rows.values()) > result[side]["server_cpu_ms_per_certificate"] - 0.1, rows
        (report,) = result[side]["rounds"]
        check(report)
    assert {"cairn-wfe", "cairn-ra", "postgres cairn_ra"} <= set(rows), rows
