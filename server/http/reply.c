/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cache/view_decide.h"
#include "http/fields.h"
#include "http/reply_arrival.h"
#include "http/reply_error.h"
#include "http/reply_job.h"
#include "http/reply_range.h"
#include "http/reply_trust.h"
#include "log.h"
#include "model/retry.h"

/* Unasked, for what is a matter of moments: a header, or a look at a digest. */
enum { SMALL_HOLD_MS = 5000 };

static const char accept_ar2[] = "application/x-guts2ar2";

/*
 * `sending` while the record is still held: after that it may be gone. The rest stays as it is,
 * until the reply is made anew: not all of it is written twice for each request.
 */
void
reply_clear(struct reply *r)
{
	if (r->sending)
		(void)atomic_fetch_sub(&r->vr->sending, 1);
	buf_free(&r->text);
	view_record_release(r->vr);
	arrivals_release(r->arrival);
	if (r->view != NULL)
		view_release(r->view);
	r->sending = false;
	r->vr = NULL;
	r->arrival = NULL;
	r->view = NULL;
}

void
reply_malformed(unsigned status, const char *reason, struct reply *ret)
{
	*ret = (struct reply){0};
	reply_error(ret, status, status == 405 ? "method-not-allowed" : "malformed", reason);
	if (status == 405)
		ret->allow = "GET, HEAD, POST";
	/* Where a request was misunderstood nobody knows where the next one begins. */
	ret->close = true;
}

static void
set_preparing(const struct reply_context *c, struct reply *r, const struct job_outlook *outlook)
{
	const struct options *o = c->parts.options;
	const char *reason = jobs_reason_name(outlook->reason);
	char progress[16] = "null";

	if (outlook->progress >= 0)
		(void)snprintf(progress, sizeof(progress), "%.2f",
			outlook->progress < 1 ? outlook->progress : 1.0);
	/* Also what has only become a 503: it has nothing of the file's fields. */
	r->etag = NULL;
	r->octets = false;
	r->whole_file_size = false;
	r->last_modified_s = 0;
	r->status = 503;
	r->reason = reason;
	r->body = REPLY_TEXT;
	r->cache = REPLY_NO_STORE;
	r->retry_after_s = retry_after_s(
		outlook->need_ms, o->retryAfterMin, o->retryAfterMax, (uint32_t)random());
	buf_clear(&r->text);
	buf_printf(&r->text,
		"{\"error\":\"preparing\",\"reason\":\"%s\",\"progress\":%s,\"retry_after\":"
		"%" PRIu64 "}\n",
		reason, progress, r->retry_after_s);
}

void
reply_busy(const struct reply_context *c, struct reply *r)
{
	struct job_outlook busy = {
		.reason = JOB_BUSY, .progress = -1, .need_ms = limiter_need_ms(&c->limiter)};

	set_preparing(c, r, &busy);
}

/* How long the client lets its answer be held. */
static uint64_t
hold_ms(const struct reply_context *c, const struct request_facts *facts, bool small)
{
	uint64_t ms = fields_prefer_wait_s(facts->prefer) * 1000;

	if (small && ms < SMALL_HOLD_MS)
		ms = SMALL_HOLD_MS;
	return ms < c->parts.options->holdMax ? ms : c->parts.options->holdMax;
}

static void
set_prepare(const struct reply_context *c, const struct request_facts *facts,
	const struct job_spec *spec, bool small, bool may_hold, struct reply *r)
{
	struct job_spec job = *spec;
	struct job_outlook outlook;

	if (reply_arrival_offer(c->parts.arrivals, facts, spec, r))
		return;
	job.via = r->via;
	if (reply_job_is_wish(r->view, &job))
		job.wish_of = facts->asker;
	/*
	 * It begins now, whether the answer is held or not. To hold it is the caller's, who
	 * suspends the connection before he asks with a waiter.
	 */
	outlook = jobs_ask(c->parts.jobs, &job, NULL);
	r->hold_ms = hold_ms(c, facts, small);
	r->early = fields_prefer_wait_s(facts->prefer) > 0;
	if (may_hold && outlook.coming && r->hold_ms > 0)
		r->job = job;
	else
		set_preparing(c, r, &outlook);
}

