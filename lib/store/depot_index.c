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

static int
try_index(struct repo *repo, const char *path, struct index **ret, bool *ret_rebuilt, struct err *e)
{
	bool trusted;

	*ret = NULL;
	if (open_at(repo, path, ret, &trusted, e) == 0 &&
		(trusted || index_rebuild(repo, *ret, e) == 0)) {
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

	if (try_index(repo, file, ret, ret_rebuilt, e) == 0)
		return 0;
	if (e->code != ERR_INPUT && e->code != ERR_FULL) /* another try would fail, too */
		return -1;
	in_memory = e->code == ERR_FULL; /* before another call replaces it */
	if (remove_index(repo, e) != 0)
		return -1;
	return try_index(repo, in_memory ? ":memory:" : file, ret, ret_rebuilt, e);
}
