/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The text is valid JSON: whoever calls has parsed it. */
struct scan {
	const char *at;
	const char *end;
};

static void
skip_blanks(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n,:", *s->at) != NULL && *s->at != '\0')
		s->at++;
}

static void
skip_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
		if (*s->at == '\\')
			s->at++;
	s->at++;
}

static void
skip_value(struct scan *s)
{
	int depth = 0;

	do {
		skip_blanks(s);
		if (s->at >= s->end)
			return;
		if (*s->at == '"') {
			skip_string(s);
		} else if (strchr("{[", *s->at) != NULL) {
			depth++;
			s->at++;
		} else if (strchr("}]", *s->at) != NULL) {
			depth--;
			s->at++;
		} else {
			while (s->at < s->end && strchr(" \t\r\n,:{}[]\"", *s->at) == NULL)
				s->at++;
		}
	} while (depth > 0);
}

/* Whether the string that begins here is the name; escapes in names are not looked through. */
static bool
is_name(const struct scan *s, const char *name)
{
	size_t len = strlen(name);

	return (size_t)(s->end - s->at) > len + 1 && memcmp(s->at + 1, name, len) == 0 &&
	       s->at[len + 1] == '"';
}

/* One step inward; false: there is no such thing. name_at: where its name stands. */
static bool
enter(struct scan *s, const char *step, const char **name_at)
{
	long left = step[0] == '#' ? strtol(step + 1, NULL, 10) : 0;
	bool is_object;

	skip_blanks(s);
	if (s->at >= s->end || strchr("{[", *s->at) == NULL)
		return false;
	is_object = *s->at == '{';
	s->at++;
	for (skip_blanks(s); s->at < s->end && strchr("}]", *s->at) == NULL; skip_blanks(s)) {
		*name_at = s->at;
		if (is_object) {
			bool found = is_name(s, step);

			skip_string(s);
			if (found)
				return true;
		} else if (left-- == 0) {
			return true;
		}
		skip_value(s);
	}
	return false;
}

unsigned
place_line(struct span json, const char *const *path, size_t count)
{
	const char *begin = (const char *)json.at;
	struct scan s = {begin, begin + json.len};
	const char *found = begin;
	const char *name_at = begin;
	unsigned line = 1;

	for (size_t i = 0; i < count && enter(&s, path[i], &name_at); i++)
		found = name_at;
	for (const char *at = begin; at < found; at++)
		line += *at == '\n';
	return line;
}
