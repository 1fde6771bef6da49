/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_root.h"
#include "cloud/vouch_tree.h"
#include "jobs/job_end.h"
#include "jobs/workers.h"
#include "log.h"
#include "store/trusted_state.h"

enum {
	REFRESH_MS = 3600 * 1000, /* a timestamp is asked for as often, whatever is announced */
	WAIT_S = 5,		  /* for which a server above may hold a role */
};

struct vouch {
	struct vouch_parts parts;
	struct workers *thread;
	struct upstream *upstream;
	struct policy *policy; /* whose proxy is in use */
	struct origins origins;
	struct source *sources; /* of those */
	struct trusted kept;
	struct trust *trust;   /* of the last time that all was good; NULL: not since the start */
	struct vouched *shown; /* as in the view */
	struct idents seen;    /* versions of types in use that were looked up since the start */
	size_t current;	       /* of the sources: the one that all was good of */
	uint64_t refreshed_ms; /* monotonic; 0: not since the start */
	bool roots_asked;      /* those that came before ours, since the start */
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
	log_text(&l, "upstream", v->origins.at[v->current].base);
	log_text(&l, "reason", reason);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
}

/* ---- Opening */

/* ERR_MISSING: no root is pinned. */
static int
pin(const struct vouch *v, struct err *e)
{
	AUTO_FREE char *path = vouch_root_path(v->parts.options);
	AUTO_BUF struct buf root = {0};

	if (fs_read(AT_FDCWD, path, TRUST_ROOT_BYTES_MAX, &root, e) != 0)
		return -1;
	if (trusted_pin(&v->kept, span_of(root.at, root.len), e) != 0)
		return err_wrap(e, "%s", path);
	return 0;
}

static void
show(struct vouch *v, const struct trust *t, struct err *e)
{
	struct vouched *new = vouch_tree_put(stock_repo(v->parts.stock), &v->kept, t, v->shown, e);

	if (new == NULL)
		return;
	vouched_release(v->shown);
	v->shown = vouched_take(new);
	stock_put_vouched(v->parts.stock, new);
}

/* What expired since it came is handed on, and vouches for nothing new. */
static void
show_last(struct vouch *v)
{
	struct trusted_state state;

	if (trusted_state_open(v->kept.dir, &state, NULL) != 0)
		return;
	show(v, state.trust, NULL);
	trusted_state_clear(&state);
}

static int
open_parts(struct vouch *v, struct err *e)
{
	const struct options *o = v->parts.options;
	AUTO_FREE char *path = mem_printf("%s/data/guts2/trust", o->root);

	v->kept.dir = fs_make_dirs(AT_FDCWD, path, e);
	if (v->kept.dir < 0 || pin(v, e) != 0 ||
		origins_parse(o->guts2ServerUrl, &v->origins, e) != 0 ||
		upstream_new(&v->upstream, e) != 0)
		return -1;
	v->sources = mem_new(v->origins.count, sizeof(*v->sources));
	for (size_t i = 0; i < v->origins.count; i++)
		v->sources[i].origin = &v->origins.at[i];
	upstream_set_ca_file(v->upstream, o->upstreamCaFile);
	return workers_start(1, false, &v->thread, e);
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
	v->kept.dir = -1;
	if (open_parts(v, e) != 0) {
		vouch_close(v);
		return -1;
	}
	show_last(v);
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
	upstream_free(v->upstream);
	settings_release(v->policy);
	origins_free(&v->origins);
	trust_free(v->trust);
	vouched_release(v->shown);
	idents_free(&v->seen);
	trusted_clear(&v->kept);
	fs_close(&v->kept.dir);
	free(v->sources);
	free(v);
}

void
vouch_run(struct vouch *v, void (*run)(void *context), void *context)
{
	workers_add(v->thread, run, context);
}

/* ---- The workflow */

static struct source_trust
source_of(struct vouch *v)
{
	struct policy *policy = settings_take(v->parts.settings);

	settings_release(v->policy);
	v->policy = policy;
	upstream_set_proxy(v->upstream, policy->proxy);
	return (struct source_trust){.upstream = v->upstream,
		.source = &v->sources[v->current],
		.below = "tuf/",
		.kept = &v->kept,
		.wait_s = WAIT_S,
		.stop = v->parts.ending};
}

