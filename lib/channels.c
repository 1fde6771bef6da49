/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channels.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "doc.h"
#include "fs.h"
#include "mem.h"
#include "place.h"

static const char *const field_names[CHANNEL_FIELDS] = {
	[CHANNEL_ENABLED] = "enabled", [CHANNEL_KEEP] = "keep", [CHANNEL_PREFETCH] = "prefetch"};

struct source {
	struct span json;
	const char *path;
};

const char *
channels_field_name(enum channel_field field)
{
	return field_names[field];
}

/* path:line: a.b.c: reason */
static int
complain(const struct source *s, const char *const *steps, size_t count, const char *reason,
	struct err *e)
{
	AUTO_BUF struct buf field = {0};

	for (size_t i = 0; i < count; i++)
		if (steps[i][0] == '#')
			buf_printf(&field, "[%s]", steps[i] + 1);
		else
			buf_printf(&field, "%s%s", i > 0 ? "." : "", steps[i]);
	return err_set(e, ERR_INPUT, "%s:%u: %s: %s", s->path, place_line(s->json, steps, count),
		field.len > 0 ? field.at : "document", reason);
}

/* ---- legacy */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
parse_legacy(const struct source *s, const json_t *list, struct channels *c, struct err *e)
{
	size_t count = json_array_size(list);

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || count > CHANNELS_COUNT_MAX)
		return complain(s, (const char *[]){"legacy"}, 1,
			"must be an array of at most 4096 types", e);
	c->legacy = mem_new(count, sizeof(*c->legacy));
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		char step[16];

		(void)snprintf(step, sizeof(step), "#%zu", i);
		if (name == NULL || !ident_type_valid(name))
			return complain(s, (const char *[]){"legacy", step}, 2,
				"must be a type: a-z 0-9 . _ - (first a letter or digit)", e);
		(void)snprintf(c->legacy[c->legacy_count++], sizeof(*c->legacy), "%s", name);
	}
	if (count > 0)
		qsort(c->legacy, count, sizeof(*c->legacy), compare_names);
	return 0;
}

/* ---- types */

static bool
is_glob(const char *s)
{
	return s[0] != '\0' && strlen(s) <= IDENT_TYPE_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-*?") == strlen(s);
}

static int
parse_field(const struct source *s, const char *glob, const char *key, const json_t *value,
	struct channel_rule *rule, struct err *e)
{
	const char *const steps[] = {"types", glob, key};
	int field = 0;

	while (field < CHANNEL_FIELDS && strcmp(field_names[field], key) != 0)
		field++;
	if (field == CHANNEL_FIELDS)
		return complain(s, steps, 3, "unknown; there are enabled, keep and prefetch", e);
	if (field == CHANNEL_KEEP) {
		json_int_t n = json_integer_value(value);

		if (!json_is_integer(value) || n < 1 || n > CHANNELS_KEEP_MAX)
			return complain(s, steps, 3, "must be a whole number from 1 to 200", e);
		rule->value[field] = (int)n;
		return 0;
	}
	if (!json_is_boolean(value))
		return complain(s, steps, 3, "must be true or false", e);
	rule->value[field] = json_is_true(value);
	return 0;
}

static int
parse_rule(const struct source *s, const char *glob, const json_t *object, struct channels *c,
	struct err *e)
{
	const char *const steps[] = {"types", glob};
	struct channel_rule rule = {.value = {-1, -1, -1}};
	const char *key;
	json_t *value;

	if (!is_glob(glob))
		return complain(
			s, steps, 2, "must be a type or a glob: a-z 0-9 . _ - with * and ?", e);
	if (!json_is_object(object))
		return complain(s, steps, 2, "must be an object", e);
	(void)snprintf(rule.glob, sizeof(rule.glob), "%s", glob);
	json_object_foreach((json_t *)object, key,
		value) if (parse_field(s, glob, key, value, &rule, e) != 0) return -1;
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

static int
parse_types(const struct source *s, const json_t *types, struct channels *c, struct err *e)
{
	const char *glob;
	json_t *object;

	if (types == NULL)
		return 0;
	if (!json_is_object(types) || json_object_size(types) > CHANNELS_COUNT_MAX)
		return complain(s, (const char *[]){"types"}, 1,
			"must be an object of at most 4096 members", e);
	c->rules = mem_new(json_object_size(types), sizeof(*c->rules));
	json_object_foreach((json_t *)types, glob,
		object) if (parse_rule(s, glob, object, c, e) != 0) return -1;
	if (c->rule_count > 0)
		qsort(c->rules, c->rule_count, sizeof(*c->rules), compare_rules);
	return 0;
}

/* ---- */

static int
parse(const struct source *s, const json_t *doc, struct channels *c, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(
		(json_t *)doc, key, value) if (strcmp(key, "legacy") != 0 &&
					       strcmp(key, "types") != 0) return complain(s,
		(const char *[]){key}, 1, "unknown; there are legacy and types", e);
	if (parse_legacy(s, json_object_get(doc, "legacy"), c, e) != 0)
		return -1;
	return parse_types(s, json_object_get(doc, "types"), c, e);
}

int
channels_parse(struct span json, const char *path, struct channels *ret, struct err *e)
{
	const struct source s = {json, path};
	AUTO_DOC json_t *doc = doc_parse(json, e);

	*ret = (struct channels){0};
	if (doc == NULL)
		return err_wrap(e, "%s", path);
	if (parse(&s, doc, ret, e) == 0)
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
