/* onion-csr-01 of one validation (RFC 9799 3.2): the client's request is all there is, so it ends as soon as it starts. No connection
 * is made, and so there is nothing that other perspectives could see otherwise (BR 3.2.2.9; B-39). */
#ifndef CAIRN_VA_ONIONCSR01_H
#define CAIRN_VA_ONIONCSR01_H

#include "va/dcv.h"

/* Its row of va/dcv.c. */
void onioncsr01_start(struct dcv *dcv);
void onioncsr01_abandon(struct dcv *dcv);

#endif
