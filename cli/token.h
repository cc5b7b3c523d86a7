/* `cairn token`: the token of ca.token as this machine sees it, and one login that a person answers for. */
#ifndef CAIRN_CLI_TOKEN_H
#define CAIRN_CLI_TOKEN_H

/* The subcommand. */
int cli_token(int argc, char **argv);

#endif
