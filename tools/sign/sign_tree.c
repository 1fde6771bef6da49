/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_tree.h"

#include <fcntl.h>

#include "base/fs.h"
#include "signed_tree_commit.h"
#include "trust/trust.h"

static int
open_locked(const char *path, struct repo **ret_repo, struct signed_tree **ret, struct err *e)
{
	return repo_open(path, false, ret_repo, e) == 0 && repo_lock(*ret_repo, e) == 0
		       ? signed_tree_open(*ret_repo, ret, e)
		       : -1;
}

static int
role_of(struct span bytes, enum role *ret, struct err *e)
{
	struct envelope *v = envelope_read(bytes, e);
	int result = v != NULL ? metadata_role(v, ret, e) : -1;

	envelope_free(v);
	if (result == 0 && *ret != ROLE_ROOT && *ret != ROLE_TARGETS)
		return err_set(e, ERR_INPUT, "%s is made by: guts2-sign refresh",
			metadata_role_name(*ret));
	return result;
}

int
sign_tree_publish(
	const char *repo, const char *file, const char *type, struct sign_state *ret, struct err *e)
{
	AUTO_REPO struct repo *opened = NULL;
	AUTO_BUF struct buf bytes = {0};
	struct signed_tree *t = NULL;
	enum role role;
	int result = -1;

	if (fs_read(AT_FDCWD, file, TRUST_TARGETS_BYTES_MAX, &bytes, e) != 0)
		return -1;
	if (role_of(span_of(bytes.at, bytes.len), &role, e) != 0)
		return err_wrap(e, "%s", file);
	if (open_locked(repo, &opened, &t, e) == 0) {
		*ret = (struct sign_state){.role = role};
		result = signed_tree_put(
			t, role, type, span_of(bytes.at, bytes.len), &ret->version, e);
		if (result != 0)
			(void)err_wrap(e, "%s", file);
	}
	signed_tree_close(t);
	return result;
}

int
sign_tree_refresh(const char *repo, const struct keys *keys, struct sign_state *ret, struct err *e)
{
	AUTO_REPO struct repo *opened = NULL;
	struct signed_tree *t = NULL;
	int result = -1;

	*ret = (struct sign_state){.role = ROLE_TIMESTAMP};
	if (open_locked(repo, &opened, &t, e) == 0) {
		result = signed_tree_commit(t, keys, &ret->version, e);
		if (result != 0)
			(void)err_wrap(e, "%s", repo);
	}
	signed_tree_close(t);
	return result;
}
