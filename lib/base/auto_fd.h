/* File descriptors that are closed when their scope ends: AUTO_FD fd = open(...); One that is to live longer is moved out
 * by auto_fd_keep. */
#ifndef CAIRN_BASE_AUTO_FD_H
#define CAIRN_BASE_AUTO_FD_H

#include <unistd.h>

__attribute__((unused)) static inline void auto_fd_close(const int *fd)
{
	if (*fd >= 0) {
		(void) close(*fd);
	}
}

__attribute__((unused)) static inline int auto_fd_keep(int *fd)
{
	int kept = *fd;
	*fd = -1;
	return kept;
}

#define AUTO_FD __attribute__((cleanup(auto_fd_close))) int

#endif
