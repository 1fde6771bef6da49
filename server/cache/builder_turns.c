/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder_turns.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"

enum { BAD_MAX = 64 };

struct builder_turns {
	pthread_mutex_t lock; /* everything below, and the turns in the list */
	struct turn *first;   /* the newest */
	unsigned count;	      /* ever */
	struct digest bad[BAD_MAX];
	unsigned bad_count; /* ever */
};

struct builder_turns *
builder_turns_new(void)
{
	struct builder_turns *m = mem_new(1, sizeof(*m));

	(void)pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
builder_turns_free(struct builder_turns *m)
{
	if (m == NULL)
		return;
	assert(m->first == NULL);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

void
builder_turns_join(struct builder_turns *m, struct turn *t)
{
	(void)pthread_mutex_lock(&m->lock);
	t->number = m->count++;
	t->next = m->first;
	m->first = t;
	(void)pthread_mutex_unlock(&m->lock);
}

void
builder_turns_leave(struct builder_turns *m, struct turn *t)
{
	struct turn **link = &m->first;

	(void)pthread_mutex_lock(&m->lock);
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	(void)pthread_mutex_unlock(&m->lock);
}

static bool
same_type(const struct turn *a, const struct turn *b)
{
	return strcmp(a->spec->ident.type, b->spec->ident.type) == 0;
}

bool
builder_turns_take(struct builder_turns *m, struct turn *t)
{
	bool free = true;

	(void)pthread_mutex_lock(&m->lock);
	for (const struct turn *other = m->first; other != NULL; other = other->next)
		if (other != t && other->building && same_type(other, t))
			free = false;
	t->building = free;
	t->waiting = !free;
	(void)pthread_mutex_unlock(&m->lock);
	return free;
}

struct turn *
builder_turns_give(struct builder_turns *m, struct turn *t)
{
	struct turn *next = NULL;

	(void)pthread_mutex_lock(&m->lock);
	for (struct turn *other = m->first; t->building && other != NULL; other = other->next)
		if (other->waiting && same_type(other, t))
			next = other; /* the last one has waited the longest */
	t->building = false;
	if (next != NULL)
		next->waiting = false;
	(void)pthread_mutex_unlock(&m->lock);
	return next;
}

bool
builder_turns_need(struct builder_turns *m, const struct ident *version)
{
	bool need = false;

	(void)pthread_mutex_lock(&m->lock);
	for (const struct turn *t = m->first; t != NULL; t = t->next)
		need |= strcmp(t->spec->ident.type, version->type) == 0 &&
			(t->building ||
				ident_edition_equal(&t->spec->ident.edition, &version->edition) ||
				ident_edition_equal(&t->spec->base, &version->edition));
	(void)pthread_mutex_unlock(&m->lock);
	return need;
}

bool
builder_turns_is_bad(struct builder_turns *m, const struct digest *id)
{
	bool bad = false;

	(void)pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < BAD_MAX && i < m->bad_count; i++)
		bad |= digest_equal(&m->bad[i], id);
	(void)pthread_mutex_unlock(&m->lock);
	return bad;
}

void
builder_turns_note_bad(struct builder_turns *m, const struct digest *id)
{
	(void)pthread_mutex_lock(&m->lock);
	m->bad[m->bad_count++ % BAD_MAX] = *id;
	(void)pthread_mutex_unlock(&m->lock);
}
