/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/fields.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DAY_S = 86400 };

/*
 * 1*DIGIT, as a position in a file (RFC 9110 section 14.1.1): of any length, and zeros in front of
 * it are no fault. What is too large for a number is the largest.
 */
static bool
parse_digits(const char *s, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9')
			return false;
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*ret = value;
	return true;
}

/*
 * Several ranges, or what is no range, are answered with the whole file, as a server may (RFC 9110
 * section 14.2): nobody has many overlapping parts of a large file put together for him.
 */
enum range_kind
fields_range(const char *value, uint64_t size, uint64_t *ret_first, uint64_t *ret_len)
{
	const char *dash;
	uint64_t first;
	uint64_t last;

	if (value == NULL || strncasecmp(value, "bytes=", 6) != 0)
		return RANGE_NONE;
	value += 6;
	dash = strchr(value, '-');
	if (dash == NULL)
		return RANGE_NONE;
	if (dash == value) { /* the last so many bytes */
		if (!parse_digits(dash + 1, strlen(dash + 1), &last))
			return RANGE_NONE;
		*ret_len = last < size ? last : size;
		*ret_first = size - *ret_len;
		return *ret_len > 0 ? RANGE_PART : RANGE_UNSATISFIABLE;
	}
	if (!parse_digits(value, (size_t)(dash - value), &first))
		return RANGE_NONE;
	if (dash[1] == '\0')
		last = UINT64_MAX;
	else if (!parse_digits(dash + 1, strlen(dash + 1), &last) || last < first)
		return RANGE_NONE;
	if (first >= size)
		return RANGE_UNSATISFIABLE;
	*ret_first = first;
	*ret_len = (last < size ? last + 1 : size) - first;
	return RANGE_PART;
}

/* Any of a list. The quotes belong to both, so that no ETag is found in a part of another. */
bool
fields_etag_matches(const char *value, const char *etag)
{
	return value != NULL && (strcmp(value, "*") == 0 || strstr(value, etag) != NULL);
}

/*
 * A part and the rest are put together byte by byte: weak validators do not say that they fit (RFC
 * 9110 section 13.1.5), and here no date says it either.
 */
bool
fields_if_range_matches(const char *value, const char *etag)
{
	return value == NULL || strcmp(value, etag) == 0;
}

/* The next element of a comma-separated list, without blanks around it; false at the end. */
static bool
next_element(const char **at, const char **ret, size_t *ret_len)
{
	const char *s = *at;
	size_t len;

	if (s == NULL || *s == '\0')
		return false;
	len = strcspn(s, ",");
	*at = s[len] == ',' ? s + len + 1 : s + len;
	while (*s == ' ' || *s == '\t') { /* none lies behind its end */
		s++;
		len--;
	}
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	*ret = s;
	*ret_len = len;
	return true;
}

/* q=0, with up to three zeros behind a point (RFC 9110 section 12.4.2). */
static bool
has_zero_quality(const char *parameters, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++)
		if (strncasecmp(parameters + i, "q=0", 3) == 0)
			return strspn(parameters + i + 3, ".0") == len - i - 3;
	return false;
}

bool
fields_accepts(const char *value, const char *type)
{
	const char *element;
	size_t len;

	while (next_element(&value, &element, &len)) {
		size_t name = strlen(type);

		if (len < name || strncasecmp(element, type, name) != 0)
			continue;
		if (len == name || element[name] == ';' || element[name] == ' ')
			return !has_zero_quality(element + name, len - name);
	}
	return false;
}

/* RFC 7240, section 2. */
static size_t
without_parameters(const char *value, size_t len)
{
	const char *semicolon = memchr(value, ';', len);

	if (semicolon != NULL)
		len = (size_t)(semicolon - value);
	while (len > 0 && value[len - 1] == ' ')
		len--;
	return len;
}

uint64_t
fields_prefer_wait_s(const char *value)
{
	const char *element;
	uint64_t wait_s;
	size_t len;

	while (next_element(&value, &element, &len))
		if (strncasecmp(element, "wait=", 5) == 0 &&
			parse_digits(
				element + 5, without_parameters(element + 5, len - 5), &wait_s))
			/* It becomes milliseconds without a check, and holdMax is far below. */
			return wait_s < DAY_S ? wait_s : DAY_S;
	return 0;
}

/*
 * RFC 9110 section 5.6.7: the first is what is sent, and all three are understood. Names of days
 * are those of the C locale, since nobody calls setlocale(3).
 */
static const char sent_format[] = "%a, %d %b %Y %H:%M:%S GMT";
static const char *const date_formats[] = {
	sent_format, "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};

bool
fields_date(const char *value, uint64_t *ret_s)
{
	for (size_t i = 0; value != NULL && i < sizeof(date_formats) / sizeof(date_formats[0]);
		i++) {
		struct tm tm = {0};
		const char *end = strptime(value, date_formats[i], &tm);
		time_t s;

		if (end == NULL || *end != '\0')
			continue;
		s = timegm(&tm);
		*ret_s = (uint64_t)s;
		return s >= 0;
	}
	return false;
}

uint64_t
fields_modified_s(uint64_t landed_ms, uint64_t now_ms, uint64_t *ret_s)
{
	/* More than the second that a date leaves open: what is shown was stored a moment before.
	 */
	enum { SETTLED_MS = 2000 };

	/* The clock was set back: as if it had come just now, until it has caught up. */
	if (landed_ms > now_ms)
		landed_ms = now_ms;
	*ret_s = (landed_ms + 999) / 1000;
	return now_ms >= landed_ms + SETTLED_MS ? *ret_s : landed_ms / 1000 - (landed_ms >= 1000);
}

char *
fields_date_text(uint64_t s, char ret[FIELDS_DATE])
{
	time_t time = (time_t)s;
	struct tm tm;

	(void)gmtime_r(&time, &tm);
	(void)strftime(ret, FIELDS_DATE, sent_format, &tm);
	return ret;
}
