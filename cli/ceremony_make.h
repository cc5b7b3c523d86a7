/* The making of one object of a ceremony: key, certificate or CRL, linted before it is signed, recorded before it is written. */
#ifndef CAIRN_CLI_CEREMONY_MAKE_H
#define CAIRN_CLI_CEREMONY_MAKE_H

#include "cli/ceremony_record.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/crl.h"

/* The plan's step i, whose files are absent. */
int ceremony_make(struct ctx *c, const struct ceremony *plan, size_t i) MUST_CHECK;

/* The line with which a ceremony begins. */
int ceremony_record_begin(
    struct ctx *c, const struct ceremony *plan, const struct ceremony_approval_list *agreed) MUST_CHECK;

/* What is told of an object made for this step, for the transcript. */
struct ceremony_entry ceremony_entry_of_cert(
    struct arena *a, const struct ceremony_step *step, const struct cert_info *cert);
struct ceremony_entry ceremony_entry_of_crl(
    struct arena *a, const struct ceremony_step *step, const struct crl_info *crl);

enum cert_kind ceremony_kind(const struct ceremony_step *step);
int64_t ceremony_days(const struct ceremony_step *step);

/* The certificate of a step that has one. */
int ceremony_read_cert(struct ctx *c, const struct ceremony_step *step, struct cert_info *ret) MUST_CHECK;

/* One CRL in DER. */
int ceremony_read_crl(struct ctx *c, const char *path, struct crl_info *ret) MUST_CHECK;

/* The lints that the step's certificate has to pass when it is signed at this time. issuer NULL: by itself. */
int ceremony_lint(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, struct bytes tbs,
    const struct cert_info *issuer, struct timestamp at) MUST_CHECK;

#endif
