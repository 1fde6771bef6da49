/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_job.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "jobs/job_end.h"
#include "log.h"

enum { HTTP_LOOP = 508 };

/* What is remembered of a job from one attempt to the next. */
struct memory {
	uint32_t distrusted; /* upstreams, a bit each, that delivered something wrong */
	unsigned of_no_use;  /* archives so far that were what they are named, and of no use */
	struct digest contradicted; /* the last header that went for what an archive said of it */
	uint32_t part_by;	    /* upstreams, who delivered what is there of an archive */
	bool offer_was_empty;	    /* an archive was offered, and not there */
	bool price_was_wrong; /* what it named, by whom nobody knows any more, was of no use */
	uint64_t prepared_ms; /* since when a server above says that it is about to have it; 0 */
};

enum {
	OF_NO_USE_MAX = 3, /* then those that cannot be asked just now are not waited for */
	OF_NO_USE_MS = 600 * 1000,
	PREPARED_MAX_MS = 600 * 1000, /* then another upstream is asked */
};

static struct memory *
memory_of(struct job *job)
{
	if (job->memory == NULL)
		job->memory = mem_new(1, sizeof(struct memory));
	return job->memory;
}

struct fetch *
fetch_job_new(struct fetch_pool *pool, struct job *job)
{
	struct fetch *f = mem_new(1, sizeof(*f));

	f->pool = pool;
	f->job = job;
	f->upstream = f->part = f->offered_by = -1;
	/* As if they had been asked: fetch_job_send comes back to them when nobody else is left. */
	f->tried = memory_of(job)->distrusted;
	f->began_ms = clock_mono_ms();
	(void)hops_add(job->via, pool->parts.id, f->via);
	f->request.via = f->via;
	f->request.wait_s = FETCH_WAIT_S;
	f->request.context = f;
	LIST_INSERT_HEAD(&pool->all, f, in_all);
	return f;
}

struct upstreams_one *
fetch_job_upstream(const struct fetch *f)
{
	return &f->pool->upstreams->at[f->upstream];
}

void
fetch_job_release(struct fetch *f)
{
	arrivals_end(&f->arrival);
	fs_close(&f->part);
	if (f->reserved)
		retain_release(f->pool->parts.retain, f->landing.stage);
	f->reserved = false;
}

void
fetch_job_free(struct fetch *f)
{
	fetch_job_release(f);
	source_clear(&f->request);
	buf_free(&f->header);
	buf_free(&f->role);
	free(f);
}

/* ---- Turns */

/* Of its upstream, and of its type there. */
static bool
has_place(const struct fetch *f)
{
	unsigned all = 0;
	unsigned of_type = 0;
	const struct fetch *other;

	LIST_FOREACH (other, &f->pool->all, in_all) {
		if (!other->is_archive || other->upstream != f->upstream)
			continue;
		all++;
		of_type += strcmp(other->job->spec.ident.type, f->job->spec.ident.type) == 0;
	}
	return all < FETCH_ARCHIVES_MAX && of_type < FETCH_ARCHIVES_OF_TYPE;
}

/* An archive that waited and goes on at another upstream keeps its place. */
bool
fetch_job_may_download(struct fetch *f)
{
	if (!f->is_archive && !has_place(f)) {
		STAILQ_INSERT_TAIL(&f->pool->waiting, f, in_waiting);
		return false;
	}
	f->is_archive = true;
	return true;
}

/*
 * One for each that leaves, of those that have a place now the first. It may end at once, for want
 * of room: then it leaves itself, and starts the next. That goes no deeper than jobs run.
 */
static void
start_waiting(struct fetch_pool *pool)
{
	struct fetch *f;

	STAILQ_FOREACH (f, &pool->waiting, in_waiting)
		if (has_place(f))
			break;
	if (f == NULL)
		return;
	STAILQ_REMOVE(&pool->waiting, f, fetch, in_waiting);
	f->go_on(f);
}

/*
 * It does not run any more, which may be somebody else's turn. From here on no other fetch finds
 * it; the job is still RUNNING, and ended by the caller afterwards.
 */
static void
leave(struct fetch *f)
{
	LIST_REMOVE(f, in_all);
	start_waiting(f->pool);
}

