/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/hops.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "guts2d-";

char *
hops_id(const unsigned char random[8], char ret[HOPS_ID + 1])
{
	char *at = ret + sprintf(ret, "%s", prefix);

	for (int i = 0; i < 8; i++)
		at += sprintf(at, "%02x", random[i]);
	return ret;
}

/*
 * The id at the beginning of an element; NULL: it is of another kind. Whatever is not exactly what
 * hops_add writes is passed over: proxies put their own names, and comments, into the same field.
 */
static const char *
id_of(const char *element)
{
	size_t before = strlen(prefix);

	element += strspn(element, " \t");
	if (strncmp(element, "1.1 ", 4) != 0 && strncmp(element, "1.0 ", 4) != 0)
		return NULL;
	element += 4;
	if (strncmp(element, prefix, before) != 0 ||
		strspn(element + before, "0123456789abcdef") != HOPS_ID - before)
		return NULL;
	return strchr(", \t", element[HOPS_ID]) != NULL ? element : NULL; /* NUL is found too */
}

/*
 * All ids are counted, but only HOPS_MAX are copied, so that ret cannot overflow whatever a client
 * sends. LOOP goes before LONG: a loop is a mistake in somebody's settings, and is logged as one.
 */
enum hops_verdict
hops_read(const char *value, const char *id, char ret[HOPS_TEXT_MAX])
{
	enum hops_verdict verdict = HOPS_GOOD;
	unsigned hops = 0;
	size_t len = 0;

	ret[0] = '\0';
	while (value != NULL) {
		const char *found = id_of(value);

		if (found != NULL && strncmp(found, id, HOPS_ID) == 0)
			verdict = HOPS_LOOP;
		if (found != NULL && hops++ < HOPS_MAX)
			len += (size_t)sprintf(
				ret + len, "%s1.1 %.*s", len > 0 ? ", " : "", (int)HOPS_ID, found);
		value = strchr(value, ',');
		value = value != NULL ? value + 1 : NULL;
	}
	return verdict == HOPS_GOOD && hops >= HOPS_MAX ? HOPS_LONG : verdict;
}

char *
hops_add(const char *via, const char *id, char ret[HOPS_TEXT_MAX])
{
	int len = snprintf(ret, HOPS_TEXT_MAX, "%s%s1.1 %s", via, via[0] != '\0' ? ", " : "", id);

	/* via is what hops_read wrote, and that has HOPS_MAX ids at the most. */
	assert(len < HOPS_TEXT_MAX);
	return ret;
}
