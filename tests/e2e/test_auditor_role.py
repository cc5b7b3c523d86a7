"""What a session of cairn_auditor can't do, whatever it sets for itself."""
import pytest

FREE = "SET default_transaction_read_only = off; SET transaction_read_only = off; SET statement_timeout = 0; "


@pytest.mark.parametrize("attempt, why", [
    ("CREATE TEMP TABLE x (a int)", "temporary tables"),
    ("CREATE TABLE audit.x (a int)", "schema audit"),
    ("CREATE TABLE public.x (a int)", "schema public"),
    ("CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", "temporary tables"),
    ("SELECT lo_create(0)", "function lo_create"),
    ("SELECT lo_creat(0)", "function lo_creat"),
    ("SELECT lo_from_bytea(0, 'x')", "function lo_from_bytea"),
    ("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000))", "function pg_logical_emit_message"),
    ("SELECT pg_advisory_lock(427020808814)", "function pg_advisory_lock"),
    ("SELECT pg_try_advisory_lock(1, 2)", "function pg_try_advisory_lock"),
    ("SELECT pg_advisory_xact_lock(13, g) FROM generate_series(1, 1000000) g", "function pg_advisory_xact_lock"),
    ("SELECT pg_try_advisory_xact_lock_shared(1)", "function pg_try_advisory_xact_lock_shared"),
    ("LOCK TABLE log.event IN ROW SHARE MODE", "table event"),
    ("LOCK TABLE acme.orders IN ACCESS SHARE MODE", "schema acme"),
    ("SELECT * FROM log.event FOR UPDATE", "table event"),
    ("SET ROLE cairn_owner", "set role"),
    ("SET SESSION AUTHORIZATION cairn_owner", "set session authorization"),
    ("COPY (SELECT 1) TO PROGRAM 'true'", "pg_execute_server_program"),
    ("COPY (SELECT 1) TO '/tmp/x'", "pg_write_server_files"),
    ("SELECT pg_read_file('postgresql.conf')", "function pg_read_file"),
    ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cairn_ra'", "member of the role|pg_signal_backend"),
    ("SET temp_file_limit = -1", "temp_file_limit"),
    ("SET session_replication_role = replica", "session_replication_role"),
    ("SELECT * FROM vault.contact", "schema vault"),
    ("SELECT log.add_event(cairn.new_id(), 'x', 'x', 'x', NULL, NULL, NULL, NULL, '{}')", "function log.add_event|function add_event"),
])
def test_refused(ca, attempt, why):
    """G-12, F-52: it neither writes, nor waits in anybody's way, nor becomes another"""
    with pytest.raises(RuntimeError, match=f"(?s)(permission denied|must be|denied).*({why})|({why})"):
        ca.sql(FREE + attempt)


def test_bounds(ca):
    """F-52"""
    assert ca.sql("SHOW temp_file_limit") == [["8GB"]]
    assert ca.sql("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'cairn_auditor'") == [["0"]]
    assert ca.sql("SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = 'cairn_auditor'") == [["f"]]


def test_functions_of_the_ca_that_it_may_run_change_nothing(ca):
    """F-52: of all functions that run with another's rights, and that it may run, none is volatile but the one that records what it read"""
    assert ca.sql("SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND p.provolatile = 'v' "
                  "AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1") == [["log.ask_subject"]]
