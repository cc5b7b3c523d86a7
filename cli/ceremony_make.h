/* The making of one object of a ceremony: key, certificate or CRL, linted before it is written. */
#ifndef CAIRN_CLI_CEREMONY_MAKE_H
#define CAIRN_CLI_CEREMONY_MAKE_H

#include "cli/ceremony.h"

/* issuer: the step whose key signs; NULL for a root. transcript NULL: none is kept. */
int ceremony_make(struct ctx *c, const struct ceremony_step *step, const struct ceremony_step *issuer,
    const char *transcript) MUST_CHECK;

#endif
