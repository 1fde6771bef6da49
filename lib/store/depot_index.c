/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/depot_index.h"

#include "base/fs.h"
#include "base/mem.h"
#include "store/index_rebuild.h"

static const char index_name[] = "index.sqlite";

static int
remove_index(struct repo *repo, struct err *e)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		AUTO_FREE char *file = mem_printf("%s%s", index_name, suffixes[i]);

		if (fs_remove(repo_dir(repo), file, e) != 0)
			return -1;
	}
	return 0;
}

static int
open_at(struct repo *repo, const char *path, struct index **ret, bool *ret_trusted, struct err *e)
{
	*ret_trusted = false;
	if (index_open(path, ret, ret_trusted, e) != 0)
		return -1;
	return *ret_trusted ? index_rebuild_fits(repo, *ret, ret_trusted, e) : 0;
}

/* old NULL: what is there already says what the files do not. */
static int
try_index(struct repo *repo, const char *path, struct index *old, struct index **ret,
	bool *ret_rebuilt, struct err *e)
{
	bool trusted;

	*ret = NULL;
	if (open_at(repo, path, ret, &trusted, e) == 0 &&
		(trusted || index_rebuild(repo, *ret, old != NULL ? old : *ret, e) == 0)) {
		*ret_rebuilt = !trusted;
		return 0;
	}
	index_close(*ret, false);
	*ret = NULL;
	return -1;
}

int
depot_index_open(
	struct repo *repo, const char *path, struct index **ret, bool *ret_rebuilt, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/%s", path, index_name);
	bool in_memory;

	if (try_index(repo, file, NULL, ret, ret_rebuilt, e) == 0)
		return 0;
	if (e->code != ERR_INPUT && e->code != ERR_FULL) /* another try would fail, too */
		return -1;
	in_memory = e->code == ERR_FULL; /* before another call replaces it */
	if (remove_index(repo, e) != 0)
		return -1;
	return try_index(repo, in_memory ? ":memory:" : file, NULL, ret, ret_rebuilt, e);
}

/*
 * All of the old files go first: SQLite would take what is left of them for the new one's. The old
 * index stays open all the while, and removes nothing when it is closed, as its name is another's.
 */
int
depot_index_renew(
	struct repo *repo, const char *path, struct index *old, struct index **ret, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/%s", path, index_name);
	bool rebuilt;

	if (remove_index(repo, e) != 0)
		return -1;
	if (try_index(repo, file, old, ret, &rebuilt, e) == 0)
		return 0;
	if (e->code != ERR_FULL || remove_index(repo, e) != 0)
		return -1;
	return try_index(repo, ":memory:", old, ret, &rebuilt, e);
}
