/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/doc.h"

enum {
	FRESH_MS = 60 * 1000, /* so long what was learnt is good for the next type, or try */
	ASK_MAX_S = 2 * 86400,
};

static const char below[] = "tuf/";
static const char lock_name[] = "lock";

/* ---- Opening */

/* Whatever is in its place, and is no lock, goes. */
static int
open_lock(const struct client_trust *ct, struct err *e)
{
	struct err why = {0};
	struct stat st;
	int lock = fs_lock(ct->dir, lock_name, &why);

	if (lock >= 0)
		return lock;
	if (fstatat(ct->dir, lock_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode) &&
		fs_remove(ct->dir, lock_name, NULL) == 0)
		return fs_lock(ct->dir, lock_name, e);
	return err_set(e, why.code, "%s", why.text);
}

static int
pin_file(struct client_trust *ct, const char *root_file, struct err *e)
{
	AUTO_BUF struct buf root = {0};
	AUTO_CLOSE int lock = -1;
	struct span bytes;
	struct trust *t;

	if (fs_read(AT_FDCWD, root_file, TRUST_ROOT_BYTES_MAX, &root, e) != 0)
		return err_wrap(e, "--trust-root");
	bytes = span_of(root.at, root.len);
	t = trust_new(bytes, 0, e);
	if (t == NULL)
		return err_wrap(e, "--trust-root %s", root_file);
	trust_free(t);
	/* Nobody waits for another run where nothing changes. */
	if (trusted_is_pinned(&ct->kept, bytes))
		return 0;
	lock = open_lock(ct, e);
	if (lock < 0)
		return err_wrap(e, ".trust");
	if (client_had_disown(ct->dir, e) != 0)
		return err_wrap(e, ".trust");
	if (trusted_pin(&ct->kept, bytes, e) != 0)
		return err_wrap(e, "--trust-root %s", root_file);
	return 0;
}

/* Made with the first root, and required from then on, whatever is left in it. */
static int
open_dir(struct client_trust *ct, bool make, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/.trust", ct->directory);
	struct err why = {0};
	struct stat st;

	ct->dir = make ? fs_make_dirs(AT_FDCWD, path, &why) : fs_open_dir(AT_FDCWD, path, &why);
	ct->kept.dir = ct->dir;
	/* Whatever else is in its place, a link that leads nowhere as well, is no want of a root.
	 */
	if (ct->dir < 0 && !make && lstat(path, &st) != 0 && errno == ENOENT)
		return 0;
	if (ct->dir < 0)
		return err_set(e, why.code, "%s", why.text);
	return fchmod(ct->dir, 0700) == 0 ? 0 : err_sys(e, "%s", path);
}

/* Of what is kept; whoever had the key for a while may have signed one that lives for years. */
static bool
is_due(const struct client_trust *ct, int64_t expires_s)
{
	const int64_t age_s = time(NULL) - ct->came_s;

	/* One that came in the future came by another clock. */
	return age_s < 0 || age_s >= ASK_MAX_S || age_s >= (expires_s - ct->came_s) / 3 * 2 ||
	       (!fs_exists(ct->dir, "pinned") && !fs_exists(ct->dir, "root.json"));
}

