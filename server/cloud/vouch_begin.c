/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch_begin.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cloud/vouch_root.h"
#include "log.h"

/* No role has a file of this name. */
static const char mark[] = "announced";

/* ---- What was lost is in what was handed on */

/* As it was when it came: what expired since expired to be handed on, too. */
static bool
open_state(struct trusted *kept, int tuf, struct trusted_state *ret)
{
	struct trust *t;

	if (trusted_state_open(kept->dir, ret, NULL) == 0)
		return true;
	t = tuf >= 0 ? trusted_begin(kept, 0, NULL) : NULL;
	if (t != NULL)
		(void)trusted_follow(kept, tuf, t, NULL);
	trust_free(t);
	return t != NULL && trusted_state_open(kept->dir, ret, NULL) == 0;
}

static bool
is_listed(struct trusted_state *state, int tuf, const char *name)
{
	if (trusted_state_lists(state, name))
		return true;
	trust_find(state->trust, name);
	return tuf >= 0 && trusted_follow(&state->kept, tuf, state->trust, NULL) == 0 &&
	       trust_found(state->trust) != NULL;
}

/* ---- What is announced */

/* Of types in use: what is announced, and not listed by who may sign it as we know them. */
static void
list_unverified(struct stock *stock, struct trusted_state *state, int tuf, struct idents *ret)
{
	struct view *view = stock_view(stock);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		const struct ident announced = ident_of(t->type, &t->announced);
		char name[IDENT_NAME_MAX];

		if (t->count > 0 && t->announced.version > 0 &&
			(state == NULL ||
				!is_listed(state, tuf, ident_header_name(&announced, name))))
			idents_add(ret, &announced);
	}
	view_release(view);
}

/*
 * A server that was started without a root, or with another one, announced what it was told. It is
 * announced again once it was looked up.
 */
static int
forget_unverified(struct announce *announce, const struct idents *unverified, struct err *e)
{
	for (size_t i = 0; i < unverified->count; i++)
		log_note(EVENT_UNTRUSTED,
			"%s: what is announced was not verified; it is announced again once it is",
			unverified->at[i].type);
	return announce_forget(announce, unverified, e);
}

/* ---- Once */

enum { MARK_LEN = 2 * DIGEST_HEX };

/* What is announced, by the root that is pinned. */
static int
read_mark_of_now(int kept, struct repo *repo, char ret[MARK_LEN + 1], struct err *e)
{
	AUTO_BUF struct buf root = {0};
	AUTO_BUF struct buf query = {0};
	struct err why = {0};
	struct digest digest;

	if (fs_read(kept, "pinned", TRUST_ROOT_BYTES_MAX, &root, e) != 0)
		return -1;
	if (repo_read(repo, "q", WIRE_QUERY_BYTES_MAX, &query, &why) != 0 &&
		why.code != ERR_MISSING)
		return err_set(e, why.code, "%s", why.text);
	digest = digest_of(span_of(root.at, root.len));
	(void)digest_hex(&digest, ret);
	digest = digest_of(span_of(query.at, query.len));
	(void)digest_hex(&digest, ret + DIGEST_HEX);
	return 0;
}

static bool
is_marked(int kept, const char *now)
{
	AUTO_BUF struct buf there = {0};

	return fs_read(kept, mark, MARK_LEN, &there, NULL) == 0 && there.len == MARK_LEN &&
	       memcmp(there.at, now, MARK_LEN) == 0;
}

int
vouch_begin_mark(const struct vouch_ask *ask, struct stock *stock, struct err *e)
{
	char now[MARK_LEN + 1];

	if (read_mark_of_now(ask->kept.dir, stock_repo(stock), now, e) != 0)
		return -1;
	return is_marked(ask->kept.dir, now)
		       ? 0
		       : fs_put_over(ask->kept.dir, "new", mark, span_of(now, MARK_LEN), e);
}

int
vouch_begin(struct vouch_ask *ask, struct stock *stock, struct announce *announce,
	struct trusted_state *ret, bool *ret_verified, struct err *e)
{
	AUTO_CLOSE int tuf = fs_open_dir(repo_dir(stock_repo(stock)), "tuf", NULL);
	AUTO_IDENTS struct idents unverified = {0};
	char now[MARK_LEN + 1];

	*ret_verified = open_state(&ask->kept, tuf, ret);
	if (read_mark_of_now(ask->kept.dir, stock_repo(stock), now, e) != 0)
		return -1;
	if (is_marked(ask->kept.dir, now))
		return 0;
	list_unverified(stock, *ret_verified ? ret : NULL, tuf, &unverified);
	if (forget_unverified(announce, &unverified, e) != 0)
		return -1;
	return vouch_begin_mark(ask, stock, e);
}

int
vouch_begin_unsigned(const struct options *o, struct err *e)
{
	AUTO_FREE char *path = vouch_root_kept(o);
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, path, NULL);

	if (dir < 0 || !fs_exists(dir, mark))
		return 0;
	return fs_remove(dir, mark, e) == 0 ? fs_sync(dir, path, e) : -1;
}
