/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

enum {
	NAME_MAX_BYTES = IDENT_NAME_MAX + 16,
	LEFT_AGE_MAX_S = 7 * 86400,
	LEFT_MAX = 256, /* so many clients may find their download begun */
	YOUNG_S = 60,	/* a document that is being written has no entry */
};

struct entry {
	char stage[NAME_MAX_BYTES];
	uint64_t bytes;
	LIST_ENTRY(entry) link;
};

struct ledger {
	struct repo *repo;
	pthread_mutex_t lock; /* the entries */
	LIST_HEAD(entry_list, entry) entries;
};

struct ledger *
ledger_new(struct repo *repo)
{
	struct ledger *l = mem_new(1, sizeof(*l));

	l->repo = repo;
	(void)pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
ledger_free(struct ledger *l)
{
	struct entry *entry;

	if (l == NULL)
		return;
	/* Of transfers that were dropped at the end. */
	while ((entry = LIST_FIRST(&l->entries)) != NULL) {
		LIST_REMOVE(entry, link);
		free(entry);
	}
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

/* With the lock. */
static struct entry *
find(const struct ledger *l, const char *stage)
{
	struct entry *entry;

	LIST_FOREACH (entry, &l->entries, link)
		if (strcmp(entry->stage, stage) == 0)
			return entry;
	return NULL;
}

int
ledger_enter(struct ledger *l, const char *stage, uint64_t bytes, struct err *e)
{
	struct entry *entry;
	bool taken;

	(void)pthread_mutex_lock(&l->lock);
	taken = find(l, stage) != NULL;
	if (!taken) {
		entry = mem_new(1, sizeof(*entry));
		(void)snprintf(entry->stage, sizeof(entry->stage), "%s", stage);
		entry->bytes = bytes;
		LIST_INSERT_HEAD(&l->entries, entry, link);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return taken ? err_set(e, ERR_BUSY, "somebody else is at it") : 0;
}

void
ledger_leave(struct ledger *l, const char *stage)
{
	struct entry *entry;

	(void)pthread_mutex_lock(&l->lock);
	entry = find(l, stage);
	if (entry != NULL)
		LIST_REMOVE(entry, link);
	(void)pthread_mutex_unlock(&l->lock);
	free(entry);
}

/* ---- What lies there */

struct left {
	char name[NAME_MAX_BYTES];
	uint64_t bytes;
	time_t changed_s;
};

struct survey {
	struct ledger *ledger;
	struct left *at;
	size_t count;
	size_t capacity;
	uint64_t bytes;
	uint64_t there_bytes; /* of parts that are entered */
};

/* A directory counts by what is in it, one level deep: nothing here has more. */
static int
add_bytes(void *context, int dir, const char *name, struct err *e)
{
	struct stat st;

	(void)e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*(uint64_t *)context += (uint64_t)st.st_size;
	return 0;
}

static bool
is_entered(struct ledger *l, const char *name, uint64_t *ret_bytes)
{
	const struct entry *entry;

	(void)pthread_mutex_lock(&l->lock);
	entry = find(l, name);
	if (entry != NULL)
		*ret_bytes = entry->bytes;
	(void)pthread_mutex_unlock(&l->lock);
	return entry != NULL;
}

static int
add_left(void *context, int dir, const char *name, struct err *e)
{
	struct survey *s = context;
	struct left *left;
	struct stat st;
	uint64_t entered_bytes = 0;
	bool entered = is_entered(s->ledger, name, &entered_bytes);

	if (strlen(name) >= NAME_MAX_BYTES || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (entered) {
		/* By its blocks, as the disk counts it: it may have holes. */
		uint64_t bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * 512 : 0;

		s->there_bytes += bytes < entered_bytes ? bytes : entered_bytes;
		return 0;
	}
	s->at = mem_grow(s->at, s->count, &s->capacity, sizeof(*s->at));
	left = &s->at[s->count++];
	*left = (struct left){.bytes = (uint64_t)st.st_size, .changed_s = st.st_mtime};
	(void)snprintf(left->name, sizeof(left->name), "%s", name);
	if (S_ISDIR(st.st_mode))
		(void)fs_each(dir, name, add_bytes, &left->bytes, e);
	s->bytes += left->bytes;
	return 0;
}

struct ledger_used
ledger_used(struct ledger *l)
{
	struct survey s = {.ledger = l};
	struct ledger_used used = {0};
	const struct entry *entry;

	/* What cannot be looked at does not count: it is not for the server to go on about. */
	(void)fs_each(repo_stage_dir(l->repo), ".", add_left, &s, NULL);
	free(s.at);
	used.left_bytes = s.bytes;
	used.there_bytes = s.there_bytes;
	(void)fs_each(repo_dir(l->repo), "quarantine", add_bytes, &used.left_bytes, NULL);
	(void)pthread_mutex_lock(&l->lock);
	LIST_FOREACH (entry, &l->entries, link)
		used.entered_bytes += entry->bytes;
	(void)pthread_mutex_unlock(&l->lock);
	return used;
}

static int
compare_ages(const void *a, const void *b)
{
	time_t left = ((const struct left *)a)->changed_s;
	time_t right = ((const struct left *)b)->changed_s;

	return left < right ? -1 : left > right;
}

/*
 * Whether it goes, where `enough` is free: parts are worth something to who goes on with them.
 * Anything else that nobody is at is of no use, once it is no document that is being written. By a
 * clock that may have been set: what is of another time is old as well.
 */
static bool
is_due(const struct left *left, bool enough, time_t now_s)
{
	const char *dot = strrchr(left->name, '.');

	if (left->changed_s + LEFT_AGE_MAX_S < now_s || left->changed_s > now_s + LEFT_AGE_MAX_S)
		return true;
	if (dot != NULL && strcmp(dot, ".part") == 0)
		return !enough;
	return left->changed_s + YOUNG_S < now_s;
}

uint64_t
ledger_clean(struct ledger *l, uint64_t wanted_bytes, time_t now_s)
{
	struct survey s = {.ledger = l};
	uint64_t freed = 0;

	(void)fs_each(repo_stage_dir(l->repo), ".", add_left, &s, NULL);
	mem_sort(s.at, s.count, sizeof(*s.at), compare_ages);
	for (size_t i = 0; i < s.count; i++) {
		const struct left *left = &s.at[i];
		bool enough = freed >= wanted_bytes && s.count - i <= LEFT_MAX;

		/* Entered, so that nobody begins to go on with it meanwhile. */
		if (!is_due(left, enough, now_s) || ledger_enter(l, left->name, 0, NULL) != 0)
			continue;
		if (fs_remove(repo_stage_dir(l->repo), left->name, NULL) == 0)
			freed += left->bytes;
		ledger_leave(l, left->name);
	}
	free(s.at);
	return freed;
}
