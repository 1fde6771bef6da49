/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Differences that the cloud does not have. */
#include "make_job.h"
#include "makes.h"

/* Content comes before full archives. */
static const struct record *
find_whole(const struct make *k, const struct edition *edition)
{
	for (size_t i = 0; i < k->records.count; i++) {
		const struct record *r = &k->records.at[i];

		if ((r->kind == RECORD_CONTENT || record_is_full(r)) &&
			ident_edition_equal(&r->ident.edition, edition))
			return r;
	}
	return NULL;
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
	return bytes > 0 ? bytes : make_full_price(k);
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
		return !make_settle_failure(k, &e, sources, 2, NULL);
	if (difference.ref.bytes == 0) {
		make_absent(k);
		return true;
	}
	view_add(k->server->views, &difference, true);
	make_log(k, EVENT_MADE, &difference, way, what.full_bytes - difference.ref.bytes);
	make_done(k);
	return true;
}

enum have { HAVE_IT, HAVE_LOOK_AGAIN, HAVE_LEFT };

/* A header has to be here first. HAVE_LEFT: the job waits or has ended. */
static enum have
have_header(struct make *k, const struct edition *edition)
{
	if (make_find(k, RECORD_HEADER, edition) != NULL)
		return HAVE_IT;
	switch (make_look_header(k, edition)) {
	case PLAN_ABSENT:
		make_absent(k);
		return HAVE_LEFT;
	case PLAN_FAILED:
		make_failed(k, k->reason, k->retry_in_ms);
		return HAVE_LEFT;
	case PLAN_UNASKED:
	case PLAN_THERE:
		break;
	}
	return make_wait_for(k, make_header_of(k, edition)) ? HAVE_LEFT : HAVE_LOOK_AGAIN;
}

bool
make_difference_step(struct make *k, const struct build *b)
{
	static const struct edition full;
	const struct job_spec *spec = &k->job->spec;
	const struct record *new_whole = find_whole(k, &spec->ident.edition);
	enum have have;
	struct offer offer;

	if (new_whole == NULL) {
		make_absent(k);
		return true;
	}
	have = have_header(k, &spec->ident.edition);
	if (have == HAVE_IT)
		have = have_header(k, &spec->base);
	if (have != HAVE_IT)
		return have == HAVE_LEFT;
	if (full_bytes(k) == 0 && make_look_price(k, &full, &offer) == PLAN_UNASKED)
		return make_wait_for(k, make_price_of(k, &full));
	if (full_bytes(k) == 0) { /* nothing to compare with */
		make_absent(k);
		return true;
	}
	return !makes_take_turn(k->server->makes, &k->turn) ||
	       make_difference(k, b, new_whole, find_whole(k, &spec->base));
}
