/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/decide_records.h"
#include "model/plan.h"
#include "net/control.h"

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

/* ---- What a running server knows */

/*
 * Its answer to what is known of an archive (record NULL: of the announcement), for the caller to
 * drop. NULL: no server runs, or it does not say.
 */
static json_t *
ask_server(const struct why *w, const struct record *r, bool build)
{
	json_t *question = json_pack("{s:s,s:b}", "do", "known", "build", build);

	if (r != NULL)
		control_put_record(question, r);
	return control_ask(repo_dir(w->cache->repo), question, NULL);
}

static bool
is_state(const json_t *answer, const char *state)
{
	const char *said = json_string_value(json_object_get(answer, "state"));

	return said != NULL && strcmp(said, state) == 0;
}

static json_t *
ask_of(const struct why *w, const struct decide_need *need)
{
	const struct record r = {.kind = RECORD_ARCHIVE,
		.ident = need->ident,
		.base = need->base,
		.format = need->format};

	return ask_server(w, &r, need->kind == NEED_BUILD);
}

/* Without a server nothing was asked of the upstream yet. */
static enum decide_known
known_there(void *context, const struct decide_need *need)
{
	AUTO_DOC json_t *answer = ask_of(context, need);

	if (is_state(answer, "absent"))
		return DECIDE_ABSENT;
	return is_state(answer, "failed") ? DECIDE_FAILED : DECIDE_UNKNOWN;
}

/*
 * What is to be said of something that has to be obtained first, behind how that is done: what
 * failed lately a client hears again, until it is tried anew.
 */
static char *
prospect(const struct why *w, const struct decide_need *need)
{
	AUTO_DOC json_t *known = ask_of(w, need);
	AUTO_DOC json_t *query = ask_server(w, NULL, false);
	const json_t *failed = is_state(known, "failed")   ? known
			       : is_state(query, "failed") ? query
							   : NULL;
	const char *reason = json_string_value(json_object_get(failed, "reason"));

	if (is_state(known, "coming"))
		return mem_string("; it is on its way");
	if (reason == NULL)
		return mem_string(known != NULL ? "" : ", if the upstream has it");
	return mem_printf("; %s failed lately: %s (see the download log)",
		failed == known ? "that has" : "asking the upstream has", reason);
}

/* ---- What the server would decide */

/* As if the upstream had no such difference. */
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
		.context = w,
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
 * decide() is asked twice: by what is known, and as if the upstream had no such difference. Where
 * no server says, whether it has one it alone knows.
 */
static void
explain_difference(struct why *w)
{
	const struct decision now = decide_for(w, w->base, known_there);
	const struct decision without = decide_for(w, w->base, no_difference);
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *more = NULL;

	switch (now.kind) {
	case DECIDE_OFFER:
		say_kept(w, "o pv pc", "the difference", now.record);
		return;
	case DECIDE_MOVED:
		say(w, "o pv pc", 301,
			w->base->version >= w->newest->edition.version
				? "no difference leads to an older version"
				: "the upstream has no difference; the client is sent to the full "
				  "archive");
		return;
	default:
		break;
	}
	more = prospect(w, &now.need);
	if (now.need.kind == NEED_BUILD)
		text = mem_printf("the upstream has no difference: the server builds one, if it is "
				  "smaller than the full archive%s",
			more);
	else
		text = mem_printf(
			"not in the cache: the upstream is asked for it; where it has none %s%s",
			without.kind == DECIDE_PREPARE
				? "the server builds one, if it is smaller than the full archive"
				: "the client is sent to the full archive with 301",
			more);
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

/* The way that the server would take, in words. */
static char *
way_text(const struct plan *p)
{
	if (p->step == PLAN_BUILD_FULL)
		return mem_string("it is built from the content that is kept");
	if (p->step == PLAN_BUILD_CONTENT)
		return mem_printf("it is built from the %s of %" PRIu64 " and %zu kept differences",
			record_kind_name(&p->start), p->start.ident.edition.version, p->count);
	if (p->step == PLAN_ASK_PRICE && p->base.version > 0)
		return mem_printf("it is built from what is kept of %" PRIu64
				  " and a difference, or downloaded, whichever is less",
			p->base.version);
	return mem_string("nothing of it is kept: the full archive is downloaded");
}

/*
 * By the plan that the server makes, with everything at the upstream unasked: it stops where only
 * the upstream can tell.
 */
static void
explain_full(struct why *w)
{
	const struct decision d = decide_for(w, NULL, known_there);
	AUTO_RECORDS struct records records = {0};
	size_t first = 0;
	size_t count;
	struct plan_facts facts = {.target = w->newest->edition,
		.format = FORMAT_AR2,
		.may_download = true,
		.price = not_asked,
		.archive = not_tried,
		.header = not_fetched};
	AUTO_FREE char *way = NULL;
	AUTO_FREE char *more = NULL;
	AUTO_FREE char *text = NULL;
	struct plan p;

	if (d.kind == DECIDE_OFFER) {
		say_kept(w, "o", "the full archive", d.record);
		return;
	}
	if (d.kind == DECIDE_NOT_FOUND) {
		say(w, "o", 404, d.reason);
		return;
	}
	count = cache_find_type(w->cache, w->type, &first);
	for (size_t i = first; i < first + count; i++)
		records_add(&records, &w->cache->records.at[i]);
	p = plan_with_headers(&facts, &records);
	way = way_text(&p);
	/* What is built from what is here needs nobody else. */
	more = p.step == PLAN_BUILD_FULL || p.step == PLAN_BUILD_CONTENT ? mem_string("")
									 : prospect(w, &d.need);
	text = mem_printf("%s%s", way, more);
	say(w, "o", 503, text);
}

/* ---- Types that are not announced */

/* Whether there is an announcement at all; a running server may have an empty one. */
static bool
has_announcement(const struct why *w)
{
	AUTO_DOC json_t *answer = ask_server(w, NULL, false);

	return answer != NULL ? json_is_true(json_object_get(answer, "announced"))
			      : w->cache->query.count > 0;
}

static void
explain_unannounced(struct why *w)
{
	if (!channels_policy(&w->cache->channels, w->type).enabled)
		say(w, "o", 404, "config/channels.json says that this type is not enabled");
	else if (!has_announcement(w))
		say(w, "o", 503,
			"what is announced is not known: the server has to reach its upstream "
			"first "
			"(upstream-unavailable while it cannot)");
	else
		say(w, "o", 404,
			"not announced here: the upstream does not name this type, or what it "
			"names is refused or deferred (see the download log)");
	cli_complain("%s: the type is not announced", w->type);
}

int
cache_why(const struct cache *c, const char *type, const struct edition *base, bool json)
{
	struct why w = {.cache = c,
		.type = type,
		.newest = channels_policy(&c->channels, type).enabled ? idents_find(&c->query, type)
								      : NULL,
		.base = base,
		.held = {&c->records, &c->query, true},
		.json = json};
	AUTO_FREE char *signed_ = cache_trust_text(&c->trust, type);
	char text[120];

	w.answers = json_array();
	if (w.newest == NULL) {
		explain_unannounced(&w);
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
		cli_print_json(json_pack("{s:s,s:O,s:o}", "type", type, "answers", w.answers,
			"trust", cache_trust_object(&c->trust, type)));
	else
		(void)puts(signed_);
	json_decref(w.answers);
	return w.newest != NULL ? CLI_OK : CLI_FAILED;
}
