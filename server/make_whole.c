/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contents, and full archives in the cheapest way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "make_job.h"
#include "makes.h"

enum { DONORS_MAX = 8 };

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
	(void)snprintf(ret, size, "%s of %" PRIu64 " and %zu difference%s",
		record_kind_name(&p->start), p->start.ident.edition.version, p->count,
		p->count == 1 ? "" : "s");
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
		return !make_settle_failure(k, &e, sources, count, culprit);
	view_add(k->server->views, &content, true);
	describe_way(p, text, sizeof(text));
	make_log(k, EVENT_BUILT, &content, text, 0);
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

/* What the cloud's archive would have cost: where it was not asked, since it was clear, the
 * smallest like it. */
static uint64_t
likely_price(struct make *k, const struct record *full)
{
	uint64_t price = make_full_price(k);

	if (price > 0)
		return price;
	price = full->ref.bytes;
	for (size_t i = 0; i < k->records.count; i++)
		if (record_is_full(&k->records.at[i]) && k->records.at[i].ref.bytes < price)
			price = k->records.at[i].ref.bytes;
	return price;
}

static bool
make_full(struct make *k, const struct build *b)
{
	struct server *s = k->server;
	const struct job_spec *spec = &k->job->spec;
	struct record sources[DONORS_MAX + 1]; /* the content, then donors */
	struct record *donors = &sources[1];
	size_t count = list_donors(k, donors);
	struct record full;
	uint64_t price;
	struct err e = {0};

	sources[0] = *make_find(k, RECORD_CONTENT, &spec->ident.edition);
	if (build_full(b, &spec->ident, spec->format, donors, count, &full, &e) != 0)
		return !make_settle_failure(k, &e, sources, count + 1, NULL);
	view_add(s->views, &full, true);
	price = likely_price(k, &full);
	make_log(k, EVENT_MADE, &full, "packed from content",
		price > k->loaded_bytes ? price - k->loaded_bytes : 0);
	make_done(k);
	return true;
}

/* The next step to a whole version. True: the job waits or has ended. */
bool
make_whole_step(struct make *k, const struct build *b)
{
	const struct job_spec *spec = &k->job->spec;
	struct plan_facts facts = {.records = k->records.at,
		.count = k->records.count,
		.target = spec->ident.edition,
		.content = spec->kind == JOB_CONTENT,
		.format = spec->format,
		.may_download = spec->kind == JOB_MAKE,
		.price = make_look_price,
		.archive = make_look_archive,
		.header = make_look_header,
		.context = k};
	struct plan p = plan_next(&facts);
	struct offer offer;

	switch (p.step) {
	case PLAN_DONE:
		make_done(k);
		return true;
	case PLAN_ASK_PRICE:
		return make_wait_for(k, make_price_of(k, &p.base));
	case PLAN_GET_HEADER:
		return make_wait_for(k, make_header_of(k, &p.base));
	case PLAN_GET_ARCHIVE:
		(void)make_look_price(k, &p.base, &offer);
		k->loaded_bytes += offer.archive[p.format].bytes;
		return make_wait_for(k, make_archive_of(k, &p.base, p.format));
	case PLAN_BUILD:
		return !makes_take_turn(k->server->makes, &k->turn) || make_content(k, b, &p);
	case PLAN_PACK:
		return !makes_take_turn(k->server->makes, &k->turn) || make_full(k, b);
	case PLAN_STUCK:
		break;
	}
	/* For retention there may be a way as soon as another difference has come. */
	if (p.temporary)
		make_failed(k, k->reason, k->retry_in_ms);
	else if (spec->kind == JOB_CONTENT)
		make_failed(k, JOB_UPSTREAM_UNAVAILABLE, 0);
	else
		make_absent(k);
	return true;
}
