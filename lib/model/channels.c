/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/channels.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/doc.h"

static const char *const field_names[CHANNEL_FIELDS] = {
	[CHANNEL_ENABLED] = "enabled", [CHANNEL_KEEP] = "keep", [CHANNEL_PREFETCH] = "prefetch"};

const char *
channels_field_name(enum channel_field field)
{
	return field_names[field];
}

/*
 * "file: types.virus-*.keep: reason". The path says more than a line, which the JSON library does
 * not remember.
 */
__attribute__((format(printf, 4, 5))) static int
complain(const char *file, const char *reason, struct err *e, const char *fmt, ...)
{
	AUTO_FREE char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = mem_vprintf(fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INPUT, "%s: %s: %s", file, path, reason);
}

/* ---- legacy */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
parse_legacy(const char *file, const json_t *list, struct channels *c, struct err *e)
{
	size_t count = json_array_size(list);

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || count > CHANNELS_COUNT_MAX)
		return complain(file, "must be an array of at most 4096 types", e, "legacy");
	c->legacy = mem_new(count, sizeof(*c->legacy));
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (name == NULL || !ident_type_valid(name))
			return complain(file,
				"must be a type: a-z 0-9 . _ - (first a letter or digit)", e,
				"legacy[%zu]", i);
		(void)snprintf(c->legacy[c->legacy_count++], sizeof(*c->legacy), "%s", name);
	}
	/* For bsearch in channels_policy. */
	mem_sort(c->legacy, count, sizeof(*c->legacy), compare_names);
	return 0;
}

/* ---- types */

/*
 * What can match a type, with * and ?. Brackets and backslashes mean something to fnmatch(3) as
 * well, which the manual does not promise and nobody should come to rely on.
 */
static bool
is_glob(const char *s)
{
	return s[0] != '\0' && strlen(s) <= IDENT_TYPE_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-*?") == strlen(s);
}

/* An unknown key is an error: a misspelt one would do nothing, and nobody would be told. */
static int
parse_field(const char *file, const char *glob, const char *key, const json_t *value,
	struct channel_rule *rule, struct err *e)
{
	int field = 0;

	while (field < CHANNEL_FIELDS && strcmp(field_names[field], key) != 0)
		field++;
	if (field == CHANNEL_FIELDS)
		return complain(file, "unknown; there are enabled, keep and prefetch", e,
			"types.%s.%s", glob, key);
	if (field == CHANNEL_KEEP) {
		json_int_t n = json_integer_value(value);

		if (!json_is_integer(value) || n < 1 || n > CHANNELS_KEEP_MAX)
			return complain(file, "must be a whole number from 1 to 200", e,
				"types.%s.%s", glob, key);
		rule->value[field] = (int)n;
		return 0;
	}
	if (!json_is_boolean(value))
		return complain(file, "must be true or false", e, "types.%s.%s", glob, key);
	/* 0 or 1, so that -1 is left for what is not said. */
	rule->value[field] = json_is_true(value);
	return 0;
}

static int
parse_rule(
	const char *file, const char *glob, const json_t *object, struct channels *c, struct err *e)
{
	struct channel_rule rule = {.value = {-1, -1, -1}};
	const char *key;
	json_t *value;

	if (!is_glob(glob))
		return complain(file, "must be a type or a glob: a-z 0-9 . _ - with * and ?", e,
			"types.%s", glob);
	if (!json_is_object(object))
		return complain(file, "must be an object", e, "types.%s", glob);
	(void)snprintf(rule.glob, sizeof(rule.glob), "%s", glob);
	/* jansson's loop changes nothing, it only lacks the const. */
	json_object_foreach ((json_t *)object, key, value) {
		if (parse_field(file, glob, key, value, &rule, e) != 0)
			return -1;
	}
	c->rules[c->rule_count++] = rule;
	return 0;
}

static bool
has_wildcard(const char *glob)
{
	return strpbrk(glob, "*?") != NULL;
}