/* Left before it is handed over: once the worker has it, it may be freed at any moment. */
void
fetch_job_hand_over(struct fetch *f, void (*run)(void *context))
{
	leave(f);
	workers_add(f->pool->parts.workers, run, f);
}

void
fetch_job_hand_to_vouch(struct fetch *f, void (*run)(void *context))
{
	f->whom =
		(struct vouch_whom){(size_t)f->upstream, fetch_job_upstream(f)->source.gave_query};
	leave(f);
	vouch_run(f->pool->parts.vouch, run, f);
}

/* ---- Ends */

void
fetch_job_done(struct fetch *f)
{
	leave(f);
	jobs_done(f->pool->parts.jobs, f->job);
	fetch_job_free(f);
}

void
fetch_job_known(struct fetch *f, const struct offer *offer)
{
	leave(f);
	jobs_known(f->pool->parts.jobs, f->job, offer);
	fetch_job_free(f);
}

void
fetch_job_failed(struct fetch *f, const struct err *why, enum job_reason reason, uint64_t delay_ms)
{
	leave(f);
	job_end_failed(
		f->pool->parts.jobs, f->job, source_name(&f->request), why, reason, delay_ms);
	fetch_job_free(f);
}

void
fetch_job_absent(struct fetch *f)
{
	struct jobs *jobs = f->pool->parts.jobs;

	/*
	 * An upstream that had the worse format would have offered it in the place of the better
	 * one: what is absent in the better one is absent in the worse ones.
	 */
	for (int i = 0; f->job->spec.kind == JOB_OFFER && i < (int)f->job->spec.format; i++) {
		struct job_spec worse = f->job->spec;

		worse.format = (enum format)i;
		jobs_note_absent(jobs, &worse);
	}
	leave(f);
	job_end_absent(jobs, f->job, source_name(&f->request));
	fetch_job_free(f);
}

static bool
is_announced(const struct fetch *f)
{
	struct view *view = stock_view(f->pool->parts.stock);
	bool announced = view_announces(view, &f->job->spec.ident);

	view_release(view);
	return announced;
}

/*
 * A header or a full archive of what is announced exists: the next one is asked for it. Whoever
 * copies a repository may have begun with its announcement: it comes, and nobody is told that there
 * is none.
 */
void
fetch_job_not_there(struct fetch *f)
{
	struct err e = {0};

	if (f->job->spec.base.version > 0 || !is_announced(f)) {
		fetch_job_absent(f);
		return;
	}
	(void)err_set(&e, ERR_MISSING, "it is announced, and not there yet");
	if (fetch_job_elsewhere(f, &e))
		fetch_job_send(f);
	else
		fetch_job_failed(f, &e, JOB_UPSTREAM_UNAVAILABLE, 0);
}

/* It may have been replaced a moment ago; but not each time. */
void
fetch_job_not_as_offered(struct fetch *f, const struct err *why)
{
	bool again = memory_of(f->job)->offer_was_empty;

	memory_of(f->job)->offer_was_empty = true;
	if (again && f->job->spec.base.version > 0)
		fetch_job_absent(f);
	else
		fetch_job_failed(f, why, JOB_UPSTREAM_UNAVAILABLE, 0);
}

void
fetch_job_later(struct fetch *f, enum job_reason reason, uint64_t delay_ms)
{
	leave(f);
	jobs_failed(f->pool->parts.jobs, f->job, reason, delay_ms);
	fetch_job_free(f);
}

/* A server above is about to have it, and said when. */
static void
prepared_above(struct fetch *f, const struct upstream_reply *reply)
{
	enum job_reason reason = JOB_DOWNLOADING;
	uint64_t delay_ms = (uint64_t)reply->retry_after_s * 1000;

	if (strcmp(reply->reason, jobs_reason_name(JOB_BUILDING)) == 0)
		reason = JOB_BUILDING;
	else if (strcmp(reply->reason, jobs_reason_name(JOB_UPSTREAM_UNAVAILABLE)) == 0)
		reason = JOB_UPSTREAM_UNAVAILABLE;
	fetch_job_later(f, reason, delay_ms);
}

