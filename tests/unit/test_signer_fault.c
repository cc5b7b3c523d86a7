/* link: ca cli */
/* A signer whose keys or memory are at fault: what it signs is looked at before anybody has it (F-35). With keys in files and in a token. */
#include "tests/unit/ca_world.h"

#include <dlfcn.h>
#include <sys/mman.h>

enum fault { NONE, FLIPPED, OTHER_OCTETS };

/* Shared with the signer, which is another process. */
static enum fault *fault;

/* Takes the place of OpenSSL's in this program. Of the signature one bit is another one, or it is of other octets. */
int EVP_DigestSign(EVP_MD_CTX *md, unsigned char *signature, size_t *n, const unsigned char *octets, size_t octets_n)
{
	int (*real)(EVP_MD_CTX *, unsigned char *, size_t *, const unsigned char *, size_t) = NULL;
	void *found = dlsym(RTLD_NEXT, "EVP_DigestSign");
	memcpy(&real, &found, sizeof(real));
	bool other = signature != NULL && *fault == OTHER_OCTETS;
	int result = real(md, signature, n, octets, other ? octets_n - 1 : octets_n);
	if (result == 1 && signature != NULL && *fault == FLIPPED) {
		signature[*n - 1] ^= 1;
	}
	return result;
}

static int fault_setup(void **state)
{
	fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fault, MAP_FAILED);
	*fault = NONE;
	int result = setup(state);
	assert_good(&all, ca_register_issuers(&all));
	assert_good(&all, ca_make_crls(&all));
	return result;
}

/* Nothing that verifies with nobody's key is recorded or handed out; the order shows that it ended, and it is on record. */
static void bad_signatures_stay_inside(void **state)
{
	struct ctx *c = *state;
	static const char *const names[] = { "fault.test" };
	static const char *const kinds[] = { "p256", "rsa2048" }; /* of either issuer */
	static const enum fault faults[] = { FLIPPED, OTHER_OCTETS };
	for (size_t i = 0; i < 4; i++) {
		struct issue_certificate_request in = make_request(c, kinds[i % 2], names, 1);
		struct issue_certificate_response out;
		*fault = faults[i / 2];
		assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
		*fault = NONE;
		const char *order = uuid(c->arena, in.order_id);
		expect("t", "SELECT der IS NULL AND lease_until IS NULL FROM ca.certificate WHERE order_id = '%s'", order);
		expect("invalid SERVER_INTERNAL",
		    "SELECT status || ' ' || (error->>'type') FROM acme.order_now WHERE id = '%s'", order);
		expect("1", "SELECT count(*) FROM log.event WHERE kind = 'certificate.refused' AND order_id = '%s'", order);
		expect("0", "SELECT count(*) FROM log.event WHERE kind = 'certificate.issued' AND order_id = '%s'", order);
		expect("t",
		    "SELECT position(cairn.id_text('%s') IN detail) > 0 FROM cairn.alarm WHERE kind = 'certificate-refused'",
		    order);
	}
	struct issue_certificate_request in = make_request(c, "p256", names, 1);
	struct issue_certificate_response out;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out)); /* and it goes on */
}

/* The same for CRLs (F-33): the one before stays in force, and it is an alarm (F-70). */
static void bad_crls_stay_inside(void **state)
{
	struct ctx *c = *state;
	char *before = pg_value("SELECT max(number) FROM ca.crl");
	run_sql("UPDATE ca.crl_shard SET asked_at = clock_timestamp(), asked_by = 'test'");
	*fault = FLIPPED;
	if (ca_make_crls(c) != 0) { /* one that can't be made does not hold up the others */
		ctx_forgive(c);
	}
	expect(before, "SELECT max(number) FROM ca.crl");
	expect("t", "SELECT count(*) > 0 AND bool_and(detail LIKE 'the signer refuses: %%') FROM "
	            "cairn.alarm a JOIN ca.crl_shard s ON a.subject = format('%%s/%%s', s.issuer, s.shard) WHERE a.kind = "
	            "'crl-refused'");
	*fault = NONE;
	assert_good(c, ca_make_crls(c));
	expect("t", "SELECT max(number) > %s FROM ca.crl", before);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(bad_signatures_stay_inside),
		WITH_CTX(bad_crls_stay_inside),
	};
	return run_in_files_and_token(tests, fault_setup);
}
