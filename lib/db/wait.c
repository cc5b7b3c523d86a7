#include "lib/db/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "lib/base/clock.h"
#include "lib/db/db.h"

static volatile sig_atomic_t halted;

void db_halt(void)
{
	halted = 1;
}

void db_wait_on(void)
{
	if (halted == 1) { /* where nobody halts, threads only read it */
		halted = 0;
	}
}

static int poll_limit(int64_t deadline_us)
{
	if (deadline_us == INT64_MAX) {
		return -1;
	}
	int64_t left = (deadline_us - clock_monotonic_us() + 999) / 1000;
	if (left <= 0) {
		return 0;
	}
	return left > 3600000 ? 3600000 : (int) left;
}

bool db_wait_socket(int fd, short events, int64_t deadline_us)
{
	struct pollfd one = { .fd = fd, .events = events };
	int n = 0;
	do {
		n = halted == 1 ? 0 : poll(&one, 1, poll_limit(deadline_us));
	} while (n < 0 && errno == EINTR);
	return n != 0; /* an error of the socket shows when it is read */
}
