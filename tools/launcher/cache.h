/*
 * The unpacked runtime, kept in a folder from one start to the next:
 *
 *   FOLDER/lock                 held while somebody unpacks
 *   FOLDER/runtime-SUM/lrkproxy the runtime; SUM begins its SHA-256
 *   FOLDER/runtime-SUM/seal     size and times of that file when its sum was right
 *
 * Hashing 95 MB at each start would take longer than all the rest, so the sum is taken while
 * unpacking, and afterwards the seal answers for it. Nobody can set the time of the last change
 * (ctime) of a file: who writes to it, cuts it, replaces it or turns back its mtime breaks the
 * seal, and the runtime is unpacked anew. What is not noticed: a disk that forgets, and the doings
 * of root or of the user himself, who might as well replace this program. Nobody else can write
 * there, or the folder is not used.
 */
#ifndef LRK_CACHE_H
#define LRK_CACHE_H

#include <limits.h>

#include "pack.h"

/* A place for the cache: `base` must exist, the folders of `below` are made if need be. */
struct cache_place {
	const char *base;
	const char *below[2]; /* NULL where there are fewer */
};

/*
 * Sees to it that the runtime lies whole in that place. Returns 0 and its path; or -1 if the place
 * cannot be had or another user could have put something there.
 */
int cache_runtime(const struct pack *pack, const struct cache_place *place, char path[PATH_MAX]);

#endif