/* Whether this root is the one before that one. */
static bool
leads_to(const struct metadata *root, struct span next)
{
	const struct verdict_basis basis = {.keys = &root->keys, .who = &root->signers[ROLE_ROOT]};
	struct metadata *m = NULL;
	bool good = verdict_read(&basis, ROLE_ROOT, next, &m, NULL) == VERDICT_GOOD &&
		    m->version == root->version + 1;

	metadata_free(m);
	return good;
}

/* *next becomes the one before. False: it is not to be had. */
static bool
fetch_root(struct vouch *v, uint64_t version, struct buf *next)
{
	const struct source_trust s = source_of(v);
	AUTO_FREE char *file = mem_printf("tuf/%" PRIu64 ".root.json", version);
	struct source_request request = {.what = SOURCE_TRUST,
		.trust_file = file,
		.trust_bytes_max = TRUST_ROOT_BYTES_MAX,
		.stop = v->parts.ending};
	struct verdict_basis nobody = {0};
	struct upstream_reply reply;
	struct metadata *m = NULL;
	struct span bytes;
	bool good;

	source_fetch(s.upstream, s.source, &request, &reply);
	bytes = span_of(request.bytes.at, request.bytes.len);
	good = reply.outcome == UPSTREAM_FRESH &&
	       verdict_read(&nobody, ROLE_ROOT, bytes, &m, NULL) == VERDICT_GOOD &&
	       m->version == version && leads_to(m, span_of(next->at, next->len)) &&
	       vouch_tree_put_root(stock_repo(v->parts.stock), version, bytes, NULL) == 0;
	metadata_free(m);
	if (good) {
		buf_free(next);
		*next = request.bytes;
		request.bytes = (struct buf){0};
	}
	source_clear(&request);
	return good;
}

/* Clients may have been given an older root than this server was. */
static void
fetch_roots(struct vouch *v)
{
	AUTO_BUF struct buf next = {0};
	uint64_t version = trust_role(v->trust, ROLE_ROOT)->version;

	if (v->roots_asked ||
		fs_read(v->kept.dir, "root.json", TRUST_ROOT_BYTES_MAX, &next, NULL) != 0)
		return;
	v->roots_asked = true;
	while (--version > 0) {
		AUTO_BUF struct buf there = {0};

		if (vouch_tree_root(stock_repo(v->parts.stock), version, &there, NULL) == 0) {
			buf_clear(&next);
			buf_add(&next, there.at, there.len);
		} else if (!fetch_root(v, version, &next)) {
			return;
		}
	}
}

static void
untrusted(struct upstream_reply *reply, const struct err *why)
{
	*reply = (struct upstream_reply){.outcome = UPSTREAM_UNTRUSTED, .why = *why};
}

/* *ret: FRESH, or why not. */
static struct trust *
run_workflow(struct vouch *v, struct upstream_reply *ret)
{
	const struct source_trust s = source_of(v);
	struct err e = {0};
	struct trust *t = NULL;

	if (verdict_check_clock(time(NULL), &e) == 0)
		t = trusted_begin(&v->kept, time(NULL), &e);
	if (t == NULL) {
		untrusted(ret, &e);
		return NULL;
	}
	source_trust_run(&s, t, ret);
	if (ret->outcome == UPSTREAM_FRESH)
		return t;
	trust_free(t);
	return NULL;
}

void
vouch_refresh(
	struct vouch *v, const struct vouch_whom *whom, bool force, struct upstream_reply *ret)
{
	uint64_t now_ms = clock_mono_ms();
	struct err e = {0};
	struct trust *t;

	*ret = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	if (!force && v->refreshed_ms > 0 && now_ms - v->refreshed_ms < REFRESH_MS)
		return;
	v->current = whom->upstream;
	v->sources[v->current].gave_query = whom->gave_query;
	t = run_workflow(v, ret);
	if (ret->outcome == UPSTREAM_UNTRUSTED)
		say(v, EVENT_UNTRUSTED, ret->why.text);
	if (t == NULL)
		return;
	trust_free(v->trust);
	v->trust = t;
	v->refreshed_ms = now_ms;
	fetch_roots(v);
	show(v, t, &e);
	if (e.code != ERR_NONE)
		v->refreshed_ms = 0; /* the next poll tries again */
	say(v, e.code == ERR_NONE ? EVENT_TRUST : EVENT_FAILED,
		e.code == ERR_NONE ? "good" : e.text);
}

