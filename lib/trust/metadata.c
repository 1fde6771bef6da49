/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/metadata.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_ROOT] = "root",
	[ROLE_TIMESTAMP] = "timestamp",
	[ROLE_SNAPSHOT] = "snapshot",
	[ROLE_TARGETS] = "targets",
};

const char *
metadata_role_name(enum role role)
{
	return role_names[role];
}

int
metadata_role(const struct envelope *v, enum role *ret, struct err *e)
{
	const char *type = doc_string(envelope_signed(v), "_type", e);

	if (type == NULL)
		return -1;
	for (int role = 0; role < ROLE_COUNT; role++)
		if (strcmp(type, role_names[role]) == 0) {
			*ret = (enum role)role;
			return 0;
		}
	return err_set(e, ERR_INPUT, "field _type: %.64s is no role", type);
}

/* ---- What all roles have */

/* Decimal digits only; -1: not that many of them. */
static int
digits(const char *s, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = 10 * value + s[i] - '0';
	}
	return value;
}

/* Days since 1970 of a date of the Gregorian calendar, which has 146,097 in 400 years. */
static int64_t
days_of(int year, int month, int day)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t last = year - 1;

	return 365 * last + last / 4 - last / 100 + last / 400 - 719162 + before[month - 1] +
	       (leap && month > 2) + day - 1;
}

static int
days_in(int year, int month)
{
	return (int)(month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1));
}

