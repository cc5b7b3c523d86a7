/* Foreign handles that are released when their scope ends: AUTO(X509) cert = NULL; One definition for each type, in the
 * header of the module that uses it first; the types of OpenSSL stand in lib/crypto/auto_openssl.h. */
#ifndef CAIRN_BASE_AUTO_H
#define CAIRN_BASE_AUTO_H

#define AUTO(type) __attribute__((cleanup(auto_free_##type))) type *

/* Defines what AUTO(type) runs. release must take a NULL without harm. */
#define AUTO_DEFINE(type, release) \
	__attribute__((unused)) static inline void auto_free_##type(type **p) \
	{ \
		release(*p); \
	}

#endif