/* As far as is known without asking: when what is kept expires, and whether it is time to ask. */
static void
look_at_timestamp(struct client_trust *ct)
{
	AUTO_BUF struct buf bytes = {0};
	struct metadata *m;
	struct stat st;

	ct->came_s = ct->expires_s = 0;
	ct->due = true;
	if (fs_read(ct->dir, "timestamp.json", TRUST_TIMESTAMP_BYTES_MAX, &bytes, NULL) != 0 ||
		fstatat(ct->dir, "timestamp.json", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	m = metadata_parse(span_of(bytes.at, bytes.len), ROLE_TIMESTAMP, NULL);
	if (m != NULL) {
		ct->came_s = st.st_mtime;
		ct->expires_s = m->expires_s;
		ct->due = is_due(ct, m->expires_s);
	}
	metadata_free(m);
}

int
client_trust_open(struct client_trust *ct, const char *directory, const char *root_file,
	bool first_use, struct err *e)
{
	*ct = (struct client_trust){
		.directory = directory, .dir = -1, .first_use = first_use, .kept.dir = -1};
	if (open_dir(ct, root_file != NULL || first_use, e) != 0)
		return -1;
	if (root_file != NULL && pin_file(ct, root_file, e) != 0) {
		client_trust_close(ct);
		return -1;
	}
	if (client_trust_wanted(ct))
		look_at_timestamp(ct);
	return 0;
}

void
client_trust_close(struct client_trust *ct)
{
	trust_free(ct->trust);
	ct->trust = NULL;
	trusted_clear(&ct->kept);
	fs_close(&ct->dir);
}

bool
client_trust_wanted(const struct client_trust *ct)
{
	return ct != NULL && ct->dir >= 0;
}

bool
client_trust_asked(const struct client_trust *ct)
{
	return client_trust_wanted(ct) && (ct->now || ct->trust != NULL);
}

static struct timespec
put_at(const struct client_trust *ct, const char *name)
{
	struct stat st;

	return fstatat(ct->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtim
								     : (struct timespec){0};
}

static bool
is_at(const struct client_trust *ct, const char *name, const struct timespec *before)
{
	const struct timespec now = put_at(ct, name);

	return now.tv_sec == before->tv_sec && now.tv_nsec == before->tv_nsec;
}

/*
 * What was learnt of the server: a wait or a download may take days, in which it expires, or
 * another run learns more.
 */
static void
forget_old(struct client_trust *ct)
{
	if (ct->trust == NULL || ct->reply.outcome != UPSTREAM_FRESH ||
		(ct->asked_ms > 0 && clock_mono_ms() - ct->asked_ms < FRESH_MS &&
			trust_role(ct->trust, ROLE_TIMESTAMP)->expires_s > time(NULL) &&
			is_at(ct, "timestamp.json", &ct->kept_at)))
		return;
	trust_free(ct->trust);
	ct->trust = NULL;
	ct->now = false;
}

void
client_trust_again(struct client_trust *ct)
{
	if (ct == NULL || (ct->dir < 0 && (open_dir(ct, false, NULL) != 0 || ct->dir < 0)))
		return;
	ct->now = false;
	/* By another root nothing that was learnt holds. */
	if (!is_at(ct, "pinned", &ct->pinned_at))
		ct->asked_ms = 0;
	ct->pinned_at = put_at(ct, "pinned");
	forget_old(ct);
	look_at_timestamp(ct);
}

bool
client_trust_missed(const struct client_trust *ct)
{
	AUTO_FREE char *path = ct != NULL ? mem_printf("%s/.trust", ct->directory) : NULL;
	struct stat st;

	if (ct == NULL)
		return false;
	if (ct->dir < 0)
		return lstat(path, &st) == 0;
	return !is_at(ct, "pinned", &ct->pinned_at) ||
	       (ct->trust != NULL && !is_at(ct, "timestamp.json", &ct->kept_at));
}

/* ---- Asking */

/* Whoever answers the first time is believed, and nobody else after it. */
static void
take_first(struct client_trust *ct, const struct source_trust *s)
{
	struct source_request request = {.what = SOURCE_TRUST,
		.trust_file = "tuf/1.root.json",
		.trust_bytes_max = TRUST_ROOT_BYTES_MAX};

	if (ct->kept.read_only) {
		ct->reply = (struct upstream_reply){.outcome = UPSTREAM_BUSY};
		(void)err_set(&ct->reply.why, ERR_BUSY, ".trust: another run takes the first root");
		return;
	}
	source_fetch(s->upstream, s->source, &request, &ct->reply);
	if (ct->reply.outcome == UPSTREAM_FRESH &&
		trusted_pin(&ct->kept, span_of(request.bytes.at, request.bytes.len),
			&ct->reply.why) != 0)
		ct->reply.outcome = UPSTREAM_BROKEN;
	ct->pinned_at = put_at(ct, "pinned");
	if (ct->reply.outcome != UPSTREAM_FRESH)
		(void)err_wrap(&ct->reply.why, "%s", request.trust_file);
	source_clear(&request);
}

static void
run(struct client_trust *ct, const struct source_trust *s)
{
	struct err e = {0};

	ct->reply = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	if (verdict_check_clock(time(NULL), &e) != 0) {
		source_trust_refuse(&ct->reply, &e);
		return;
	}
	ct->trust = trusted_begin(&ct->kept, time(NULL), &e);
	if (ct->trust == NULL && e.code == ERR_MISSING && ct->first_use) {
		take_first(ct, s);
		if (ct->reply.outcome != UPSTREAM_FRESH)
			return;
		ct->trust = trusted_begin(&ct->kept, time(NULL), &e);
	}
	if (ct->trust != NULL) {
		source_trust_run(s, ct->trust, &ct->reply);
		return;
	}
	(void)err_wrap(&e, "no-root: .trust has none that can be used; give --trust-root");
	source_trust_refuse(&ct->reply, &e);
}

/*
 * What is kept is written by one at a time. Another run may take its time, with a server that does:
 * this one goes on without, and keeps nothing. -1: it cannot be locked at all.
 */
static int
take_lock(struct client_trust *ct, int *ret_lock, struct upstream_reply *ret)
{
	struct err e = {0};

	*ret_lock = open_lock(ct, &e);
	ct->kept.read_only = *ret_lock < 0;
	if (*ret_lock >= 0 || e.code == ERR_BUSY)
		return 0;
	*ret = (struct upstream_reply){.outcome = UPSTREAM_UNREACHABLE, .why = e};
	return err_wrap(&ret->why, ".trust");
}

void
client_trust_ask(struct client_trust *ct, struct upstream *upstream, struct source *source)
{
	const struct source_trust s = {
		.upstream = upstream, .source = source, .below = below, .kept = &ct->kept};
	AUTO_CLOSE int lock = -1;

	trust_free(ct->trust);
	ct->trust = NULL;
	ct->now = true;
	if (take_lock(ct, &lock, &ct->reply) != 0)
		return;
	run(ct, &s);
	look_at_timestamp(ct);
	/* The one that another run keeps may be an older one. */
	if (ct->reply.outcome == UPSTREAM_FRESH)
		ct->expires_s = trust_role(ct->trust, ROLE_TIMESTAMP)->expires_s;
	ct->asked_ms = clock_mono_ms();
	ct->kept_at = put_at(ct, "timestamp.json");
}

/* ---- What is listed */

void
client_trust_clear_signed(struct client_signed *s)
{
	free(s->advisory);
	*s = (struct client_signed){0};
}

/* *advised: the newest so far that has an advisory. */
static void
note_listed(const struct listed *listed, const struct ident *than, uint64_t *advised_version,
	const struct listed **advised, struct client_signed *ret)
{
	struct ident ident;
	uint64_t version;

	if (!ident_header_parse(listed->name, than->type, &ident))
		return;
	version = ident.edition.version;
	ret->newest = version > ret->newest ? version : ret->newest;
	if (version <= than->edition.version)
		return;
	ret->security = ret->security || listed->security;
	if (listed->advisory == NULL || version <= *advised_version)
		return;
	*advised_version = version;
	*advised = listed;
}

/* Where the last search ended there is the role of the type. */
static void
note_signed(const struct trust *t, const struct ident *installed, struct client_signed *ret)
{
	const struct metadata *m = trust_visited(t);
	const struct listed *advised = NULL;
	uint64_t advised_version = 0;

	client_trust_clear_signed(ret);
	if (m == NULL)
		m = trust_role(t, ROLE_TARGETS);
	ret->last = m->last;
	for (size_t i = 0; i < m->file_count; i++)
		note_listed(&m->files[i], installed, &advised_version, &advised, ret);
	if (advised != NULL)
		ret->advisory = mem_string(advised->advisory);
}

void
client_trust_had_signed(const struct client_trust *ct, const char *type, struct client_had *had)
{
	const struct ident installed = ident_of(type, &had->edition);
	struct client_signed s = {0};

	note_signed(ct->trust, &installed, &s);
	had->newest = s.newest;
	had->root = trust_role(ct->trust, ROLE_ROOT)->version;
	had->timestamp = trust_role(ct->trust, ROLE_TIMESTAMP)->version;
	had->security = s.security;
	had->advisory[0] = '\0';
	if (s.advisory != NULL && strlen(s.advisory) <= CLIENT_HAD_ADVISORY_MAX)
		memcpy(had->advisory, s.advisory, strlen(s.advisory) + 1);
	client_trust_clear_signed(&s);
}

static const struct listed *
find(struct client_trust *ct, const struct source_trust *s, const char *name,
	struct upstream_reply *ret_reply)
{
	AUTO_CLOSE int lock = -1;

	*ret_reply = ct->reply;
	if (ct->reply.outcome != UPSTREAM_FRESH)
		return NULL;
	if (take_lock(ct, &lock, ret_reply) != 0)
		return NULL;
	trust_find(ct->trust, name);
	source_trust_run(s, ct->trust, ret_reply);
	return ret_reply->outcome == UPSTREAM_FRESH ? trust_found(ct->trust) : NULL;
}

const struct listed *
client_trust_find(struct client_trust *ct, struct upstream *upstream, struct source *source,
	const struct client_want *want, struct client_signed *ret_signed,
	struct upstream_reply *ret_reply)
{
	const struct source_trust s = {
		.upstream = upstream, .source = source, .below = below, .kept = &ct->kept};
	const struct listed *listed = NULL;
	char name[IDENT_NAME_MAX];

	(void)ident_header_name(want->ident, name);
	forget_old(ct);
	*ret_reply = ct->reply;
	if (ct->trust != NULL)
		listed = find(ct, &s, name, ret_reply);
	/* What was learnt in an earlier try may not know of it yet. */
	if (listed == NULL && !ct->now) {
		client_trust_ask(ct, upstream, source);
		listed = find(ct, &s, name, ret_reply);
	}
	if (ret_reply->outcome != UPSTREAM_FRESH)
		return NULL;
	if (ret_signed != NULL)
		note_signed(ct->trust, want->installed, ret_signed);
	if (listed != NULL)
		return listed;
	source_trust_refuse_unlisted(ret_reply, name);
	return NULL;
}

const char *
client_trust_word(const struct upstream_reply *reply, char ret[16])
{
	if (reply->outcome == UPSTREAM_FRESH)
		(void)snprintf(ret, 16, "good");
	else if (reply->outcome == UPSTREAM_UNTRUSTED)
		(void)snprintf(
			ret, 16, "%.*s", (int)strcspn(reply->why.text, ":"), reply->why.text);
	else
		(void)snprintf(ret, 16, "unknown");
	return ret;
}