/* Exactly YYYY-MM-DDTHH:MM:SSZ: TUF, section 4.2.1. */
static bool
read_time(const char *s, int64_t *ret_s)
{
	int part[6];
	static const struct {
		int at, count;
		char after;
	} form[6] = {
		{0, 4, '-'}, {5, 2, '-'}, {8, 2, 'T'}, {11, 2, ':'}, {14, 2, ':'}, {17, 2, 'Z'}};

	if (strlen(s) != 20)
		return false;
	for (int i = 0; i < 6; i++) {
		part[i] = digits(s + form[i].at, form[i].count);
		if (part[i] < 0 || s[form[i].at + form[i].count] != form[i].after)
			return false;
	}
	if (part[0] < 1 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
		part[2] > days_in(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 59)
		return false;
	*ret_s =
		((days_of(part[0], part[1], part[2]) * 24 + part[3]) * 60 + part[4]) * 60 + part[5];
	return true;
}

/* Of the specification 1, whatever comes behind it: TUF, section 4.3. */
static bool
is_version_1(const char *text)
{
	return strncmp(text, "1.", 2) == 0 && text[2] >= '0' && text[2] <= '9';
}

static int
read_common(const json_t *content, struct metadata *m, struct err *e)
{
	const char *type = doc_string(content, "_type", e);
	const char *specification = type != NULL ? doc_string(content, "spec_version", e) : NULL;
	const char *expires = specification != NULL ? doc_string(content, "expires", e) : NULL;

	if (expires == NULL)
		return -1;
	if (strcmp(type, role_names[m->role]) != 0)
		return err_set(e, ERR_INPUT, "field _type: %s is required", role_names[m->role]);
	if (!is_version_1(specification))
		return err_set(e, ERR_INPUT, "field spec_version: 1 is required");
	if (!read_time(expires, &m->expires_s))
		return err_set(e, ERR_INPUT, "field expires: YYYY-MM-DDTHH:MM:SSZ is required");
	return doc_number(content, "version", 1, INT64_MAX, &m->version, e);
}

/* ---- Lists of files */

static int
read_digest(const json_t *hashes, const char *name, uint8_t *ret, size_t bytes, bool *ret_has,
	struct err *e)
{
	const json_t *value = json_object_get(hashes, name);

	*ret_has = value != NULL;
	if (value == NULL)
		return 0;
	if (!json_is_string(value) || !num_parse_hex(json_string_value(value), ret, bytes))
		return err_set(e, ERR_INPUT, "field hashes: %s: %zu hex digits are required", name,
			2 * bytes);
	return 0;
}

static int
read_hashes(const json_t *entry, struct listed *f, struct err *e)
{
	const json_t *hashes = json_object_get(entry, "hashes");

	f->hashed = hashes != NULL;
	if (f->hashed && (!json_is_object(hashes) || json_object_size(hashes) == 0))
		return err_set(e, ERR_INPUT, "field hashes: an object is required");
	if (read_digest(hashes, "sha256", f->sha256.byte, DIGEST_BYTES, &f->has_sha256, e) != 0)
		return -1;
	return read_digest(hashes, "sha512", f->sha512, DIGEST_SHA512_BYTES, &f->has_sha512, e);
}

/* By a timestamp or a snapshot: the version is required, the others are not. */
static int
read_meta(const json_t *entry, struct listed *f, struct err *e)
{
	f->length = UINT64_MAX;
	if (json_object_get(entry, "length") != NULL &&
		doc_number(entry, "length", 0, INT64_MAX, &f->length, e) != 0)
		return -1;
	if (doc_number(entry, "version", 1, INT64_MAX, &f->version, e) != 0)
		return -1;
	return read_hashes(entry, f, e);
}

static int
read_target(const json_t *entry, struct listed *f, struct err *e)
{
	const json_t *ours = json_object_get(json_object_get(entry, "custom"), "guts2");
	const char *advisory = json_string_value(json_object_get(ours, "advisory"));

	if (doc_number(entry, "length", 0, INT64_MAX, &f->length, e) != 0 ||
		read_hashes(entry, f, e) != 0)
		return -1;
	if (!f->hashed)
		return err_set(e, ERR_INPUT, "field hashes: an object is required");
	f->security = json_is_true(json_object_get(ours, "security"));
	f->advisory = advisory != NULL ? mem_string(advisory) : NULL;
	return 0;
}

static int
compare_files(const void *a, const void *b)
{
	const struct listed *left = a;
	const struct listed *right = b;

	return strcmp(left->name, right->name);
}

static int
read_files(const json_t *content, const char *key, struct metadata *m, struct err *e)
{
	json_t *files = json_object_get(content, key);
	const char *name;
	json_t *entry;

	if (!json_is_object(files))
		return err_set(e, ERR_INPUT, "field %s: an object is required", key);
	m->files = mem_new(json_object_size(files), sizeof(*m->files));
	json_object_foreach (files, name, entry) {
		struct listed *f = &m->files[m->file_count++];

		f->name = mem_string(name);
		if ((m->role == ROLE_TARGETS ? read_target : read_meta)(entry, f, e) != 0)
			return err_wrap(e, "field %s: %.128s", key, name);
	}
	mem_sort(m->files, m->file_count, sizeof(*m->files), compare_files);
	return 0;
}

/* ---- Root */

static int
read_root(const json_t *content, struct metadata *m, struct err *e)
{
	const json_t *roles = json_object_get(content, "roles");

	m->consistent_snapshot = json_is_true(json_object_get(content, "consistent_snapshot"));
	if (keyring_read(content, &m->keys, e) != 0)
		return -1;
	for (int role = 0; role < ROLE_COUNT; role++)
		if (signers_read(json_object_get(roles, role_names[role]), &m->signers[role], e) !=
			0)
			return err_wrap(e, "field roles: %s", role_names[role]);
	return 0;
}

/* ---- Timestamp */

static int
read_timestamp(const json_t *content, struct metadata *m, struct err *e)
{
	if (read_files(content, "meta", m, e) != 0)
		return -1;
	if (m->file_count != 1 || strcmp(m->files[0].name, "snapshot.json") != 0)
		return err_set(e, ERR_INPUT, "field meta: snapshot.json alone is required");
	return 0;
}

/* ---- Targets */

static int
add_pattern(struct delegation *d, const json_t *pattern, struct err *e)
{
	const char *text = json_string_value(pattern);

	if (text == NULL)
		return err_set(e, ERR_INPUT, "its paths must be a list of strings");
	d->patterns[d->pattern_count++] = mem_string(text);
	return 0;
}

/* One of paths and path_hash_prefixes. */
static int
read_patterns(const json_t *entry, struct delegation *d, struct err *e)
{
	const json_t *paths = json_object_get(entry, "paths");
	const json_t *prefixes = json_object_get(entry, "path_hash_prefixes");
	const json_t *list = paths != NULL ? paths : prefixes;
	size_t index;
	json_t *pattern;

	if (!json_is_array(list) || (paths != NULL && prefixes != NULL))
		return err_set(e, ERR_INPUT, "one list of paths or path_hash_prefixes is required");
	d->by_hash = paths == NULL;
	d->patterns = mem_new(json_array_size(list), sizeof(*d->patterns));
	json_array_foreach (list, index, pattern) {
		if (add_pattern(d, pattern, e) != 0)
			return -1;
	}
	return 0;
}

static bool
is_top(const char *name)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		if (strcmp(name, role_names[role]) == 0)
			return true;
	return false;
}

static int
read_delegation(const json_t *entry, struct delegation *d, struct err *e)
{
	const char *name = doc_string(entry, "name", e);
	const json_t *terminating = json_object_get(entry, "terminating");

	if (name == NULL)
		return -1;
	/* The name of a role of the root's is not one that anybody can be given. */
	if (is_top(name))
		return err_set(e, ERR_INPUT, "%s is delegated to", name);
	if (name[0] == '\0')
		return err_set(e, ERR_INPUT, "field name: it is empty");
	if (!json_is_boolean(terminating))
		return err_set(e, ERR_INPUT, "field terminating: true or false is required");
	d->name = mem_string(name);
	d->terminating = json_is_true(terminating);
	if (signers_read(entry, &d->signers, e) != 0)
		return -1;
	return read_patterns(entry, d, e);
}

static bool
has_delegation(const struct metadata *m, const char *name)
{
	for (size_t i = 0; i + 1 < m->delegation_count; i++)
		if (strcmp(m->delegations[i].name, name) == 0)
			return true;
	return false;
}

