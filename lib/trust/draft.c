/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/draft.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

struct draft {
	json_t *doc;
	enum role role;
};

static json_t *
content(const struct draft *d)
{
	return json_object_get(d->doc, "signed");
}

static json_t *
member(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert(value != NULL);
	return value;
}

/* What was signed was another document. */
static void
changed(struct draft *d)
{
	(void)json_object_set_new(d->doc, "signatures", json_array());
}

/* ---- Beginning */

static json_t *
time_text(int64_t s)
{
	char text[CLOCK_TEXT];

	return json_string(clock_text(s, text));
}

static void
add_lists(json_t *signed_, enum role role)
{
	json_t *roles = json_object();

	switch (role) {
	case ROLE_ROOT:
		for (int i = 0; i < ROLE_COUNT; i++)
			(void)json_object_set_new(roles, metadata_role_name((enum role)i),
				json_pack("{s:[],s:i}", "keyids", "threshold", 1));
		(void)json_object_set_new(signed_, "consistent_snapshot", json_true());
		(void)json_object_set_new(signed_, "keys", json_object());
		(void)json_object_set(signed_, "roles", roles);
		break;
	case ROLE_TARGETS:
		(void)json_object_set_new(signed_, "targets", json_object());
		break;
	case ROLE_TIMESTAMP:
	case ROLE_SNAPSHOT:
	case ROLE_COUNT:
		(void)json_object_set_new(signed_, "meta", json_object());
		break;
	}
	json_decref(roles);
}

struct draft *
draft_new(enum role role, int64_t expires_s)
{
	struct draft *d = mem_new(1, sizeof(*d));

	d->role = role;
	d->doc = json_pack("{s:[],s:{s:s,s:s,s:i,s:o}}", "signatures", "signed", "_type",
		metadata_role_name(role), "spec_version", "1.0.34", "version", 1, "expires",
		time_text(expires_s));
	add_lists(content(d), role);
	return d;
}

struct draft *
draft_read(struct span bytes, enum role role, struct err *e)
{
	struct metadata *m = metadata_parse(bytes, role, e);
	struct draft *d = NULL;

	if (m != NULL) {
		d = mem_new(1, sizeof(*d));
		d->role = role;
		/* What metadata_parse has read is read again: this one is changed. */
		d->doc = doc_parse(bytes, e);
		assert(d->doc != NULL);
	}
	metadata_free(m);
	return d;
}

void
draft_free(struct draft *d)
{
	if (d == NULL)
		return;
	json_decref(d->doc);
	free(d);
}

void
draft_set_expiry(struct draft *d, int64_t expires_s)
{
	changed(d);
	(void)json_object_set_new(content(d), "expires", time_text(expires_s));
}

void
draft_renew(struct draft *d, int64_t expires_s)
{
	draft_set_expiry(d, expires_s);
	draft_set_version(d, draft_version(d) + 1);
}

void
draft_set_version(struct draft *d, uint64_t version)
{
	(void)json_object_set_new(content(d), "version", json_integer((json_int_t)version));
}

uint64_t
draft_version(const struct draft *d)
{
	return (uint64_t)json_integer_value(json_object_get(content(d), "version"));
}

/* ---- Keys */

static json_t *
key_object(const struct key *key)
{
	AUTO_BUF struct buf text = {0};

	key_text(key, &text);
	return json_pack("{s:s,s:s,s:{s:s}}", "keytype", key_type(key), "scheme", key_scheme(key),
		"keyval", "public", text.at);
}

char *
draft_key_id(const struct key *key, char ret[DRAFT_ID_MAX])
{
	AUTO_DOC json_t *object = key_object(key);
	AUTO_BUF struct buf canonical = {0};
	struct digest digest;

	(void)envelope_canonical(object, &canonical, NULL);
	digest = digest_of(span_of(canonical.at, canonical.len));
	return digest_hex(&digest, ret);
}

void
draft_format_key(const struct key *key, struct buf *ret)
{
	doc_format(key_object(key), ret);
}

struct key *
draft_read_key(struct span json, struct err *e)
{
	AUTO_DOC json_t *object = doc_parse(json, e);
	const char *keytype = object != NULL ? doc_string(object, "keytype", e) : NULL;
	const char *scheme = keytype != NULL ? doc_string(object, "scheme", e) : NULL;
	const json_t *value = json_object_get(object, "keyval");
	const char *text = json_string_value(json_object_get(value, "public"));
	struct key *key;

	if (scheme == NULL)
		return NULL;
	key = text != NULL ? key_read(keytype, scheme, text) : NULL;
	if (key == NULL)
		(void)err_set(e, ERR_INPUT, "no public key of a kind that is known");
	return key;
}

