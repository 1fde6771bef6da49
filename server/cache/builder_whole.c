/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder_whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DONORS_MAX = 8 };

/* The inputs of a build, in one list. */
static size_t
list_inputs(const struct plan *p, struct record ret[PLAN_CHAIN_MAX + 1])
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

static uint64_t
scratch_bytes(const struct builder_job *k, const struct record *inputs, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if (inputs[i].kind == RECORD_ARCHIVE)
			bytes += build_scratch_bytes(stock_repo(k->parts->stock), &inputs[i]);
	return bytes;
}

/*
 * False where content was built: whether that was all, or a full archive comes next, the plan says.
 * Each step costs a look at the cache, and none has to know the one after it.
 */
static bool
build_content_step(struct builder_job *k, const struct stock_site *site, const struct plan *p)
{
	struct record inputs[PLAN_CHAIN_MAX + 1];
	size_t count = list_inputs(p, inputs);
	const struct build_way way = {&inputs[0], &inputs[1], p->count};
	const struct record *culprit;
	struct record content;
	struct err e = {0};
	char text[80];
	int result;

	/* Not unpacked, where there is no room for that: the plan looks for another way. */
	if (!builder_job_reserve(k, site->workspace,
		    builder_job_content_bytes(k) + scratch_bytes(k, inputs, count))) {
		k->no_room = true;
		return false;
	}
	result = stock_build_content(k->parts->stock, site, &way, &content, &culprit, &e);
	retain_release(k->parts->retain, site->workspace);
	if (result != 0)
		return !builder_job_settle_failure(k, &e, inputs, count, culprit);
	builder_job_made(k, &content);
	describe_way(p, text, sizeof(text));
	builder_job_log(k, EVENT_BUILT_CONTENT, &content, text, 0);
	return false;
}

/* Streams of full archives, and of differences to this version, are used again. */
static size_t
list_donors(const struct builder_job *k, struct record ret[DONORS_MAX])
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
likely_price(struct builder_job *k, const struct record *full)
{
	uint64_t price = builder_job_full_price(k);

	if (price > 0)
		return price;
	price = full->ref.bytes;
	for (size_t i = 0; i < k->records.count; i++)
		if (record_is_full(&k->records.at[i]) && k->records.at[i].ref.bytes < price)
			price = k->records.at[i].ref.bytes;
	return price;
}

static bool
build_full_step(struct builder_job *k, const struct stock_site *site)
{
	const struct job_spec *spec = &k->job->spec;
	struct record inputs[DONORS_MAX + 1]; /* the content, then donors */
	struct record *donors = &inputs[1];
	struct build_full what = {.ident = spec->ident,
		.format = spec->format,
		.donors = donors,
		.count = list_donors(k, donors)};
	struct record full;
	uint64_t price = builder_job_full_price(k);
	uint64_t needed;
	struct err e = {0};
	int result;

	/* It is there: the plan, which chose this step, saw it in the same records. */
	inputs[0] = *builder_job_find(k, RECORD_CONTENT, &spec->ident.edition);
	/* Its streams, and the archive that is put together from them; and what comes of it, to be
	 * looked at, where there is room for that. */
	needed = price > 0 ? 2 * price : inputs[0].ref.bytes;
	what.roomy = retain_reserve_spare(k->parts->retain, site->workspace,
			     needed + BUILD_FULL_ROOM * inputs[0].ref.bytes, NULL) == 0;
	if (!what.roomy && !builder_job_reserve(k, site->workspace, needed)) {
		builder_job_failed(k, JOB_DISK_FULL, 0);
		return true;
	}
	result = stock_build_full(k->parts->stock, site, &what, &full, &e);
	retain_release(k->parts->retain, site->workspace);
	if (result != 0)
		return !builder_job_settle_failure(k, &e, inputs, what.count + 1, NULL);
	price = likely_price(k, &full);
	builder_job_log(k, EVENT_BUILT_ARCHIVE, &full, "from what is kept",
		price > k->loaded_bytes ? price - k->loaded_bytes : 0);
	builder_job_done(k);
	return true;
}

bool
builder_whole_step(struct builder_job *k, const struct stock_site *site)
{
	const struct job_spec *spec = &k->job->spec;
	struct plan_facts facts = {.records = k->records.at,
		.count = k->records.count,
		.target = spec->ident.edition,
		.content = spec->kind == JOB_CONTENT,
		.format = spec->format,
		.may_download = spec->kind == JOB_BUILD,
		.no_room = k->no_room,
		.price = builder_job_look_price,
		.archive = builder_job_look_archive,
		.header = builder_job_look_header,
		.context = k};
	struct plan p = plan_next(&facts);
	struct offer offer;

	switch (p.step) {
	case PLAN_DONE:
		builder_job_done(k);
		return true;
	case PLAN_ASK_PRICE:
		return builder_job_wait_for(k, builder_job_price_of(k, &p.base));
	case PLAN_GET_HEADER:
		return builder_job_wait_for(k, builder_job_header_of(k, &p.base));
	case PLAN_GET_ARCHIVE:
		(void)builder_job_look_price(k, &p.base, &offer);
		/* As offered: for the log, where it says what was saved. */
		k->loaded_bytes += offer.archive[p.format].bytes;
		return builder_job_wait_for(k, builder_job_archive_of(k, &p.base, p.format));
	case PLAN_BUILD_CONTENT:
		/*
		 * Where another job builds for the type this one waits, and is not this thread's
		 * any more.
		 */
		return !builder_turns_take(k->parts->turns, &k->turn) ||
		       build_content_step(k, site, &p);
	case PLAN_BUILD_FULL:
		return !builder_turns_take(k->parts->turns, &k->turn) || build_full_step(k, site);
	case PLAN_STUCK:
		break;
	}
	/* For retention there may be a way as soon as another difference has come. */
	if (p.temporary)
		builder_job_failed(k, k->reason, k->retry_in_ms);
	else if (spec->kind == JOB_CONTENT)
		builder_job_failed(k, JOB_UPSTREAM_UNAVAILABLE, 0);
	else
		builder_job_absent(k);
	return true;
}
