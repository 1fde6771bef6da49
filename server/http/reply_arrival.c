/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_arrival.h"

#include <string.h>

#include "base/clock.h"
#include "http/fields.h"
#include "http/reply_range.h"

static bool
is_willing(const struct request_facts *facts)
{
	return fields_prefer_wait_s(facts->prefer) > 0;
}

bool
reply_arrival_offer(struct arrivals *arrivals, const struct request_facts *facts,
	const struct job_spec *spec, struct reply *r)
{
	struct offer offer = {0};
	const struct record *record;
	struct arrival *t = NULL;

	if (is_willing(facts) && (spec->kind == JOB_OFFER || spec->kind == JOB_BUILD))
		t = arrivals_find(arrivals, &spec->ident, &spec->base, spec->format);
	if (t == NULL)
		return false;
	record = arrivals_record(t);
	offer.archive[record->format] = record->ref;
	r->status = 200;
	r->reason = "arriving";
	r->body = REPLY_TEXT;
	r->cache = REPLY_NO_STORE;
	wire_offer_format(&offer, &r->text);
	arrivals_release(t);
	return true;
}

/*
 * No cache is to keep any of it: what is cut off was wrong, and would be put together with what is
 * right.
 */
static void
set_bytes(const struct request_facts *facts, struct arrival *t, struct reply *r)
{
	r->arrival = t;
	view_record_etag(&arrivals_record(t)->ref.id, r->own_etag);
	r->etag = r->own_etag;
	r->body = REPLY_ARRIVAL;
	r->cache = REPLY_NO_STORE;
	r->reason = "arriving";
	r->octets = true;
	reply_range(facts, arrivals_record(t)->ref.bytes, r);
}

/* What sends no bytes takes no place. */
static bool
take_place(struct limiter *limiter, const struct request_facts *facts, struct reply *r)
{
	if (r->status == 416 || strcmp(facts->method, "GET") != 0)
		return true;
	r->holds_place = limiter_take_arriving(limiter, facts->places, clock_tick_ms());
	return r->holds_place;
}

enum reply_arrival
reply_arrival_file(const struct reply_parts *parts, struct limiter *limiter,
	const struct request_facts *facts, const struct digest *id, struct job_spec *ret,
	struct reply *r)
{
	struct arrival *t = arrivals_find_id(parts->arrivals, id);

	if (t == NULL)
		return REPLY_ARRIVAL_NONE;
	*ret = arrivals_job(t);
	set_bytes(facts, t, r);
	if (take_place(limiter, facts, r))
		return REPLY_ARRIVAL_BYTES;
	r->arrival = NULL;
	arrivals_release(t);
	return REPLY_ARRIVAL_LATER;
}

void
reply_arrival_look(const struct reply_parts *parts, const struct job_spec *job)
{
	struct arrival *t = arrivals_find(parts->arrivals, &job->ident, &job->base, job->format);

	if (t != NULL)
		jobs_arriving(parts->jobs, &job->ident, &job->base, job->format);
	arrivals_release(t);
}
