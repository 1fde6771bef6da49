/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_begin.h"
#include "cloud/vouch_lookup.h"
#include "cloud/vouch_root.h"
#include "cloud/vouch_tree.h"
#include "jobs/workers.h"
#include "log.h"
#include "store/trusted_state.h"

enum {
	REFRESH_MS = 3600 * 1000, /* a timestamp is asked for as often, whatever is announced */
	MEND_EVERY_MS = 10000,
	SLOW_MS = 5000,
};

struct vouch {
	struct vouch_parts parts;
	struct workers *thread;
	struct vouch_ask ask;
	struct vouched *shown; /* as in the view */
	atomic_ullong
		refreshed_ms; /* monotonic; 0: not since the start, or what came was not shown */
	uint64_t mend_at_ms;  /* the timers' */
	atomic_bool mending;
	bool roots_asked; /* those that came before ours, since the start */
	char said[sizeof(((struct err *)0)->text)]; /* the last reason that was logged */
};

static void
say(struct vouch *v, enum log_event event, const char *reason)
{
	struct log_line l;

	if (strcmp(v->said, reason) == 0)
		return;
	(void)snprintf(v->said, sizeof(v->said), "%s", reason);
	log_begin(&l, event);
	log_text(&l, "upstream", v->ask.origins.at[v->ask.current].base);
	log_text(&l, "reason", reason);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
}

/* ---- Opening */

/* anew: whatever lies there is looked at, and not what it was. */
static void
show(struct vouch *v, const struct trust *t, bool anew, struct err *e)
{
	struct vouched *new = vouch_tree_put(
		stock_repo(v->parts.stock), &v->ask.kept, t, anew ? NULL : v->shown, e);

	if (new == NULL)
		return;
	vouched_release(v->shown);
	v->shown = vouched_take(new);
	stock_put_vouched(v->parts.stock, new);
}

/* What expired since it came is handed on, and vouches for nothing new. */
static int
begin(struct vouch *v, struct err *e)
{
	struct trusted_state state;
	bool verified;
	int result = vouch_begin(&v->ask, v->parts.stock, v->parts.announce, &state, &verified, e);

	if (verified) {
		show(v, state.trust, true, NULL);
		trusted_state_clear(&state);
	}
	return result;
}

int
vouch_open(const struct vouch_parts *parts, struct vouch **ret, struct err *e)
{
	AUTO_FREE char *path = vouch_root_path(parts->options);
	struct vouch *v;

	*ret = NULL;
	/* One that was named has to be there. */
	if (parts->options->trustRoot[0] == '\0' && !fs_exists(AT_FDCWD, path))
		return vouch_begin_unsigned(parts->options, e);
	v = mem_new(1, sizeof(*v));
	v->parts = *parts;
	if (vouch_ask_open(&v->ask, parts->options, parts->settings, parts->ending, e) != 0 ||
		workers_start(1, false, &v->thread, e) != 0 || begin(v, e) != 0) {
		vouch_close(v);
		return -1;
	}
	*ret = v;
	return 0;
}

void
vouch_stop(struct vouch *v)
{
	if (v != NULL)
		workers_stop(v->thread);
}

void
vouch_close(struct vouch *v)
{
	if (v == NULL)
		return;
	workers_free(v->thread);
	vouch_ask_close(&v->ask);
	vouched_release(v->shown);
	free(v);
}

void
vouch_run(struct vouch *v, void (*run)(void *context), void *context)
{
	workers_add(v->thread, run, context);
}

/* ---- Mending */

