/* Keeps the unpacked runtime in a folder that no other user can write to. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"

#define RUNTIME "lrkproxy" /* the name that ps shows */
#define SEAL "seal"
#define NEW ".new"
#define ENTRY "runtime-"
#define ENTRY_SUM 16 /* characters of the SHA-256 in the name of an entry */
#define SEAL_BYTES 128
#define LOCK_SECONDS 10
#define LOCK_POLL_NS 10000000

/* Only root and this user can change it. An ACL that lets others write shows in the group's bits. */
static bool is_ours(const struct stat *file)
{
	return (file->st_uid == 0 || file->st_uid == geteuid()) && !(file->st_mode & (S_IWGRP | S_IWOTH));
}

/* In a sticky folder others can add names, but not touch those of root and this user. */
static bool may_lead_to_ours(const struct stat *folder)
{
	return is_ours(folder) ||
	       (folder->st_uid == 0 && folder->st_mode & S_ISVTX);
}

/* Enters a folder by name and closes `from`. Returns -1 if there is none or others can change it. */
static int step(int from, const char *name, bool (*accepts)(const struct stat *))
{
	int fd = openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat folder;

	close(from);
	if (fd >= 0 && fstat(fd, &folder) == 0 && accepts(&folder))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Enters an existing folder, having looked at every one on the way. `path` has no symbolic links. */
static int walk(const char *path)
{
	char names[PATH_MAX], *rest;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fd = step(fd, ".", may_lead_to_ours);
	strcpy(names, path);
	for (char *name = strtok_r(names, "/", &rest); name && fd >= 0; name = strtok_r(NULL, "/", &rest))
		fd = step(fd, name, may_lead_to_ours);
	return fd;
}

/* Enters FOLDER and makes it before, if need be. Adds its name to `path`. */
static int step_or_make(int from, const char *name, char path[PATH_MAX])
{
	size_t length = strlen(path);

	mkdirat(from, name, 0755); /* if it fails, step() says so */
	if (snprintf(path + length, PATH_MAX - length, "/%s", name) >= (int)(PATH_MAX - length)) {
		close(from);
		return -1;
	}
	return step(from, name, is_ours);
}

static int open_place(const struct cache_place *place, char path[PATH_MAX])
{
	struct stat folder;
	int fd;

	if (place->base[0] != '/' || !realpath(place->base, path))
		return -1;
	fd = walk(path);
	for (int i = 0; i < 2 && place->below[i] && fd >= 0; i++)
		fd = step_or_make(fd, place->below[i], path);
	if (fd >= 0 && (fstat(fd, &folder) < 0 || !is_ours(&folder))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The seal that fits the runtime as it lies there now. Returns false if that is no file of ours. */
static bool seal_of(int entry, char seal[SEAL_BYTES])
{
	struct stat file;

	if (fstatat(entry, RUNTIME, &file, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(file.st_mode) ||
	    !is_ours(&file))
		return false;
	snprintf(seal, SEAL_BYTES, "size %jd mtime %jd.%09ld ctime %jd.%09ld\n", (intmax_t)file.st_size,
		 (intmax_t)file.st_mtim.tv_sec, file.st_mtim.tv_nsec, (intmax_t)file.st_ctim.tv_sec,
		 file.st_ctim.tv_nsec);
	return true;
}

static bool is_sealed(int entry)
{
	char wanted[SEAL_BYTES], found[SEAL_BYTES] = "";
	struct stat file;
	bool fits;
	int fd;

	if (!seal_of(entry, wanted))
		return false;
	fd = openat(entry, SEAL, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	fits = fstat(fd, &file) == 0 && is_ours(&file) && read(fd, found, SEAL_BYTES - 1) > 0 &&
	       strcmp(found, wanted) == 0;
	close(fd);
	return fits;
}

/* A new file beside the one it is to replace, so that nobody ever sees a half of it. */
static int create_new(int entry, const char *name, mode_t mode)
{
	unlinkat(entry, name, 0); /* left by a start that was killed */
	return openat(entry, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

static int write_runtime(const struct pack *pack, int entry)
{
	int fd = create_new(entry, RUNTIME NEW, 0755);
	int status;

	if (fd < 0)
		return -1;
	/* On the disk before it has its name: a seal must not outlive the bytes it answers for. */
	status = pack_extract(pack, &pack->runtime, fd) || fsync(fd) ? -1 : 0;
	close(fd);
	if (status == 0)
		status = renameat(entry, RUNTIME NEW, entry, RUNTIME);
	if (status < 0)
		unlinkat(entry, RUNTIME NEW, 0);
	return status;
}

static int write_seal(int entry)
{
	char seal[SEAL_BYTES];
	bool is_written;
	int fd;

	if (!seal_of(entry, seal))
		return -1;
	fd = create_new(entry, SEAL NEW, 0644);
	if (fd < 0)
		return -1;
	is_written = write(fd, seal, strlen(seal)) == (ssize_t)strlen(seal);
	close(fd);
	if (!is_written || renameat(entry, SEAL NEW, entry, SEAL) < 0)
		return -1;
	return 0;
}

/* Waits for the others' unpacking, but not for ever. Returns the held lock, or -1. */
static int lock(int folder)
{
	int fd = openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	const struct timespec poll = { 0, LOCK_POLL_NS };
	time_t end = time(NULL) + LOCK_SECONDS;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || time(NULL) > end) {
			close(fd);
			return -1;
		}
		nanosleep(&poll, NULL);
	}
	return fd;
}

static void remove_entry(int folder, const char *name)
{
	static const char *const files[] = { SEAL, SEAL NEW, RUNTIME, RUNTIME NEW };
	int entry = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (entry < 0)
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(entry, files[i], 0);
	close(entry);
	unlinkat(folder, name, AT_REMOVEDIR);
}

/*
 * Removes the runtimes of other versions. One that runs keeps its file until it ends; one that is
 * just being started finds it gone and unpacks its own again.
 */
static void remove_others(int folder, const char *own)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *name;

	if (!names)
		return;
	while ((name = readdir(names)))
		if (strncmp(name->d_name, ENTRY, strlen(ENTRY)) == 0 && strcmp(name->d_name, own) != 0)
			remove_entry(folder, name->d_name);
	closedir(names);
}

static int repair(const struct pack *pack, int folder, int entry, const char *name)
{
	int held = lock(folder);
	int status = 0;

	if (held < 0)
		return -1;
	/* Somebody else may have done it while this start waited for the lock. */
	if (!is_sealed(entry)) {
		status = write_runtime(pack, entry) || write_seal(entry) ? -1 : 0;
		if (status == 0)
			remove_others(folder, name);
	}
	close(held);
	return status;
}

static bool is_noexec(int folder)
{
	struct statvfs filesystem;

	return fstatvfs(folder, &filesystem) == 0 && filesystem.f_flag & ST_NOEXEC;
}

int cache_runtime(const struct pack *pack, const struct cache_place *place, char path[PATH_MAX])
{
	char name[sizeof(ENTRY) + ENTRY_SUM];
	int folder = open_place(place, path), entry, status = -1;

	if (folder < 0)
		return -1;
	snprintf(name, sizeof(name), ENTRY "%.*s", ENTRY_SUM, pack->runtime.sha256);
	entry = is_noexec(folder) ? -1 : step_or_make(dup(folder), name, path);
	if (entry >= 0) {
		status = is_sealed(entry) ? 0 : repair(pack, folder, entry, name);
		close(entry);
	}
	close(folder);
	if (status == 0 && strlen(path) + sizeof("/" RUNTIME) <= PATH_MAX)
		strcat(path, "/" RUNTIME);
	else
		status = -1;
	return status;
}
