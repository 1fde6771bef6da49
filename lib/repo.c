/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"
#include "mem.h"

struct repo {
	int dir;
	int stage;
	int lock;
};

static int
open_stage(struct repo *r, bool create, struct err *e)
{
	static const char *const parts[] = {"f", "c", "stage"};

	for (size_t i = 0; create && i < sizeof(parts) / sizeof(parts[0]); i++) {
		AUTO_CLOSE int fd = fs_make_dirs(r->dir, parts[i], e);

		if (fd < 0)
			return -1;
	}
	r->stage = fs_open_dir(r->dir, "stage", e);
	return r->stage < 0 ? err_wrap(e, "not a repository") : 0;
}

int
repo_open(const char *path, bool create, struct repo **ret, struct err *e)
{
	AUTO_REPO struct repo *r = mem_new(1, sizeof(*r));

	r->stage = r->lock = -1;
	r->dir = create ? fs_make_dirs(AT_FDCWD, path, e) : fs_open_dir(AT_FDCWD, path, e);
	if (r->dir < 0)
		return -1;
	if (open_stage(r, create, e) != 0)
		return err_wrap(e, "%s", path);
	*ret = r;
	r = NULL;
	return 0;
}

void
repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	fs_close(&r->lock);
	fs_close(&r->stage);
	fs_close(&r->dir);
	free(r);
}

int
repo_lock(struct repo *r, struct err *e)
{
	r->lock = fs_lock(r->dir, "lock", e);
	return r->lock < 0 ? -1 : 0;
}

int
repo_dir(const struct repo *r)
{
	return r->dir;
}

int
repo_stage_dir(const struct repo *r)
{
	return r->stage;
}

int
repo_stage_clear(struct repo *r, struct err *e)
{
	return fs_clear(r->stage, ".", e);
}

int
repo_put(struct repo *r, const char *name, struct span bytes, struct err *e)
{
	char stage[IDENT_NAME_MAX + 16];

	(void)snprintf(stage, sizeof(stage), "stage/put;%s", name);
	return fs_put(r->dir, stage, name, bytes, e);
}

int
repo_commit(struct repo *r, const char *stage, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(r->stage, stage, NULL, e);

	if (fd < 0 || fs_sync(fd, stage, e) != 0)
		return -1;
	return fs_publish(r->stage, stage, r->dir, name, e);
}

int
repo_move(struct repo *r, const char *stage, const char *name, struct err *e)
{
	return renameat(r->stage, stage, r->dir, name) != 0 ? err_sys(e, "%s", name) : 0;
}

int
repo_sync(struct repo *r, struct err *e)
{
	return syncfs(r->dir) != 0 ? err_sys(e, "sync") : 0;
}

int
repo_read(struct repo *r, const char *name, size_t max, struct buf *ret, struct err *e)
{
	return fs_read(r->dir, name, max, ret, e);
}

bool
repo_has(const struct repo *r, const char *name)
{
	return fs_exists(r->dir, name);
}

int
repo_remove(struct repo *r, const char *name, struct err *e)
{
	return fs_remove(r->dir, name, e);
}

struct walk {
	int (*visit)(void *context, const struct target *t, struct err *e);
	void *context;
};

static int
visit_name(void *context, int dir, const char *name, struct err *e)
{
	const struct walk *walk = context;
	char path[IDENT_NAME_MAX + 1];
	struct target target;

	(void)dir;
	if (strlen(name) >= IDENT_NAME_MAX)
		return 0;
	(void)snprintf(path, sizeof(path), "/%s", name);
	if (target_parse(path, &target, NULL) != 0 || target.prefixed ||
		(target.kind != TARGET_HEADER && target.kind != TARGET_OFFER))
		return 0;
	return walk->visit(walk->context, &target, e);
}

int
repo_walk(struct repo *r, int (*visit)(void *context, const struct target *t, struct err *e),
	void *context, struct err *e)
{
	struct walk walk = {visit, context};

	return fs_each(r->dir, ".", visit_name, &walk, e);
}