static void
set_prepared(struct reply *r, struct prepared *prepared, const struct request_facts *facts)
{
	r->cache = REPLY_REVALIDATE;
	r->etag = prepared->etag;
	if (fields_etag_matches(facts->if_none_match, prepared->etag)) {
		r->status = 304;
		return;
	}
	r->status = 200;
	r->body = REPLY_PREPARED;
	r->prepared = prepared;
	r->len = prepared->len;
}

static bool
is_large(const struct view_record *vr)
{
	return record_is_full(&vr->record);
}

/* unmodified: the client has it, by whatever it says of that beside If-None-Match. */
static void
set_file(struct reply_context *c, const struct request_facts *facts, struct view_record *vr,
	bool unmodified, struct reply *r)
{
	r->vr = vr;
	view_record_take(vr);
	r->cache = REPLY_IMMUTABLE;
	r->etag = vr->etag;
	r->octets = vr->record.kind != RECORD_HEADER;
	/* Before a range is looked at (RFC 9110 section 13.2.2). */
	if (unmodified || fields_etag_matches(facts->if_none_match, vr->etag)) {
		r->status = 304;
		return;
	}
	r->body = REPLY_FILE;
	reply_range(facts, vr->record.ref.bytes, r);
	/* What sends no bytes takes no place. */
	if (r->status == 416 || strcmp(facts->method, "HEAD") == 0)
		return;
	if (is_large(vr) && !limiter_take(&c->limiter, facts->places, clock_tick_ms())) {
		reply_busy(c, r);
		return;
	}
	r->holds_place = is_large(vr);
	/* From here on retention leaves it alone. */
	r->sending = true;
	(void)atomic_fetch_add(&vr->sending, 1);
	view_record_note_served(vr);
}

/* False: it does not arrive. */
static bool
set_arriving(struct reply_context *c, const struct request_facts *facts, const struct digest *id,
	struct reply *r)
{
	struct job_outlook outlook;
	struct job_spec job;

	switch (reply_arrival_file(&c->parts, &c->limiter, facts, id, &job, r)) {
	case REPLY_ARRIVAL_NONE:
		return false;
	case REPLY_ARRIVAL_BYTES:
		break;
	case REPLY_ARRIVAL_LATER:
		outlook = jobs_ask(c->parts.jobs, &job, NULL);
		set_preparing(c, r, &outlook);
		break;
	}
	return true;
}

/* A client that does not say who it is counts as its address. */
static void
note_usage(const struct reply_context *c, const struct request_facts *facts, const char *client,
	const struct ident *has, int format)
{
	if (c->parts.options->prefetchDifferences > 0)
		usage_note(c->parts.usage, client[0] != '\0' ? client : facts->address, has, format,
			clock_mono_ms() / 1000);
}

/* What is newer than what the client has, of the types it has. */
static void
filter(const struct reply_context *c, const struct request_facts *facts, const struct view *view,
	const struct inventory *inventory, struct buf *ret)
{
	AUTO_IDENTS struct idents newer = {0};

	for (size_t i = 0; i < inventory->updates.count; i++) {
		struct ident ident = inventory->updates.at[i];
		const struct view_type *t = view_find_type(view, ident.type);

		if (t == NULL || t->announced.version == 0)
			continue;
		note_usage(c, facts, inventory->client, &ident, -1);
		if (ident_edition_equal(&t->announced, &ident.edition))
			continue;
		ident.edition = t->announced;
		idents_add(&newer, &ident);
	}
	wire_query_format(&newer, ret);
}

/* r->view keeps the prepared announcement alive. */
static void
set_query(const struct reply_context *c, const struct request_facts *facts, char *client,
	struct reply *r)
{
	struct inventory inventory = {0};

	if (facts->body.len > 0)
		wire_inventory_parse(facts->body, &inventory);
	if (inventory.client[0] != '\0')
		memcpy(client, inventory.client, sizeof(inventory.client));
	if (!inventory.filter) {
		set_prepared(r, &r->view->query, facts);
		return;
	}
	r->status = 200;
	r->cache = REPLY_REVALIDATE;
	filter(c, facts, r->view, &inventory, &r->text);
	idents_free(&inventory.updates);
}

