/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch_ask.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_root.h"

enum {
	WAIT_S = 5, /* for which a server above may hold a role */
	LOST_MAX_MS = 30 * 1000,
};

static int
open_kept(struct vouch_ask *a, struct err *e)
{
	AUTO_FREE char *directory = vouch_root_kept(a->options);
	AUTO_FREE char *path = vouch_root_path(a->options);
	AUTO_BUF struct buf root = {0};

	fs_close(&a->kept.dir);
	a->kept.dir = fs_make_dirs(AT_FDCWD, directory, e);
	if (a->kept.dir < 0 || fs_read(AT_FDCWD, path, TRUST_ROOT_BYTES_MAX, &root, e) != 0)
		return -1;
	if (trusted_pin(&a->kept, span_of(root.at, root.len), e) != 0)
		return err_wrap(e, "%s", path);
	return 0;
}

int
vouch_ask_open(struct vouch_ask *a, const struct options *o, struct settings *settings,
	const struct stop *ending, struct err *e)
{
	*a = (struct vouch_ask){
		.options = o, .settings = settings, .ending = ending, .kept.dir = -1};
	if (open_kept(a, e) != 0 || origins_parse(o->guts2ServerUrl, &a->origins, e) != 0 ||
		upstream_new(&a->upstream, e) != 0)
		return -1;
	a->sources = mem_new(a->origins.count, sizeof(*a->sources));
	a->lost_ms = mem_new(a->origins.count, sizeof(*a->lost_ms));
	for (size_t i = 0; i < a->origins.count; i++)
		a->sources[i].origin = &a->origins.at[i];
	upstream_set_ca_file(a->upstream, o->upstreamCaFile);
	return 0;
}

bool
vouch_ask_mend(struct vouch_ask *a, struct err *e)
{
	if (a->kept.dir >= 0 && !fs_is_removed(a->kept.dir))
		return false;
	(void)open_kept(a, e);
	return true;
}

void
vouch_ask_close(struct vouch_ask *a)
{
	upstream_free(a->upstream);
	settings_release(a->policy);
	origins_free(&a->origins);
	trust_free(a->trust);
	trusted_clear(&a->kept);
	fs_close(&a->kept.dir);
	free(a->sources);
	idents_free(&a->behind);
	free(a->lost_ms);
}

static struct source_trust
source_of(struct vouch_ask *a, size_t which)
{
	struct policy *policy = settings_take(a->settings);

	settings_release(a->policy);
	a->policy = policy;
	upstream_set_proxy(a->upstream, policy->proxy);
	return (struct source_trust){.upstream = a->upstream,
		.source = &a->sources[which],
		.below = "tuf/",
		.kept = &a->kept,
		.wait_s = WAIT_S,
		.stop = a->ending};
}

/* Than what was verified before, by the same root. */
static bool
is_older(const struct trust *before, const struct trust *t, struct err *e)
{
	if (before == NULL ||
		trust_role(before, ROLE_ROOT)->version != trust_role(t, ROLE_ROOT)->version ||
		verdict_timestamp(trust_role(before, ROLE_TIMESTAMP), trust_role(t, ROLE_TIMESTAMP),
			e) == VERDICT_GOOD)
		return false;
	(void)err_wrap(e, "%s", verdict_name(VERDICT_ROLLED_BACK));
	return true;
}

void
vouch_ask_refresh(struct vouch_ask *a, struct upstream_reply *ret)
{
	const struct source_trust s = source_of(a, a->current);
	struct trust *t;
	struct err e = {0};

	if (verdict_check_clock(time(NULL), &e) != 0) {
		source_trust_refuse(ret, &e);
		return;
	}
	(void)vouch_ask_mend(a, &e);
	t = a->kept.dir >= 0 ? trusted_begin(&a->kept, time(NULL), &e) : NULL;
	if (t == NULL) {
		/* Nobody above is to blame. */
		*ret = (struct upstream_reply){.outcome = UPSTREAM_BROKEN};
		(void)err_set(&ret->why, ERR_SYS, "data/guts2/trust: %s", e.text);
		return;
	}
	memset(a->lost_ms, 0, a->origins.count * sizeof(*a->lost_ms));
	source_trust_run(&s, t, ret);
	/* What is kept may have been lost since. */
	if (ret->outcome == UPSTREAM_FRESH && is_older(a->trust, t, &e))
		source_trust_refuse(ret, &e);
	if (ret->outcome != UPSTREAM_FRESH) {
		trust_free(t);
		return;
	}
	trust_free(a->trust);
	a->trust = t;
}

/*
 * A role is what the snapshot lists, whoever has it: where the one that all was good of does not
 * hand it out another one may. Who takes his time to hand out nothing is not asked for each type.
 */
const struct listed *
vouch_ask_find(struct vouch_ask *a, const char *name, const struct vouch_have *have,
	struct upstream_reply *ret)
{
	*ret = (struct upstream_reply){.outcome = UPSTREAM_UNREACHABLE};
	(void)err_set(&ret->why, ERR_BUSY, "nobody who is asked hands out roles");
	for (size_t i = 0; i < a->origins.count; i++) {
		const size_t which = (a->current + i) % a->origins.count;
		const uint64_t now_ms = clock_mono_ms();
		struct source_trust s = source_of(a, which);

		if (have != NULL) {
			s.have_file = have->file;
			s.have = have->bytes;
		}
		/* What is kept is good even so. */
		s.silent = a->lost_ms[which] > LOST_MAX_MS;
		trust_find(a->trust, name);
		source_trust_run(&s, a->trust, ret);
		if (ret->outcome == UPSTREAM_FRESH)
			return trust_found(a->trust);
		/* What came already is from somebody who is no other than these. */
		if (stop_wanted(a->ending) || s.have_file != NULL)
			break;
		a->lost_ms[which] += clock_mono_ms() - now_ms;
		if (ret->outcome == UPSTREAM_PREPARING)
			break;
	}
	return NULL;
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

bool
vouch_ask_root_before(struct vouch_ask *a, uint64_t version, struct buf *next)
{
	const struct source_trust s = source_of(a, a->current);
	AUTO_FREE char *file = mem_printf("tuf/%" PRIu64 ".root.json", version);
	struct source_request request = {.what = SOURCE_TRUST,
		.trust_file = file,
		.trust_bytes_max = TRUST_ROOT_BYTES_MAX,
		.stop = a->ending};
	const struct verdict_basis nobody = {0};
	struct upstream_reply reply;
	struct metadata *m = NULL;
	bool good;

	source_fetch(s.upstream, s.source, &request, &reply);
	good = reply.outcome == UPSTREAM_FRESH &&
	       verdict_read(&nobody, ROLE_ROOT, span_of(request.bytes.at, request.bytes.len), &m,
		       NULL) == VERDICT_GOOD &&
	       m->version == version && leads_to(m, span_of(next->at, next->len));
	metadata_free(m);
	if (good) {
		buf_clear(next);
		buf_add(next, request.bytes.at, request.bytes.len);
	}
	source_clear(&request);
	return good;
}
