/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/depot.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/content.h"
#include "store/depot_index.h"
#include "store/depot_offer.h"
#include "store/depot_settings.h"
#include "store/index_rebuild.h"
#include "store/survey.h"

struct depot {
	struct repo *repo;
	struct index *index; /* what the files say, or untidy; closed as good only then */
	char *path;
	pthread_mutex_t lock; /* one writer: index, and offers that are read and replaced */
	bool untidy;	  /* something failed halfway: the index may not be what the files are */
	bool unwanted;	  /* the index is to be another file, whatever it looks like from here */
	bool unswept;	  /* c/ may have files that no version has */
	unsigned putting; /* contents that are being put */
	bool outdated;	  /* one has begun since the sweep looked at who has which file */
	struct depot_settings settings; /* those of the index */
};

struct repo *
depot_repo(struct depot *d)
{
	return d->repo;
}

/* With the lock. A new file takes the place of the index. */
static int
renew_index(struct depot *d, struct err *e)
{
	struct index *new;

	d->unwanted = true; /* until all of it is there */
	if (depot_index_renew(d->repo, d->path, d->index, &new, e) != 0)
		return -1;
	index_close(d->index, false);
	d->index = new;
	if (depot_settings_write(&d->settings, new, e) != 0)
		return -1;
	d->unwanted = false;
	return 0;
}

/*
 * With the lock. What cannot be read as an index any more, since somebody wrote over it, is
 * replaced by a new file; and so is one that was removed, though it is open.
 */
static int
make_index(struct depot *d, struct err *e)
{
	bool new = d->unwanted || index_is_lost(d->index);
	struct err why = {0};
	int result = new ? 0 : index_rebuild(d->repo, d->index, d->index, &why);

	if (new || (result != 0 && why.code == ERR_INPUT))
		result = renew_index(d, &why);
	if (result != 0 && e != NULL)
		*e = why;
	d->untidy &= result != 0;
	return result;
}

/*
 * How a call to the index went. One that cannot be read says nothing of what was asked about: it is
 * made anew by the next depot_tidy.
 */
static int
indexed(struct depot *d, int result, struct err *e)
{
	if (result == 0 || e == NULL || e->code != ERR_INPUT)
		return result;
	d->untidy = true;
	e->code = ERR_SYS;
	return result;
}

/* With the lock, which others have for a moment: one who puts something ends the sweep. */
static bool
let_others(void *context)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	struct depot *d = context;

	(void)pthread_mutex_unlock(&d->lock);
	(void)nanosleep(&moment, NULL);
	(void)pthread_mutex_lock(&d->lock);
	return !d->outdated && !stop_wanted(repo_stop(d->repo));
}

/* With the lock. Thousands of files of contents that went: what is left goes with the next one. */
static int
sweep(struct depot *d, struct err *e)
{
	struct content_sweep way = {.go_on = let_others, .context = d};

	if (d->putting > 0)
		return 0;
	d->outdated = false;
	if (content_sweep(d->repo, &way, e) != 0)
		return -1;
	d->unswept = way.ended;
	return 0;
}

