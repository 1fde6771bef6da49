/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/ident.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

static const char archive_suffix[] = "_archive";

/* What a byte may be part of: NAME of a type, FIRST of its name, HEX of a cookie. */
enum { NAME = 1, FIRST = 2, HEX = 4 };
static const unsigned char kinds[UCHAR_MAX + 1] = {['0' ... '9'] = NAME | FIRST | HEX,
	['a' ... 'f'] = NAME | FIRST | HEX,
	['g' ... 'z'] = NAME | FIRST,
	['.'] = NAME,
	['_'] = NAME,
	['-'] = NAME};

/* How many bytes s begins with that are of this kind. */
static size_t
kind_len(const char *s, unsigned kind)
{
	size_t len = 0;

	while ((kinds[(unsigned char)s[len]] & kind) != 0)
		len++;
	return len;
}

/*
 * A type is part of file names: its first character keeps it from being ., .. or what looks like an
 * option.
 */
bool
ident_type_valid(const char *type)
{
	size_t len = kind_len(type, NAME);

	return len <= IDENT_TYPE_MAX && type[len] == '\0' && kind_len(type, FIRST) >= 1;
}

bool
ident_cookie_valid(const char *cookie)
{
	return kind_len(cookie, HEX) == IDENT_COOKIE && cookie[IDENT_COOKIE] == '\0';
}

bool
ident_edition_equal(const struct edition *a, const struct edition *b)
{
	return a->version == b->version && strcmp(a->cookie, b->cookie) == 0;
}

bool
ident_equal(const struct ident *a, const struct ident *b)
{
	return strcmp(a->type, b->type) == 0 && ident_edition_equal(&a->edition, &b->edition);
}

struct ident
ident_of(const char *type, const struct edition *edition)
{
	struct ident ident = {.edition = *edition};

	memcpy(ident.type, type, strnlen(type, IDENT_TYPE_MAX));
	return ident;
}

/* ---- Lists */

static int
compare_types(const void *a, const void *b)
{
	return strcmp(((const struct ident *)a)->type, ((const struct ident *)b)->type);
}

void
idents_add(struct idents *list, const struct ident *ident)
{
	list->at = mem_grow(list->at, list->count, &list->capacity, sizeof(*list->at));
	list->at[list->count++] = *ident;
}

bool
idents_remove(struct idents *list, const char *type, uint64_t version)
{
	size_t before = list->count;
	size_t left = 0;

	for (size_t i = 0; i < before; i++)
		if (strcmp(list->at[i].type, type) != 0 ||
			(version > 0 && list->at[i].edition.version != version))
			list->at[left++] = list->at[i];
	list->count = left;
	return left < before;
}

bool
idents_sort(struct idents *list)
{
	mem_sort(list->at, list->count, sizeof(*list->at), compare_types);
	for (size_t i = 1; i < list->count; i++)
		if (compare_types(&list->at[i - 1], &list->at[i]) == 0)
			return false;
	return true;
}

bool
idents_equal(const struct idents *a, const struct idents *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!ident_equal(&a->at[i], &b->at[i]))
			return false;
	return true;
}

const struct ident *
idents_find(const struct idents *list, const char *type)
{
	struct ident key = {0};

	if (list->count == 0)
		return NULL;
	/* A valid type fits; the last byte is 0 from the beginning. */
	(void)strncpy(key.type, type, IDENT_TYPE_MAX);
	return bsearch(&key, list->at, list->count, sizeof(*list->at), compare_types);
}

bool
idents_has(const struct idents *list, const struct ident *ident)
{
	const struct ident *first = idents_find(list, ident->type);
	const struct ident *end = list->at + list->count;

	if (first == NULL)
		return false;
	/* Any of its type was found. */
	while (first > list->at && strcmp(first[-1].type, ident->type) == 0)
		first--;
	while (first < end && strcmp(first->type, ident->type) == 0)
		if (ident_equal(first++, ident))
			return true;
	return false;
}

void
idents_free(struct idents *list)
{
	free(list->at);
	*list = (struct idents){0};
}

/* ---- Paths and names */

enum parameter { PARAM_T, PARAM_V, PARAM_C, PARAM_PV, PARAM_PC, PARAM_COUNT };
static const char *const parameter_names[PARAM_COUNT] = {"t", "v", "c", "pv", "pc"};

static enum parameter
parameter_find(const char *name, size_t len)
{
	int i = 0;

	while (i < PARAM_COUNT &&
		(strlen(parameter_names[i]) != len || memcmp(parameter_names[i], name, len) != 0))
		i++;
	return (enum parameter)i;
}