/* SIZE_MAX: it is not in the list. */
static size_t
find_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return i;
	return SIZE_MAX;
}

/* who: an object with keyids; keys: where what is known of them stands. */
static void
add_key(json_t *who, json_t *keys, const struct key *key)
{
	char id[DRAFT_ID_MAX];
	json_t *ids = member(who, "keyids");

	(void)draft_key_id(key, id);
	(void)json_object_set_new(keys, id, key_object(key));
	if (find_text(ids, id) == SIZE_MAX)
		(void)json_array_append_new(ids, json_string(id));
}

static json_t *
role_of(const struct draft *d, enum role role)
{
	assert(d->role == ROLE_ROOT);
	return member(member(content(d), "roles"), metadata_role_name(role));
}

void
draft_add_key(struct draft *d, enum role role, const struct key *key)
{
	changed(d);
	add_key(role_of(d, role), member(content(d), "keys"), key);
}

/* A key that nobody is to sign with any more is not listed. */
static void
drop_unused_key(struct draft *d, const char *id)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		if (find_text(member(role_of(d, (enum role)role), "keyids"), id) != SIZE_MAX)
			return;
	(void)json_object_del(member(content(d), "keys"), id);
}

int
draft_remove_key(struct draft *d, enum role role, const char *id, struct err *e)
{
	json_t *ids = member(role_of(d, role), "keyids");
	size_t at = find_text(ids, id);

	if (at == SIZE_MAX)
		return err_set(e, ERR_MISSING, "key %.64s does not sign for %s", id,
			metadata_role_name(role));
	changed(d);
	(void)json_array_remove(ids, at);
	drop_unused_key(d, id);
	return 0;
}

void
draft_set_threshold(struct draft *d, enum role role, unsigned threshold)
{
	changed(d);
	(void)json_object_set_new(role_of(d, role), "threshold", json_integer(threshold));
}

int
draft_check_root(const struct draft *d, struct err *e)
{
	for (int role = 0; role < ROLE_COUNT; role++) {
		json_t *who = role_of(d, (enum role)role);
		size_t count = json_array_size(member(who, "keyids"));
		json_int_t threshold = json_integer_value(member(who, "threshold"));

		if (threshold > (json_int_t)count)
			return err_set(e, ERR_INPUT,
				"%s: %lld of its keys have to sign, and it has %zu",
				metadata_role_name((enum role)role), (long long)threshold, count);
	}
	return 0;
}

/* ---- Lists */

static json_t *
hashes_of(struct span bytes)
{
	struct digest digest = digest_of(bytes);
	char hex[DIGEST_HEX + 1];

	return json_pack("{s:s}", "sha256", digest_hex(&digest, hex));
}

void
draft_list(struct draft *d, const char *file, uint64_t version, struct span bytes)
{
	changed(d);
	(void)json_object_set_new(member(content(d), "meta"), file,
		json_pack("{s:I,s:I,s:o}", "version", (json_int_t)version, "length",
			(json_int_t)bytes.len, "hashes", hashes_of(bytes)));
}

void
draft_add_target(struct draft *d, const char *path, struct span bytes, json_t *take_custom)
{
	changed(d);
	(void)json_object_set_new(member(content(d), "targets"), path,
		json_pack("{s:I,s:o,s:{s:o}}", "length", (json_int_t)bytes.len, "hashes",
			hashes_of(bytes), "custom", "guts2", take_custom));
}

int
draft_remove_target(struct draft *d, const char *path, struct err *e)
{
	if (json_object_del(member(content(d), "targets"), path) != 0)
		return err_set(e, ERR_MISSING, "%s is not listed", path);
	changed(d);
	return 0;
}

void
draft_each_target(
	const struct draft *d, void (*visit)(void *context, const char *path), void *context)
{
	json_t *targets = member(content(d), "targets");

	for (void *at = json_object_iter(targets); at != NULL;
		at = json_object_iter_next(targets, at))
		visit(context, json_object_iter_key(at));
}