/* As far as sizes tell. */
static bool
is_whole(const struct vouch *v)
{
	AUTO_CLOSE int dir = fs_open_dir(repo_dir(stock_repo(v->parts.stock)), "tuf", NULL);
	struct stat st;

	for (size_t i = 0; dir >= 0 && i < v->shown->count; i++)
		if (fstatat(dir, v->shown->at[i].name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
			(uint64_t)st.st_size != v->shown->at[i].bytes)
			return false;
	return dir >= 0;
}

static void
mend(void *context)
{
	struct vouch *v = context;
	struct trusted_state state;
	struct err e = {0};

	if (vouch_ask_mend(&v->ask, &e))
		v->refreshed_ms = 0; /* with the next poll it is asked for again */
	if (e.code != ERR_NONE)
		say(v, EVENT_FAILED, e.text);
	if (v->shown != NULL && !is_whole(v) &&
		trusted_state_open(v->ask.kept.dir, &state, NULL) == 0) {
		show(v, state.trust, true, NULL);
		trusted_state_clear(&state);
	}
	v->mending = false;
}

void
vouch_tick(struct vouch *v, uint64_t now_ms)
{
	if (v == NULL || now_ms < v->mend_at_ms || v->mending)
		return;
	v->mend_at_ms = now_ms + MEND_EVERY_MS;
	v->mending = true;
	workers_add(v->thread, mend, v);
}

/* ---- The workflow */

/* Clients may have been given an older root than this server was. */
static void
fetch_roots(struct vouch *v)
{
	AUTO_BUF struct buf next = {0};
	struct repo *repo = stock_repo(v->parts.stock);
	uint64_t version = trust_role(v->ask.trust, ROLE_ROOT)->version;

	if (v->roots_asked ||
		fs_read(v->ask.kept.dir, "root.json", TRUST_ROOT_BYTES_MAX, &next, NULL) != 0)
		return;
	v->roots_asked = true;
	while (--version > 0) {
		AUTO_BUF struct buf there = {0};

		if (vouch_tree_root(repo, version, &there, NULL) == 0) {
			buf_clear(&next);
			buf_add(&next, there.at, there.len);
		} else if (!vouch_ask_root_before(&v->ask, version, &next) ||
			   vouch_tree_put_root(repo, version, span_of(next.at, next.len), NULL) !=
				   0) {
			return;
		}
	}
}

bool
vouch_due(const struct vouch *v)
{
	uint64_t refreshed_ms = v->refreshed_ms;

	return refreshed_ms == 0 || clock_mono_ms() - refreshed_ms >= REFRESH_MS;
}

void
vouch_refresh(struct vouch *v, const struct vouch_whom *whom, struct upstream_reply *ret)
{
	const bool due = vouch_due(v);
	struct err e = {0};

	v->ask.current = whom->upstream;
	v->ask.sources[whom->upstream].gave_query = whom->gave_query;
	vouch_ask_refresh(&v->ask, ret);
	if (ret->outcome == UPSTREAM_UNTRUSTED)
		say(v, EVENT_UNTRUSTED, ret->why.text);
	else if (upstream_failed_here(ret))
		say(v, EVENT_FAILED, ret->why.text);
	if (ret->outcome != UPSTREAM_FRESH)
		return;
	v->roots_asked = v->roots_asked && !due;
	show(v, v->ask.trust, due, &e);
	fetch_roots(v);
	/* What could not be shown is for the next poll. */
	v->refreshed_ms = e.code == ERR_NONE ? clock_mono_ms() : 0;
	say(v, e.code == ERR_NONE ? EVENT_TRUST : EVENT_FAILED,
		e.code == ERR_NONE ? "good" : e.text);
	/* Nothing is announced that clients could not look up. */
	if (e.code != ERR_NONE)
		*ret = (struct upstream_reply){.outcome = UPSTREAM_BROKEN, .why = e};
}

/* ---- Looking up */

/* NULL with FRESH: it is not listed. */
static const struct listed *
find(struct vouch *v, const char *name, const struct vouch_have *have, struct upstream_reply *ret)
{
	const size_t current = v->ask.current;
	const struct vouch_whom whom = {current, v->ask.sources[current].gave_query};

	*ret = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	if (v->ask.trust == NULL)
		vouch_refresh(v, &whom, ret);
	return ret->outcome == UPSTREAM_FRESH ? vouch_ask_find(&v->ask, name, have, ret) : NULL;
}

/* The role of a type may have come while something of it was looked up. */
static void
show_role(struct vouch *v, const char *type)
{
	AUTO_FREE char *name = mem_printf("t-%s.json", type);
	const struct listed *listed = v->shown != NULL && v->shown->snapshot != NULL
					      ? metadata_find(v->shown->snapshot, name)
					      : NULL;
	AUTO_FREE char *file =
		listed != NULL ? mem_printf("%" PRIu64 ".%s", listed->version, name) : NULL;

	if (listed == NULL || !vouched_has(v->shown, file, listed))
		show(v, v->ask.trust, false, NULL);
}

void
vouch_header(struct vouch *v, const struct ident *ident, struct span bytes,
	const struct vouch_have *have, struct upstream_reply *ret)
{
	char name[IDENT_NAME_MAX];
	const struct listed *listed = find(v, ident_header_name(ident, name), have, ret);
	struct err e = {0};

	if (ret->outcome != UPSTREAM_FRESH)
		return;
	if (listed == NULL) {
		source_trust_refuse_unlisted(ret, name);
	} else if (metadata_check(listed, bytes, &e) != 0) {
		(void)err_wrap(&e, "%s", verdict_name(VERDICT_MIXED));
		source_trust_refuse(ret, &e);
	} else {
		show_role(v, ident->type);
	}
}

/* A version that is none: what is wanted is who could vouch for it. */
void
vouch_role(struct vouch *v, const char *type, const struct vouch_have *have,
	struct upstream_reply *ret)
{
	AUTO_FREE char *path = mem_printf("h;t=%s;v=1;c=00000000", type);

	(void)find(v, path, have, ret);
	if (ret->outcome == UPSTREAM_FRESH)
		show_role(v, type);
}

/* What was not marked is looked up at the start. */
void
vouch_announced(struct vouch *v)
{
	(void)vouch_begin_mark(&v->ask, v->parts.stock, NULL);
}

bool
vouch_was_slow(const struct vouch *v)
{
	return v->ask.lost_ms[v->ask.current] > SLOW_MS;
}

void
vouch_query(struct vouch *v, struct idents *fetched, struct announce_vouched *ret,
	struct upstream_reply *ret_wrong)
{
	struct err e = {0};

	vouch_lookup_query(&v->ask, v->parts.stock, fetched, ret, ret_wrong);
	/* With the roles that came; what cannot be handed on is not announced. */
	show(v, v->ask.trust, false, &e);
	if (e.code == ERR_NONE)
		return;
	*ret_wrong = (struct upstream_reply){.outcome = UPSTREAM_BROKEN, .why = e};
	for (size_t i = 0; i < fetched->count; i++)
		idents_add(&ret->unheard, &fetched->at[i]);
	(void)idents_sort(&ret->unheard);
}
