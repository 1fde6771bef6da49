/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct view_holder {
	pthread_mutex_t lock;	 /* current, for as long as it takes to count a reference */
	pthread_mutex_t writers; /* one change after the other */
	struct view *current;
};

/* ---- Types */

static struct view_type *
type_new(const char *name)
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

static void
type_release(struct view_type *t)
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

static struct view_type *
type_copy(const struct view_type *t)
{
	struct view_type *copy = type_new(t->type);

	copy->announced = t->announced;
	copy->count = copy->capacity = t->count;
	copy->versions = mem_new(t->count, sizeof(*t->versions));
	for (size_t i = 0; i < t->count; i++) {
		const struct view_version *from = &t->versions[i];
		struct view_version *to = &copy->versions[i];

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

/* The index by id, once nothing changes any more. */
static void
type_finish(struct view_type *t)
{
	size_t room = 0;

	for (size_t i = 0; i < t->count; i++)
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
	if (t->id_count > 0)
		qsort(t->by_id, t->id_count, sizeof(*t->by_id), compare_ids);
}

static struct view_version *
type_version(struct view_type *t, const struct edition *edition)
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
version_offer(struct view_version *v, const struct edition *base)
{
	for (size_t i = 0; i < v->count; i++)
		if (ident_edition_equal(&v->offers[i].base, base))
			return &v->offers[i];
	v->offers = mem_grow(v->offers, v->count, &v->capacity, sizeof(*v->offers));
	v->offers[v->count] = (struct view_offer){.base = *base};
	return &v->offers[v->count++];
}

/* Where a record of this record is or belongs. */
static struct view_record **
type_slot(struct view_type *t, const struct record *record)
{
	struct view_version *version = type_version(t, &record->ident.edition);

	if (record->kind == RECORD_HEADER)
		return &version->header;
	if (record->kind == RECORD_CONTENT)
		return &version->content;
	return &version_offer(version, &record->base)->archive[record->format];
}

static bool
version_is_empty(const struct view_version *v)
{
	for (size_t i = 0; i < v->count; i++)
		for (int k = 0; k < FORMAT_COUNT; k++)
			if (v->offers[i].archive[k] != NULL)
				return false;
	return v->header == NULL && v->content == NULL;
}

static void
type_drop_empty_versions(struct view_type *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (version_is_empty(&t->versions[i]))
			free(t->versions[i].offers);
		else
			t->versions[kept++] = t->versions[i];
	}
	t->count = kept;
}

/* ---- Views */

static struct view *
view_new(void)
{
	struct view *v = mem_new(1, sizeof(*v));

	v->references = 1;
	return v;
}

static struct view *
view_copy(const struct view *v)
{
	struct view *copy = view_new();

	copy->count = v->count;
	copy->types = mem_new(v->count + 1, sizeof(struct view_type *)); /* room for one more */
	for (size_t i = 0; i < v->count; i++) {
		copy->types[i] = v->types[i];
		(void)atomic_fetch_add(&copy->types[i]->references, 1);
	}
	copy->has_query = v->has_query;
	if (v->has_query) {
		copy->query.bytes = mem_string_n(v->query.bytes, v->query.len);
		copy->query.len = v->query.len;
		memcpy(copy->query.etag, v->query.etag, sizeof(copy->query.etag));
	}
	return copy;
}

void
view_release(struct view *v)
{
	if (atomic_fetch_sub(&v->references, 1) != 1)
		return;
	for (size_t i = 0; i < v->count; i++)
		type_release(v->types[i]);
	view_record_response_release(&v->query.response, false);
	free(v->query.bytes);
	free(v->types);
	free(v);
}

struct view_holder *
view_holder_new(void)
{
	struct view_holder *h = mem_new(1, sizeof(*h));

	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_mutex_init(&h->writers, NULL);
	h->current = view_new();
	return h;
}

void
view_holder_free(struct view_holder *h)
{
	if (h == NULL)
		return;
	view_release(h->current);
	(void)pthread_mutex_destroy(&h->lock);
	(void)pthread_mutex_destroy(&h->writers);
	free(h);
}

struct view *
view_take(struct view_holder *h)
{
	struct view *v;

	(void)pthread_mutex_lock(&h->lock);
	v = h->current;
	(void)atomic_fetch_add(&v->references, 1);
	(void)pthread_mutex_unlock(&h->lock);
	return v;
}

static void
publish(struct view_holder *h, struct view *take_new)
{
	struct view *old;

	(void)pthread_mutex_lock(&h->lock);
	old = h->current;
	h->current = take_new;
	(void)pthread_mutex_unlock(&h->lock);
	view_release(old);
}

/* The index of a type, or of where it belongs; *ret_found tells which. */
static size_t
type_index(const struct view *v, const char *type, bool *ret_found)
{
	size_t low = 0;
	size_t high = v->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(v->types[middle]->type, type);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct view_type *
view_find_type(const struct view *v, const char *type)
{
	bool found;
	size_t i = type_index(v, type, &found);

	return found ? v->types[i] : NULL;
}

const struct view_version *
view_find_version(const struct view_type *t, const struct edition *edition)
{
	for (size_t i = 0; i < t->count; i++)
		if (ident_edition_equal(&t->versions[i].edition, edition))
			return &t->versions[i];
	return NULL;
}

struct view_record *
view_find_archive(
	const struct view_version *version, const struct edition *base, enum format format)
{
	for (size_t i = 0; version != NULL && i < version->count; i++)
		if (ident_edition_equal(&version->offers[i].base, base))
			return version->offers[i].archive[format];
	return NULL;
}

struct view_record *
view_find_id(const struct view *v, const struct digest *id)
{
	struct view_record key = {.record.ref.id = *id};
	struct view_record *pointer = &key;

	for (size_t i = 0; i < v->count; i++) {
		const struct view_type *t = v->types[i];
		struct view_record **found = NULL;

		if (t->id_count > 0)
			found = bsearch(
				&pointer, t->by_id, t->id_count, sizeof(*t->by_id), compare_ids);
		if (found != NULL)
			return *found;
	}
	return NULL;
}

struct view_record *
view_find_same(const struct view *v, const struct record *record)
{
	const struct view_type *t = view_find_type(v, record->ident.type);
	const struct view_version *version =
		t != NULL ? view_find_version(t, &record->ident.edition) : NULL;

	if (version == NULL)
		return NULL;
	switch (record->kind) {
	case RECORD_HEADER:
		return version->header;
	case RECORD_CONTENT:
		return version->content;
	case RECORD_ARCHIVE:
		break;
	}
	return view_find_archive(version, &record->base, record->format);
}

struct view_record *
view_find_record(const struct view *v, const struct record *record)
{
	struct view_record *vr = view_find_same(v, record);

	return vr != NULL && digest_equal(&vr->record.ref.id, &record->ref.id) ? vr : NULL;
}

static void
version_each(const struct view_version *version, void (*act)(void *context, struct view_record *vr),
	void *context)
{
	if (version->header != NULL)
		act(context, version->header);
	if (version->content != NULL)
		act(context, version->content);
	for (size_t j = 0; j < version->count; j++)
		for (int k = 0; k < FORMAT_COUNT; k++)
			if (version->offers[j].archive[k] != NULL)
				act(context, version->offers[j].archive[k]);
}

void
view_each(const struct view *v, const char *type,
	void (*act)(void *context, struct view_record *vr), void *context)
{
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < v->types[i]->count; j++)
			if (type == NULL || strcmp(v->types[i]->type, type) == 0)
				version_each(&v->types[i]->versions[j], act, context);
}

static void
add_record(void *context, struct view_record *vr)
{
	records_add(context, &vr->record);
}

void
view_records(const struct view *v, const char *type, struct records *ret)
{
	view_each(v, type, add_record, ret);
	records_sort(ret);
}

/* The type in an unpublished view as a copy of its own, made if it is new. */
static struct view_type *
own_type(struct view *v, const char *type)
{
	bool found;
	size_t i = type_index(v, type, &found);

	if (found) {
		struct view_type *old = v->types[i];

		v->types[i] = type_copy(old);
		type_release(old);
	} else {
		memmove(&v->types[i + 1], &v->types[i], (v->count - i) * sizeof(*v->types));
		v->count++;
		v->types[i] = type_new(type);
	}
	return v->types[i];
}

void
view_load(struct view_holder *h, const struct record *records, size_t count)
{
	struct view_type *t = NULL;
	struct view *v;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	for (size_t i = 0; i < count; i++) {
		struct view_record **slot;

		if (t == NULL || strcmp(t->type, records[i].ident.type) != 0) {
			v->types = mem_resize(v->types, v->count + 1, sizeof(*v->types));
			t = own_type(v, records[i].ident.type);
		}
		slot = type_slot(t, &records[i]);
		view_record_release(*slot);
		*slot = view_record_new(&records[i], false);
	}
	for (size_t i = 0; i < v->count; i++)
		type_finish(v->types[i]);
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}

static void
set_record(struct view_holder *h, const struct record *record, struct view_record *take_item)
{
	struct view *v;
	struct view_type *t;
	struct view_record **slot;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	t = own_type(v, record->ident.type);
	slot = type_slot(t, record);
	view_record_release(*slot);
	*slot = take_item;
	type_drop_empty_versions(t);
	type_finish(t);
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}

void
view_add(struct view_holder *h, const struct record *record, bool checked)
{
	set_record(h, record, view_record_new(record, checked));
}

void
view_remove(struct view_holder *h, const struct record *record)
{
	set_record(h, record, NULL);
}

static void
prepare_query(struct view *v, const struct idents *query)
{
	struct buf bytes = {0};
	struct digest digest;

	wire_query_format(query, &bytes);
	digest = digest_of(span_of(bytes.at, bytes.len));
	free(v->query.bytes);
	v->query.bytes = bytes.at;
	v->query.len = bytes.len;
	view_record_etag(&digest, v->query.etag);
	v->has_query = true;
}

void
view_set_query(struct view_holder *h, const struct idents *query)
{
	static const struct edition none;
	struct view *v;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	v->types = mem_resize(v->types, v->count + query->count + 1, sizeof(*v->types));
	for (size_t i = 0; i < query->count; i++) {
		const struct view_type *known = view_find_type(v, query->at[i].type);
		struct view_type *t;

		if (known != NULL && ident_edition_equal(&known->announced, &query->at[i].edition))
			continue;
		t = own_type(v, query->at[i].type);
		t->announced = query->at[i].edition;
		type_finish(t);
	}
	for (size_t i = 0; i < v->count; i++) {
		struct view_type *t;

		if (idents_find(query, v->types[i]->type) != NULL ||
			v->types[i]->announced.version == 0)
			continue;
		t = own_type(v, v->types[i]->type);
		t->announced = none;
		type_finish(t);
	}
	prepare_query(v, query);
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}