static bool
parameter_take(struct target *t, enum parameter which, const char *value, size_t len)
{
	char text[IDENT_TYPE_MAX + 1];

	/* Before anything is copied. A type is the longest value that there is. */
	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	switch (which) {
	case PARAM_T:
		memcpy(t->ident.type, text, len + 1);
		return ident_type_valid(text);
	case PARAM_V:
		return num_parse(value, len, IDENT_VERSION_MAX, &t->ident.edition.version) &&
		       t->ident.edition.version > 0;
	case PARAM_PV:
		return num_parse(value, len, IDENT_VERSION_MAX, &t->base.version) &&
		       t->base.version > 0;
	case PARAM_C:
	case PARAM_PC:
		if (!ident_cookie_valid(text))
			return false;
		memcpy(which == PARAM_C ? t->ident.edition.cookie : t->base.cookie, text, len + 1);
		return true;
	case PARAM_COUNT:
		break;
	}
	return false;
}

/* ";t=...;v=..." to its end; every bit of *ret_seen is a parameter that was there. */
static int
parse_matrix(const char *s, struct target *t, unsigned *ret_seen, struct err *e)
{
	*ret_seen = 0;
	while (*s == ';') { /* as it begins; behind a value is one, or the end */
		size_t name_len = kind_len(++s, NAME);
		/* May lie behind the NUL: it is looked at only once the = was seen. */
		const char *value = s + name_len + 1;
		enum parameter which = parameter_find(s, name_len);
		size_t len;

		if (which == PARAM_COUNT || s[name_len] != '=')
			return err_set(e, ERR_INPUT, "unknown parameter");
		len = (size_t)(strchrnul(value, ';') - value);
		/*
		 * Refused, since one reader takes the first and another the last: a proxy and a
		 * server would not speak of the same thing.
		 */
		if ((*ret_seen & (1U << which)) != 0)
			return err_set(
				e, ERR_INPUT, "parameter %s is repeated", parameter_names[which]);
		if (!parameter_take(t, which, value, len))
			return err_set(e, ERR_INPUT, "parameter %s has no valid value",
				parameter_names[which]);
		*ret_seen |= 1U << which;
		s = value + len;
	}
	return 0;
}

/* All or none: half of an identity is no identity, and pv without pc no difference. */
static int
parse_identity(const char *s, struct target *t, struct err *e)
{
	const unsigned identity = 1U << PARAM_T | 1U << PARAM_V | 1U << PARAM_C;
	const unsigned with_base = identity | 1U << PARAM_PV | 1U << PARAM_PC;
	unsigned seen;

	if (parse_matrix(s, t, &seen, e) != 0)
		return -1;
	if (seen == identity || (t->kind == TARGET_OFFER && seen == with_base))
		return 0;
	return err_set(e, ERR_INPUT, "parameters must be t, v, c%s",
		t->kind == TARGET_OFFER ? " and pv, pc or neither" : "");
}

static int
parse_file(const char *s, struct target *t, struct err *e)
{
	if (strlen(s) != DIGEST_HEX + sizeof(archive_suffix) - 1 || !digest_parse(s, &t->file) ||
		strcmp(s + DIGEST_HEX, archive_suffix) != 0)
		return err_set(e, ERR_INPUT, "an archive's id is 64 hex digits and _archive");
	return 0;
}