static int
read_delegations(const json_t *delegations, struct metadata *m, struct err *e)
{
	const json_t *roles = json_object_get(delegations, "roles");
	size_t index;
	json_t *entry;

	if (keyring_read(delegations, &m->keys, e) != 0)
		return -1;
	if (!json_is_array(roles))
		return err_set(e, ERR_INPUT, "field roles: a list is required");
	m->delegations = mem_new(json_array_size(roles), sizeof(*m->delegations));
	json_array_foreach (roles, index, entry) {
		struct delegation *d = &m->delegations[m->delegation_count++];

		if (read_delegation(entry, d, e) != 0)
			return err_wrap(e, "role %zu", index + 1);
		if (has_delegation(m, d->name))
			return err_set(e, ERR_INPUT, "role %.64s is repeated", d->name);
	}
	return 0;
}

static int
read_targets(const json_t *content, struct metadata *m, struct err *e)
{
	const json_t *delegations = json_object_get(content, "delegations");
	const json_t *ours = json_object_get(json_object_get(content, "custom"), "guts2");

	if (read_files(content, "targets", m, e) != 0)
		return -1;
	(void)doc_number(ours, "last", 1, IDENT_VERSION_MAX, &m->last, NULL);
	if (delegations != NULL && read_delegations(delegations, m, e) != 0)
		return err_wrap(e, "field delegations");
	return 0;
}

/* ---- All of them */

static int
read_role(const json_t *content, struct metadata *m, struct err *e)
{
	if (read_common(content, m, e) != 0)
		return -1;
	switch (m->role) {
	case ROLE_ROOT:
		return read_root(content, m, e);
	case ROLE_TIMESTAMP:
		return read_timestamp(content, m, e);
	case ROLE_SNAPSHOT:
		return read_files(content, "meta", m, e);
	case ROLE_TARGETS:
	case ROLE_COUNT:
		break;
	}
	return read_targets(content, m, e);
}

struct metadata *
metadata_read(const struct envelope *v, enum role role, struct err *e)
{
	struct metadata *m = mem_new(1, sizeof(*m));

	m->role = role;
	if (read_role(envelope_signed(v), m, e) == 0)
		return m;
	metadata_free(m);
	return NULL;
}

struct metadata *
metadata_parse(struct span bytes, enum role role, struct err *e)
{
	struct envelope *v = envelope_read(bytes, e);
	struct metadata *m = v != NULL ? metadata_read(v, role, e) : NULL;

	envelope_free(v);
	return m;
}

static void
free_delegation(struct delegation *d)
{
	for (size_t i = 0; i < d->pattern_count; i++)
		free(d->patterns[i]);
	free(d->patterns);
	free(d->name);
	signers_free(&d->signers);
}

void
metadata_free(struct metadata *m)
{
	if (m == NULL)
		return;
	keyring_free(&m->keys);
	for (int role = 0; role < ROLE_COUNT; role++)
		signers_free(&m->signers[role]);
	for (size_t i = 0; i < m->file_count; i++) {
		free(m->files[i].name);
		free(m->files[i].advisory);
	}
	free(m->files);
	for (size_t i = 0; i < m->delegation_count; i++)
		free_delegation(&m->delegations[i]);
	free(m->delegations);
	free(m);
}

/* ---- Looking into it */

static int
compare_name(const void *name, const void *file)
{
	return strcmp(name, ((const struct listed *)file)->name);
}

const struct listed *
metadata_find(const struct metadata *m, const char *name)
{
	if (m->file_count == 0)
		return NULL;
	return bsearch(name, m->files, m->file_count, sizeof(*m->files), compare_name);
}

const struct delegation *
metadata_delegation(const struct metadata *m, const char *name)
{
	for (size_t i = 0; i < m->delegation_count; i++)
		if (strcmp(m->delegations[i].name, name) == 0)
			return &m->delegations[i];
	return NULL;
}

/* Where digests are named of which none is known nothing can be said, and so nothing good. */
int
metadata_check(const struct listed *listed, struct span bytes, struct err *e)
{
	struct digest sha256 = digest_of(bytes);
	uint8_t sha512[DIGEST_SHA512_BYTES];

	if (listed->length != UINT64_MAX && bytes.len != listed->length)
		return err_set(
			e, ERR_DIGEST, "%zu bytes instead of %" PRIu64, bytes.len, listed->length);
	if (listed->hashed && !listed->has_sha256 && !listed->has_sha512)
		return err_set(e, ERR_DIGEST, "no digest of a known kind is named");
	if (listed->has_sha256 && !digest_equal(&sha256, &listed->sha256))
		return err_set(e, ERR_DIGEST, "its SHA-256 is another one");
	if (!listed->has_sha512)
		return 0;
	digest_sha512(bytes, sha512);
	if (memcmp(sha512, listed->sha512, sizeof(sha512)) != 0)
		return err_set(e, ERR_DIGEST, "its SHA-512 is another one");
	return 0;
}
