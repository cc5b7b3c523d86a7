/* Sockets to hosts that are validated: one to exactly the address that was checked, and what it means that there is
 * none. */
#ifndef CAIRN_VA_DIAL_H
#define CAIRN_VA_DIAL_H

#include "lib/base/ip.h"
#include "policy/decide.h"

/* A connection that is being made, without waiting for it; -1 with errno. */
int dial_open(const struct ip *ip, uint16_t port);

/* Whether this host has a route to the world by that family; nothing is sent. */
bool dial_has_route(bool v6);

/* Why a connection was not made: `error` is errno, or what SO_ERROR said. */
enum failure dial_failure(const struct ip *ip, int error);

#endif
