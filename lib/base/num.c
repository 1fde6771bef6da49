/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Largest first: num_ms_text takes the first that divides the time. */
static const struct {
	const char *suffix;
	uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

/* No setting may be longer; within it no product of number and unit can overflow. */
static const uint64_t ten_years_ms = 3650ULL * 86400000ULL;

/*
 * 20 digits are the most that 64 bits have. Zeros in front are refused: with them a version would
 * have several spellings, and a file several names. Signs and blanks are no digits.
 */
bool
num_parse(const char *s, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0 || len > 20 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9')
			return false;
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*ret = value;
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
num_parse_hex(const char *hex, uint8_t *ret, size_t bytes)
{
	if (strlen(hex) != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int high = hex_value(hex[2 * i]);
		int low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(16 * high + low);
	}
	return true;
}

/* The bound is divided instead of the value multiplied: nothing can overflow before it is known. */
bool
num_parse_ms(const char *s, uint64_t bare_unit_ms, uint64_t *ret_ms)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t unit_ms = 0;
	uint64_t value;

	if (s[digits] == '\0')
		unit_ms = bare_unit_ms;
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (strcmp(s + digits, units[i].suffix) == 0)
			unit_ms = units[i].ms;
	if (unit_ms == 0 || !num_parse(s, digits, ten_years_ms / unit_ms, &value))
		return false;
	*ret_ms = value * unit_ms;
	return true;
}

static const char size_suffixes[] = "kMGT";

bool
num_parse_size(const char *s, uint64_t max, uint64_t *ret)
{
	size_t digits = strspn(s, "0123456789");
	const char *suffix = s[digits] != '\0' ? strchr(size_suffixes, s[digits]) : NULL;
	unsigned shift = suffix != NULL ? 10 * (unsigned)(suffix - size_suffixes + 1) : 0;
	uint64_t value;

	if ((s[digits] != '\0' && (suffix == NULL || s[digits + 1] != '\0')) ||
		!num_parse(s, digits, max >> shift, &value))
		return false;
	*ret = value << shift;
	return true;
}

/* Exact: num_parse_size reads back the same number. */
char *
num_size_text(uint64_t bytes, char *ret, size_t size)
{
	char suffix[2] = "";

	for (size_t i = 0; size_suffixes[i] != '\0' && bytes > 0 && bytes % 1024 == 0; i++) {
		bytes /= 1024;
		suffix[0] = size_suffixes[i];
	}
	(void)snprintf(ret, size, "%" PRIu64 "%s", bytes, suffix);
	return ret;
}

/* The difference of two that are known to be in order cannot wrap, where a sum could. */
bool
num_add(uint64_t *sum, uint64_t more, uint64_t max)
{
	if (*sum > max || more > max - *sum)
		return false;
	*sum += more;
	return true;
}

char *
num_bytes_text(uint64_t bytes, char *ret, size_t size)
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	/* The limits are those of rounding: 999.6 kB would be printed as 1000 kB. */
	while (value >= 999.5 && unit + 1 < sizeof(names) / sizeof(names[0])) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(
		ret, size, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, names[unit]);
	return ret;
}

/* From two of a unit on, as "90 s" says more than "1 min". */
char *
num_span_text(uint64_t s, char *ret, size_t size)
{
	static const struct {
		uint64_t s;
		const char *name;
	} spans[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (spans[i].s > 1 && s < 2 * spans[i].s)
		i++;
	(void)snprintf(ret, size, "%" PRIu64 " %s", s / spans[i].s, spans[i].name);
	return ret;
}

char *
num_ms_text(uint64_t ms, char *ret, size_t size)
{
	size_t i = 0;

	/* Every unit divides 0, which is written 0ms. */
	while (i + 1 < UNIT_COUNT && (ms == 0 || ms % units[i].ms != 0))
		i++;
	(void)snprintf(ret, size, "%" PRIu64 "%s", ms / units[i].ms, units[i].suffix);
	return ret;
}
