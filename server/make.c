/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "make.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "clock.h"
#include "land.h"
#include "log.h"
#include "mem.h"
#include "plan.h"
#include "retain.h"

enum {
	STEPS_MAX = 100, /* what is got goes again as fast: somebody else wants the room */
	BAD_MAX = 64,
	DONORS_MAX = 8,
};

/* One job, until it ends. */
struct make {
	struct server *server;
	struct job *job;
	struct waiter waiter;
	uint64_t loaded_bytes; /* from the cloud, on the way */
	bool building;	       /* it is this job's turn with the type */
	bool waiting;	       /* for that turn */
	unsigned steps;
	unsigned number;
	uint64_t began_ms;
	struct records records; /* of the type, as they are at this step */
	/* Of what could not be had at this step. */
	bool failed;
	enum job_reason reason;
	uint64_t retry_in_ms;
	struct make *next;
};

struct makes {
	pthread_mutex_t lock; /* everything below */
	struct make *first;
	unsigned count;		    /* ever */
	struct digest bad[BAD_MAX]; /* archives that are what they are named, and do not decode */
	unsigned bad_count;	    /* ever */
};

static void advance(void *context);

struct makes *
makes_new(void)
{
	struct makes *m = mem_new(1, sizeof(*m));

	(void)pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
makes_free(struct makes *m)
{
	if (m == NULL)
		return;
	assert(m->first == NULL);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

bool
makes_need(struct makes *m, const struct ident *version)
{
	bool need = false;

	(void)pthread_mutex_lock(&m->lock);
	for (const struct make *k = m->first; k != NULL; k = k->next) {
		const struct job_spec *spec = &k->job->spec;

		need |= strcmp(spec->ident.type, version->type) == 0 &&
			(edition_equal(&spec->ident.edition, &version->edition) ||
				edition_equal(&spec->base, &version->edition));
	}
	(void)pthread_mutex_unlock(&m->lock);
	return need;
}

/* ---- Bad archives */

static bool
is_bad(struct makes *m, const struct digest *id)
{
	bool bad = false;

	(void)pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < BAD_MAX && i < m->bad_count; i++)
		bad |= digest_equal(&m->bad[i], id);
	(void)pthread_mutex_unlock(&m->lock);
	return bad;
}

static void
note_bad(struct makes *m, const struct digest *id)
{
	(void)pthread_mutex_lock(&m->lock);
	m->bad[m->bad_count++ % BAD_MAX] = *id;
	(void)pthread_mutex_unlock(&m->lock);
}

/* ---- The turn of a type */

/* False: another job builds for this type; this one is called when that has ended. */
static bool
take_turn(struct make *k)
{
	struct makes *m = k->server->makes;
	bool free = true;

	(void)pthread_mutex_lock(&m->lock);
	for (const struct make *other = m->first; other != NULL; other = other->next)
		if (other != k && other->building &&
			strcmp(other->job->spec.ident.type, k->job->spec.ident.type) == 0)
			free = false;
	k->building = free;
	k->waiting = !free;
	(void)pthread_mutex_unlock(&m->lock);
	return free;
}

static void
give_turn(struct make *k)
{
	struct makes *m = k->server->makes;
	struct make *next = NULL;

	(void)pthread_mutex_lock(&m->lock);
	for (struct make *other = m->first; k->building && other != NULL; other = other->next)
		if (other->waiting &&
			strcmp(other->job->spec.ident.type, k->job->spec.ident.type) == 0)
			next = other; /* the list has the newest first */
	k->building = false;
	if (next != NULL)
		next->waiting = false;
	(void)pthread_mutex_unlock(&m->lock);
	if (next != NULL)
		workers_add(k->server->builders, advance, next);
}

/* ---- The end */

/* The job is ended by the caller, afterwards. */
static struct job *
leave(struct make *k)
{
	struct makes *m = k->server->makes;
	struct make **link = &m->first;
	struct job *job = k->job;

	give_turn(k);
	(void)pthread_mutex_lock(&m->lock);
	while (*link != k)
		link = &(*link)->next;
	*link = k->next;
	(void)pthread_mutex_unlock(&m->lock);
	records_free(&k->records);
	free(k);
	return job;
}

static void
end_done(struct make *k)
{
	struct jobs *jobs = k->server->jobs;

	jobs_done(jobs, leave(k));
}

static void
end_absent(struct make *k)
{
	struct jobs *jobs = k->server->jobs;

	jobs_absent(jobs, leave(k));
}

static void
end_failed(struct make *k, enum job_reason reason, uint64_t delay_ms)
{
	struct jobs *jobs = k->server->jobs;

	jobs_failed(jobs, leave(k), reason, delay_ms);
}

/* ---- What is known */

static bool
is_difference_job(const struct make *k)
{
	return k->job->spec.kind == JOB_MAKE && k->job->spec.base.version > 0;
}

static void
add_record(void *context, struct item *item)
{
	struct make *k = context;

	if (item->row.kind == RECORD_ARCHIVE && is_bad(k->server->makes, &item->row.ref.id))
		return;
	records_add(&k->records, &item->row);
}

static void
read_records(struct make *k)
{
	struct view *view = view_take(k->server->views);

	records_free(&k->records);
	view_each(view, k->job->spec.ident.type, add_record, k);
	view_release(view);
	records_sort(&k->records);
}

/* A job's state in the words of a plan; why it failed is remembered. */
static enum plan_known
known(struct make *k, const struct job_look *look)
{
	switch (look->state) {
	case JOB_KNOWN:
		return PLAN_THERE;
	case JOB_ABSENT:
		return PLAN_ABSENT;
	case JOB_FAILED:
		if (look->retry_in_ms == 0)
			return PLAN_UNASKED;
		if (!k->failed || look->retry_in_ms < k->retry_in_ms)
			k->retry_in_ms = look->retry_in_ms;
		k->failed = true;
		k->reason = look->reason;
		return PLAN_FAILED;
	case JOB_NONE:
	case JOB_QUEUED:
	case JOB_RUNNING:
		break;
	}
	return PLAN_UNASKED;
}

static struct job_spec
price_of(const struct make *k, const struct edition *base)
{
	return (struct job_spec){.kind = JOB_PRICE, .ident = k->job->spec.ident, .base = *base};
}

static struct job_spec
archive_of(const struct make *k, const struct edition *base, enum format format)
{
	return (struct job_spec){
		.kind = JOB_OFFER, .ident = k->job->spec.ident, .base = *base, .format = format};
}

static struct job_spec
header_of(const struct make *k, const struct edition *edition)
{
	struct job_spec spec = {.kind = JOB_HEADER, .ident = k->job->spec.ident};

	spec.ident.edition = *edition;
	return spec;
}

static enum plan_known
look_price(void *context, const struct edition *base, struct offer *ret)
{
	struct make *k = context;
	struct job_spec spec = price_of(k, base);
	struct job_look look = jobs_look(k->server->jobs, &spec);

	*ret = look.offer;
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (is_bad(k->server->makes, &ret->archive[i].id))
			ret->archive[i] = (struct archive_ref){0};
	return known(k, &look);
}

static enum plan_known
look_archive(void *context, const struct edition *base, enum format format)
{
	struct make *k = context;
	struct job_spec spec = archive_of(k, base, format);
	struct job_look look = jobs_look(k->server->jobs, &spec);

	return known(k, &look);
}

static enum plan_known
look_header(void *context, const struct edition *edition)
{
	struct make *k = context;
	struct job_spec spec = header_of(k, edition);
	struct job_look look = jobs_look(k->server->jobs, &spec);

	return known(k, &look);
}

/* ---- Asking for something first */

static void
on_resumed(void *context)
{
	struct make *k = context;

	workers_add(k->server->builders, advance, k);
}

/* True: the job waits, and is not this thread's any more. False: look again. */
static bool
wait_for(struct make *k, struct job_spec spec)
{
	struct jobs *jobs = k->server->jobs;

	give_turn(k);
	k->waiter = (struct waiter){.resume = on_resumed, .context = k, .deadline_ms = UINT64_MAX};
	if (jobs_wait(jobs, k->job, &spec, &k->waiter).held)
		return true;
	jobs_resume(jobs, k->job);
	if (jobs_look(jobs, &spec).state != JOB_NONE)
		return false;
	end_failed(k, JOB_BUSY, 0); /* the table is full */
	return true;
}

/* ---- Making */

static int
crew_each(void *context, size_t count, int (*run)(void *run_context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	const struct make *k = context;

	if (jobs_stopped(k->server->jobs))
		return err_set(e, ERR_BUSY, "the server is being stopped");
	return workers_each(k->server->builders, count, run, run_context, e);
}

static void
crew_begin(void *context, const char *what, uint64_t bytes)
{
	struct job *job = ((struct make *)context)->job;

	(void)what;
	job->have_bytes = job->body_start = 0;
	job->body_ms = clock_mono_ms();
	job->total_bytes = bytes;
}

static void
crew_add(void *context, uint64_t bytes)
{
	((struct make *)context)->job->have_bytes += bytes;
}

static void
log_made(const struct make *k, enum log_event event, const struct record *r, const char *way,
	uint64_t saved)
{
	struct log_line l;

	log_begin(&l, event);
	land_log_row(&l, r);
	log_text(&l, "way", way);
	log_number(&l, "bytes", r->ref.bytes);
	if (saved > 0)
		log_number(&l, "saved", saved);
	log_number(&l, "ms", clock_mono_ms() - k->began_ms);
	log_end(&l, LOG_DOWNLOAD);
}

static void
log_failure(const struct make *k, const struct err *why)
{
	struct log_line l;

	log_begin(&l, EVENT_MAKE_FAILED);
	log_text(&l, "type", k->job->spec.ident.type);
	log_number(&l, "version", k->job->spec.ident.edition.version);
	log_text(&l, "reason", why->text);
	log_end(&l, LOG_DOWNLOAD);
}

/*
 * Something did not work. Where a source is damaged it goes; where nothing is,
 * the culprit is of no use, whatever its digest says. Returns whether to look again.
 */
static bool
settle_failure(struct make *k, const struct err *why, const struct record *sources, size_t count,
	const struct record *culprit)
{
	struct server *s = k->server;
	bool again = false;
	struct err e = {0};

	log_failure(k, why);
	if (why->code == ERR_FULL)
		retain_want(s->retain, 1);
	if (!depot_is_damage(why)) {
		end_failed(k, why->code == ERR_FULL ? JOB_DISK_FULL : JOB_BUSY, 0);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (depot_check(s->depot, &sources[i], &e) == 0 || !depot_is_damage(&e))
			continue;
		land_damage(s, &sources[i], e.text);
		again = true;
	}
	if (!again && culprit != NULL) {
		note_bad(s->makes, &culprit->ref.id);
		again = true;
	}
	if (!again)
		end_failed(k, JOB_BUSY, 0);
	return again;
}

/* The sources of a build, in one list. */
static size_t
list_sources(const struct plan *p, struct record ret[PLAN_CHAIN_MAX + 1])
{
	ret[0] = p->start;
	memcpy(&ret[1], p->differences, p->count * sizeof(*ret));
	return p->count + 1;
}

static void
describe_way(const struct plan *p, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s of %" PRIu64 " and %zu differences",
		record_kind_name(&p->start), p->start.ident.edition.version, p->count);
}

static bool
make_content(struct make *k, const struct build *b, const struct plan *p)
{
	struct record sources[PLAN_CHAIN_MAX + 1];
	size_t count = list_sources(p, sources);
	const struct build_way way = {&sources[0], &sources[1], p->count};
	const struct record *culprit;
	struct record content;
	struct err e = {0};
	char text[80];

	if (build_content(b, &way, &content, &culprit, &e) != 0)
		return !settle_failure(k, &e, sources, count, culprit);
	view_add_item(k->server->views, &content, true);
	describe_way(p, text, sizeof(text));
	log_made(k, EVENT_BUILT, &content, text, 0);
	retain_note(k->server->retain);
	return false;
}

/* Streams of full archives, and of differences to this version, are used again. */
static size_t
list_donors(const struct make *k, struct record ret[DONORS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < k->records.count && count < DONORS_MAX; i++) {
		const struct record *r = &k->records.at[i];

		if (record_is_full(r) ||
			(record_is_difference(r) && ident_equal(&r->ident, &k->job->spec.ident)))
			ret[count++] = *r;
	}
	return count;
}

/* What the full archive would have cost from the cloud, as far as that is known. */
static uint64_t
full_price(struct make *k)
{
	static const struct edition full;
	struct offer offer;

	(void)look_price(k, &full, &offer);
	return offer.archive[k->job->spec.format].bytes;
}

static bool
make_full(struct make *k, const struct build *b)
{
	struct server *s = k->server;
	const struct job_spec *spec = &k->job->spec;
	struct record donors[DONORS_MAX];
	size_t count = list_donors(k, donors);
	struct record sources[DONORS_MAX + 1];
	struct record full;
	uint64_t price;
	struct err e = {0};

	if (build_full(b, &spec->ident, spec->format, donors, count, &full, &e) != 0) {
		sources[0] = (struct record){.kind = RECORD_CONTENT, .ident = spec->ident};
		memcpy(&sources[1], donors, count * sizeof(*donors));
		return !settle_failure(k, &e, sources, count + 1, NULL);
	}
	view_add_item(s->views, &full, true);
	price = full_price(k);
	log_made(k, EVENT_MADE, &full, "packed from content",
		price > k->loaded_bytes ? price - k->loaded_bytes : 0);
	retain_note(s->retain);
	end_done(k);
	return true;
}

/* The next step to a whole version. True: the job waits or has ended. */
static bool
step_whole(struct make *k, const struct build *b)
{
	const struct job_spec *spec = &k->job->spec;
	struct plan_facts facts = {.records = k->records.at,
		.count = k->records.count,
		.target = spec->ident.edition,
		.content = spec->kind == JOB_CONTENT,
		.format = spec->format,
		.may_download = spec->kind == JOB_MAKE,
		.price = look_price,
		.archive = look_archive,
		.header = look_header,
		.context = k};
	struct plan p = plan_next(&facts);
	struct offer offer;

	switch (p.step) {
	case PLAN_DONE:
		end_done(k);
		return true;
	case PLAN_ASK_PRICE:
		return wait_for(k, price_of(k, &p.base));
	case PLAN_GET_HEADER:
		return wait_for(k, header_of(k, &p.base));
	case PLAN_GET_ARCHIVE:
		(void)look_price(k, &p.base, &offer);
		k->loaded_bytes += offer.archive[p.format].bytes;
		return wait_for(k, archive_of(k, &p.base, p.format));
	case PLAN_BUILD:
		return !take_turn(k) || make_content(k, b, &p);
	case PLAN_PACK:
		return !take_turn(k) || make_full(k, b);
	case PLAN_STUCK:
		break;
	}
	/* For retention there may be a way as soon as another difference has come. */
	if (p.temporary)
		end_failed(k, k->reason, k->retry_in_ms);
	else if (spec->kind == JOB_CONTENT)
		end_failed(k, JOB_UPSTREAM_UNAVAILABLE, 0);
	else
		end_absent(k);
	return true;
}

/* ---- Differences */

static const struct record *
find_whole(const struct make *k, const struct edition *edition)
{
	const struct record *best = NULL;

	for (size_t i = 0; i < k->records.count; i++) {
		const struct record *r = &k->records.at[i];

		if ((r->kind == RECORD_CONTENT || record_is_full(r)) &&
			edition_equal(&r->ident.edition, edition) && best == NULL)
			best = r; /* content comes first */
	}
	return best;
}

static bool
has_header(const struct make *k, const struct edition *edition)
{
	for (size_t i = 0; i < k->records.count; i++)
		if (k->records.at[i].kind == RECORD_HEADER &&
			edition_equal(&k->records.at[i].ident.edition, edition))
			return true;
	return false;
}

/* The smallest full archive that a client would have to take instead; 0: not known. */
static uint64_t
full_bytes(struct make *k)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < k->records.count; i++)
		if (record_is_full(&k->records.at[i]) &&
			ident_equal(&k->records.at[i].ident, &k->job->spec.ident) &&
			(bytes == 0 || k->records.at[i].ref.bytes < bytes))
			bytes = k->records.at[i].ref.bytes;
	return bytes > 0 ? bytes : full_price(k);
}

