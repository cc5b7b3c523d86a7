/* `cairn crl`: how the CRLs stand, one of them, a new one now, files of them, and their URLs as root programs want them. */
#ifndef CAIRN_CLI_CRL_H
#define CAIRN_CLI_CRL_H

/* The subcommand. 0 done or shown, 1 refused or failed, 2 usage. argv[0] is "crl". */
int cli_crl(int argc, char **argv);

#endif
