/* `cairn doctor`: how the deployment stands, and with --for what an order for a name would meet (design 10). */
#ifndef CAIRN_CLI_DOCTOR_H
#define CAIRN_CLI_DOCTOR_H

/* The subcommand. */
int cli_doctor(int argc, char **argv);

#endif
