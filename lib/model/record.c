/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/record.h"

#include <string.h>

#include "base/mem.h"

bool
record_is_full(const struct record *r)
{
	return r->kind == RECORD_ARCHIVE && r->base.version == 0;
}

bool
record_is_difference(const struct record *r)
{
	return r->kind == RECORD_ARCHIVE && r->base.version > 0;
}

bool
record_is_whole(const struct record *r)
{
	return r->kind == RECORD_CONTENT || record_is_full(r);
}

/*
 * header, content, full archive, difference. retention.c relies on it: it removes a version from
 * the end.
 */
static int
rank(const struct record *r)
{
	if (r->kind == RECORD_HEADER)
		return 0;
	if (r->kind == RECORD_CONTENT)
		return 1;
	return record_is_full(r) ? 2 : 3;
}

/* Newest first; the cookie only tells apart what has one version number. */
static int
compare_editions(const struct edition *a, const struct edition *b)
{
	if (a->version != b->version)
		return a->version > b->version ? -1 : 1;
	return strcmp(a->cookie, b->cookie);
}

/*
 * Over everything that names a record, and nothing else: equal means that it is the same thing, and
 * in a sorted list versions of a type, archives of a version and formats of an offer are
 * neighbours.
 */
int
record_compare(const void *a, const void *b)
{
	const struct record *left = a;
	const struct record *right = b;
	int order = strcmp(left->ident.type, right->ident.type);

	if (order == 0)
		order = compare_editions(&left->ident.edition, &right->ident.edition);
	if (order == 0)
		order = rank(left) - rank(right);
	if (order == 0)
		order = compare_editions(&left->base, &right->base);
	return order != 0 ? order : (int)left->format - (int)right->format;
}

bool
record_same(const struct record *a, const struct record *b)
{
	return record_compare(a, b) == 0;
}

const char *
record_kind_name(const struct record *r)
{
	static const char *const names[] = {"header", "content", "full", "difference"};

	return names[rank(r)];
}

char *
record_name(const struct record *r, char ret[IDENT_NAME_MAX])
{
	switch (r->kind) {
	case RECORD_HEADER:
		return ident_header_name(&r->ident, ret);
	case RECORD_CONTENT:
		return ident_content_name(&r->ident, ret);
	case RECORD_ARCHIVE:
		break;
	}
	return ident_offer_name(&r->ident, &r->base, ret);
}

void
records_add(struct records *list, const struct record *r)
{
	list->at = mem_grow(list->at, list->count, &list->capacity, sizeof(*list->at));
	list->at[list->count++] = *r;
}

void
records_sort(struct records *list)
{
	mem_sort(list->at, list->count, sizeof(*list->at), record_compare);
}

void
records_free(struct records *list)
{
	free(list->at);
	*list = (struct records){0};
}

/* By halving: the list is sorted. */
struct record *
records_find(const struct records *list, const struct record *r)
{
	return list->count == 0 ? NULL
				: bsearch(r, list->at, list->count, sizeof(*r), record_compare);
}

size_t
records_type_count(const struct records *list, size_t first)
{
	size_t end = first;

	while (end < list->count &&
		strcmp(list->at[end].ident.type, list->at[first].ident.type) == 0)
		end++;
	return end - first;
}

static size_t
version_count(const struct records *list, size_t first)
{
	size_t end = first;

	while (end < list->count && ident_equal(&list->at[end].ident, &list->at[first].ident))
		end++;
	return end - first;
}

void
records_newest(const struct records *list,
	bool (*is_enough)(void *context, const struct record *first, size_t count), void *context,
	struct idents *ret)
{
	size_t count;

	for (size_t i = 0; i < list->count; i += count) {
		const struct record *first = &list->at[i];

		count = version_count(list, i);
		if (first->kind != RECORD_HEADER || !is_enough(context, first, count))
			continue;
		idents_add(ret, &first->ident);
		count = records_type_count(list, i); /* older ones */
	}
}
