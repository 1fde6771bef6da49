/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_ask.h"
#include "cloud/vouch_root.h"
#include "cloud/vouch_tree.h"
#include "jobs/job_end.h"
#include "jobs/workers.h"
#include "log.h"
#include "store/trusted_state.h"

enum { REFRESH_MS = 3600 * 1000 }; /* a timestamp is asked for as often, whatever is announced */

struct vouch {
	struct vouch_parts parts;
	struct workers *thread;
	struct vouch_ask ask;
	struct vouched *shown; /* as in the view */
	atomic_ullong
		refreshed_ms; /* monotonic; 0: not since the start, or what came was not shown */
	bool roots_asked;     /* those that came before ours, since the start */
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

static void
show(struct vouch *v, const struct trust *t, struct err *e)
{
	struct vouched *new =
		vouch_tree_put(stock_repo(v->parts.stock), &v->ask.kept, t, v->shown, e);

	if (new == NULL)
		return;
	vouched_release(v->shown);
	v->shown = vouched_take(new);
	stock_put_vouched(v->parts.stock, new);
}

/* Of types in use: what is announced, and not listed by who may sign it as we know them. */
static void
list_unverified(const struct vouch *v, const struct trusted_state *state, struct idents *ret)
{
	struct view *view = stock_view(v->parts.stock);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		struct ident announced = {.edition = t->announced};
		char name[IDENT_NAME_MAX];

		memcpy(announced.type, t->type, sizeof(announced.type));
		if (t->count > 0 && t->announced.version > 0 &&
			(state == NULL ||
				!trusted_state_lists(state, ident_header_name(&announced, name))))
			idents_add(ret, &announced);
	}
	view_release(view);
}

/*
 * A server that was started without a root, or with another one, announced what it was told. It is
 * announced again once it was looked up.
 */
static int
forget_unverified(struct vouch *v, const struct trusted_state *state, struct err *e)
{
	AUTO_IDENTS struct idents unverified = {0};

	list_unverified(v, state, &unverified);
	for (size_t i = 0; i < unverified.count; i++)
		log_note(EVENT_UNTRUSTED,
			"%s: what is announced was not verified; it is announced again once it is",
			unverified.at[i].type);
	return announce_forget(v->parts.announce, &unverified, e);
}

/* What expired since it came is handed on, and vouches for nothing new. */
static int
begin(struct vouch *v, struct err *e)
{
	struct trusted_state state;
	int result;

	if (trusted_state_open(v->ask.kept.dir, &state, NULL) != 0)
		return forget_unverified(v, NULL, e);
	result = forget_unverified(v, &state, e);
	show(v, state.trust, NULL);
	trusted_state_clear(&state);
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
		return 0;
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
	struct err e = {0};

	v->ask.current = whom->upstream;
	v->ask.sources[whom->upstream].gave_query = whom->gave_query;
	vouch_ask_refresh(&v->ask, ret);
	if (ret->outcome == UPSTREAM_UNTRUSTED)
		say(v, EVENT_UNTRUSTED, ret->why.text);
	if (ret->outcome != UPSTREAM_FRESH)
		return;
	fetch_roots(v);
	show(v, v->ask.trust, &e);
	/* What could not be shown is for the next poll. */
	v->refreshed_ms = e.code == ERR_NONE ? clock_mono_ms() : 0;
	say(v, e.code == ERR_NONE ? EVENT_TRUST : EVENT_FAILED,
		e.code == ERR_NONE ? "good" : e.text);
}

/* ---- Looking up */

/* NULL with FRESH: it is not listed. */
static const struct listed *
find(struct vouch *v, const char *name, struct upstream_reply *ret)
{
	const size_t current = v->ask.current;
	const struct vouch_whom whom = {current, v->ask.sources[current].gave_query};

	*ret = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	if (v->ask.trust == NULL)
		vouch_refresh(v, &whom, ret);
	return ret->outcome == UPSTREAM_FRESH ? vouch_ask_find(&v->ask, name, ret) : NULL;
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
		show(v, v->ask.trust, NULL);
}

void
vouch_header(
	struct vouch *v, const struct ident *ident, struct span bytes, struct upstream_reply *ret)
{
	char name[IDENT_NAME_MAX];
	const struct listed *listed = find(v, ident_header_name(ident, name), ret);
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

/* One that was stored before a root was pinned is the one that is listed, or goes. */
static void
check_stored(struct vouch *v, const struct view_type *t, const struct ident *ident,
	const struct listed *listed)
{
	const struct view_version *version = view_find_version(t, &ident->edition);
	char name[IDENT_NAME_MAX];

	if (version == NULL || version->header == NULL || !listed->has_sha256 ||
		digest_equal(&listed->sha256, &version->header->record.ref.id))
		return;
	log_note(EVENT_UNTRUSTED, "%s: what is stored is not what was signed, and goes",
		ident_header_name(ident, name));
	(void)stock_remove(v->parts.stock, &version->header->record, NULL);
}

/* What the last search ended with lists it; or another role, which is looked for. */
static bool
is_listed(struct vouch *v, const struct ident *ident)
{
	const struct metadata *role = trust_visited(v->ask.trust);
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];

