/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/index_rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "model/record.h"
#include "store/survey.h"

static int
collect(void *context, const struct record *r)
{
	records_add(context, r);
	return 0;
}

/* Out of the way, so that its name is free; somebody may want to know what it was. */
static int
quarantine_document(void *context, const char *name, const char *why, struct err *e)
{
	(void)why;
	return repo_quarantine(context, name, e);
}

/*
 * What the files do not say is taken over from the index as it was: the times,
 * and that a header has other bytes than it had.
 */
static int
take_over(struct repo *repo, const struct records *before, struct records *now, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < now->count; i++) {
		const struct record *old = records_find(before, &now->at[i]);
		char name[IDENT_NAME_MAX];

		/* The same bytes: what was known of them holds. */
		if (old != NULL && digest_equal(&old->ref.id, &now->at[i].ref.id)) {
			now->at[i].landed_ms = old->landed_ms;
			now->at[i].served_ms = old->served_ms;
			now->at[i].checked_ms = old->checked_ms;
		} else if (old != NULL && now->at[i].kind == RECORD_HEADER) {
			if (repo_quarantine(repo, record_name(old, name), e) != 0)
				return -1;
			continue;
		} else { /* as far as anybody knows it came just now */
			now->at[i].landed_ms = clock_wall_ms();
		}
		now->at[kept++] = now->at[i];
	}
	now->count = kept;
	return 0;
}

/* One transaction: whatever ends it leaves the old index, and the next start tries again. */
static int
write_index(struct index *c, const struct records *all, struct err *e)
{
	if (index_begin(c, e) != 0)
		return -1;
	if (index_clear(c, e) != 0)
		goto failed;
	for (size_t i = 0; i < all->count; i++)
		if (index_put(c, &all->at[i], e) != 0)
			goto failed;
	if (index_commit(c, e) == 0)
		return 0;
failed:
	index_rollback(c);
	return -1;
}

/*
 * An archive whose offer was never written, or is gone: a crash came between. What is named like no
 * archive goes as well.
 */
static int
remove_if_orphan(void *context, int dir, const char *name, struct err *e)
{
	struct index *index = context;
	struct digest id;
	bool used = false;

	if (strlen(name) >= DIGEST_HEX && digest_parse(name, &id) &&
		index_uses(index, &id, NULL, &used, e) != 0)
		return -1;
	return used ? 0 : fs_remove(dir, name, e);
}

int
index_rebuild(struct repo *repo, struct index *index, struct index *old, struct err *e)
{
	AUTO_RECORDS struct records before = {0};
	AUTO_RECORDS struct records now = {0};
	AUTO_IDENTS struct idents query = {0};
	struct err lost;

	/*
	 * What has a name counts from here on, and clients are told of it: where its sync failed,
	 * or never came since the process was ended, it may have the name in memory alone.
	 */
	if (repo_sync(repo, e) != 0)
		return -1;
	/*
	 * What the old index says is read before it is replaced, and nothing in f/ is removed
	 * before the new one is there, which says what is used. After a crash at any point the
	 * index is not marked clean, and all of this is done again.
	 */
	/* A damaged index has nothing to say. */
	if (index_each(old, collect, &before, NULL) != 0)
		before.count = 0;
	records_sort(&before);
	if (survey_query(repo, &query, &lost, e) != 0 ||
		(lost.code != ERR_NONE && repo_quarantine(repo, "q", e) != 0) ||
		survey_read(repo, quarantine_document, repo, &now, e) != 0 ||
		take_over(repo, &before, &now, e) != 0 || write_index(index, &now, e) != 0)
		return -1;
	/* With the lock nothing is on its way into f/: what nothing refers to can go. */
	return fs_each(repo_dir(repo), "f", remove_if_orphan, index, e);
}

/* Both have to be equal to the documents of the index: found alone would not see an exchange. */
struct names {
	const struct records *all;
	size_t found; /* documents, and those that the index has */
	size_t known;
};

static int
look_up_name(void *context, const struct target *t, struct err *e)
{
	struct names *n = context;
	struct record r = {.ident = t->ident, .base = t->base};
	const struct record *same = NULL;

	(void)e;
	n->found++;
	r.kind = t->kind == TARGET_HEADER    ? RECORD_HEADER
		 : t->kind == TARGET_CONTENT ? RECORD_CONTENT
					     : RECORD_ARCHIVE;
	/* One document for all formats of an offer: it is known if any of them is. */
	for (int i = 0; same == NULL && i < FORMAT_COUNT; i++) {
		r.format = (enum format)i;
		same = records_find(n->all, &r);
	}
	n->known += same != NULL;
	return 0;
}

/*
 * By names alone, which is one list of a directory: digests are looked at when something is first
 * served, and sizes when the index is made anew. It is what finds documents that came or went
 * behind a clean index, whoever did that.
 */
int
index_rebuild_fits(struct repo *repo, struct index *index, bool *ret, struct err *e)
{
	AUTO_RECORDS struct records all = {0};
	struct names names = {.all = &all};
	size_t documents = 0;

	/* An index that cannot be read fits nothing; the disk's fault is an error. */
	if (index_each(index, collect, &all, e) != 0) {
		*ret = false;
		return e->code == ERR_INPUT ? 0 : -1;
	}
	records_sort(&all);
	if (repo_walk(repo, look_up_name, &names, e) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) /* formats of one offer are neighbours */
		documents += i == 0 || all.at[i].kind != RECORD_ARCHIVE ||
			     all.at[i - 1].kind != RECORD_ARCHIVE ||
			     !ident_equal(&all.at[i].ident, &all.at[i - 1].ident) ||
			     !ident_edition_equal(&all.at[i].base, &all.at[i - 1].base);
	*ret = names.found == documents && names.known == documents;
	return 0;
}