/* <digits>.<role>.json, in the bytes that a role's name has there (role_file.h). */
static bool
is_role_file(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	size_t len = strlen(name);

	return digits > 0 && digits < 20 && name[0] != '0' && name[digits] == '.' &&
	       len > digits + 6 && len < IDENT_NAME_MAX - 8 &&
	       strcmp(name + len - 5, ".json") == 0 &&
	       strspn(name,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%") ==
		       len;
}

static int
parse_trust(const char *s, struct target *t, struct err *e)
{
	t->kind = TARGET_TRUST;
	t->trust = s;
	if (strcmp(s, "timestamp.json") == 0 || is_role_file(s))
		return 0;
	t->kind = TARGET_HEADER;
	t->trust = NULL;
	t->by_digest = true;
	if (strncmp(s, "targets/", 8) != 0 || strlen(s) < 8 + DIGEST_HEX + 2 ||
		!digest_parse(s + 8, &t->file) || strncmp(s + 8 + DIGEST_HEX, ".h;", 3) != 0)
		return err_set(e, ERR_INPUT, "unknown path below tuf/");
	return parse_identity(s + 8 + DIGEST_HEX + 2, t, e);
}

/*
 * A closed grammar on the raw bytes: what is no name of the repository is refused here, before
 * anything else sees it. Nothing is decoded, so that %2e or %2f are bytes that no name has.
 */
int
ident_target_parse(const char *path, struct target *ret, struct err *e)
{
	static const char prefix[] = "/guts2";

	*ret = (struct target){0};
	if (strncmp(path, prefix, sizeof(prefix) - 1) == 0 && path[sizeof(prefix) - 1] == '/') {
		ret->prefixed = true;
		path += sizeof(prefix) - 1;
	}
	if (strcmp(path, "/q") == 0) {
		ret->kind = TARGET_QUERY;
		return 0;
	}
	if (strncmp(path, "/h;", 3) == 0 || strncmp(path, "/o;", 3) == 0) {
		ret->kind = path[1] == 'h' ? TARGET_HEADER : TARGET_OFFER;
		return parse_identity(path + 2, ret, e);
	}
	if (strncmp(path, "/f/", 3) == 0) {
		ret->kind = TARGET_FILE;
		return parse_file(path + 3, ret, e);
	}
	if (strncmp(path, "/tuf/", 5) == 0)
		return parse_trust(path + 5, ret, e);
	if (strncmp(path, "/legacy/", 8) == 0) {
		ret->kind = TARGET_LEGACY;
		if (!ident_type_valid(path + 8))
			return err_set(e, ERR_INPUT, "not a type behind legacy/");
		(void)snprintf(ret->ident.type, sizeof(ret->ident.type), "%s", path + 8);
		return 0;
	}
	return err_set(e, ERR_INPUT, "unknown path");
}

/* Of valid parts: the longest, an offer of a difference, has 130 bytes. */
char *
ident_target_name(const struct target *t, char ret[IDENT_NAME_MAX])
{
	char hex[DIGEST_HEX + 1];

	switch (t->kind) {
	case TARGET_QUERY:
		(void)snprintf(ret, IDENT_NAME_MAX, "q");
		break;
	case TARGET_FILE:
		(void)snprintf(
			ret, IDENT_NAME_MAX, "f/%s%s", digest_hex(&t->file, hex), archive_suffix);
		break;
	case TARGET_TRUST:
		(void)snprintf(ret, IDENT_NAME_MAX, "tuf/%s", t->trust);
		break;
	case TARGET_LEGACY:
		(void)snprintf(ret, IDENT_NAME_MAX, "legacy/%s", t->ident.type);
		break;
	case TARGET_HEADER:
	case TARGET_OFFER:
	case TARGET_CONTENT:
		(void)snprintf(ret, IDENT_NAME_MAX, "%c;t=%s;v=%" PRIu64 ";c=%s",
			t->kind == TARGET_HEADER  ? 'h'
			: t->kind == TARGET_OFFER ? 'o'
						  : 'c',
			t->ident.type, t->ident.edition.version, t->ident.edition.cookie);
		if (t->base.version > 0)
			(void)snprintf(ret + strlen(ret), IDENT_NAME_MAX - strlen(ret),
				";pv=%" PRIu64 ";pc=%s", t->base.version, t->base.cookie);
		break;
	}
	return ret;
}

char *
ident_header_name(const struct ident *ident, char ret[IDENT_NAME_MAX])
{
	struct target t = {.kind = TARGET_HEADER, .ident = *ident};

	return ident_target_name(&t, ret);
}

char *
ident_content_name(const struct ident *ident, char ret[IDENT_NAME_MAX])
{
	struct target t = {.kind = TARGET_CONTENT, .ident = *ident};

	return ident_target_name(&t, ret);
}

char *
ident_offer_name(const struct ident *ident, const struct edition *base, char ret[IDENT_NAME_MAX])
{
	struct target t = {.kind = TARGET_OFFER, .ident = *ident};

	if (base != NULL)
		t.base = *base;
	return ident_target_name(&t, ret);
}

char *
ident_file_name(const struct digest *id, char ret[IDENT_NAME_MAX])
{
	struct target t = {.kind = TARGET_FILE, .file = *id};

	return ident_target_name(&t, ret);
}

char *
ident_blob_name(const struct digest *file, char ret[IDENT_NAME_MAX])
{
	char hex[DIGEST_HEX + 1];

	(void)snprintf(ret, IDENT_NAME_MAX, "c/%s", digest_hex(file, hex));
	return ret;
}

/* CONTENT is known here alone: c; on disk says something to the server, and is never asked for. */
bool
ident_target_parse_stored(const char *name, struct target *ret)
{
	*ret = (struct target){0};
	if (strlen(name) >= IDENT_NAME_MAX || name[0] == '\0' || name[1] != ';')
		return false;
	switch (name[0]) {
	case 'h':
		ret->kind = TARGET_HEADER;
		break;
	case 'o':
		ret->kind = TARGET_OFFER;
		break;
	case 'c':
		ret->kind = TARGET_CONTENT;
		break;
	default:
		return false;
	}
	return parse_identity(name + 1, ret, NULL) == 0;
}

bool
ident_header_parse(const char *name, const char *type, struct ident *ret)
{
	struct target target;

	if (!ident_target_parse_stored(name, &target) || target.kind != TARGET_HEADER ||
		(type != NULL && strcmp(target.ident.type, type) != 0))
		return false;
	*ret = target.ident;
	return true;
}
