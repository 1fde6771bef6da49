/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/upstreams.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log.h"

enum { DISTRUST_MS = 600 * 1000 }; /* then it is asked first once more, for its announcement */

struct upstreams *
upstreams_new(const struct options *o)
{
	struct upstreams *r = mem_new(1, sizeof(*r));
	struct origins origins;
	int result = origins_parse(o->guts2ServerUrl, &origins, NULL);

	assert(result == 0); /* options.c has checked it */
	r->count = origins.count;
	r->at = mem_new(r->count, sizeof(*r->at));
	for (size_t i = 0; i < r->count; i++)
		r->at[i] = (struct upstreams_one){.origin = origins.at[i],
			.breaker = {.threshold = (unsigned)o->upstreamFailureThreshold,
				.rest_ms = o->upstreamFailureHold}};
	for (size_t i = 0; i < r->count; i++)
		r->at[i].source.origin = &r->at[i].origin;
	return r;
}

void
upstreams_free(struct upstreams *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		origin_free(&r->at[i].origin);
	free(r->at);
	free(r);
}

static void
log_change(enum log_event event, const struct upstreams_one *u, const char *reason)
{
	/* As the breaker has it now: who asked for a rest may have said for how long. */
	uint64_t rest_ms = breaker_wait_ms(&u->breaker, clock_mono_ms());
	struct log_line l;

	log_begin(&l, event);
	log_text(&l, "upstream", u->origin.base);
	if (event == EVENT_UPSTREAM_RESTS) {
		log_number(&l, "failures", u->breaker.failures);
		log_number(&l, "hold", (rest_ms + 999) / 1000);
	}
	if (reason != NULL)
		log_text(&l, "reason", reason);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
}

/* Its announcement says whether it behaves again. */
static bool
is_distrusted(const struct upstreams_one *u, enum source_what what, uint64_t now_ms)
{
	uint64_t since_ms = u->distrusted_ms;

	return since_ms > 0 && (what != SOURCE_QUERY || now_ms - since_ms < DISTRUST_MS);
}

static int
choose(struct upstreams *r, enum source_what what, bool distrusted, uint32_t *tried)
{
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < r->count; i++) {
		struct upstreams_one *u = &r->at[i];

		if ((*tried >> i & 1) != 0 || is_distrusted(u, what, now_ms) != distrusted ||
			!breaker_allow(&u->breaker, now_ms))
			continue;
		*tried |= 1U << i;
		if (u->breaker.state == BREAKER_PROBING)
			log_change(EVENT_UPSTREAM_PROBE, u, NULL);
		return (int)i;
	}
	return -1;
}

/*
 * In the order of preference, each time from the beginning: one that is back is used again at once.
 * The bits of *tried are enough, as origins_parse takes ORIGINS_MAX upstreams.
 */
int
upstreams_choose(struct upstreams *r, enum source_what what, uint32_t *tried)
{
	int chosen = choose(r, what, false, tried);

	return chosen >= 0 ? chosen : choose(r, what, true, tried);
}

void
upstreams_note_trusted(struct upstreams *r, int index, bool trusted)
{
	r->at[index].distrusted_ms = trusted ? 0 : clock_mono_ms();
}

bool
upstreams_none_trusted(const struct upstreams *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->at[i].distrusted_ms == 0)
			return false;
	return true;
}

static void
report_failure(
	struct upstreams_one *u, struct source_request *request, const struct upstream_reply *reply)
{
	enum breaker_state before = u->breaker.state;
	bool again = strcmp(u->failed, source_name(request)) == 0;

	(void)snprintf(u->failed, sizeof(u->failed), "%s", source_name(request));
	/* Whoever answers one document wrongly, however often, may have all others. */
	if (again && request->what != SOURCE_QUERY && reply->outcome != UPSTREAM_UNREACHABLE &&
		before == BREAKER_CLOSED)
		return;
	breaker_failure(&u->breaker, clock_mono_ms());
	if (reply->outcome == UPSTREAM_UNREACHABLE && !u->lost) {
		u->lost = true; /* the reason is said once, not at every try */
		log_change(EVENT_UPSTREAM_LOST, u, reply->why.text);
	}
	if (before != BREAKER_OPEN && u->breaker.state == BREAKER_OPEN)
		log_change(EVENT_UPSTREAM_RESTS, u, reply->why.text);
}

/* It answers, and says when to come back: that is no failure. */
static void
report_busy(struct upstreams_one *u, const struct upstream_reply *reply)
{
	enum breaker_state before = u->breaker.state;

	breaker_rest(&u->breaker, clock_mono_ms(), (uint64_t)reply->retry_after_s * 1000);
	if (before != BREAKER_OPEN)
		log_change(EVENT_UPSTREAM_RESTS, u, reply->why.text);
}

static void
report_success(struct upstreams_one *u)
{
	bool back = u->lost || u->breaker.state != BREAKER_CLOSED;

	u->lost = false;
	u->failed[0] = '\0';
	breaker_success(&u->breaker, clock_mono_ms());
	/* Only where a trouble was logged is its end. */
	if (back && u->breaker.state == BREAKER_CLOSED)
		log_change(EVENT_UPSTREAM_BACK, u, NULL);
}

void
upstreams_report(struct upstreams *r, int index, struct source_request *request,
	const struct upstream_reply *reply)
{
	struct upstreams_one *u = &r->at[index];

	switch (manners_effect(request->what, reply)) {
	case MANNERS_WORKS:
		report_success(u);
		u->good_s = clock_wall_ms() / 1000;
		u->state = UPSTREAMS_ANSWERS;
		break;
	case MANNERS_FAILS:
		report_failure(u, request, reply);
		u->state = UPSTREAMS_FAILS;
		break;
	case MANNERS_RESTS:
		report_busy(u, reply);
		break;
	case MANNERS_SILENT:
		breaker_abandon(&u->breaker);
		break;
	}
	u->rests_until_ms = u->breaker.state == BREAKER_OPEN ? u->breaker.until_ms : 0;
}

void
upstreams_look(const struct upstreams *r, size_t index, struct upstreams_seen *ret)
{
	const struct upstreams_one *u = &r->at[index];

	*ret = (struct upstreams_seen){
		.base = u->origin.base, .state = u->state, .good_s = u->good_s};
	if (u->rests_until_ms > clock_mono_ms())
		ret->state = UPSTREAMS_RESTS;
	else if (ret->state == UPSTREAMS_ANSWERS && u->distrusted_ms != 0)
		ret->state = UPSTREAMS_UNTRUSTED;
}

/* Whether another one may do better. A server that prepares it is waited for instead. */
bool
upstreams_may_help(const struct upstream_reply *reply)
{
	/* A server above that cannot have it itself, or is about to go, is as good as none. */
	if (reply->outcome == UPSTREAM_PREPARING)
		return strcmp(reply->reason, "upstream-unavailable") == 0 ||
		       strcmp(reply->reason, "disk-full") == 0 ||
		       strcmp(reply->reason, "restarting") == 0;
	return !upstream_failed_here(reply) && upstream_may_recover(reply->outcome);
}

uint64_t
upstreams_wait_ms(const struct upstreams *r)
{
	uint64_t now_ms = clock_mono_ms();
	uint64_t wait_ms = UINT64_MAX;

	for (size_t i = 0; i < r->count; i++) {
		uint64_t ms = breaker_wait_ms(&r->at[i].breaker, now_ms);

		if (ms < wait_ms)
			wait_ms = ms;
	}
	return wait_ms;
}
