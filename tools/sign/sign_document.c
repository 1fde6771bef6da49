/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_document.h"

#include <fcntl.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "signed_tree.h"
#include "trust/trust.h"

static int64_t
expiry(enum role role, uint64_t days)
{
	return days > 0 ? time(NULL) + (int64_t)days * 86400 : signed_tree_expiry(role, false);
}

/* ---- Files */

static struct draft *
read_document(const char *path, enum role role, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct draft *d;

	if (fs_read(AT_FDCWD, path, TRUST_TARGETS_BYTES_MAX, &bytes, e) != 0)
		return NULL;
	d = draft_read(span_of(bytes.at, bytes.len), role, e);
	if (d == NULL)
		(void)err_wrap(e, "%s", path);
	return d;
}

/* To be changed: made, or the next version, or as it is. */
static struct draft *
open_document(const char *path, enum role role, uint64_t days, struct err *e)
{
	struct err why = {0};
	struct draft *d = read_document(path, role, &why);

	if (d == NULL && why.code == ERR_MISSING)
		return draft_new(role, expiry(role, days));
	if (d == NULL && e != NULL)
		*e = why;
	if (d != NULL && draft_is_signed(d))
		draft_renew(d, expiry(role, days));
	else if (d != NULL && days > 0)
		draft_set_expiry(d, expiry(role, days));
	return d;
}

/*
 * Who has signed a root by what it says itself; the one before has its say when it is published.
 * keys: those that signed now; NULL: none.
 */
static void
count_signers(struct span bytes, enum role role, const struct keys *keys, struct sign_state *ret)
{
	struct envelope *v = envelope_read(bytes, NULL);
	struct metadata *m = v != NULL ? metadata_read(v, role, NULL) : NULL;

	if (m != NULL && role == ROLE_ROOT) {
		ret->signatures = envelope_signers(v, &m->keys, &m->signers[ROLE_ROOT]);
		ret->required = m->signers[ROLE_ROOT].threshold;
		if (keys != NULL)
			ret->strangers = (unsigned)keys->count -
					 keys_count(keys, &m->keys, &m->signers[ROLE_ROOT]);
	}
	metadata_free(m);
	envelope_free(v);
}

static int
write_document(const char *path, enum role role, const struct draft *d, const struct keys *keys,
	struct sign_state *ret, struct err *e)
{
	AUTO_FREE char *stage = mem_printf("%s.new", path);
	AUTO_BUF struct buf bytes = {0};

	draft_format(d, &bytes);
	*ret = (struct sign_state){
		.role = role, .version = draft_version(d), .is_signed = draft_is_signed(d)};
	count_signers(span_of(bytes.at, bytes.len), role, keys, ret);
	return fs_put(AT_FDCWD, stage, path, span_of(bytes.at, bytes.len), e);
}

/* ---- Root */

static int
change_root(struct draft *d, const struct sign_change *c, struct err *e)
{
	struct key *key;

	switch (c->what) {
	case SIGN_ADD:
		key = keys_open_public(c->text, e);
		if (key == NULL)
			return -1;
		draft_add_key(d, c->role, key);
		key_free(key);
		return 0;
	case SIGN_REMOVE:
		return draft_remove_key(d, c->role, c->text, e);
	case SIGN_THRESHOLD:
		break;
	}
	draft_set_threshold(d, c->role, c->threshold);
	return 0;
}

int
sign_document_root(
	const char *path, const struct sign_changes *c, struct sign_state *ret, struct err *e)
{
	struct draft *d = open_document(path, ROLE_ROOT, c->days, e);
	int result = d != NULL ? 0 : -1;

	for (size_t i = 0; result == 0 && i < c->count; i++)
		result = change_root(d, &c->at[i], e);
	if (result == 0)
		result = draft_check_root(d, e);
	if (result == 0)
		result = write_document(path, ROLE_ROOT, d, NULL, ret, e);
	draft_free(d);
	return result;
}

/* ---- Targets */

int
sign_document_delegate(const char *path, const char *type, const char *const *keys, size_t count,
	unsigned threshold, uint64_t days, struct sign_state *ret, struct err *e)
{
	AUTO_FREE char *role = mem_printf("t-%s", type);
	AUTO_FREE char *pattern = mem_printf("h;t=%s;*", type);
	AUTO_FREE struct key **opened = mem_new(count, sizeof(struct key *));
	struct draft *d = open_document(path, ROLE_TARGETS, days, e);
	int result = d != NULL ? 0 : -1;

	for (size_t i = 0; result == 0 && i < count; i++) {
		opened[i] = keys_open_public(keys[i], e);
		result = opened[i] != NULL ? 0 : -1;
	}
	if (result == 0) {
		draft_delegate(
			d, role, pattern, (const struct key *const *)opened, count, threshold);
		result = write_document(path, ROLE_TARGETS, d, NULL, ret, e);
	}
	for (size_t i = 0; i < count; i++)
		key_free(opened[i]);
	draft_free(d);
	return result;
}

int
sign_document_revoke(
	const char *path, const char *type, uint64_t days, struct sign_state *ret, struct err *e)
{
	AUTO_FREE char *role = mem_printf("t-%s", type);
	struct draft *d = open_document(path, ROLE_TARGETS, days, e);
	int result = -1;

	if (d != NULL && draft_revoke(d, role, e) == 0)
		result = write_document(path, ROLE_TARGETS, d, NULL, ret, e);
	draft_free(d);
	return result;
}

/* ---- Signing */

static int
role_of_file(const char *path, enum role *ret, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct envelope *v;
	int result;

	if (fs_read(AT_FDCWD, path, TRUST_TARGETS_BYTES_MAX, &bytes, e) != 0)
		return -1;
	v = envelope_read(span_of(bytes.at, bytes.len), e);
	result = v != NULL && metadata_role(v, ret, e) == 0 ? 0 : err_wrap(e, "%s", path);
	envelope_free(v);
	return result;
}

int
sign_document_sign(const char *path, const struct keys *keys, struct sign_state *ret, struct err *e)
{
	enum role role = ROLE_ROOT;
	struct draft *d = role_of_file(path, &role, e) == 0 ? read_document(path, role, e) : NULL;
	int result = -1;

	if (d != NULL && keys_sign(keys, NULL, NULL, d, e) == 0)
		result = write_document(path, role, d, keys, ret, e);
	draft_free(d);
	return result;
}
