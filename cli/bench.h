/* `cairn bench`: a load generator for any RFC 8555 server. Workers get certificates over http-01 with keys and CSRs
 * that were made before the clock started; every step is timed, every certificate checked, every error counted. */
#ifndef CAIRN_CLI_BENCH_H
#define CAIRN_CLI_BENCH_H

/* argv[0] is the name of the subcommand. Exit code: 0 certificates were issued and nothing failed, 1 otherwise, 2
 * usage. Ends at the first SIGINT or SIGTERM after the orders under way, at the second one at once; what is there is
 * printed. */
int cli_bench(int argc, char **argv);

#endif
