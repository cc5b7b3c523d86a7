#include "lib/crypto/pkcs7.h"

#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

struct bytes pkcs7_certs_only(struct arena *a, const struct bytes_list *certificates)
{
	const struct bytes signed_data = OID_SIGNED_DATA;
	const struct bytes data = OID_DATA;
	const struct bytes version = OCTETS(0x02, 0x01, 0x01);
	const struct bytes none = OCTETS(0x31, 0x00); /* no digest algorithms, no signers */
	struct bytes content = DER(a, DER_SEQUENCE, data);
	struct bytes all = der_wrap(a, DER_CONTEXT_CONSTRUCTED(0), certificates->v, certificates->n);
	struct bytes body = DER(a, DER_SEQUENCE, version, none, content, all, none);
	return DER(a, DER_SEQUENCE, signed_data, DER(a, DER_CONTEXT_CONSTRUCTED(0), body));
}
