/* A PKCS#11 module that never answers, for test_ca. */
#include <unistd.h>

__attribute__((constructor)) static void hang(void)
{
	for (;;) {
		(void) pause();
	}
}
