#include "cli/audit_stop.h"

#include <signal.h>
#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/db/db.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void) signal;
	stopped = 1;
	db_halt();
}

void audit_stop_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM };
	const struct sigaction action = { .sa_handler = stop, .sa_flags = (int) (SA_RESTART | SA_RESETHAND) };
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		struct sigaction before;
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
			(void) sigaction(signals[i], &action, NULL);
		}
	}
}

bool audit_is_stopped(void)
{
	return stopped == 1;
}