static void
set_moved(const struct target *target, const struct decision *d, struct reply *r)
{
	char name[IDENT_NAME_MAX];

	reply_error(r, 301, "moved", "no difference; the full archive is there");
	r->reason = "no-difference";
	(void)snprintf(r->location, sizeof(r->location), "%s/%s", target->prefixed ? "/guts2" : "",
		ident_offer_name(&d->moved, NULL, name));
}

/* The address stays while the archive behind it changes. */
static void
set_legacy(struct reply_context *c, const struct request_facts *facts, struct view_record *vr,
	struct reply *r)
{
	uint64_t modified_s;
	uint64_t sent_s = fields_modified_s(vr->record.landed_ms, clock_wall_ms(), &modified_s);
	uint64_t since_s;
	bool unmodified = facts->if_none_match == NULL &&
			  fields_date(facts->if_modified_since, &since_s) && since_s >= modified_s;

	set_file(c, facts, vr, unmodified, r);
	if (r->status == 503)
		return;
	r->cache = REPLY_REVALIDATE;
	r->last_modified_s = sent_s;
	/*
	 * /f answers with the same record and other fields: its response is not to be kept for
	 * both.
	 */
	r->alone = true;
}

static void
set_offer(const struct request_facts *facts, struct view_record *vr, struct reply *r)
{
	r->vr = vr;
	view_record_take(vr);
	r->vary_accept = true;
	view_record_note_offered(vr);
	set_prepared(r, &vr->offer, facts);
}

static void
set_trust(const struct reply_context *c, const struct request_facts *facts,
	const struct target *target, bool may_hold, struct reply *r)
{
	struct job_spec role;

	switch (reply_trust(facts, target->trust, r, &role)) {
	case REPLY_TRUST_FOUND:
		break;
	case REPLY_TRUST_ROLE:
		set_prepare(c, facts, &role, true, may_hold, r);
		break;
	case REPLY_TRUST_NONE:
		reply_error(r, 404, "not-found",
			r->view->vouched != NULL ? "nothing of this name was verified here"
						 : "nothing that is signed is looked up here");
		break;
	}
}

static void
carry_out(struct reply_context *c, const struct request_facts *facts, const struct target *target,
	const struct decision *d, bool may_hold, char *client, struct reply *r)
{
	struct job_spec job;

	switch (d->kind) {
	case DECIDE_QUERY:
		set_query(c, facts, client, r);
		break;
	case DECIDE_FILE:
		if (target->by_digest && !digest_equal(&d->record->ref.id, &target->file))
			reply_error(r, 404, "not-found", "another header has this name");
		else if (target->kind == TARGET_LEGACY)
			set_legacy(c, facts, view_decide_record(d->record), r);
		else
			set_file(c, facts, view_decide_record(d->record), false, r);
		break;
	case DECIDE_OFFER:
		set_offer(facts, view_decide_record(d->record), r);
		break;
	case DECIDE_PREPARE:
		job = reply_job(&d->need);
		set_prepare(c, facts, &job, d->small, may_hold, r);
		break;
	case DECIDE_MOVED:
		set_moved(target, d, r);
		break;
	case DECIDE_NOT_FOUND:
		if (target->kind != TARGET_FILE || !set_arriving(c, facts, &target->file, r))
			reply_error(r, 404, "not-found", d->reason);
		break;
	}
}

/* At most one line every ten seconds: whoever sends such requests could fill the log. */
static void
log_loop(const struct reply_context *c, const char *via, enum hops_verdict verdict)
{
	enum { EVERY_MS = 10000 };
	static _Atomic uint64_t next_ms;
	uint64_t now_ms = clock_mono_ms();
	uint64_t due_ms = next_ms;
	struct log_line l;

	if (now_ms < due_ms ||
		!atomic_compare_exchange_strong(&next_ms, &due_ms, now_ms + EVERY_MS))
		return;
	log_begin(&l, EVENT_LOOP);
	log_text(&l, "path", via);
	log_text(&l, "id", c->parts.id);
	log_text(&l, "reason",
		verdict == HOPS_LOOP ? "this server is above itself" : "too many servers");
	log_end(&l, LOG_PROCESS);
}

