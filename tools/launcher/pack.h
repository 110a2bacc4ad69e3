/*
 * What is appended to this executable by tools/pack.sh, and how it is unpacked.
 *
 *   launcher | runtime, zstd | program, zstd | manifest: lines of text | last line
 *
 * The manifest, which `tail -n 25 lrkproxy` shows, has a line for each of
 *
 *   runtime OFFSET PACKED-BYTES SHA-256-OF-THE-UNPACKED
 *   program OFFSET PACKED-BYTES SHA-256-OF-THE-UNPACKED
 *   argument TEXT        in order: what the runtime gets before the program
 *
 * and the last line, `lrkproxy-pack 1 LENGTH`, says how many bytes of lines are before it.
 */
#ifndef LRK_PACK_H
#define LRK_PACK_H

#include <stdint.h>

#include "sha256.h"

/* LENGTH has eight digits, so that the last line can be found from the end of the file. */
#define LRK_PACK_END "lrkproxy-pack 1 %8u"
#define LRK_PACK_END_BYTES 25
#define LRK_MAX_ARGUMENTS 64

struct blob {
	uint64_t offset, packed; /* in bytes, of this executable */
	char sha256[SHA256_HEX + 1];
};

struct pack {
	int fd; /* this executable: stays readable when its file is replaced */
	struct blob runtime, program;
	char *arguments[LRK_MAX_ARGUMENTS];
	int argument_count;
};

/* Reads the manifest of the running executable. Ends the process if there is none. */
void pack_open(struct pack *pack);

/* Unpacks into fd. Returns 0, or -1 with errno: EBADMSG if what came out has another sum. */
int pack_extract(const struct pack *pack, const struct blob *blob, int fd);

#endif
