/*
 * cli/no_certificates.c: libgit2 need not read the certificates of all authorities
 *
 * Where libgit2 is built with Mbed TLS, starting it reads and decodes the whole
 * bundle of the system, which takes longer than connecting to a server does.
 * There is no setting that comes before its start, and without this a call that
 * has nothing to do takes a third longer.
 *
 * These take the place of the functions that the library would call, by the
 * rules of dynamic linking: a symbol of the program comes first.  We read local
 * repositories only and never ask for a connection; should anybody in this
 * program make one by Mbed TLS, there is no authority that it trusts, and it
 * fails.  libpq has a TLS of its own.  Where libgit2 is built with something
 * else, nobody calls them.
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