/* ---- Looking up */

/*
 * NULL with FRESH: it is not listed. A role is what the snapshot lists, whoever has it: where the
 * one that all was good of does not hand it out another one may.
 */
static const struct listed *
find(struct vouch *v, const char *name, struct upstream_reply *ret)
{
	const size_t current = v->current;
	const struct vouch_whom whom = {current, v->sources[current].gave_query};

	vouch_refresh(v, &whom, v->trust == NULL, ret);
	if (ret->outcome != UPSTREAM_FRESH)
		return NULL;
	for (size_t i = 0; i < v->origins.count; i++) {
		struct source_trust s = source_of(v);

		s.source = &v->sources[(current + i) % v->origins.count];
		trust_find(v->trust, name);
		source_trust_run(&s, v->trust, ret);
		if (ret->outcome == UPSTREAM_FRESH)
			return trust_found(v->trust);
		if (ret->outcome == UPSTREAM_PREPARING || stop_wanted(v->parts.ending))
			break;
	}
	return NULL;
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
		show(v, v->trust, NULL);
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
		(void)err_set(&e, ERR_INPUT, "not-listed: nobody has signed it");
		untrusted(ret, &e);
	} else if (metadata_check(listed, bytes, &e) != 0) {
		(void)err_wrap(&e, "%s", verdict_name(VERDICT_MIXED));
		untrusted(ret, &e);
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

/* What was announced, or is kept, and is newer than what is announced now, but listed no more. */
static bool
is_withdrawn(const struct vouch *v, const struct view_type *t, const struct ident *fetched)
{
	const struct metadata *role = trust_visited(v->trust);
	struct ident known = *fetched;
	char name[IDENT_NAME_MAX];

	known.edition = t->announced;
	for (size_t i = 0; i < t->count; i++)
		if (t->versions[i].edition.version > known.edition.version)
			known.edition = t->versions[i].edition;
	return known.edition.version > fetched->edition.version &&
	       metadata_find(role != NULL ? role : trust_role(v->trust, ROLE_TARGETS),
		       ident_header_name(&known, name)) == NULL;
}

static void
look_up(struct vouch *v, const struct view_type *t, const struct ident *ident,
	struct announce_vouched *ret, struct err *why)
{
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	const struct listed *listed = find(v, ident_header_name(ident, name), &reply);

	if (listed == NULL) {
		idents_add(&ret->untrusted, ident);
		if (reply.outcome == UPSTREAM_FRESH)
			(void)err_set(why, ERR_INPUT, "%s: not-listed: nobody has signed it", name);
		else
			(void)err_set(why, reply.why.code, "%s: %s", name, reply.why.text);
		if (reply.outcome == UPSTREAM_FRESH || reply.outcome == UPSTREAM_UNTRUSTED)
			say(v, EVENT_UNTRUSTED, why->text);
		return;
	}
	check_stored(v, t, ident, listed);
	if (is_withdrawn(v, t, ident))
		idents_add(&ret->withdrawn, ident);
	(void)idents_remove(&v->seen, ident->type, 0);
	idents_add(&v->seen, ident);
	(void)idents_sort(&v->seen);
}

/* In use is a type of which anything is kept. */
void
vouch_query(struct vouch *v, const struct idents *fetched, struct announce_vouched *ret,
	struct err *why)
{
	struct view *view = stock_view(v->parts.stock);
	bool looked = false;

	*ret = (struct announce_vouched){0};
	for (size_t i = 0; i < fetched->count && !stop_wanted(v->parts.ending); i++) {
		const struct ident *ident = &fetched->at[i];
		const struct view_type *t = view_find_type(view, ident->type);
		const struct ident *seen = idents_find(&v->seen, ident->type);

		if (t == NULL || t->count == 0 || (seen != NULL && ident_equal(seen, ident)))
			continue;
		look_up(v, t, ident, ret, why);
		looked = true;
	}
	view_release(view);
	/* With the roles that came. */
	if (looked && v->trust != NULL)
		show(v, v->trust, NULL);
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
