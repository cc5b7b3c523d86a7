#include "cli/export.h"

#include "cli/operator.h"

static const struct operator_subcommand subcommands[] = {
	{ "public", "certificates, revocations, CRLs, and numbers without people, day by day", export_public_command },
	{ "privacy-notice", "what is kept about people, how long and who sees it, from the configuration",
	    export_notice_command },
	{ "cps", "what a certification practice statement has to say of CAA, methods, perspectives and lives",
	    export_cps_command },
};

int cli_export(int argc, char **argv)
{
	return operator_choose("export", subcommands, COUNT_OF(subcommands), argc, argv);
}
