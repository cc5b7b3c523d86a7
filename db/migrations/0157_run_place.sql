-- Two machines whose processes listen on the same address (0.0.0.0, one of a container) were one instance: each start of the one looked like a
-- crash of the other, and each held the leases of both. The host is part of the name now (lib/base/config.h, config_instance).
COMMENT ON COLUMN cairn.run.instance IS 'OPS: the process, the host, and the address at which it serves the others';
