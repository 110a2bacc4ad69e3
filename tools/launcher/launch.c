/*
 * lrkproxy is one file: this launcher, the compressed JavaScript runtime and the program.
 *
 * It unpacks the runtime where that is kept from one start to the next, or into memory, and becomes
 * it: exec keeps the process id, the open files, the signal settings and the terminal. The program
 * itself is read from memory, so nothing beside this file is needed, and this file may be replaced
 * while the program runs. Why it is so: docs/adr/0008-one-file.md.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache.h"
#include "pack.h"

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; older ones refuse the flags and need none */
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif

/* What a process gets as its files 0, 1 and 2 must not be what is opened here. */
static void occupy_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * The runtime reads settings from the environment that could widen the program's permissions, load
 * other code or send data out. The program has its settings from its file and its arguments alone.
 */
static bool belongs_to_runtime(const char *variable)
{
	static const char *const prefixes[] = {
		"DENO_", "NODE_", "NPM_CONFIG_", "npm_config_", "OTEL_", "RUST_", "V8_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void set_environment(void)
{
	char **kept = environ;

	for (char **variable = environ; *variable; variable++)
		if (!belongs_to_runtime(*variable))
			*kept++ = *variable;
	*kept = NULL;
	/* The runtime does not start if it has to look for nft and ip and there is no PATH. */
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
	/* A folder that nobody can make: nothing is written, and no code is taken from there. */
	setenv("DENO_DIR", "/dev/null/lrkproxy", 1);
	/* On a terminal it would complain of each cache file that it cannot make there. What else fails, it says. */
	setenv("DENO_LOG", "error,deno::cache::cache_db=off", 1);
	setenv("DENO_NO_PACKAGE_JSON", "1", 1);
	setenv("DENO_NO_UPDATE_CHECK", "1", 1);
	setenv("NPM_CONFIG_USERCONFIG", "/dev/null", 1);
}

/* Returns an unchangeable file in memory with what the blob holds. */
static int extract_to_memory(const struct pack *pack, const struct blob *blob, const char *name,
			     unsigned int flags)
{
	int fd = memfd_create(name, flags | MFD_ALLOW_SEALING);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, (flags & MFD_CLOEXEC) | MFD_ALLOW_SEALING);
	if (fd < 0)
		err(1, "Cannot make a file in memory for %s", name);
	if (pack_extract(pack, blob, fd) < 0)
		err(1, "Cannot unpack %s", name);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

/* lrkproxy, the runtime's arguments, the program, the user's arguments. */
static char **make_arguments(const struct pack *pack, char *program, int argc, char **argv)
{
	char **arguments = calloc(pack->argument_count + argc + 3, sizeof(*arguments));
	char **next = arguments;

	if (!arguments)
		err(1, "Cannot start");
	*next++ = "lrkproxy";
	for (int i = 0; i < pack->argument_count; i++)
		*next++ = pack->arguments[i];
	*next++ = program;
	for (int i = 1; i < argc; i++)
		*next++ = argv[i];
	return arguments;
}

/* systemd names several folders with colons between them; the first is the unit's own. */
static const char *first_of_list(const char *name)
{
	const char *list = secure_getenv(name);

	return list ? strndup(list, strcspn(list, ":")) : NULL;
}

/* Becomes the cached runtime. Returns if there is no place for it. */
static void run_cached(const struct pack *pack, char **arguments)
{
	const struct cache_place places[] = {
		{ first_of_list("CACHE_DIRECTORY"), { NULL } },
		{ "/var/cache", { "lrkproxy" } },
		{ secure_getenv("XDG_CACHE_HOME"), { "lrkproxy" } },
		{ secure_getenv("HOME"), { ".cache", "lrkproxy" } },
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (places[i].base && cache_runtime(pack, &places[i], path) == 0)
			execv(path, arguments);
}

static void run_in_memory(const struct pack *pack, char **arguments)
{
	int runtime = extract_to_memory(pack, &pack->runtime, "lrkproxy", MFD_CLOEXEC | MFD_EXEC);

	fexecve(runtime, arguments, environ);
}

int main(int argc, char **argv)
{
	struct pack pack;
	char program[32];
	char **arguments;

	occupy_standard_files();
	pack_open(&pack);
	/* Stays open across exec: it is how the runtime reads the program. */
	snprintf(program, sizeof(program), "/proc/self/fd/%d",
		 extract_to_memory(&pack, &pack.program, "lrkproxy.js", MFD_NOEXEC_SEAL));
	arguments = make_arguments(&pack, program, argc, argv);
	set_environment();
	run_cached(&pack, arguments);
	run_in_memory(&pack, arguments);
	err(1, "Cannot run the unpacked runtime: is the C library of Debian 12 or newer installed?");
}
