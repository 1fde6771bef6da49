/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder_turns.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"

/*
 * The last so many bad archives. One that is forgotten costs a build that fails, and is noted
 * again.
 */
enum { BAD_MAX = 64 };

struct builder_turns {
	pthread_mutex_t lock;		  /* everything below, and the turns in the list */
	LIST_HEAD(turn_list, turn) turns; /* the newest first */
	unsigned count;			  /* ever */
	struct digest bad[BAD_MAX];
	unsigned bad_count; /* ever */
};

struct builder_turns *
builder_turns_new(void)
{
	struct builder_turns *b = mem_new(1, sizeof(*b));

	(void)pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
builder_turns_free(struct builder_turns *b)
{
	if (b == NULL)
		return;
	/* jobs_stop resumes every job that waits, and a builder ends it at its next step. */
	assert(LIST_EMPTY(&b->turns));
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

void
builder_turns_join(struct builder_turns *b, struct turn *t)
{
	(void)pthread_mutex_lock(&b->lock);
	t->number = b->count++;
	LIST_INSERT_HEAD(&b->turns, t, link);
	(void)pthread_mutex_unlock(&b->lock);
}

void
builder_turns_leave(struct builder_turns *b, struct turn *t)
{
	(void)pthread_mutex_lock(&b->lock);
	assert(t->state == TURN_NONE); /* who leaves has given it on */
	LIST_REMOVE(t, link);
	(void)pthread_mutex_unlock(&b->lock);
}

static bool
same_type(const struct turn *a, const struct turn *b)
{
	return strcmp(a->spec->ident.type, b->spec->ident.type) == 0;
}

/* A turn that is BUILDING stays so: for the next thing that its job builds, or by who gave it on.
 */
bool
builder_turns_take(struct builder_turns *b, struct turn *t)
{
	const struct turn *other;
	bool free = true;

	(void)pthread_mutex_lock(&b->lock);
	LIST_FOREACH (other, &b->turns, link)
		if (other != t && other->state == TURN_BUILDING && same_type(other, t))
			free = false;
	assert(t->state == TURN_NONE || (t->state == TURN_BUILDING && free));
	t->state = free ? TURN_BUILDING : TURN_WAITING;
	(void)pthread_mutex_unlock(&b->lock);
	return free;
}

/*
 * Who is named has the turn from this moment on, whether it still wants to build or not: it gives
 * it on like everybody who has it. So nobody waits for a turn that nobody has.
 */
struct turn *
builder_turns_give(struct builder_turns *b, struct turn *t)
{
	struct turn *next = NULL;
	struct turn *other;

	(void)pthread_mutex_lock(&b->lock);
	LIST_FOREACH (other, &b->turns, link)
		if (t->state == TURN_BUILDING && other->state == TURN_WAITING &&
			same_type(other, t))
			next = other;	  /* the last one has waited the longest */
	assert(t->state != TURN_WAITING); /* it does not run then */
	t->state = TURN_NONE;
	if (next != NULL)
		next->state = TURN_BUILDING;
	(void)pthread_mutex_unlock(&b->lock);
	return next;
}

/*
 * Retention asks this. Where something is built for a type all its versions stay: the way may lead
 * over any of them. A job that waits needs those that it is about.
 */
bool
builder_turns_need(struct builder_turns *b, const struct ident *version)
{
	const struct turn *t;
	bool need = false;

	(void)pthread_mutex_lock(&b->lock);
	LIST_FOREACH (t, &b->turns, link)
		need |= strcmp(t->spec->ident.type, version->type) == 0 &&
			(t->state == TURN_BUILDING ||
				ident_edition_equal(&t->spec->ident.edition, &version->edition) ||
				ident_edition_equal(&t->spec->base, &version->edition));
	(void)pthread_mutex_unlock(&b->lock);
	return need;
}

bool
builder_turns_is_bad(struct builder_turns *b, const struct digest *id)
{
	bool bad = false;

	(void)pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < BAD_MAX && i < b->bad_count; i++)
		bad |= digest_equal(&b->bad[i], id);
	(void)pthread_mutex_unlock(&b->lock);
	return bad;
}

void
builder_turns_note_bad(struct builder_turns *b, const struct digest *id)
{
	(void)pthread_mutex_lock(&b->lock);
	b->bad[b->bad_count++ % BAD_MAX] = *id;
	(void)pthread_mutex_unlock(&b->lock);
}