static bool
make_difference(struct make *k, const struct build *b, const struct record *new_whole,
	const struct record *old_whole)
{
	const struct job_spec *spec = &k->job->spec;
	struct build_difference what = {.ident = spec->ident,
		.base = spec->base,
		.format = spec->format,
		.new_full = record_is_full(new_whole) ? new_whole : NULL,
		.old_full = old_whole != NULL && record_is_full(old_whole) ? old_whole : NULL,
		.full_bytes = full_bytes(k)};
	struct record sources[2] = {*new_whole, old_whole != NULL ? *old_whole : *new_whole};
	const char *way = old_whole != NULL ? "changes of files" : "changed files";
	struct record difference;
	struct err e = {0};

	if (build_difference(b, &what, &difference, &e) != 0)
		return !settle_failure(k, &e, sources, 2, NULL);
	if (difference.ref.bytes == 0) {
		end_absent(k);
		return true;
	}
	view_add_item(k->server->views, &difference, true);
	log_made(k, EVENT_MADE, &difference, way, what.full_bytes - difference.ref.bytes);
	retain_note(k->server->retain);
	end_done(k);
	return true;
}

enum have { HAVE_IT, HAVE_LOOK_AGAIN, HAVE_LEFT };

/* A header has to be here first. HAVE_LEFT: the job waits or has ended. */
static enum have
have_header(struct make *k, const struct edition *edition)
{
	if (has_header(k, edition))
		return HAVE_IT;
	switch (look_header(k, edition)) {
	case PLAN_ABSENT:
		end_absent(k);
		return HAVE_LEFT;
	case PLAN_FAILED:
		end_failed(k, k->reason, k->retry_in_ms);
		return HAVE_LEFT;
	case PLAN_UNASKED:
	case PLAN_THERE:
		break;
	}
	return wait_for(k, header_of(k, edition)) ? HAVE_LEFT : HAVE_LOOK_AGAIN;
}

