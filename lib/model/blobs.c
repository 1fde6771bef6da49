/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/blobs.h"

#include "base/fs.h"

/*
 * BLOBS_DIRS_MAX: in none of them. Each look asks the disk: nothing is remembered of c/, which
 * others change meanwhile.
 */
static size_t
find(const struct blobs_dirs *dirs, const char *name)
{
	for (size_t i = 0; i < dirs->count; i++)
		if (fs_exists(dirs->dir[i], name))
			return i;
	return BLOBS_DIRS_MAX;
}

static bool
has(void *context, const struct digest *digest)
{
	char hex[DIGEST_HEX + 1];

	return find(context, digest_hex(digest, hex)) < BLOBS_DIRS_MAX;
}

static int
open_file(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	const struct blobs_dirs *dirs = context;
	char hex[DIGEST_HEX + 1];
	size_t i = find(dirs, digest_hex(digest, hex));
	struct digest got;

	if (i == BLOBS_DIRS_MAX)
		return err_set(e, ERR_MISSING, "file %s is not here", hex);
	/* A file that went after it was found is ERR_MISSING, too. */
	if (map_open_read(dirs->dir[i], hex, dirs->stop, ret, check ? &got : NULL, e) != 0)
		return -1;
	if (!check || digest_equal(&got, digest))
		return 0;
	map_close(ret);
	return err_set(e, ERR_DIGEST, "%s: the file is not what its name says", hex);
}

struct blobs
blobs_in(struct blobs_dirs *dirs)
{
	return (struct blobs){dirs, has, open_file};
}
