/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view_decide.h"

#include <stddef.h>

static bool
announced(void *context, const char *type, struct edition *ret)
{
	const struct view_type *t = view_find_type(context, type);

	if (t == NULL || t->announced.version == 0)
		return false;
	*ret = t->announced;
	return true;
}

static bool
has_version(void *context, const struct ident *ident)
{
	const struct view_type *t = view_find_type(context, ident->type);

	return t != NULL && view_find_version(t, &ident->edition) != NULL;
}

static const struct record *
record_of(const struct view_record *vr)
{
	return vr != NULL ? &vr->record : NULL;
}

static const struct record *
find(void *context, const struct record *key)
{
	return record_of(view_find_same(context, key));
}

static const struct record *
newest_full(void *context, const char *type, const struct edition *announced, enum format format)
{
	static const struct edition full;
	const struct view_type *t = view_find_type(context, type);
	struct view_record *vr = NULL;

	for (size_t i = 0; t != NULL && vr == NULL && i < t->count; i++)
		if (t->versions[i].edition.version < announced->version ||
			ident_edition_equal(&t->versions[i].edition, announced))
			vr = view_find_archive(&t->versions[i], &full, format);
	return record_of(vr);
}

static const struct record *
find_id(void *context, const struct digest *id)
{
	return record_of(view_find_id(context, id));
}

/*
 * decide() knows records alone. What it gives back it was given here, and is a member of a
 * view_record.
 */
struct view_record *
view_decide_record(const struct record *record)
{
	return (struct view_record *)((char *)(uintptr_t)record -
				      offsetof(struct view_record, record));
}

static bool
is_checked(void *context, const struct record *record)
{
	(void)context;
	return view_decide_record(record)->checked;
}

struct decide_cache
view_decide_cache(struct view *v)
{
	return (struct decide_cache){.context = v,
		.has_query = v->has_query,
		.query_due = v->query_due,
		.announced = announced,
		.has_version = has_version,
		.find = find,
		.newest_full = newest_full,
		.find_id = find_id,
		.is_checked = is_checked};
}