void
fetch_job_refused(struct fetch *f, const struct upstream_reply *reply)
{
	uint64_t delay_ms = (uint64_t)reply->retry_after_s * 1000;
	uint64_t wait_ms = upstreams_wait_ms(f->pool->upstreams);

	/* Before the upstream is asked again nothing can come. */
	if (wait_ms > delay_ms)
		delay_ms = wait_ms + 1;
	fetch_job_failed(f, &reply->why, job_end_reason(&reply->why), delay_ms);
}

/* On a worker, which has the job's memory as long as the job is RUNNING. */
void
fetch_job_not_landed(struct fetch *f, const char *name, const struct err *why)
{
	struct memory *m = memory_of(f->job);
	const uint32_t last = f->upstream >= 0 ? 1U << f->upstream : 0;

	/*
	 * Our own disk, or end, is nobody's fault above. Whoever went on where others had ended may
	 * be the one who is right: the next attempt begins anew, with him.
	 */
	if (why->code != ERR_FULL && why->code != ERR_SYS && why->code != ERR_STOPPED)
		m->distrusted |= (m->part_by & ~last) != 0 ? m->part_by & ~last : last;
	m->part_by = 0;
	job_end_failed(f->pool->parts.jobs, f->job, name, why, job_end_reason(why), 0);
}

/*
 * It is the archive and the header that do not fit: the header is asked for again, and the archive
 * as soon. The same header again is right, and the archive wrong. True: the job has ended.
 */
static bool
doubt_header(struct fetch *f, const char *name, const struct err *why)
{
	const struct land land = {f->pool->parts.stock, f->pool->parts.retain};
	const struct job_spec spec = {.kind = JOB_HEADER, .ident = f->job->spec.ident};
	struct digest *contradicted = &memory_of(f->job)->contradicted;
	struct digest header;

	if (!land_drop_header(&land, &spec.ident, &header))
		return false;
	(void)jobs_ask(f->pool->parts.jobs, &spec, NULL);
	if (digest_equal(&header, contradicted))
		return false;
	*contradicted = header;
	job_end_failed(f->pool->parts.jobs, f->job, name, why, job_end_reason(why), 0);
	return true;
}

void
fetch_job_note_part(struct fetch *f, bool anew)
{
	struct memory *m = memory_of(f->job);

	m->part_by = (anew ? 0 : m->part_by) | 1U << f->upstream;
}

bool
fetch_job_trusts_price(const struct fetch *f)
{
	const struct memory *m = memory_of(f->job);

	return !m->price_was_wrong && m->distrusted == 0;
}

/* Whether the next attempt may do better. Whoever delivered it, who offered it is to blame. */
static bool
blame_offer(struct fetch *f)
{
	const uint32_t all = (uint32_t)((1ULL << f->pool->upstreams->count) - 1);
	struct memory *m = memory_of(f->job);

	if (f->offered_by < 0) {
		bool first = !m->price_was_wrong;

		m->price_was_wrong = true;
		return first;
	}
	if (++m->of_no_use >= OF_NO_USE_MAX || (m->distrusted | 1U << f->offered_by) == all)
		return false;
	m->distrusted |= 1U << f->offered_by;
	return true;
}

void
fetch_job_of_no_use(struct fetch *f, const char *name, const struct err *why)
{
	if (doubt_header(f, name, why))
		return;
	if (blame_offer(f)) {
		job_end_failed(f->pool->parts.jobs, f->job, name, why, job_end_reason(why), 0);
		return;
	}
	if (f->job->spec.base.version == 0) {
		job_end_failed(
			f->pool->parts.jobs, f->job, name, why, job_end_reason(why), OF_NO_USE_MS);
		return;
	}
	job_end_complain(f->job, name, why);
	job_end_absent(f->pool->parts.jobs, f->job, name);
}

/* ---- Requests */

