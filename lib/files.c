/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "files.h"

#include "fs.h"

/* FILES_DIRS_MAX: in none of them. */
static size_t
find(const struct files_dirs *dirs, const char *name)
{
	for (size_t i = 0; i < dirs->count; i++)
		if (fs_exists(dirs->dir[i], name))
			return i;
	return FILES_DIRS_MAX;
}

static bool
has(void *context, const struct digest *digest)
{
	char hex[DIGEST_HEX + 1];

	return find(context, digest_hex(digest, hex)) < FILES_DIRS_MAX;
}

/*
 * The file is read before it is mapped: what a disk cannot read any more is an
 * error then, and not a signal in the middle of a decoder.
 */
static int
check(int dir, const char *hex, const struct digest *digest, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(dir, hex, NULL, e);
	struct digest got;
	uint64_t bytes;

	if (fd < 0 || digest_of_file(fd, &got, &bytes, e) != 0)
		return -1;
	return digest_equal(&got, digest)
		       ? 0
		       : err_set(e, ERR_DIGEST, "%s: the file is not what its name says", hex);
}

static int
open_file(void *context, const struct digest *digest, struct map *ret, struct err *e)
{
	const struct files_dirs *dirs = context;
	char hex[DIGEST_HEX + 1];
	size_t i = find(dirs, digest_hex(digest, hex));

	if (i == FILES_DIRS_MAX)
		return err_set(e, ERR_MISSING, "file %s is not here", hex);
	if (check(dirs->dir[i], hex, digest, e) != 0)
		return -1;
	return map_open(dirs->dir[i], hex, ret, e);
}

struct files
files_in(struct files_dirs *dirs)
{
	return (struct files){dirs, has, open_file};
}
