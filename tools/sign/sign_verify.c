/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/header.h"
#include "model/wire.h"
#include "store/trusted.h"

struct seen {
	int dir; /* the repository */
	int tuf;
	struct trust *trust;
	const struct sign_visitor *visitor;
	bool lists; /* any header */
	/* Announced, and in no role that was visited. */
	struct idents query;
};

/* As a client that has kept nothing. -1: it does not trust what there is. */
static int
follow(const struct seen *s, struct err *e)
{
	struct trusted nothing = {.dir = -1};

	if (trusted_follow(&nothing, s->tuf, s->trust, e) != 0)
		return -1;
	return trust_verdict(s->trust) == VERDICT_GOOD
		       ? 0
		       : err_set(e, ERR_INPUT, "%s: %s", verdict_name(trust_verdict(s->trust)),
				 trust_why(s->trust));
}

/* ---- What a role lists */

/* Under its own name, and under that of other clients of the framework. */
static int
check_header(const struct seen *s, const struct listed *listed, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *other =
		mem_printf("tuf/targets/%s.%s", digest_hex(&listed->sha256, hex), listed->name);
	const char *const names[] = {listed->name, other};

	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF struct buf bytes = {0};

		if (fs_read(s->dir, names[i], HEADER_BYTES_MAX, &bytes, e) != 0)
			return -1;
		if (metadata_check(listed, span_of(bytes.at, bytes.len), e) != 0)
			return err_wrap(e, "%s", names[i]);
	}
	return 0;
}

/* A path that is left to the role, and that nobody lists: all of the way there is looked at. */
static char *
path_of(const struct delegation *d)
{
	char *path = mem_string(d->pattern_count > 0 ? d->patterns[0] : "");

	path[strcspn(path, "*?")] = '\0';
	return path;
}

/* That role has been verified: it is not looked up again. */
static void
pass_announced(struct seen *s, const char *role, const struct metadata *m)
{
	const char *type = strncmp(role, "t-", 2) == 0 ? role + 2 : role;
	const struct ident *announced = idents_find(&s->query, type);
	char name[IDENT_NAME_MAX];

	if (announced != NULL && metadata_find(m, ident_header_name(announced, name)) != NULL)
		(void)idents_remove(&s->query, announced->type, 0);
}

static int
visit(struct seen *s, const struct delegation *d, struct err *e)
{
	AUTO_FREE char *path = path_of(d);
	const struct metadata *m;

	trust_find(s->trust, path);
	if (follow(s, e) != 0)
		return -1;
	m = trust_visited(s->trust);
	if (m == NULL)
		return err_set(e, ERR_INPUT, "%s: no path leads to it", d->name);
	s->visitor->role(s->visitor->context, d->name, m);
	s->lists = s->lists || m->file_count > 0;
	pass_announced(s, d->name, m);
	for (size_t i = 0; i < m->file_count; i++)
		if (check_header(s, &m->files[i], e) != 0)
			return err_wrap(e, "%s", d->name);
	return 0;
}

/* ---- What is announced */

static bool
is_listed_role(const struct seen *s, const char *type)
{
	AUTO_FREE char *file = mem_printf("t-%s.json", type);

	return metadata_find(trust_role(s->trust, ROLE_SNAPSHOT), file) != NULL;
}

static int
check_announced(const struct seen *s, const struct ident *ident, struct err *e)
{
	char name[IDENT_NAME_MAX];

	trust_find(s->trust, ident_header_name(ident, name));
	if (follow(s, e) != 0)
		return -1;
	if (trust_found(s->trust) != NULL)
		return 0;
	if (trust_visited(s->trust) != NULL || is_listed_role(s, ident->type))
		return err_set(e, ERR_INPUT,
			"q: %s is announced, and nobody has signed it, or may any more; to mend "
			"it: guts2-sign refresh",
			name);
	s->visitor->unsigned_type(s->visitor->context, ident->type);
	return 0;
}

static int
read_query(struct seen *s, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};

	if (fs_read(s->dir, "q", WIRE_QUERY_BYTES_MAX, &bytes, e) != 0)
		return err_wrap(e, "what is listed is not announced; see guts2-publish init");
	if (wire_query_parse(span_of(bytes.at, bytes.len), &s->query, e) != 0)
		return err_wrap(e, "q");
	return 0;
}

/* A tree of documents alone announces nothing. */
static int
check_query(const struct seen *s, const struct err *unread, struct err *e)
{
	if (unread->code != ERR_NONE && (s->lists || fs_exists(s->dir, "q")))
		return err_set(e, unread->code, "%s", unread->text);
	for (size_t i = 0; i < s->query.count; i++)
		if (check_announced(s, &s->query.at[i], e) != 0)
			return -1;
	return 0;
}

static int
verify_all(struct seen *s, struct err *e)
{
	const struct metadata *targets;
	struct err unread = {0};

	(void)read_query(s, &unread);
	for (int role = 0; role < ROLE_COUNT; role++)
		s->visitor->role(s->visitor->context, metadata_role_name((enum role)role),
			trust_role(s->trust, (enum role)role));
	targets = trust_role(s->trust, ROLE_TARGETS);
	for (size_t i = 0; i < targets->delegation_count; i++)
		if (visit(s, &targets->delegations[i], e) != 0)
			return -1;
	return check_query(s, &unread, e);
}

static int
read_newest_root(const struct seen *s, struct buf *ret, struct err *e)
{
	AUTO_FREE char *file =
		mem_printf("%" PRIu64 ".root.json", trust_role(s->trust, ROLE_ROOT)->version);

	buf_clear(ret);
	return fs_read(s->tuf, file, TRUST_ROOT_BYTES_MAX, ret, e);
}

/* As a client, whose next try goes on with the root that it had last. -1: not trusted. */
static int
follow_all(struct seen *s, struct span root, int64_t now_s, struct err *e)
{
	AUTO_BUF struct buf last = {0};
	int result;
	bool more;

	do {
		trust_free(s->trust);
		s->trust = trust_new(root, now_s, e);
		result = s->trust != NULL ? follow(s, e) : -1;
		more = s->trust != NULL && trust_more_roots(s->trust);
		if (more && read_newest_root(s, &last, e) != 0)
			return -1;
		root = span_of(last.at, last.len);
	} while (more);
	return result;
}

int
sign_verify(const char *repo, const char *root, int64_t now_s, const struct sign_visitor *visitor,
	struct err *e)
{
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, repo, e);
	AUTO_CLOSE int tuf = dir >= 0 ? fs_open_dir(dir, "tuf", e) : -1;
	AUTO_BUF struct buf bytes = {0};
	struct seen s = {.dir = dir, .tuf = tuf, .visitor = visitor};
	int result = -1;

	if (tuf >= 0 &&
		fs_read(root != NULL ? AT_FDCWD : tuf, root != NULL ? root : "1.root.json",
			TRUST_ROOT_BYTES_MAX, &bytes, e) == 0 &&
		follow_all(&s, span_of(bytes.at, bytes.len), now_s, e) == 0)
		result = verify_all(&s, e);
	trust_free(s.trust);
	idents_free(&s.query);
	return result == 0 ? 0 : err_wrap(e, "%s", repo);
}
