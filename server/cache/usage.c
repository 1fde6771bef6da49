/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/usage.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/*
 * 4 MiB, however many clients there are: where they are more than slots, those who spoke last are
 * the sample.
 */
enum { SLOTS = 1 << 16, DAY_S = 86400 };

struct slot {
	uint64_t version; /* 0: nobody is here */
	uint64_t said_s;
	uint64_t type; /* a hash: a type that shares it costs a question for nothing */
	char cookie[IDENT_COOKIE + 1];
	uint64_t asked_s[FORMAT_COUNT]; /* for an archive in a format; 0: never */
};

struct usage {
	struct hash_key key;
	pthread_mutex_t lock; /* slots */
	struct slot *slots;
};

struct usage *
usage_new(void)
{
	struct usage *u = mem_new(1, sizeof(*u));

	u->key = hash_key_new();
	(void)pthread_mutex_init(&u->lock, NULL);
	u->slots = mem_new(SLOTS, sizeof(*u->slots));
	return u;
}

void
usage_free(struct usage *u)
{
	if (u == NULL)
		return;
	(void)pthread_mutex_destroy(&u->lock);
	free(u->slots);
	free(u);
}

/*
 * What a client says is not believed, it is counted: a wrong one has a difference fetched that
 * nobody asks for, in the place of another, and no more than prefetchDifferences of them.
 */
void
usage_note(struct usage *u, const char *client, const struct ident *has, int format, uint64_t now_s)
{
	struct slot new = {.version = has->edition.version,
		.said_s = now_s,
		.type = hash_of_text(&u->key, has->type)};
	uint64_t slot = (new.type ^ hash_of_text(&u->key, client)) % SLOTS;

	memcpy(new.cookie, has->edition.cookie, sizeof(new.cookie));
	(void)pthread_mutex_lock(&u->lock);
	/* A poll says nothing of formats, and behind an address there may be clients of both. */
	memcpy(new.asked_s, u->slots[slot].asked_s, sizeof(new.asked_s));
	if (format >= 0)
		new.asked_s[format] = now_s;
	u->slots[slot] = new;
	(void)pthread_mutex_unlock(&u->lock);
}

struct counted {
	struct edition edition;
	unsigned formats;
	size_t clients;
};

static int
compare_editions(const void *a, const void *b)
{
	const struct edition *left = &((const struct counted *)a)->edition;
	const struct edition *right = &((const struct counted *)b)->edition;

	if (left->version != right->version)
		return left->version > right->version ? -1 : 1;
	return strcmp(left->cookie, right->cookie);
}

/* Most clients first; of as many, the newest version. */
static int
compare_counts(const void *a, const void *b)
{
	const struct counted *left = a;
	const struct counted *right = b;

	if (left->clients != right->clients)
		return left->clients > right->clients ? -1 : 1;
	return compare_editions(a, b);
}

static unsigned
formats_of(const struct slot *p, uint64_t now_s)
{
	unsigned formats = 0;

	for (int i = 0; i < FORMAT_COUNT; i++)
		if (p->asked_s[i] != 0 && p->asked_s[i] + DAY_S >= now_s)
			formats |= 1U << i;
	return formats != 0 ? formats : 1U << (FORMAT_COUNT - 1);
}

/* Copied, so that the lock is not held while they are sorted. ret has room for all slots. */
static size_t
collect(struct usage *u, const char *type, uint64_t now_s, struct counted *ret)
{
	uint64_t hash = hash_of_text(&u->key, type);
	size_t count = 0;

	(void)pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *p = &u->slots[i];

		if (p->version == 0 || p->type != hash || p->said_s + DAY_S < now_s)
			continue;
		ret[count].edition.version = p->version;
		memcpy(ret[count].edition.cookie, p->cookie, sizeof(p->cookie));
		ret[count].formats = formats_of(p, now_s);
		ret[count++].clients = 1;
	}
	(void)pthread_mutex_unlock(&u->lock);
	return count;
}

size_t
usage_top(struct usage *u, const char *type, uint64_t now_s, struct usage_version *ret, size_t max)
{
	AUTO_FREE struct counted *said = mem_new(SLOTS, sizeof(*said));
	size_t count = collect(u, type, now_s, said);
	size_t distinct = 0;

	/* Equal ones come to stand side by side, and are counted in place. */
	mem_sort(said, count, sizeof(*said), compare_editions);
	for (size_t i = 0; i < count; i++) {
		struct counted *last = distinct > 0 ? &said[distinct - 1] : NULL;

		if (last == NULL || !ident_edition_equal(&last->edition, &said[i].edition)) {
			said[distinct++] = said[i];
			continue;
		}
		last->clients++;
		last->formats |= said[i].formats;
	}
	mem_sort(said, distinct, sizeof(*said), compare_counts);
	for (size_t i = 0; i < distinct && i < max; i++)
		ret[i] = (struct usage_version){said[i].edition, said[i].formats};
	return distinct < max ? distinct : max;
}
