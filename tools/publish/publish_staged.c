/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_staged.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"

int
publish_staged_open(struct publish_staged *s, const char *name, struct err *e)
{
	struct publish_staged_file *new;
	int fd;

	s->at = mem_grow(s->at, s->count, &s->capacity, sizeof(*s->at));
	new = &s->at[s->count];
	(void)snprintf(new->stage, sizeof(new->stage), "%s-%zu", s->what, s->count++);
	(void)snprintf(new->name, sizeof(new->name), "%s", name);
	fd = openat(repo_stage_dir(s->repo), new->stage,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? err_sys(e, "stage/%s", new->stage) : fd;
}

int
publish_staged_drop(struct publish_staged *s, struct err *e)
{
	return fs_remove(repo_stage_dir(s->repo), s->at[--s->count].stage, e);
}

int
publish_staged_move(const struct publish_staged *s, struct err *e)
{
	for (size_t i = 0; i < s->count; i++)
		if (repo_move(s->repo, s->at[i].stage, s->at[i].name, e) != 0)
			return -1;
	return 0;
}

void
publish_staged_free(struct publish_staged *s)
{
	free(s->at);
}