	(void)ident_header_name(ident, name);
	return (role != NULL && metadata_find(role, name) != NULL) || find(v, name, &reply) != NULL;
}

/*
 * What is known here, of what is kept from that version on, counts no more where it is not listed:
 * nobody signed it, or it was taken back.
 */
static void
look_up_known(struct vouch *v, const struct view_type *t, uint64_t from, struct idents *unlisted)
{
	struct ident known = {.edition = t->announced};

	memcpy(known.type, t->type, sizeof(known.type));
	if (known.edition.version > 0 && !is_listed(v, &known))
		idents_add(unlisted, &known);
	for (size_t i = 0; i < t->count; i++) {
		known.edition = t->versions[i].edition;
		if (known.edition.version >= from &&
			!ident_edition_equal(&known.edition, &t->announced) &&
			!is_listed(v, &known))
			idents_add(unlisted, &known);
	}
}

/* What is wrong with what was fetched; UNTRUSTED or what could not be had. */
static void
look_up(struct vouch *v, const struct view_type *t, const struct ident *fetched,
	struct announce_vouched *ret, struct upstream_reply *ret_wrong)
{
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	const struct listed *listed = find(v, ident_header_name(fetched, name), &reply);

	if (reply.outcome != UPSTREAM_FRESH) {
		idents_add(&ret->unheard, fetched);
		*ret_wrong = reply;
		return;
	}
	if (listed != NULL) {
		check_stored(v, t, fetched, listed);
	} else {
		source_trust_refuse_unlisted(ret_wrong, name);
		idents_add(&ret->unlisted, fetched);
	}
	/* Older ones count where this one does not. */
	look_up_known(v, t, listed != NULL ? fetched->edition.version : 0, &ret->unlisted);
}

/* In use is a type of which anything is kept. */
void
vouch_query(struct vouch *v, const struct idents *fetched, struct announce_vouched *ret,
	struct upstream_reply *ret_wrong)
{
	struct view *view = stock_view(v->parts.stock);

	*ret = (struct announce_vouched){0};
	*ret_wrong = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	for (size_t i = 0; i < fetched->count && !stop_wanted(v->parts.ending); i++) {
		const struct view_type *t = view_find_type(view, fetched->at[i].type);

		if (t != NULL && t->count > 0)
			look_up(v, t, &fetched->at[i], ret, ret_wrong);
	}
	view_release(view);
	(void)idents_sort(&ret->unlisted);
	(void)idents_sort(&ret->unheard);
	/* With the roles that came. */
	show(v, v->ask.trust, NULL);
}

static void
drop(struct vouch *v, const struct view_type *t, const struct idents *unlisted,
	const struct records *records)
{
	/* A version's header last: where this is interrupted, what is left can be explained. */
	for (size_t i = records->count; i > 0; i--) {
		const struct record *r = &records->at[i - 1];
		char name[IDENT_NAME_MAX];

		if (r->ident.edition.version <= t->announced.version ||
			!idents_has(unlisted, &r->ident) ||
			stock_remove(v->parts.stock, r, NULL) != 0 || r->kind != RECORD_HEADER)
			continue;
		log_note(EVENT_UNTRUSTED, "%s: nobody has signed it, or it was taken back: it goes",
			ident_header_name(&r->ident, name));
	}
}

void
vouch_drop(struct vouch *v, const struct announce_vouched *vouched)
{
	struct view *view = stock_view(v->parts.stock);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		AUTO_RECORDS struct records records = {0};

		if (t->announced.version == 0 || idents_find(&vouched->unlisted, t->type) == NULL)
			continue;
		view_records(view, t->type, &records);
		drop(v, t, &vouched->unlisted, &records);
	}
	view_release(view);
}

/* ---- Roles that somebody asks for */

/* A version that is none: what is wanted is who could vouch for it. */
static void
fetch_role(struct vouch *v, struct job *job)
{
	AUTO_FREE char *path = mem_printf("h;t=%s;v=1;c=00000000", job->spec.ident.type);
	AUTO_FREE char *name = mem_printf("tuf/t-%s.json", job->spec.ident.type);
	struct upstream_reply reply;

	(void)find(v, path, &reply);
	if (reply.outcome == UPSTREAM_FRESH) {
		show_role(v, job->spec.ident.type);
		jobs_done(v->parts.jobs, job);
		return;
	}
	job_end_failed(v->parts.jobs, job, name, &reply.why, job_end_reason(&reply.why),
		(uint64_t)reply.retry_after_s * 1000);
}

/* One of them, and then whatever was added meanwhile: announcements do not wait behind them all. */
static void
run_job(void *context)
{
	struct vouch *v = context;
	struct job *job = jobs_take(v->parts.jobs, QUEUE_VOUCH);

	if (job == NULL)
		return;
	fetch_role(v, job);
	workers_add(v->thread, run_job, v);
}

void
vouch_wake(struct vouch *v)
{
	workers_add(v->thread, run_job, v);
}
