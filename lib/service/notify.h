/* The supervisor's sd_notify protocol: a datagram to the Unix socket in NOTIFY_SOCKET. */
#ifndef CAIRN_SERVICE_NOTIFY_H
#define CAIRN_SERVICE_NOTIFY_H

/* Connects, before the sandbox; without NOTIFY_SOCKET nothing is ever sent. */
void notify_open(void);

/* "READY=1", "STOPPING=1". */
void notify_send(const char *state);

#endif
