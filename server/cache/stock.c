/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/stock.h"

#include <pthread.h>

#include "base/mem.h"
#include "log.h"
#include "store/survey.h"

struct stock {
	struct depot *depot;
	struct view_holder *views;
	pthread_mutex_t query_lock; /* the announcement on disk and in the view are the same */
	pthread_mutex_t bytes_lock; /* the following */
	struct records weighed;	    /* the contents that were there when it was computed */
	uint64_t content_bytes;	    /* what these take */
	bool query_lost;	    /* when it was opened */
};

static void
note_rebuilt(size_t records)
{
	log_note(EVENT_INDEX_REBUILT, "%zu items", records);
}

/* Something that a client can go on with, from any version or from an older one. */
static bool
is_enough(void *context, const struct record *first, size_t count)
{
	(void)context;
	(void)first;
	return count > 1;
}

/*
 * What was there for clients is there for them without the cloud as well: the newest versions that
 * are kept are announced, until the cloud says what is.
 */
static void
announce_kept(const struct records *records, struct idents *ret)
{
	records_newest(records, is_enough, NULL, ret);
	if (ret->count > 0)
		log_note(EVENT_DAMAGED, "the stored announcement was lost; the newest of what is "
					"kept is announced");
}

/* What a cache holds when it is opened: nothing of it was looked at yet. */
static int
load(struct stock *s, bool rebuilt, struct err *e)
{
	AUTO_IDENTS struct idents query = {0};
	AUTO_RECORDS struct records records = {0};
	bool lost;

	if (depot_query(s->depot, &query, &lost, e) != 0 ||
		depot_records(s->depot, &records, e) != 0)
		return -1;
	s->query_lost = lost;
	if (lost)
		announce_kept(&records, &query);
	view_load(s->views, records.at, records.count);
	/* An announcement of nothing is none: the first poll has to be waited for. */
	if (query.count > 0)
		view_set_query(s->views, &query, false);
	if (rebuilt)
		note_rebuilt(records.count);
	return 0;
}

