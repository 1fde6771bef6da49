/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "model/decide_records.h"
#include "model/plan.h"

/*
 * One question, and the answers that would be given to it one after the other, as text at once or
 * as a document at the end.
 */
struct why {
	const struct cache *cache;
	const char *type;
	const struct ident *newest; /* announced */
	const struct edition *base; /* NULL: nothing */
	struct decide_records held;
	bool json;
	json_t *answers;
};

static void
say(struct why *w, const char *request, int status, const char *why)
{
	if (!w->json)
		(void)printf("%-12s %d  %s\n", request, status, why);
	(void)json_array_append_new(w->answers,
		json_pack("{s:s,s:i,s:s}", "request", request, "status", status, "why", why));
}

/* ---- What the server would decide */

/* Nothing was asked of the cloud yet. */
static enum decide_known
nothing_known(void *context, const struct decide_need *need)
{
	(void)context;
	(void)need;
	return DECIDE_UNKNOWN;
}

/* The cloud was asked, and has no such difference. */
static enum decide_known
no_difference(void *context, const struct decide_need *need)
{
	(void)context;
	return need->kind == NEED_ARCHIVE ? DECIDE_ABSENT : DECIDE_UNKNOWN;
}

/* base NULL: for the full archive. In the newer format, which a client that knows it is given. */
static struct decision
decide_for(struct why *w, const struct edition *base,
	enum decide_known (*known)(void *context, const struct decide_need *need))
{
	const struct decide_facts facts = {.cache = decide_records_cache(&w->held),
		.known = known,
		.local_differences = w->cache->settings.localDifferences != 0};
	struct target target = {.kind = TARGET_OFFER, .ident = *w->newest};

	if (base != NULL)
		target.base = *base;
	return decide(&facts, &target, FORMAT_AR2);
}

static void
say_kept(struct why *w, const char *request, const char *what, const struct record *r)
{
	char text[200];
	char bytes[32];

	(void)snprintf(text, sizeof(text), "%s is in the cache: %s, %s", what,
		wire_format_key(r->format), num_bytes_text(r->ref.bytes, bytes, sizeof(bytes)));
	say(w, request, 200, text);
}

/*
 * decide() is asked twice: while nothing is known of the cloud, and as if it had no such
 * difference. Whether it has one it alone knows.
 */
static void
explain_difference(struct why *w)
{
	const struct decision now = decide_for(w, w->base, nothing_known);
	const struct decision without = decide_for(w, w->base, no_difference);
	char text[200];

	switch (now.kind) {
	case DECIDE_OFFER:
		say_kept(w, "o pv pc", "the difference", now.record);
		return;
	case DECIDE_MOVED:
		say(w, "o pv pc", 301, "no difference leads to an older version");
		return;
	default:
		break;
	}
	(void)snprintf(text, sizeof(text),
		"not in the cache: the cloud is asked for it; where it has none %s",
		without.kind == DECIDE_PREPARE
			? "the server builds one, if it is smaller than the full archive"
			: "the client is sent to the full archive with 301");
	say(w, "o pv pc", 503, text);
}

/* ---- How a full archive comes about */

/* What only the cloud knows is not asked: the plan stops at that question, and it is told. */
static enum plan_known
not_asked(void *context, const struct edition *base, struct offer *ret)
{
	(void)context;
	(void)base;
	(void)ret;
	return PLAN_UNASKED;
}

static enum plan_known
not_tried(void *context, const struct edition *base, enum format format)
{
	(void)context;
	(void)base;
	(void)format;
	return PLAN_UNASKED;
}

static enum plan_known
not_fetched(void *context, const struct edition *edition)
{
	(void)context;
	(void)edition;
	return PLAN_UNASKED;
}

/* What is planned once the headers that it takes, small as they are, have come. */
static struct plan
plan_with_headers(struct plan_facts *facts, struct records *records)
{
	struct plan p;

	for (;;) {
		struct record header = {.kind = RECORD_HEADER};

		/* Adding a record may have moved them all. */
		facts->records = records->at;
		facts->count = records->count;
		p = plan_next(facts);
		if (p.step != PLAN_GET_HEADER)
			return p;
		/* Each round adds the one that was missing, so that this ends. */
		header.ident.edition = p.base;
		records_add(records, &header);
	}
}

/*
 * By the plan that the server makes, with everything at the cloud unasked: it stops where only the
 * cloud can tell.
 */
static void
explain_full(struct why *w)
{
	const struct decision d = decide_for(w, NULL, nothing_known);
	AUTO_RECORDS struct records records = {0};
	size_t first = 0;
	size_t count;
	struct plan_facts facts = {.target = w->newest->edition,
		.format = FORMAT_AR2,
		.may_download = true,
		.price = not_asked,
		.archive = not_tried,
		.header = not_fetched};
	char text[200] = "nothing of it is kept: the full archive is downloaded";
	struct plan p;

	if (d.kind == DECIDE_OFFER) {
		say_kept(w, "o", "the full archive", d.record);
		return;
	}
	count = cache_find_type(w->cache, w->type, &first);
	for (size_t i = first; i < first + count; i++)
		records_add(&records, &w->cache->records.at[i]);
	p = plan_with_headers(&facts, &records);
	if (p.step == PLAN_BUILD_FULL)
		(void)snprintf(text, sizeof(text), "it is built from the content that is kept");
	else if (p.step == PLAN_BUILD_CONTENT)
		(void)snprintf(text, sizeof(text),
			"it is built from the %s of %" PRIu64 " and %zu kept differences",
			record_kind_name(&p.start), p.start.ident.edition.version, p.count);
	else if (p.step == PLAN_ASK_PRICE && p.base.version > 0)
		(void)snprintf(text, sizeof(text),
			"it is built from what is kept of %" PRIu64
			" and a difference, or downloaded, whichever is less",
			p.base.version);
	say(w, "o", 503, text);
}

int
cache_why(const struct cache *c, const char *type, const struct edition *base, bool json)
{
	struct why w = {.cache = c,
		.type = type,
		.newest = idents_find(&c->query, type),
		.base = base,
		.held = {&c->records, &c->query, true},
		.json = json};
	char text[120];

	w.answers = json_array();
	if (w.newest == NULL) {
		say(&w, "o", 404, "the cloud does not announce this type");
	} else if (base != NULL && ident_edition_equal(base, &w.newest->edition)) {
		say(&w, "q", 200, "the client has the newest version, and asks for nothing");
	} else {
		(void)snprintf(text, sizeof(text), "the newest version is %" PRIu64 " %s",
			w.newest->edition.version, w.newest->edition.cookie);
		say(&w, "q", 200, text);
		if (base != NULL)
			explain_difference(&w);
		explain_full(&w);
	}
	if (json)
		cli_print_json(json_pack("{s:s,s:O}", "type", type, "answers", w.answers));
	json_decref(w.answers);
	return w.newest != NULL ? CLI_OK : CLI_FAILED;
}