/*
 * False: the request came through too many servers, or through this one. What a poll came through
 * is noted: our next poll goes on with it, and in a loop gets back to who began.
 */
static bool
check_via(struct reply_context *c, const struct request_facts *facts, const struct target *target,
	struct reply *r)
{
	enum hops_verdict verdict = hops_read(facts->via, c->parts.id, r->via);

	if (verdict == HOPS_GOOD) {
		if (r->via[0] != '\0' && target->kind == TARGET_QUERY)
			fetcher_note_via(c->parts.fetcher, r->via);
		return true;
	}
	log_loop(c, r->via, verdict);
	reply_error(r, 508, "loop",
		verdict == HOPS_LOOP ? "this server is above itself" : "more than 8 servers");
	return false;
}

/* Whether a legacy client may have what it asks for; it was seen. */
static bool
note_legacy(const struct reply_context *c, const struct target *target)
{
	struct policy *policy;
	bool listed;

	if (target->kind != TARGET_LEGACY)
		return false;
	policy = settings_take(c->parts.settings);
	listed = channels_policy(policy->channels, target->ident.type).legacy;
	settings_release(policy);
	if (listed)
		/* Also where it will be told to wait: it comes back. */
		legacy_note(c->parts.legacy, target->ident.type);
	return listed;
}

/* Who is given an offer will have what it leads to; who has to wait has what it came with. */
static void
note_offer(const struct reply_context *c, const struct request_facts *facts,
	const struct target *target, const struct decision *d, enum format best, const char *client)
{
	struct ident has = target->ident;

	if (target->kind != TARGET_OFFER)
		return;
	if (d->kind == DECIDE_PREPARE)
		has.edition = target->base;
	else if (d->kind != DECIDE_OFFER)
		return;
	if (has.edition.version > 0)
		note_usage(c, facts, client, &has, (int)best);
}

static enum metric
asked(enum target_kind kind)
{
	static const enum metric series[] = {[TARGET_QUERY] = METRIC_REQUESTS_QUERY,
		[TARGET_HEADER] = METRIC_REQUESTS_HEADER,
		[TARGET_OFFER] = METRIC_REQUESTS_OFFER,
		[TARGET_FILE] = METRIC_REQUESTS_FILE,
		[TARGET_CONTENT] = METRIC_REQUESTS_FILE,
		[TARGET_TRUST] = METRIC_REQUESTS_TRUST,
		[TARGET_LEGACY] = METRIC_REQUESTS_FILE};

	return series[kind];
}

void
reply_make(struct reply_context *c, const struct request_facts *facts, bool may_hold, char *client,
	struct reply *ret)
{
	struct decide_facts known = {.known = reply_job_known,
		.context = c->parts.jobs,
		.local_differences = c->parts.options->localDifferences != 0};
	enum format best = FORMAT_AR1;
	struct target target;
	struct decision d;
	struct err e;

	if (ident_target_parse(facts->path, &target, &e) != 0) {
		reply_malformed(400, "see the path", ret);
		return;
	}
	if (target.kind != TARGET_QUERY && strcmp(facts->method, "POST") == 0) {
		reply_malformed(405, "POST is for q", ret);
		ret->allow = "GET, HEAD";
		return;
	}
	/*
	 * One view for the whole answer, kept until the reply is gone: what is sent stands on it.
	 */
	*ret = (struct reply){.view = stock_view(c->parts.stock), .asked = asked(target.kind)};
	if (!check_via(c, facts, &target, ret))
		return;
	if (target.kind == TARGET_TRUST) {
		set_trust(c, facts, &target, may_hold, ret);
		return;
	}
	/* Of offers alone. */
	if (target.kind == TARGET_OFFER && fields_accepts(facts->accept, accept_ar2))
		best = FORMAT_AR2;
	known.cache = view_decide_cache(ret->view);
	known.legacy = note_legacy(c, &target);
	d = decide(&known, &target, best);
	note_offer(c, facts, &target, &d, best, client);
	carry_out(c, facts, &target, &d, may_hold, client, ret);
}
