/* What the parts of the closed list of configuration keys share. Only config*.c use this. */
#ifndef CAIRN_BASE_CONFIG_TABLES_H
#define CAIRN_BASE_CONFIG_TABLES_H

#include "lib/base/config.h"

/* The keys that the section of each process has. Numbers are texts: they become part of the defaults. */
#define PROCESS_KEYS(T, rpc_port, metrics_port, workers_default) \
	FIELD_AS(T, process.rpc_listen, "rpc_listen", .def = "[\"127.0.0.1:" rpc_port "\"]", .min = 1, .max = 8, \
	    .help = "Addresses on which the other processes reach it, as host:port."), \
	    FIELD_AS(T, process.metrics_listen, "metrics_listen", .def = "127.0.0.1:" metrics_port, \
	        .help = "Address of /metrics, /livez and /readyz, as host:port; plain HTTP."), \
	    FIELD_AS(T, process.rpc_cert_file, "rpc_cert_file", .flags = FIELD_REQUIRED | FIELD_PATH, \
	        .help = "Its internal certificate, PEM."), \
	    FIELD_AS(T, process.rpc_key_file, "rpc_key_file", .flags = FIELD_REQUIRED | FIELD_PATH, \
	        .help = "The key of its internal certificate, PEM."), \
	    FIELD_AS(T, process.workers, "workers", .def = workers_default, .min = 1, .max = 1024, \
	        .help = "Threads that work on requests."), \
	    FIELD_AS(T, process.queue, "queue", .def = "1024", .min = 1, .max = 1000000, \
	        .help = "Requests that may wait for a worker; more are refused with 503.")

#define DATABASE_KEY(T) \
	FIELD_AS(T, process.database, "database", .flags = FIELD_REQUIRED | FIELD_SECRET, \
	    .help = "Connection string of PostgreSQL (libpq) for the role of this process.")

/* D-35: within 48 hours of the signature, whenever in the hour before it the profile was looked at */
#define CONFIG_BACKDATE_MAX_S 169200

extern const struct fields config_va_fields;
extern const struct fields config_ca_fields;
extern const struct fields config_smtp_fields;
extern const struct fields config_recovery_fields;
extern const struct fields config_alarm_fields;

#endif
