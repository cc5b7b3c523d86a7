-- Which parts of the big tables have rows of an account (db/functions/log_subject.sql), for what is asked once in years: a summary of each
-- megabyte or so, which costs an added row about a microsecond, where a tree by account would cost nine (docs/decisions.md).
CREATE INDEX request_account ON log.request USING brin (account_id uuid_bloom_ops) WITH (autosummarize = on);
CREATE INDEX validation_account ON log.validation USING brin (account_id uuid_bloom_ops) WITH (autosummarize = on);
CREATE INDEX event_account ON log.event USING brin (account_id uuid_bloom_ops) WITH (autosummarize = on);
CREATE INDEX authz_account ON acme.authz USING brin (account_id uuid_bloom_ops) WITH (autosummarize = on);
