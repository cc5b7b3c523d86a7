#include "lib/service/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/log.h"

static int supervisor = -1;

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path)) {
		return;
	}
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@') {
		to.sun_path[0] = '\0'; /* an abstract name */
	}
	socklen_t size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path));
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (supervisor >= 0 && connect(supervisor, (const struct sockaddr *) &to, size) != 0) {
		log_event(NULL, LOG_WARN, "the supervisor can't be told", "error", strerror(errno), NULL);
		close(supervisor);
		supervisor = -1;
	}
}

void notify_send(const char *state)
{
	if (supervisor >= 0 && send(supervisor, state, strlen(state), MSG_NOSIGNAL) < 0) {
		log_event(NULL, LOG_WARN, "the supervisor can't be told", "error", strerror(errno), NULL);
	}
}
