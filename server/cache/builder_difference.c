/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder_difference.h"

/* Content comes before full archives. */
static const struct record *
find_whole(const struct builder_job *k, const struct edition *edition)
{
	for (size_t i = 0; i < k->records.count; i++) {
		const struct record *r = &k->records.at[i];

		if (record_is_whole(r) && ident_edition_equal(&r->ident.edition, edition))
			return r;
	}
	return NULL;
}

/* The smallest full archive that a client would have to take instead; 0: not known. */
static uint64_t
full_bytes(struct builder_job *k)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < k->records.count; i++) {
		const struct record *r = &k->records.at[i];

		if (record_is_full(r) && ident_equal(&r->ident, &k->job->spec.ident) &&
			(bytes == 0 || r->ref.bytes < bytes))
			bytes = r->ref.bytes;
	}
	return bytes > 0 ? bytes : builder_job_full_price(k);
}

static bool
build_difference_step(struct builder_job *k, const struct stock_site *site,
	const struct record *new_whole, const struct record *old_whole, uint64_t smaller_than)
{
	const struct job_spec *spec = &k->job->spec;
	struct build_difference what = {.ident = spec->ident,
		.base = spec->base,
		.format = spec->format,
		.new_full = record_is_full(new_whole) ? new_whole : NULL,
		.old_full = old_whole != NULL && record_is_full(old_whole) ? old_whole : NULL,
		.full_bytes = smaller_than};
	/* What is looked at after a failure; where there is no old one the new one stands twice. */
	struct record inputs[2] = {*new_whole, old_whole != NULL ? *old_whole : *new_whole};
	const char *way = old_whole != NULL ? "changes of files" : "changed files";
	struct record difference;
	struct err e = {0};
	int result;

	if (!builder_job_reserve(k, site->workspace, 2 * smaller_than)) {
		builder_job_failed(k, JOB_DISK_FULL, 0);
		return true;
	}
	result = stock_build_difference(k->parts->stock, site, &what, &difference, &e);
	retain_release(k->parts->retain, site->workspace);
	if (result != 0)
		return !builder_job_settle_failure(k, &e, inputs, 2, NULL);
	/*
	 * Not worth it. As ABSENT it is not tried again until metadata changes, and clients are
	 * sent to the full archive.
	 */
	if (difference.ref.bytes == 0) {
		builder_job_absent(k);
		return true;
	}
	builder_job_log(
		k, EVENT_BUILT_ARCHIVE, &difference, way, what.full_bytes - difference.ref.bytes);
	builder_job_done(k);
	return true;
}

enum have { HAVE_IT, HAVE_LOOK_AGAIN, HAVE_LEFT };

/* A header has to be here first. HAVE_LEFT: the job waits or has ended. */
static enum have
have_header(struct builder_job *k, const struct edition *edition)
{
	if (builder_job_find(k, RECORD_HEADER, edition) != NULL)
		return HAVE_IT;
	switch (builder_job_look_header(k, edition)) {
	case PLAN_ABSENT:
		builder_job_absent(k);
		return HAVE_LEFT;
	case PLAN_FAILED:
	case PLAN_NO_ROOM:
		builder_job_failed(k, k->reason, k->retry_in_ms);
		return HAVE_LEFT;
	case PLAN_UNASKED:
	case PLAN_THERE:
		break;
	}
	return builder_job_wait_for(k, builder_job_header_of(k, edition)) ? HAVE_LEFT
									  : HAVE_LOOK_AGAIN;
}

bool
builder_difference_step(struct builder_job *k, const struct stock_site *site)
{
	static const struct edition full;
	const struct job_spec *spec = &k->job->spec;
	const struct record *new_whole = find_whole(k, &spec->ident.edition);
	enum have have;
	struct offer offer;
	uint64_t bytes;

	/* decide() has seen it in its view; retention was quicker. */
	if (new_whole == NULL) {
		builder_job_absent(k);
		return true;
	}
	have = have_header(k, &spec->ident.edition);
	if (have == HAVE_IT)
		have = have_header(k, &spec->base);
	if (have != HAVE_IT)
		return have == HAVE_LEFT;
	/* A difference's worth is measured by the full archive, which need not be here. */
	bytes = full_bytes(k);
	if (bytes == 0) {
		switch (builder_job_look_price(k, &full, &offer)) {
		case PLAN_UNASKED:
			return builder_job_wait_for(k, builder_job_price_of(k, &full));
		case PLAN_FAILED:
		case PLAN_NO_ROOM:
			builder_job_failed(k, k->reason, k->retry_in_ms);
			return true;
		case PLAN_ABSENT:
		case PLAN_THERE:
			builder_job_absent(k); /* nothing to compare with */
			return true;
		}
	}
	return !builder_turns_take(k->parts->turns, &k->turn) ||
	       build_difference_step(k, site, new_whole, find_whole(k, &spec->base), bytes);
}