static bool
step_difference(struct make *k, const struct build *b)
{
	static const struct edition full;
	const struct job_spec *spec = &k->job->spec;
	const struct record *new_whole = find_whole(k, &spec->ident.edition);
	enum have have;
	struct offer offer;

	if (new_whole == NULL) {
		end_absent(k);
		return true;
	}
	have = have_header(k, &spec->ident.edition);
	if (have == HAVE_IT)
		have = have_header(k, &spec->base);
	if (have != HAVE_IT)
		return have == HAVE_LEFT;
	if (full_bytes(k) == 0 && look_price(k, &full, &offer) == PLAN_UNASKED)
		return wait_for(k, price_of(k, &full));
	if (full_bytes(k) == 0) { /* nothing to compare with */
		end_absent(k);
		return true;
	}
	return !take_turn(k) || make_difference(k, b, new_whole, find_whole(k, &spec->base));
}

/* ---- Step by step */

static void
advance(void *context)
{
	struct make *k = context;
	bool ended = false;

	jobs_resume(k->server->jobs, k->job);
	while (!ended) {
		AUTO_FREE char *workspace = mem_printf("make-%u", k->number);
		struct encode_crew crew = {crew_each, crew_begin, crew_add, k};
		struct build b = {k->server->depot, workspace, &crew};

		if (jobs_stopped(k->server->jobs) || ++k->steps > STEPS_MAX) {
			end_failed(k, JOB_BUSY, 0);
			return;
		}
		k->failed = false;
		k->reason = JOB_UPSTREAM_UNAVAILABLE;
		read_records(k);
		ended = is_difference_job(k) ? step_difference(k, &b) : step_whole(k, &b);
	}
}

void
make_start(struct server *s, struct job *job)
{
	struct make *k = mem_new(1, sizeof(*k));
	struct makes *m = s->makes;

	k->server = s;
	k->job = job;
	k->began_ms = clock_mono_ms();
	(void)pthread_mutex_lock(&m->lock);
	k->number = m->count++;
	k->next = m->first;
	m->first = k;
	(void)pthread_mutex_unlock(&m->lock);
	advance(k);
}
