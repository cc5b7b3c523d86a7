-- What transparency logs that gave SCTs are held to (H-17; db/functions/ca_monitor.sql): the tree of each log as far as it was read and
-- verified, and each SCT until its entry is found in it.

CREATE TABLE ca.monitored_log (
	log_id bytea PRIMARY KEY,
	description text NOT NULL,
	size int8,
	edge bytea,
	head_at timestamptz,
	read_size int8,
	read_edge bytea,
	target_size int8,
	target_root bytea,
	target_at timestamptz,
	seen_at timestamptz NOT NULL,
	fault text,
	fault_at timestamptz,
	holder text,
	due_at timestamptz NOT NULL
);
COMMENT ON TABLE ca.monitored_log IS 'Transparency logs as the registration authority reads them: how far each tree is verified';
COMMENT ON COLUMN ca.monitored_log.log_id IS 'OPS: SHA-256 of the key of the log';
COMMENT ON COLUMN ca.monitored_log.description IS 'OPS: its name in the list of logs';
COMMENT ON COLUMN ca.monitored_log.size IS 'OPS: entries of the newest tree whose root was found to be that of the entries; NULL: none yet';
COMMENT ON COLUMN ca.monitored_log.edge IS 'OPS: hashes of the whole subtrees of that tree, from the left';
COMMENT ON COLUMN ca.monitored_log.head_at IS 'OPS: when the log signed that tree';
COMMENT ON COLUMN ca.monitored_log.read_size IS 'OPS: entries that were read on the way to the next tree';
COMMENT ON COLUMN ca.monitored_log.read_edge IS 'OPS: hashes of the whole subtrees of these';
COMMENT ON COLUMN ca.monitored_log.target_size IS 'OPS: entries of the tree that is read up to; NULL: none';
COMMENT ON COLUMN ca.monitored_log.target_root IS 'OPS: its root, as the log signed it';
COMMENT ON COLUMN ca.monitored_log.target_at IS 'OPS: when the log signed it';
COMMENT ON COLUMN ca.monitored_log.seen_at IS 'OPS: when the log last gave a tree that it signed; at first, when it was first looked for';
COMMENT ON COLUMN ca.monitored_log.fault IS 'OPS: what is wrong with the log; NULL: nothing';
COMMENT ON COLUMN ca.monitored_log.fault_at IS 'OPS: since when';
COMMENT ON COLUMN ca.monitored_log.holder IS 'OPS: instance that reads it';
COMMENT ON COLUMN ca.monitored_log.due_at IS 'OPS: when it is read again, or taken by another instance';

CREATE TABLE ca.sct (
	certificate_id uuid NOT NULL,
	log_id bytea NOT NULL,
	given_at timestamptz NOT NULL,
	merged_at timestamptz,
	entry_index int8,
	missing_at timestamptz,
	PRIMARY KEY (certificate_id, log_id)
) PARTITION BY RANGE (certificate_id);
CREATE INDEX sct_unmerged ON ca.sct (log_id, given_at) WHERE merged_at IS NULL;
COMMENT ON TABLE ca.sct IS 'SCTs in certificates: each is the promise of a log to have an entry';
COMMENT ON COLUMN ca.sct.certificate_id IS 'SUB-CERT: certificate that holds it';
COMMENT ON COLUMN ca.sct.log_id IS 'SUB-CERT: SHA-256 of the key of the log that gave it';
COMMENT ON COLUMN ca.sct.given_at IS 'SUB-CERT: its time';
COMMENT ON COLUMN ca.sct.merged_at IS 'SUB-CERT: when its entry was found in the tree of the log; NULL: not yet';
COMMENT ON COLUMN ca.sct.entry_index IS 'SUB-CERT: number of that entry';
COMMENT ON COLUMN ca.sct.missing_at IS 'SUB-CERT: when it was found that the log broke its promise';
INSERT INTO cairn.partitioned VALUES ('ca.sct', 12);

CREATE TABLE ca.foreign_certificate (
	sha256 bytea PRIMARY KEY,
	log_id bytea NOT NULL,
	entry_index int8 NOT NULL,
	issuer text NOT NULL,
	serial bytea NOT NULL,
	entry bytea NOT NULL,
	found_at timestamptz NOT NULL
);
COMMENT ON TABLE ca.foreign_certificate IS 'Entries of transparency logs under keys of this CA that it has not signed: each is an incident';
COMMENT ON COLUMN ca.foreign_certificate.sha256 IS 'OPS: SHA-256 of the entry''s certificate or TBSCertificate';
COMMENT ON COLUMN ca.foreign_certificate.log_id IS 'OPS: log in which it was found';
COMMENT ON COLUMN ca.foreign_certificate.entry_index IS 'OPS: number of the entry there';
COMMENT ON COLUMN ca.foreign_certificate.issuer IS 'OPS: issuer under whose key it is';
COMMENT ON COLUMN ca.foreign_certificate.serial IS 'OPS: its serial';
COMMENT ON COLUMN ca.foreign_certificate.entry IS 'OPS: the certificate or TBSCertificate, its first 65536 octets';
COMMENT ON COLUMN ca.foreign_certificate.found_at IS 'OPS: when it was found';

SELECT cairn.make_partitions(7);