int
stock_open(const char *path, struct stock **ret, struct err *e)
{
	struct stock *s = mem_new(1, sizeof(*s));
	bool rebuilt;

	(void)pthread_mutex_init(&s->query_lock, NULL);
	(void)pthread_mutex_init(&s->bytes_lock, NULL);
	s->views = view_holder_new();
	if (depot_open(path, &s->depot, &rebuilt, e) != 0 || load(s, rebuilt, e) != 0) {
		stock_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
stock_close(struct stock *s)
{
	if (s == NULL)
		return;
	view_holder_free(s->views);
	depot_close(s->depot);
	(void)pthread_mutex_destroy(&s->query_lock);
	(void)pthread_mutex_destroy(&s->bytes_lock);
	records_free(&s->weighed);
	free(s);
}

struct view *
stock_view(struct stock *s)
{
	return view_take(s->views);
}

bool
stock_query_lost(const struct stock *s)
{
	return s->query_lost;
}

struct repo *
stock_repo(struct stock *s)
{
	return depot_repo(s->depot);
}

/* ---- What it takes */

/* Of the same versions, with the same headers: then they have the same files. */
static bool
same_contents(const struct records *a, const struct records *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = digest_equal(&a->at[i].ref.id, &b->at[i].ref.id);
	return same;
}

/*
 * Which files a content has its header says, which may be large: it is read once. Computed without
 * the lock; of two at once the later one stays.
 */
static uint64_t
content_bytes(struct stock *s, struct records *contents)
{
	AUTO_TALLY struct tally tally = {0};
	struct records before;
	uint64_t bytes;
	bool known;

	(void)pthread_mutex_lock(&s->bytes_lock);
	known = same_contents(&s->weighed, contents);
	bytes = s->content_bytes;
	(void)pthread_mutex_unlock(&s->bytes_lock);
	if (known)
		return bytes;
	bytes = survey_tally(stock_repo(s), contents, &tally);
	(void)pthread_mutex_lock(&s->bytes_lock);
	before = s->weighed;
	s->weighed = *contents;
	s->content_bytes = bytes;
	(void)pthread_mutex_unlock(&s->bytes_lock);
	*contents = before; /* freed by the caller */
	return bytes;
}

struct parts {
	struct tally files; /* of all but contents; all of one record, as nothing is removed */
	struct records contents;
};

static void
sort_out(void *context, struct view_record *vr)
{
	struct parts *p = context;

	if (vr->record.kind == RECORD_CONTENT)
		records_add(&p->contents, &vr->record);
	else
		tally_add(&p->files, 0, vr->record.kind, &vr->record.ref);
}

uint64_t
stock_bytes(struct stock *s)
{
	struct view *view = view_take(s->views);
	struct parts p = {0};
	uint64_t bytes;

	view_each(view, NULL, sort_out, &p);
	view_release(view);
	bytes = tally_total(&p.files) + content_bytes(s, &p.contents);
	tally_free(&p.files);
	records_free(&p.contents);
	return bytes;
}

/* ---- What comes */

/*
 * Stored before it is shown: a version that clients were told of is announced after a power cut as
 * well.
 */
int
stock_put_query(struct stock *s, const struct idents *query, bool due, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&s->query_lock);
	result = depot_put_query(s->depot, query, e);
	if (result == 0)
		view_set_query(s->views, query, due);
	(void)pthread_mutex_unlock(&s->query_lock);
	return result;
}

void
stock_put_vouched(struct stock *s, struct vouched *take)
{
	view_set_vouched(s->views, take);
}

int
stock_put_header(struct stock *s, const struct ident *ident, struct span bytes,
	struct record *ret_record, struct err *e)
{
	*ret_record = (struct record){.kind = RECORD_HEADER, .ident = *ident};
	if (depot_put_header(s->depot, ident, bytes, &ret_record->ref, e) != 0)
		return -1;
	view_add(s->views, ret_record, true);
	return 0;
}

int
stock_put_archive(struct stock *s, const struct record *record, const char *stage,
	const struct depot_checked *checked, struct err *e)
{
	if (depot_put_archive(s->depot, record, stage, checked, e) != 0)
		return -1;
	/* Checked: its digest was looked at when it was put, and it is on the disk. */
	view_add(s->views, record, true);
	return 0;
}

static struct build
build_at(struct stock *s, const struct stock_site *site)
{
	return (struct build){s->depot, site->workspace, site->crew};
}

int
stock_build_content(struct stock *s, const struct stock_site *site, const struct build_way *way,
	struct record *ret_record, const struct record **ret_culprit, struct err *e)
{
	const struct build b = build_at(s, site);

	if (build_content(&b, way, ret_record, ret_culprit, e) != 0)
		return -1;
	view_add(s->views, ret_record, true);
	view_note_decoded(s->views, way->start);
	for (size_t i = 0; i < way->count; i++)
		view_note_decoded(s->views, &way->differences[i]);
	return 0;
}

int
stock_build_full(struct stock *s, const struct stock_site *site, const struct build_full *what,
	struct record *ret_record, struct err *e)
{
	const struct build b = build_at(s, site);
	AUTO_FREE bool *decoded = mem_new(what->count, sizeof(*decoded));
	struct build_full full = *what;

	for (size_t i = 0; i < what->count; i++)
		decoded[i] = view_is_decoded(s->views, &what->donors[i]);
	full.decoded = decoded;
	if (build_full(&b, &full, ret_record, e) != 0)
		return -1;
	view_add(s->views, ret_record, true);
	view_note_decoded(s->views, ret_record);
	return 0;
}

int
stock_build_difference(struct stock *s, const struct stock_site *site,
	const struct build_difference *what, struct record *ret_record, struct err *e)
{
	const struct build b = build_at(s, site);

	if (build_difference(&b, what, ret_record, e) != 0)
		return -1;
	/* 0: it was not worth it. */
	if (ret_record->ref.bytes > 0)
		view_add(s->views, ret_record, true);
	return 0;
}

/* ---- What goes */

int
stock_remove(struct stock *s, const struct record *record, struct err *e)
{
	/*
	 * The view first: nobody is told any more of what is about to go. Who has an older view may
	 * have the file open, and sends it to its end; or finds it gone, and asks again.
	 */
	view_remove(s->views, record);
	if (depot_remove(s->depot, record, e) == 0)
		return 0;
	/* Half of it may be gone: it has to be looked at before it is served again. */
	view_add(s->views, record, false);
	return -1;
}

/* Whether this very record is in the view, and not one that took its place meanwhile. */
static bool
is_here(struct stock *s, const struct record *record)
{
	struct view *view = view_take(s->views);
	bool here = view_find_record(view, record) != NULL;

	view_release(view);
	return here;
}

static int
remove_damaged(struct stock *s, const struct record *record, const char *why, struct err *e)
{
	struct log_line l;

	if (!is_here(s, record)) /* it was removed while it was looked at */
		return 0;
	log_begin(&l, EVENT_DAMAGED);
	log_record(&l, record);
	log_text(&l, "reason", why);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
	view_remove(s->views, record);
	/*
	 * Other than stock_remove it does not come back into the view: its bytes are known to be
	 * wrong, and while it is absent there the right ones are fetched.
	 */
	if (depot_quarantine(s->depot, record, e) == 0)
		return 0;
	log_note(EVENT_FAILED, "cannot remove a damaged file: %s", e->text);
	return -1;
}

/* ---- Looking */

/*
 * Of the view as it is now: reading the bytes has taken its time, and the record may have been
 * removed or replaced. It is the same struct in older views, so that whoever has one of those sees
 * it too.
 */
static void
note_checked(struct stock *s, const struct record *record)
{
	struct view *view = view_take(s->views);
	struct view_record *vr = view_find_record(view, record);

	if (vr != NULL)
		view_record_note_checked(vr);
	view_release(view);
}

enum stock_verdict
stock_check(struct stock *s, const struct record *record, struct err *why)
{
	struct err left = {0};

	if (depot_check(s->depot, record, why) == 0) {
		note_checked(s, record);
		return STOCK_GOOD;
	}
	/*
	 * Only what is known to be wrong goes: not a file that cannot be read just now, as when
	 * there are no descriptors left.
	 */
	if (!depot_is_damage(why))
		return STOCK_UNREADABLE;
	if (remove_damaged(s, record, why->text, &left) == 0)
		return STOCK_DAMAGED;
	*why = left;
	return STOCK_STAYS;
}

/* The announcement is in memory, and is of no use to the next start if it is only there. */
static int
mend_query(struct stock *s, struct err *e)
{
	AUTO_IDENTS struct idents stored = {0};
	AUTO_IDENTS struct idents shown = {0};
	struct view *view;
	bool differ;
	bool lost;
	int result;

	(void)pthread_mutex_lock(&s->query_lock);
	view = view_take(s->views);
	view_announced(view, &shown);
	result = depot_query(s->depot, &stored, &lost, e);
	differ = result == 0 && view->has_query && (lost || !idents_equal(&stored, &shown));
	if (differ)
		result = depot_put_query(s->depot, &shown, e);
	view_release(view);
	(void)pthread_mutex_unlock(&s->query_lock);
	if (differ && result == 0)
		log_note(EVENT_DAMAGED, "the stored announcement; it was written again");
	return result;
}

static void
add_times(void *context, struct view_record *vr)
{
	struct record r = vr->record;

	r.served_ms = vr->served_ms;
	r.checked_ms = vr->checked_ms;
	records_add(context, &r);
}

/* An index that was made anew has the times of the old one at most, which may be damaged. */
static int
keep_times(struct stock *s, size_t *ret_records, struct err *e)
{
	AUTO_RECORDS struct records all = {0};
	struct view *view = view_take(s->views);

	view_each(view, NULL, add_times, &all);
	view_release(view);
	*ret_records = all.count;
	return depot_put_times(s->depot, all.at, all.count, e);
}

int
stock_rebuild_index(struct stock *s, size_t *ret_records, struct err *e)
{
	AUTO_RECORDS struct records before = {0};
	AUTO_RECORDS struct records now = {0};
	struct view *view = view_take(s->views); /* first: what lands meanwhile is not gone */

	view_records(view, NULL, &before);
	view_release(view);
	if (depot_rebuild_index(s->depot, e) != 0 || keep_times(s, ret_records, e) != 0 ||
		depot_records(s->depot, &now, e) != 0)
		return -1;
	for (size_t i = 0; i < before.count; i++)
		if (records_find(&now, &before.at[i]) == NULL)
			view_remove(s->views, &before.at[i]);
	/* Whoever wants this does not trust the files: all of them are to be looked at again. */
	view_load(s->views, now.at, now.count);
	note_rebuilt(now.count);
	*ret_records = now.count;
	return mend_query(s, e);
}

int
stock_mend(struct stock *s, struct err *e)
{
	size_t records;
	bool mended;

	if (repo_mend(stock_repo(s), &mended, e) != 0)
		return -1;
	if (!mended)
		return mend_query(s, e);
	log_note(EVENT_DAMAGED, "directories of the cache were removed; they were made again");
	return stock_rebuild_index(s, &records, e);
}

/* ---- The index alone */

int
stock_tidy(struct stock *s, struct err *e)
{
	size_t records;
	bool rebuilt;

	if (depot_tidy(s->depot, &rebuilt, e) != 0)
		return -1;
	if (!rebuilt)
		return 0;
	if (keep_times(s, &records, e) != 0)
		return -1;
	note_rebuilt(records);
	return 0;
}

int
stock_put_times(struct stock *s, const struct records *changed, struct err *e)
{
	return depot_put_times(s->depot, changed->at, changed->count, e);
}

int
stock_put_setting(struct stock *s, const char *name, uint64_t value, struct err *e)
{
	return depot_put_setting(s->depot, name, value, e);
}

bool
stock_setting(struct stock *s, const char *name, uint64_t *ret)
{
	return depot_setting(s->depot, name, ret);
}