int
depot_tidy(struct depot *d, bool *ret_rebuilt, struct err *e)
{
	int result = 0;

	(void)pthread_mutex_lock(&d->lock);
	*ret_rebuilt = d->untidy || d->unwanted || index_is_lost(d->index);
	if (*ret_rebuilt)
		result = make_index(d, e);
	if (result == 0 && d->unswept)
		result = sweep(d, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

int
depot_rebuild_index(struct depot *d, struct err *e)
{
	bool rebuilt;

	(void)pthread_mutex_lock(&d->lock);
	d->unwanted = d->unswept = true;
	(void)pthread_mutex_unlock(&d->lock);
	return depot_tidy(d, &rebuilt, e);
}

int
depot_open(const char *path, struct depot **ret, bool *ret_rebuilt, struct err *e)
{
	struct depot *d = mem_new(1, sizeof(*d));

	(void)pthread_mutex_init(&d->lock, NULL);
	d->path = mem_string(path);
	d->unswept = true; /* what a sweep of the last run left */
	if (repo_open(path, true, &d->repo, e) != 0 || repo_lock(d->repo, e) != 0 ||
		depot_index_open(d->repo, path, &d->index, ret_rebuilt, e) != 0 ||
		depot_settings_read(&d->settings, d->index, e) != 0) {
		depot_close(d);
		return err_wrap(e, "cache %s", path);
	}
	*ret = d;
	return 0;
}

void
depot_close(struct depot *d)
{
	if (d == NULL)
		return;
	index_close(d->index, !d->untidy && !d->unwanted); /* else the next start makes it anew */
	repo_close(d->repo);
	(void)pthread_mutex_destroy(&d->lock);
	depot_settings_free(&d->settings);
	free(d->path);
	free(d);
}

/* ---- Putting */

static int
index_new(struct depot *d, const struct record *r, struct err *e)
{
	struct record new = *r;

	new.landed_ms = clock_wall_ms(); /* wall clock: it outlives the process */
	return indexed(d, index_put(d->index, &new, e), e);
}

int
depot_query(struct depot *d, struct idents *ret, bool *ret_lost, struct err *e)
{
	struct err lost;
	int result = survey_query(d->repo, ret, &lost, e);

	*ret_lost = lost.code != ERR_NONE;
	return result;
}

int
depot_put_query(struct depot *d, const struct idents *query, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	int result;

	wire_query_format(query, &bytes);
	(void)pthread_mutex_lock(&d->lock);
	result = repo_put(d->repo, "q", span_of(bytes.at, bytes.len), e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

int
depot_put_header(struct depot *d, const struct ident *ident, struct span bytes,
	struct archive_ref *ret, struct err *e)
{
	struct record r = {.kind = RECORD_HEADER, .ident = *ident};
	char name[IDENT_NAME_MAX];
	int result;

	r.ref.id = digest_of(bytes);
	r.ref.bytes = bytes.len;
	*ret = r.ref;
	(void)pthread_mutex_lock(&d->lock);
	result = repo_put(d->repo, ident_header_name(ident, name), bytes, e);
	if (result == 0)
		result = index_new(d, &r, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* Of a file below the repository's directory: what is wrong goes, but what another offer names. */
static int
check_archive(struct depot *d, const struct record *r, const char *path, bool stored, struct err *e)
{
	struct err why = {0};

	if (survey_check_archive(d->repo, r, path, &why) == 0)
		return 0;
	if (why.code == ERR_DIGEST || (why.code == ERR_INPUT && !stored))
		(void)repo_remove(d->repo, path, NULL);
	return err_set(e, why.code, "%s",
		why.code == ERR_DIGEST ? "content is not what the id says" : why.text);
}

/*
 * A crash in between leaves a file that nothing names, or a document that the index does not have:
 * made anew at the next start, the index removes the one and has the other.
 */
static int
put_archive(struct depot *d, const struct record *r, const char *stage, struct err *e)
{
	char file[IDENT_NAME_MAX];
	char name[IDENT_NAME_MAX];
	struct offer offer;

	(void)ident_file_name(&r->ref.id, file);
	if ((repo_has_archive(d->repo, &r->ref) ? repo_sync_name(d->repo, file, e)
						: repo_commit(d->repo, stage, file, e)) != 0)
		return -1;
	depot_offer_read(d->repo, record_name(r, name), &offer);
	offer.archive[r->format] = r->ref;
	if (depot_offer_write(d->repo, name, &offer, e) != 0)
		return -1;
	return index_new(d, r, e);
}

int
depot_put_archive(struct depot *d, const struct record *r, const char *stage,
	const struct depot_checked *checked, struct err *e)
{
	const bool stored = repo_has_archive(d->repo, &r->ref);
	char path[IDENT_NAME_MAX + 16];
	int result;

	(void)ident_file_name(&r->ref.id, path);
	if (!stored)
		(void)snprintf(path, sizeof(path), "stage/%s", stage);
	/* Reading it all takes time, and needs no lock. */
	if (check_archive(d, r, path, stored, e) != 0)
		return -1;
	if (checked != NULL)
		checked->tell(checked->context);
	(void)pthread_mutex_lock(&d->lock);
	result = put_archive(d, r, stage, e);
	d->untidy |= result != 0;
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* Of a stored header. */
static int
header_ref(struct depot *d, const struct ident *ident, struct archive_ref *ret, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;

	return repo_read_header(d->repo, ident, &h, ret, e);
}

/*
 * A content may have thousands of files, and the disk takes its time: all but the index is done
 * without the lock. `putting` keeps sweeps away, which would take files without a marker.
 */
int
depot_put_content(
	struct depot *d, const struct header *h, int from, struct record *ret, struct err *e)
{
	int result;

	*ret = (struct record){.kind = RECORD_CONTENT, .ident = h->ident};
	(void)pthread_mutex_lock(&d->lock);
	d->putting++;
	d->outdated = true;
	(void)pthread_mutex_unlock(&d->lock);
	result = header_ref(d, &h->ident, &ret->ref, e);
	ret->ref.bytes = content_bytes(h);
	if (result == 0)
		result = content_put(d->repo, h, from, e);
	(void)pthread_mutex_lock(&d->lock);
	d->putting--;
	if (result == 0)
		result = index_new(d, ret, e);
	d->untidy |= result != 0;
	d->unswept |= result != 0;
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* ---- Removing */

static int
remove_archive(struct depot *d, const struct record *r, struct err *e)
{
	char name[IDENT_NAME_MAX];
	struct offer offer;
	bool used;

	depot_offer_read(d->repo, record_name(r, name), &offer);
	offer.archive[r->format] = (struct archive_ref){0};
	if (depot_offer_write(d->repo, name, &offer, e) != 0 ||
		indexed(d, index_uses(d->index, &r->ref.id, r, &used, e), e) != 0)
		return -1;
	return used ? 0 : repo_remove(d->repo, ident_file_name(&r->ref.id, name), e);
}

static int
remove_files(struct depot *d, const struct record *r, struct err *e)
{
	char name[IDENT_NAME_MAX];

	switch (r->kind) {
	case RECORD_HEADER:
		return repo_remove(d->repo, record_name(r, name), e);
	case RECORD_CONTENT:
		/* The marker, and its files once nothing says any more that it has them. */
		d->unswept = true;
		return content_remove(d->repo, &r->ident, e);
	case RECORD_ARCHIVE:
		break;
	}
	return remove_archive(d, r, e);
}

/* The index last: what could not be removed is in it still, and can be tried again. */
static int
remove_record(struct depot *d, const struct record *r, struct err *e)
{
	if (remove_files(d, r, e) != 0)
		return -1;
	return indexed(d, index_remove(d->index, r, e), e);
}

int
depot_remove(struct depot *d, const struct record *r, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = remove_record(d, r, e);
	if (result == 0 && r->kind == RECORD_CONTENT)
		result = sweep(d, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* ---- Looking at bytes */

/* The document that names a good archive is written again where it does not. */
static int
mend_offer(struct depot *d, const struct record *r, struct err *e)
{
	char name[IDENT_NAME_MAX];
	struct offer offer;
	bool used;
	int result;

	(void)pthread_mutex_lock(&d->lock);
	depot_offer_read(d->repo, record_name(r, name), &offer);
	result = indexed(d, index_uses(d->index, &r->ref.id, NULL, &used, e), e);
	if (result == 0 && used && !digest_equal(&offer.archive[r->format].id, &r->ref.id)) {
		offer.archive[r->format] = r->ref;
		result = depot_offer_write(d->repo, name, &offer, e);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

int
depot_check(struct depot *d, const struct record *r, struct err *e)
{
	if (survey_check(d->repo, r, e) != 0)
		return -1;
	return r->kind == RECORD_ARCHIVE ? mend_offer(d, r, e) : 0;
}

bool
depot_is_damage(const struct err *e)
{
	return e->code == ERR_DIGEST || e->code == ERR_MISSING || e->code == ERR_INPUT;
}

static int
quarantine(struct depot *d, const struct record *r, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	char name[IDENT_NAME_MAX];

	(void)(r->kind == RECORD_HEADER ? record_name(r, name) : ident_file_name(&r->ref.id, name));
	if (r->kind != RECORD_CONTENT)
		return repo_quarantine(d->repo, name, e);
	/* Without its header nobody can say which file is wrong. */
	return repo_read_header(d->repo, &r->ident, &h, NULL, NULL) == 0
		       ? content_quarantine(d->repo, h, e)
		       : 0;
}

int
depot_quarantine(struct depot *d, const struct record *r, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = quarantine(d, r, e);
	if (result == 0)
		result = remove_record(d, r, e);
	if (result == 0 && r->kind == RECORD_CONTENT)
		result = sweep(d, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* ---- The index */

int
depot_put_times(struct depot *d, const struct record *records, size_t count, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = index_put_times(d->index, records, count, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

static int
collect(void *context, const struct record *r)
{
	records_add(context, r);
	return 0;
}

int
depot_records(struct depot *d, struct records *ret, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = index_each(d->index, collect, ret, e);
	(void)pthread_mutex_unlock(&d->lock);
	if (result == 0)
		records_sort(ret);
	return result;
}

bool
depot_setting(struct depot *d, const char *name, uint64_t *ret)
{
	bool found;

	(void)pthread_mutex_lock(&d->lock);
	found = depot_settings_find(&d->settings, name, ret);
	(void)pthread_mutex_unlock(&d->lock);
	return found;
}

int
depot_put_setting(struct depot *d, const char *name, uint64_t value, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	depot_settings_put(&d->settings, name, value);
	result = index_put_setting(d->index, name, value, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}
