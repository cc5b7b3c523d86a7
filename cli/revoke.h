/* `cairn revoke`: revocation by an operator, of one certificate or of very many (E-7). */
#ifndef CAIRN_CLI_REVOKE_H
#define CAIRN_CLI_REVOKE_H

/* The subcommand. */
int cli_revoke(int argc, char **argv);

#endif
