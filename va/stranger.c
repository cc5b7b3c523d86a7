#include "va/stranger.h"

int stranger_tls_set(SSL_CTX *tls)
{
	/* Old keys and digests are no reason to fail: what is proved is control, not identity. Prime-field Diffie-Hellman is left
	 * out, of a server's own parameters (kDHE) as of the named ones (ffdhe8192), which cost the loop up to 0.6 s a handshake. */
	char groups[] = "X25519:P-256:X448:P-384:P-521"; /* the macro drops a const */
	if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 /* B-2 */ ||
	    SSL_CTX_set_cipher_list(tls, "DEFAULT:!kDHE:@SECLEVEL=0") != 1 || SSL_CTX_set1_groups_list(tls, groups) != 1) {
		return -1;
	}
	SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* what waits for a slow host holds none */
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	return 0;
}
