-- Alarms: what somebody has to look at, told over several channels until somebody did (F-70; db/functions/log_alarm.sql).

CREATE TABLE cairn.alarm (
	id uuid PRIMARY KEY,
	kind text NOT NULL CHECK (kind ~ '^[a-z]+(-[a-z]+)*$' AND length(kind) <= 40),
	subject text NOT NULL CHECK (length(subject) <= 200),
	detail text NOT NULL CHECK (length(detail) BETWEEN 1 AND 500),
	raised_at timestamptz NOT NULL,
	seen_at timestamptz NOT NULL,
	ended_at timestamptz,
	times int8 NOT NULL DEFAULT 1,
	acknowledged_at timestamptz,
	acknowledged_by text,
	verdict text CHECK (verdict IN ('true', 'false')),
	note text,
	CHECK ((acknowledged_at IS NULL) = (verdict IS NULL) AND (verdict IS NULL) = (note IS NULL))
);
CREATE UNIQUE INDEX alarm_open ON cairn.alarm (kind, subject) WHERE acknowledged_at IS NULL OR ended_at IS NULL;
COMMENT ON TABLE cairn.alarm IS 'What somebody has to look at; one that is answered and over is never opened again';
COMMENT ON COLUMN cairn.alarm.id IS 'OPS: its id';
COMMENT ON COLUMN cairn.alarm.kind IS 'OPS: what is wrong, as docs/alarms.md lists it';
COMMENT ON COLUMN cairn.alarm.subject IS 'OPS: which issuer, log or process it is about; empty: the CA';
COMMENT ON COLUMN cairn.alarm.detail IS 'OPS: a sentence, as it was when it was seen last';
COMMENT ON COLUMN cairn.alarm.raised_at IS 'OPS: when it was seen first';
COMMENT ON COLUMN cairn.alarm.seen_at IS 'OPS: when it was seen last';
COMMENT ON COLUMN cairn.alarm.ended_at IS 'OPS: since when it is not so any more, or when the thing happened';
COMMENT ON COLUMN cairn.alarm.times IS 'OPS: how often it began before it was answered';
COMMENT ON COLUMN cairn.alarm.acknowledged_at IS 'OPS: when somebody answered it';
COMMENT ON COLUMN cairn.alarm.acknowledged_by IS 'OPS: who did';
COMMENT ON COLUMN cairn.alarm.verdict IS 'OPS: whether it was a true alarm';
COMMENT ON COLUMN cairn.alarm.note IS 'OPS: what was found and done';

CREATE TABLE cairn.alarm_told (
	alarm_id uuid NOT NULL REFERENCES cairn.alarm,
	channel text NOT NULL,
	told_at timestamptz,
	times int8 NOT NULL DEFAULT 0,
	failures int8 NOT NULL DEFAULT 0,
	failed_at timestamptz,
	failure text,
	PRIMARY KEY (alarm_id, channel)
);
COMMENT ON TABLE cairn.alarm_told IS 'Over which channel an alarm was told';
COMMENT ON COLUMN cairn.alarm_told.alarm_id IS 'OPS: id of the alarm';
COMMENT ON COLUMN cairn.alarm_told.channel IS 'OPS: name of the channel in alarm.channels';
COMMENT ON COLUMN cairn.alarm_told.told_at IS 'OPS: when it was told last';
COMMENT ON COLUMN cairn.alarm_told.times IS 'OPS: how often';
COMMENT ON COLUMN cairn.alarm_told.failures IS 'OPS: tries in vain since then';
COMMENT ON COLUMN cairn.alarm_told.failed_at IS 'OPS: when the last of these was';
COMMENT ON COLUMN cairn.alarm_told.failure IS 'OPS: why, without address or URL';

GRANT SELECT ON cairn.alarm, cairn.alarm_told TO cairn_operator, cairn_auditor, cairn_subscriber;
