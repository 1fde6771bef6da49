/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/decide_records.h"

#include <string.h>

/* decide() asks only where has_query is set: query is never NULL here. */
static bool
announced(void *context, const char *type, struct edition *ret)
{
	const struct decide_records *from = context;
	const struct ident *found = idents_find(from->query, type);

	if (found != NULL)
		*ret = found->edition;
	return found != NULL;
}

/* A walk, here and in find_id: a tool decides once, and an index would cost more than it saves. */
static bool
has_version(void *context, const struct ident *ident)
{
	const struct decide_records *from = context;

	for (size_t i = 0; i < from->records->count; i++)
		if (ident_equal(&from->records->at[i].ident, ident))
			return true;
	return false;
}

static const struct record *
find(void *context, const struct record *key)
{
	const struct decide_records *from = context;

	return records_find(from->records, key);
}

static const struct record *
newest_full(void *context, const char *type, const struct edition *announced, enum format format)
{
	const struct decide_records *from = context;
	const struct record *newest = NULL;

	for (size_t i = 0; i < from->records->count; i++) {
		const struct record *r = &from->records->at[i];

		if (record_is_full(r) && r->format == format && strcmp(r->ident.type, type) == 0 &&
			(r->ident.edition.version < announced->version ||
				ident_edition_equal(&r->ident.edition, announced)) &&
			(newest == NULL ||
				r->ident.edition.version > newest->ident.edition.version))
			newest = r;
	}
	return newest;
}

static const struct record *
find_id(void *context, const struct digest *id)
{
	const struct decide_records *from = context;

	for (size_t i = 0; i < from->records->count; i++)
		if (from->records->at[i].kind == RECORD_ARCHIVE &&
			digest_equal(&from->records->at[i].ref.id, id))
			return &from->records->at[i];
	return NULL;
}

static bool
is_checked(void *context, const struct record *record)
{
	const struct decide_records *from = context;

	return from->all_checked || record->checked_ms > 0;
}

struct decide_cache
decide_records_cache(struct decide_records *from)
{
	return (struct decide_cache){.context = from,
		.has_query = from->query != NULL,
		.announced = announced,
		.has_version = has_version,
		.find = find,
		.newest_full = newest_full,
		.find_id = find_id,
		.is_checked = is_checked};
}