/* Names first, then longer globs; equally long ones by their text, so that the order is known. */
static int
compare_rules(const void *a, const void *b)
{
	const char *x = ((const struct channel_rule *)a)->glob;
	const char *y = ((const struct channel_rule *)b)->glob;

	if (has_wildcard(x) != has_wildcard(y))
		return has_wildcard(x) ? 1 : -1;
	if (strlen(x) != strlen(y))
		return strlen(x) > strlen(y) ? -1 : 1;
	return strcmp(x, y);
}

/*
 * Sorted once, the most specific first, so that channels_policy is one walk and the order in the
 * file means nothing.
 */
static int
parse_types(const char *file, const json_t *types, struct channels *c, struct err *e)
{
	const char *glob;
	json_t *object;

	if (types == NULL)
		return 0;
	if (!json_is_object(types) || json_object_size(types) > CHANNELS_COUNT_MAX)
		return complain(file, "must be an object of at most 4096 members", e, "types");
	c->rules = mem_new(json_object_size(types), sizeof(*c->rules));
	json_object_foreach ((json_t *)types, glob, object) {
		if (parse_rule(file, glob, object, c, e) != 0)
			return -1;
	}
	mem_sort(c->rules, c->rule_count, sizeof(*c->rules), compare_rules);
	return 0;
}

/* ---- */

static int
parse(const char *file, const json_t *doc, struct channels *c, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)doc, key, value) {
		if (strcmp(key, "legacy") != 0 && strcmp(key, "types") != 0)
			return complain(file, "unknown; there are legacy and types", e, "%s", key);
	}
	if (parse_legacy(file, json_object_get(doc, "legacy"), c, e) != 0)
		return -1;
	return parse_types(file, json_object_get(doc, "types"), c, e);
}

/* An editor or an installer left it so: that is no mistake to stop for. */
static bool
is_blank(struct span text)
{
	static const char blanks[] = {' ', '\t', '\r', '\n'};

	for (size_t i = 0; i < text.len; i++)
		if (memchr(blanks, text.at[i], sizeof(blanks)) == NULL)
			return false;
	return true;
}

/* All or nothing: of a file with an error nothing is taken over, and what was in force stays so. */
int
channels_parse(struct span json, const char *path, struct channels *ret, struct err *e)
{
	AUTO_DOC json_t *doc = NULL;

	*ret = (struct channels){0};
	if (is_blank(json))
		return 0;
	doc = doc_parse(json, e);
	if (doc == NULL)
		return err_wrap(e, "%s", path);
	if (parse(path, doc, ret, e) == 0)
		return 0;
	channels_free(ret);
	return -1;
}

int
channels_read(const char *path, struct channels *ret, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	struct err why = {0};

	*ret = (struct channels){0};
	if (fs_read(AT_FDCWD, path, CHANNELS_BYTES_MAX, &text, &why) == 0)
		return channels_parse(span_of(text.at, text.len), path, ret, e);
	if (why.code == ERR_MISSING)
		return 0;
	return err_set(e, why.code, "%s", why.text);
}

void
channels_free(struct channels *c)
{
	free(c->legacy);
	free(c->rules);
	*c = (struct channels){0};
}

/*
 * One walk over the rules, the most specific first; each field is that of the first rule that says
 * something of it, so that a name can set one field and leave the others to a glob. What nobody
 * says is -1: then a type is enabled, kept as all are, and not prefetched.
 */
struct channel_policy
channels_policy(const struct channels *c, const char *type)
{
	int value[CHANNEL_FIELDS] = {-1, -1, -1};

	for (size_t i = 0; i < c->rule_count; i++)
		if (fnmatch(c->rules[i].glob, type, 0) == 0)
			for (int f = 0; f < CHANNEL_FIELDS; f++)
				if (value[f] == -1)
					value[f] = c->rules[i].value[f];
	return (struct channel_policy){.enabled = value[CHANNEL_ENABLED] != 0,
		.keep = value[CHANNEL_KEEP] > 0 ? (uint64_t)value[CHANNEL_KEEP] : 0,
		.prefetch = value[CHANNEL_PREFETCH] == 1,
		.legacy =
			c->legacy_count > 0 && bsearch(type, c->legacy, c->legacy_count,
						       sizeof(*c->legacy), compare_names) != NULL};
}
