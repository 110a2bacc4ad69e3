/* SHA-256 (FIPS 180-4), fed piece by piece. */
#ifndef LRK_SHA256_H
#define LRK_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 64

struct sha256 {
	uint32_t state[8];
	uint8_t block[64];
	uint64_t total; /* bytes fed so far; total % 64 of them wait in block */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t length);

/* Ends the sum and writes it as lower-case hex, NUL-terminated. */
void sha256_hex(struct sha256 *sha, char hex[SHA256_HEX + 1]);

#endif
