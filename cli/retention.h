/* `cairn retention` and `cairn hold`: how long data is kept, how that stands, and what must not be purged (docs/retention.md). */
#ifndef CAIRN_CLI_RETENTION_H
#define CAIRN_CLI_RETENTION_H

/* Give the exit code. */
int cli_retention(int argc, char **argv);
int cli_hold(int argc, char **argv);

#endif
