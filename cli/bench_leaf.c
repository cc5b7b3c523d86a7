#include "cli/bench_leaf.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#define CERTIFICATE_MAX 65536
#define CONTEXT(n) (V_ASN1_CONTEXT_SPECIFIC | (n))

struct element {
	int tag; /* with the bits of its class when that is not universal */
	struct bytes whole;
	struct bytes content;
};

static int next(struct bytes *rest, struct element *ret)
{
	const uint8_t *p = rest->p;
	long n = 0;
	int tag = 0;
	int class = 0;
	if (rest->n == 0) {
		return -1;
	}
	int flags = ASN1_get_object(&p, &n, &tag, &class, (long) rest->n);
	if ((flags & 0x80) != 0 || (flags & 1) != 0) {
		ERR_clear_error();
		return -1; /* broken, or of indefinite length, which DER does not have */
	}
	size_t used = (size_t) (p - rest->p) + (size_t) n;
	*ret = (struct element) { .tag = class | tag, .whole = { rest->p, used }, .content = { p, (size_t) n } };
	*rest = (struct bytes) { rest->p + used, rest->n - used };
	return 0;
}

static int expect(struct bytes *rest, int tag, struct element *ret)
{
	return next(rest, ret) == 0 && ret->tag == tag ? 0 : -1;
}

/* keyIdentifier of an AuthorityKeyIdentifier, empty when there is none. */
static struct bytes key_id_of(struct bytes value)
{
	struct element list;
	struct element id;
	if (expect(&value, V_ASN1_SEQUENCE, &list) != 0 || expect(&list.content, CONTEXT(0), &id) != 0) {
		return (struct bytes) { 0 };
	}
	return id.content;
}

static void take_extension(struct bytes oid, struct bytes value, struct bench_leaf *leaf)
{
	static const uint8_t ski[] = { 0x55, 0x1d, 0x0e };
	static const uint8_t san[] = { 0x55, 0x1d, 0x11 };
	static const uint8_t aki[] = { 0x55, 0x1d, 0x23 };
	struct element inner;
	struct bytes rest = value;
	if (oid.n != sizeof(san) || next(&rest, &inner) != 0) {
		return;
	}
	if (memcmp(oid.p, san, oid.n) == 0) {
		leaf->san = inner.content;
	} else if (memcmp(oid.p, ski, oid.n) == 0) {
		leaf->subject_key_id = inner.content;
	} else if (memcmp(oid.p, aki, oid.n) == 0) {
		leaf->authority_key_id = key_id_of(value);
	}
}

static int read_extensions(struct bytes rest, struct bench_leaf *leaf)
{
	struct element list;
	struct element extension;
	if (expect(&rest, V_ASN1_SEQUENCE, &list) != 0) {
		return -1;
	}
	while (list.content.n > 0) {
		struct element oid;
		struct element value;
		if (expect(&list.content, V_ASN1_SEQUENCE, &extension) != 0 ||
		    expect(&extension.content, V_ASN1_OBJECT, &oid) != 0 || next(&extension.content, &value) != 0) {
			return -1;
		}
		if (value.tag == V_ASN1_BOOLEAN && next(&extension.content, &value) != 0) {
			return -1;
		}
		if (value.tag != V_ASN1_OCTET_STRING) {
			return -1;
		}
		take_extension(oid.content, value.content, leaf);
	}
	return 0;
}

static int read_tbs(struct bytes rest, struct bench_leaf *leaf)
{
	struct element version;
	struct element serial;
	struct element algorithm;
	struct element issuer;
	struct element validity;
	struct element subject;
	struct element spki;
	if (expect(&rest, CONTEXT(0), &version) != 0 || expect(&rest, V_ASN1_INTEGER, &serial) != 0 ||
	    expect(&rest, V_ASN1_SEQUENCE, &algorithm) != 0 || expect(&rest, V_ASN1_SEQUENCE, &issuer) != 0 ||
	    expect(&rest, V_ASN1_SEQUENCE, &validity) != 0 || expect(&rest, V_ASN1_SEQUENCE, &subject) != 0 ||
	    expect(&rest, V_ASN1_SEQUENCE, &spki) != 0) {
		return -1;
	}
	*leaf = (struct bench_leaf) {
		.serial = serial.content,
		.issuer = issuer.whole,
		.subject = subject.whole,
		.spki = spki.whole,
	};
	struct element extensions;
	return expect(&rest, CONTEXT(3), &extensions) == 0 ? read_extensions(extensions.content, leaf) : -1;
}

int bench_leaf_parse(struct bytes der, struct bench_leaf *ret)
{
	struct element certificate;
	struct element tbs;
	struct element algorithm;
	struct element signature;
	struct bench_leaf leaf = { 0 };
	if (der.n > CERTIFICATE_MAX || expect(&der, V_ASN1_SEQUENCE, &certificate) != 0 || der.n != 0 ||
	    expect(&certificate.content, V_ASN1_SEQUENCE, &tbs) != 0 ||
	    expect(&certificate.content, V_ASN1_SEQUENCE, &algorithm) != 0 ||
	    expect(&certificate.content, V_ASN1_BIT_STRING, &signature) != 0 || read_tbs(tbs.content, &leaf) != 0) {
		return -1;
	}
	*ret = leaf;
	return 0;
}

int bench_leaf_next_name(struct bytes *rest, int *ret_tag, struct bytes *ret_name)
{
	struct element name;
	if (next(rest, &name) != 0 || (name.tag & V_ASN1_CONTEXT_SPECIFIC) == 0) {
		return -1;
	}
	*ret_tag = name.tag & ~V_ASN1_CONTEXT_SPECIFIC;
	*ret_name = name.content;
	return 0;
}
