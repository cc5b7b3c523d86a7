#include "cli/cert.h"

#include "cli/operator.h"

int cli_cert(int argc, char **argv)
{
	static const struct operator_subcommand rows[] = {
		{ "list", "the newest certificates", cert_list_command },
		{ "search", "by name, key, account, issuer, serial, end, status or profile", cert_search_command },
		{ "show", "one certificate, how it stands and what it rests on", cert_show_command },
		{ "export", "one certificate as PEM or DER, or with its chain", cert_export_command },
	};
	return operator_choose("cert", rows, COUNT_OF(rows), argc, argv);
}
