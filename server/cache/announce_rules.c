/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announce_rules.h"

#include <string.h>

/* 2020-01-01. A clock that is behind it was never set, and says nothing of what is far ahead. */
enum { CLOCK_MIN_S = 1577836800 };

static bool
is_far_ahead(const struct announce_rules *r, uint64_t version)
{
	return r->ahead_s > 0 && r->now_s > CLOCK_MIN_S && version > r->now_s + r->ahead_s;
}

/* Whoever put it here, nobody vouches for it; or what would be refused today. */
static bool
counts(const struct announce_rules *r, const struct view_type *t, const struct edition *edition)
{
	const struct ident known = ident_of(t->type, edition);

	return !is_far_ahead(r, edition->version) &&
	       (r->unlisted == NULL || !idents_has(r->unlisted, &known));
}

struct edition
announce_rules_known(const struct announce_rules *r, const struct view_type *t)
{
	struct edition known = {0};

	if (t == NULL)
		return known;
	if (counts(r, t, &t->announced))
		known = t->announced;
	for (size_t i = 0; i < t->count; i++)
		if (t->versions[i].edition.version > known.version &&
			counts(r, t, &t->versions[i].edition))
			known = t->versions[i].edition;
	return known;
}

/* Of the same version, and other content. */
static bool
contradicts(const struct announce_rules *r, const struct view_type *t, const struct edition *known,
	const struct edition *new)
{
	return known->version == new->version &&strcmp(known->cookie, new->cookie) != 0 &&
	       counts(r, t, known);
}

const char *
announce_rules_refusal(
	const struct announce_rules *r, const struct view_type *t, const struct edition *new)
{
	if (is_far_ahead(r, new->version))
		return "the version is further in the future than versionAheadMax";
	if (new->version < announce_rules_known(r, t).version)
		return "the version goes back";
	for (size_t i = 0; t != NULL && i < t->count; i++)
		if (contradicts(r, t, &t->versions[i].edition, new))
			return "another cookie for a kept version";
	if (t != NULL && contradicts(r, t, &t->announced, new))
		return "another cookie for an announced version";
	return NULL;
}