void
fetch_job_send(struct fetch *f)
{
	struct upstreams *upstreams = f->pool->upstreams;
	struct err e = {0};

	if (f->upstream < 0)
		f->upstream = upstreams_choose(upstreams, f->request.what, &f->tried);
	/* Who delivered something wrong is asked again only where nobody else is left. */
	if (f->upstream < 0 && memory_of(f->job)->distrusted != 0) {
		f->tried = memory_of(f->job)->distrusted = 0;
		f->upstream = upstreams_choose(upstreams, f->request.what, &f->tried);
	}
	if (f->upstream < 0) {
		(void)err_set(&e, ERR_BUSY, "every upstream is left alone for a while");
		/* A millisecond later, so that the breaker lets it pass. */
		fetch_job_failed(f, &e, JOB_UPSTREAM_UNAVAILABLE, upstreams_wait_ms(upstreams) + 1);
		return;
	}
	/*
	 * What depends on the upstream: the ETag of its last announcement, the byte to go on with.
	 */
	if (f->prepare != NULL)
		f->prepare(f);
	source_start(f->pool->upstream, &fetch_job_upstream(f)->source, &f->request);
}

static void
log_failover(struct fetch *f, int from, const struct err *why)
{
	struct log_line l;

	log_begin(&l, EVENT_FAILOVER);
	log_text(&l, "name", source_name(&f->request));
	log_text(&l, "from", f->pool->upstreams->at[from].origin.base);
	log_text(&l, "to", fetch_job_upstream(f)->origin.base);
	log_text(&l, "reason", why->text);
	log_end(&l, LOG_DOWNLOAD);
}

bool
fetch_job_elsewhere(struct fetch *f, const struct err *why)
{
	int from = f->upstream;
	int next = upstreams_choose(f->pool->upstreams, f->request.what, &f->tried);

	if (next < 0)
		return false;
	f->upstream = next;
	log_failover(f, from, why);
	return true;
}

/* Whoever says for ever that it is about to come keeps nobody from asking another one. */
static bool
prepares_too_long(struct fetch *f, const struct upstream_reply *reply)
{
	struct memory *m = memory_of(f->job);
	uint64_t now_ms = clock_mono_ms();

	if (reply->outcome != UPSTREAM_PREPARING || m->prepared_ms == 0) {
		m->prepared_ms = reply->outcome == UPSTREAM_PREPARING ? now_ms : 0;
		return false;
	}
	if (now_ms - m->prepared_ms < PREPARED_MAX_MS)
		return false;
	m->prepared_ms = 0;
	m->distrusted |= 1U << f->upstream;
	return true;
}

/*
 * A request came to us through servers above us as well, or so its Via says, which any client may
 * make up. What many wait for does not fail by that: it is asked for once more, as our own. A loop
 * that is one is found by our own id, in what comes back to us. False: it was our own already.
 */
static bool
ask_alone(struct fetch *f, const struct upstream_reply *reply)
{
	enum { SAY_EVERY_MS = 10000 };
	char alone[HOPS_TEXT_MAX];
	uint64_t now_ms = clock_mono_ms();
	struct log_line l;

	if (strcmp(f->via, hops_add("", f->pool->parts.id, alone)) == 0)
		return false;
	if (f->pool->loop_said_ms == 0 || now_ms >= f->pool->loop_said_ms + SAY_EVERY_MS) {
		f->pool->loop_said_ms = now_ms;
		log_begin(&l, EVENT_LOOP);
		log_text(&l, "path", f->via);
		log_text(&l, "id", f->pool->parts.id);
		log_text(&l, "reason", reply->why.text);
		log_end(&l, LOG_DOWNLOAD);
	}
	memcpy(f->via, alone, sizeof(f->via));
	fetch_job_send(f);
	return true;
}

bool
fetch_job_settled(struct fetch *f, const struct upstream_reply *reply)
{
	bool elsewhere = prepares_too_long(f, reply) || upstreams_may_help(reply);

	if (reply->status == HTTP_LOOP && ask_alone(f, reply))
		return true;
	/* Before another one is chosen: a breaker that opens by this is not asked again. */
	upstreams_report(f->pool->upstreams, f->upstream, &f->request, reply);
	if (elsewhere && fetch_job_elsewhere(f, &reply->why)) {
		fetch_job_send(f);
		return true;
	}
	/* It will be there: it is waited for, and no failure. */
	if (reply->outcome == UPSTREAM_PREPARING) {
		prepared_above(f, reply);
		return true;
	}
	return false;
}
