/* Reads what tools/pack.sh appended to this executable. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "pack.h"

static const char *damaged = "Cannot read what is packed into this file: it is damaged or cut short, build or install it again";

static char *read_part(int fd, uint64_t offset, size_t length)
{
	char *text = malloc(length + 1);

	if (!text || pread(fd, text, length, offset) != (ssize_t)length)
		errx(1, "%s", damaged);
	text[length] = '\0';
	return text;
}

static void parse_blob(struct blob *blob, const char *fields)
{
	if (sscanf(fields, "%" SCNu64 " %" SCNu64 " %64[0-9a-f]", &blob->offset, &blob->packed,
		   blob->sha256) != 3)
		errx(1, "%s", damaged);
}

static void parse_line(struct pack *pack, char *line)
{
	char *fields = strchr(line, ' ');

	if (!fields)
		errx(1, "%s", damaged);
	*fields++ = '\0';
	if (strcmp(line, "runtime") == 0)
		parse_blob(&pack->runtime, fields);
	else if (strcmp(line, "program") == 0)
		parse_blob(&pack->program, fields);
	else if (strcmp(line, "argument") == 0 && pack->argument_count < LRK_MAX_ARGUMENTS)
		pack->arguments[pack->argument_count++] = fields;
	else
		errx(1, "%s", damaged);
}

void pack_open(struct pack *pack)
{
	unsigned int length;
	struct stat file;
	char *manifest, *last;

	*pack = (struct pack){ .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
	if (pack->fd < 0 || fstat(pack->fd, &file) < 0)
		err(1, "Cannot read /proc/self/exe, which is this program");
	if (file.st_size < LRK_PACK_END_BYTES)
		errx(1, "%s", damaged);
	last = read_part(pack->fd, file.st_size - LRK_PACK_END_BYTES, LRK_PACK_END_BYTES);
	if (sscanf(last, LRK_PACK_END, &length) != 1 || length > file.st_size - LRK_PACK_END_BYTES)
		errx(1, "%s", damaged);
	free(last);
	manifest = read_part(pack->fd, file.st_size - LRK_PACK_END_BYTES - length, length);
	for (char *line = strtok(manifest, "\n"); line; line = strtok(NULL, "\n"))
		parse_line(pack, line); /* arguments point into manifest, which is never freed */
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, data, length);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			data += written;
			length -= written;
		}
	}
	return 0;
}

/* Returns 0 at the end of the packed data, however it looks; -1 if fd cannot take it. */
static int inflate(ZSTD_inBuffer *packed, int fd, struct sha256 *sha)
{
	size_t room = ZSTD_DStreamOutSize(), hint = 1;
	ZSTD_DStream *stream = ZSTD_createDStream();
	char *buffer = malloc(room);
	int status = stream && buffer ? 0 : -1;

	while (status == 0 && hint != 0 && !ZSTD_isError(hint) && packed->pos < packed->size) {
		ZSTD_outBuffer out = { buffer, room, 0 };

		hint = ZSTD_decompressStream(stream, &out, packed);
		sha256_add(sha, buffer, out.pos);
		status = write_all(fd, buffer, out.pos);
	}
	free(buffer);
	ZSTD_freeDStream(stream);
	return status;
}

int pack_extract(const struct pack *pack, const struct blob *blob, int fd)
{
	uint64_t page = blob->offset % sysconf(_SC_PAGESIZE);
	size_t mapped = page + blob->packed;
	char hex[SHA256_HEX + 1];
	struct sha256 sha;
	int status;
	char *at = mmap(NULL, mapped, PROT_READ, MAP_PRIVATE, pack->fd, blob->offset - page);
	ZSTD_inBuffer packed = { at + page, blob->packed, 0 };

	if (at == MAP_FAILED)
		return -1;
	sha256_init(&sha);
	status = inflate(&packed, fd, &sha);
	munmap(at, mapped);
	if (status < 0)
		return -1;
	sha256_hex(&sha, hex);
	if (strcmp(hex, blob->sha256) != 0) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}
