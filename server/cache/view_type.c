/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view_type.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct view_type *
view_type_new(const char *name)
{
	struct view_type *t = mem_new(1, sizeof(*t));

	t->references = 1;
	(void)snprintf(t->type, sizeof(t->type), "%s", name);
	return t;
}

static void
offer_each(const struct view_offer *offer, void (*act)(struct view_record *vr))
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (offer->archive[i] != NULL)
			act(offer->archive[i]);
}

void
view_type_release(struct view_type *t)
{
	if (atomic_fetch_sub(&t->references, 1) != 1)
		return;
	for (size_t i = 0; i < t->count; i++) {
		view_record_release(t->versions[i].header);
		view_record_release(t->versions[i].content);
		for (size_t j = 0; j < t->versions[i].count; j++)
			offer_each(&t->versions[i].offers[j], view_record_release);
		free(t->versions[i].offers);
	}
	free(t->versions);
	free(t->by_id);
	free(t);
}

/* by_id is left out: view_type_finish makes it when nothing changes any more. */
struct view_type *
view_type_copy(const struct view_type *t)
{
	struct view_type *copy = view_type_new(t->type);

	copy->announced = t->announced;
	copy->count = copy->capacity = t->count;
	copy->versions = mem_new(t->count, sizeof(*t->versions));
	for (size_t i = 0; i < t->count; i++) {
		const struct view_version *from = &t->versions[i];
		struct view_version *to = &copy->versions[i];

		/*
		 * The pointers too: what they lead to is counted below, the offers get memory of
		 * their own.
		 */
		*to = *from;
		to->capacity = from->count;
		to->offers = mem_new(from->count, sizeof(*from->offers));
		if (from->header != NULL)
			view_record_take(from->header);
		if (from->content != NULL)
			view_record_take(from->content);
		for (size_t j = 0; j < from->count; j++) {
			to->offers[j] = from->offers[j];
			offer_each(&to->offers[j], view_record_take);
		}
	}
	return copy;
}

static int
compare_ids(const void *a, const void *b)
{
	return digest_compare(&(*(struct view_record *const *)a)->record.ref.id,
		&(*(struct view_record *const *)b)->record.ref.id);
}

void
view_type_finish(struct view_type *t)
{
	size_t room = 0;

	for (size_t i = 0; i < t->count; i++)
		/* Too many where an offer has one format alone. */
		room += t->versions[i].count * FORMAT_COUNT;
	free(t->by_id);
	t->by_id = mem_new(room, sizeof(*t->by_id));
	t->id_count = 0;
	for (size_t i = 0; i < t->count; i++)
		for (size_t j = 0; j < t->versions[i].count; j++)
			for (int k = 0; k < FORMAT_COUNT; k++)
				if (t->versions[i].offers[j].archive[k] != NULL)
					t->by_id[t->id_count++] =
						t->versions[i].offers[j].archive[k];
	mem_sort(t->by_id, t->id_count, sizeof(*t->by_id), compare_ids);
}

/* Newest first. One version under two cookies is two versions, side by side. */
static struct view_version *
find_or_add_version(struct view_type *t, const struct edition *edition)
{
	size_t i = 0;

	while (i < t->count && t->versions[i].edition.version > edition->version)
		i++;
	for (size_t j = i; j < t->count && t->versions[j].edition.version == edition->version; j++)
		if (ident_edition_equal(&t->versions[j].edition, edition))
			return &t->versions[j];
	t->versions = mem_grow(t->versions, t->count, &t->capacity, sizeof(*t->versions));
	memmove(&t->versions[i + 1], &t->versions[i], (t->count - i) * sizeof(*t->versions));
	t->count++;
	t->versions[i] = (struct view_version){.edition = *edition};
	return &t->versions[i];
}

static struct view_offer *
find_or_add_offer(struct view_version *v, const struct edition *base)
{
	for (size_t i = 0; i < v->count; i++)
		if (ident_edition_equal(&v->offers[i].base, base))
			return &v->offers[i];
	v->offers = mem_grow(v->offers, v->count, &v->capacity, sizeof(*v->offers));
	v->offers[v->count] = (struct view_offer){.base = *base};
	return &v->offers[v->count++];
}

/* The place is good until the next call, which may move what it is in. */
struct view_record **
view_type_slot(struct view_type *t, const struct record *record)
{
	struct view_version *version = find_or_add_version(t, &record->ident.edition);

	if (record->kind == RECORD_HEADER)
		return &version->header;
	if (record->kind == RECORD_CONTENT)
		return &version->content;
	return &find_or_add_offer(version, &record->base)->archive[record->format];
}

static bool
offer_is_empty(const struct view_offer *offer)
{
	for (int k = 0; k < FORMAT_COUNT; k++)
		if (offer->archive[k] != NULL)
			return false;
	return true;
}

/* What is left of a version says what is kept of it: an offer without archives is none. */
static bool
drop_empty_offers(struct view_version *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++)
		if (!offer_is_empty(&v->offers[i]))
			v->offers[kept++] = v->offers[i];
	v->count = kept;
	return kept == 0 && v->header == NULL && v->content == NULL;
}

void
view_type_drop_empty(struct view_type *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (drop_empty_offers(&t->versions[i]))
			free(t->versions[i].offers);
		else
			t->versions[kept++] = t->versions[i];
	}
	t->count = kept;
}

/* Of several records with this id any one. */
struct view_record *
view_type_find_id(const struct view_type *t, const struct digest *id)
{
	struct view_record key = {.record.ref.id = *id};
	struct view_record *pointer = &key;
	struct view_record **found =
		bsearch(&pointer, t->by_id, t->id_count, sizeof(*t->by_id), compare_ids);

	return found != NULL ? *found : NULL;
}