/* Unknown to readers: what is unknown is passed over. */
void
draft_set_last(struct draft *d, uint64_t last)
{
	changed(d);
	(void)json_object_set_new(
		content(d), "custom", json_pack("{s:{s:I}}", "guts2", "last", (json_int_t)last));
}

uint64_t
draft_last(const struct draft *d)
{
	const json_t *custom = json_object_get(content(d), "custom");
	json_int_t last =
		json_integer_value(json_object_get(json_object_get(custom, "guts2"), "last"));

	return last > 0 ? (uint64_t)last : 0;
}

/* ---- Delegations */

static json_t *
delegations(struct draft *d)
{
	json_t *found = json_object_get(content(d), "delegations");

	if (found != NULL)
		return found;
	(void)json_object_set_new(
		content(d), "delegations", json_pack("{s:{},s:[]}", "keys", "roles"));
	return member(content(d), "delegations");
}

static size_t
find_role(const json_t *roles, const char *name)
{
	for (size_t i = 0; i < json_array_size(roles); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(roles, i), "name")),
			    name) == 0)
			return i;
	return SIZE_MAX;
}

/* Keys of roles that are gone. */
static void
drop_unused_keys(json_t *delegated)
{
	json_t *keys = member(delegated, "keys");
	const json_t *roles = member(delegated, "roles");
	const char *id;
	json_t *key;
	void *next;

	json_object_foreach_safe(keys, next, id, key)
	{
		bool used = false;

		for (size_t i = 0; i < json_array_size(roles); i++)
			used = used ||
			       find_text(json_object_get(json_array_get(roles, i), "keyids"), id) !=
				       SIZE_MAX;
		if (!used)
			(void)json_object_del(keys, id);
	}
}

void
draft_delegate(struct draft *d, const char *role, const char *pattern,
	const struct key *const *keys, size_t count, unsigned threshold)
{
	json_t *delegated = delegations(d);
	json_t *roles = member(delegated, "roles");
	size_t at = find_role(roles, role);
	json_t *entry = json_pack("{s:s,s:[],s:i,s:b,s:[s]}", "name", role, "keyids", "threshold",
		(int)threshold, "terminating", true, "paths", pattern);

	changed(d);
	for (size_t i = 0; i < count; i++)
		add_key(entry, member(delegated, "keys"), keys[i]);
	if (at == SIZE_MAX)
		(void)json_array_append_new(roles, entry);
	else
		(void)json_array_set_new(roles, at, entry);
	drop_unused_keys(delegated);
}

int
draft_revoke(struct draft *d, const char *role, struct err *e)
{
	json_t *delegated = delegations(d);
	size_t at = find_role(member(delegated, "roles"), role);

	if (at == SIZE_MAX)
		return err_set(e, ERR_MISSING, "nothing is delegated to %s", role);
	changed(d);
	(void)json_array_remove(member(delegated, "roles"), at);
	drop_unused_keys(delegated);
	return 0;
}

/* ---- Signatures */

void
draft_signed(const struct draft *d, struct buf *ret)
{
	(void)envelope_canonical(content(d), ret, NULL);
}

void
draft_add_signature(struct draft *d, const struct key *key, struct span signature)
{
	json_t *signatures = member(d->doc, "signatures");
	AUTO_BUF struct buf hex = {0};
	char id[DRAFT_ID_MAX];

	(void)draft_key_id(key, id);
	for (size_t i = json_array_size(signatures); i-- > 0;)
		if (strcmp(json_string_value(
				   json_object_get(json_array_get(signatures, i), "keyid")),
			    id) == 0)
			(void)json_array_remove(signatures, i);
	for (size_t i = 0; i < signature.len; i++)
		buf_printf(&hex, "%02x", (unsigned char)signature.at[i]);
	(void)json_array_append_new(signatures, json_pack("{s:s,s:s}", "keyid", id, "sig", hex.at));
}

void
draft_sign(struct draft *d, const struct key *key)
{
	AUTO_BUF struct buf bytes = {0};
	AUTO_BUF struct buf signature = {0};

	draft_signed(d, &bytes);
	key_sign(key, span_of(bytes.at, bytes.len), &signature);
	draft_add_signature(d, key, span_of(signature.at, signature.len));
}

bool
draft_is_signed(const struct draft *d)
{
	return json_array_size(member(d->doc, "signatures")) > 0;
}

void
draft_format(const struct draft *d, struct buf *ret)
{
	doc_format(json_incref(d->doc), ret);
}
