/* `cairn cert`: certificates found, shown and written out. */
#ifndef CAIRN_CLI_CERT_H
#define CAIRN_CLI_CERT_H

/* The subcommand, and what it consists of. */
int cli_cert(int argc, char **argv);
int cert_list_command(int argc, char **argv);
int cert_search_command(int argc, char **argv);
int cert_show_command(int argc, char **argv);
int cert_export_command(int argc, char **argv);

#endif
