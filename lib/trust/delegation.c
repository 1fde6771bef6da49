/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/delegation.h"

#include <string.h>

/*
 * A * stands for any bytes of one component of the path, a ? for one character of one. Where the
 * last star fails to fit it takes one byte more: no pattern takes longer than the product of both
 * lengths.
 */
static bool
matches(const char *pattern, const char *path)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*path != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			resume = path;
		} else if (*pattern == *path) {
			pattern++;
			path++;
			/* No star before it reaches over it. */
			if (path[-1] == '/')
				star = NULL;
		} else if (*pattern == '?' && *path != '/') {
			pattern++;
			do
				path++;
			while (((unsigned char)*path & 0xc0) == 0x80);
		} else if (star != NULL && *resume != '/') {
			pattern = star + 1;
			path = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
begins(const char *prefix, const char *path)
{
	struct digest digest = digest_of(span_of(path, strlen(path)));
	char hex[DIGEST_HEX + 1];

	return strncmp(digest_hex(&digest, hex), prefix, strlen(prefix)) == 0;
}

bool
delegation_covers(const struct delegation *d, const char *path)
{
	for (size_t i = 0; i < d->pattern_count; i++)
		if (d->by_hash ? begins(d->patterns[i], path) : matches(d->patterns[i], path))
			return true;
	return false;
}
