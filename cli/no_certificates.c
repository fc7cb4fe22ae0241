/*
 * cli/no_certificates.c: libgit2 need not read the certificates of all authorities
 *
 * Where libgit2 is built with Mbed TLS, starting it reads and decodes the whole
 * bundle of the system, which takes longer than connecting to a server does.
 * We read local repositories only and never ask it for a connection; should it
 * make one, it trusts nobody.  These take the place of the functions that the
 * library would call; where it is built with something else nobody calls them.
 */
#include "postgres_fe.h"

struct mbedtls_x509_crt;

extern int mbedtls_x509_crt_parse_file(struct mbedtls_x509_crt *chain, const char *path);
extern int mbedtls_x509_crt_parse_path(struct mbedtls_x509_crt *chain, const char *path);

int
mbedtls_x509_crt_parse_file(struct mbedtls_x509_crt *chain, const char *path)
{
	return 0;
}

int
mbedtls_x509_crt_parse_path(struct mbedtls_x509_crt *chain, const char *path)
{
	return 0;
}
