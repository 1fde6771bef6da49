/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_session.h"

#include <assert.h>
#include <stdio.h>

#include "client/client_fetch.h"
#include "client/client_vouch.h"

void
client_session_begin(
	struct client_session *s, const char *directory, const char *const *types, size_t count)
{
	assert(count <= CLIENT_SESSION_TYPES_MAX);
	s->count = count;
	for (size_t i = 0; i < count; i++)
		s->updates[i] = (struct update){
			.type = types[i], .directory = directory, .result = UPDATE_RETRY};
}

void
client_session_fail(struct client_session *s, const struct err *why)
{
	for (size_t i = 0; i < s->count; i++) {
		s->updates[i].result = why->code == ERR_BUSY ? UPDATE_RETRY : UPDATE_FAILED;
		s->updates[i].why = *why;
	}
}

static bool
finished(const struct update *u)
{
	return u->result != UPDATE_RETRY && u->result != UPDATE_FAILED &&
	       u->result != UPDATE_UNTRUSTED;
}

/* What became of the question became of every type that it was asked for. */
static void
fail_open(struct client_session *s, const struct update *why)
{
	for (size_t i = 0; i < s->count; i++) {
		struct update *u = &s->updates[i];

		if (!u->open)
			continue;
		u->result = why->result;
		u->retry_s = why->retry_s;
		u->may_recover = why->may_recover;
		u->why = why->why;
	}
}

/*
 * What is installed goes along, so that a server answers with what is newer alone. Of a type that
 * is not installed, or not whole, such an answer would say too little: false.
 */
static bool
list_installed(const struct client_session *s, struct idents *ret)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct update *u = &s->updates[i];
		const struct ident ident = ident_of(u->type, &u->to);

		if (u->to.version == 0 || (u->open && !u->home.whole))
			return false;
		idents_add(ret, &ident);
	}
	return idents_sort(ret);
}

static bool
all_listed(const struct client_session *s, const struct idents *newest)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->updates[i].open && idents_find(newest, s->updates[i].type) == NULL)
			return false;
	return true;
}

/* What an answer about what is newer leaves out is current, or withdrawn: the whole list tells. */
static int
ask(struct client_session *s, struct idents *ret, struct update *query)
{
	AUTO_IDENTS struct idents has = {0};
	bool filter = list_installed(s, &has);

	if (client_fetch_query(&s->client, filter ? &has : NULL, ret, query) != 0)
		return -1;
	return filter && !all_listed(s, ret) ? client_fetch_query(&s->client, NULL, ret, query) : 0;
}

/* Once for all of them, where it is needed for any. */
static void
look_up(struct client_session *s, const struct idents *newest)
{
	const struct update_client *c = &s->client;
	bool asks;

	if (!client_trust_wanted(c->trust))
		return;
	asks = c->trust->due;
	for (size_t i = 0; i < s->count && !asks; i++)
		asks = s->updates[i].open &&
		       client_vouch_asks(&s->updates[i], idents_find(newest, s->updates[i].type));
	if (asks && (c->trust->trust == NULL || c->trust->reply.outcome != UPSTREAM_FRESH))
		client_trust_ask(c->trust, c->upstream, c->source);
}

/*
 * A version may be taken back between the answer about what is announced and the one about what is
 * signed: then the first is out of date, and asked for again, once.
 */
static void
update_all(struct client_session *s, struct idents *newest)
{
	struct idents *now = newest;
	AUTO_IDENTS struct idents again = {0};

	for (size_t i = 0; i < s->count; i++) {
		struct update *u = &s->updates[i];
		const struct ident *wanted = idents_find(now, u->type);
		const struct ident before = wanted != NULL ? *wanted : (struct ident){0};
		struct update query = {0};

		if (!u->open)
			continue;
		client_update_type(&s->client, wanted, u);
		if (!client_vouch_unlisted(u) || now == &again ||
			client_fetch_query(&s->client, NULL, &again, &query) != 0)
			continue;
		now = &again;
		wanted = idents_find(now, u->type);
		if (wanted == NULL || !ident_equal(wanted, &before))
			client_update_type(&s->client, wanted, u);
	}
}

void
client_session_try(struct client_session *s)
{
	AUTO_IDENTS struct idents newest = {0};
	struct update query = {0};
	bool any = false;

	client_trust_again(s->client.trust);
	for (size_t i = 0; i < s->count; i++)
		if (!finished(&s->updates[i]))
			any = client_update_begin(&s->client, &s->updates[i]) == 0 || any;
	if (any && ask(s, &newest, &query) != 0) {
		fail_open(s, &query);
		any = false;
	}
	if (any) {
		look_up(s, &newest);
		update_all(s, &newest);
	}
	for (size_t i = 0; i < s->count; i++) {
		struct update *u = &s->updates[i];

		client_vouch_end(&s->client, u);
		if (client_trust_wanted(s->client.trust))
			u->asked_s = s->client.trust->came_s;
		client_update_end(u);
	}
}

uint64_t
client_session_next_ms(const struct client_session *s, uint64_t pause_ms, uint64_t left_ms)
{
	uint64_t next_ms = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct update *u = &s->updates[i];
		uint64_t ms = (uint64_t)u->retry_s * 1000;

		if (finished(u) || (u->result != UPDATE_RETRY && !u->may_recover))
			continue;
		/* To the end at the most: what was told to come later would be told so again. */
		if (ms == 0)
			ms = pause_ms < left_ms ? pause_ms : left_ms;
		if (ms <= left_ms && (next_ms == 0 || ms < next_ms))
			next_ms = ms;
	}
	return next_ms;
}
