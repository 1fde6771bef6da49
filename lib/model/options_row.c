/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options_row.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/admin_address.h"
#include "model/origin.h"
#include "model/pace.h"

/* ---- What a text may be; a row names one of these. */

static int
check_urls(const char *value, struct err *e)
{
	struct origins list;

	if (origins_parse(value, &list, e) != 0)
		return -1;
	origins_free(&list);
	return 0;
}

static int
check_address(const char *value, struct err *e)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1)
		return 0;
	return err_set(e, ERR_INPUT, "must be an IPv4 or IPv6 address");
}

static int
check_path(const char *value, struct err *e)
{
	return value[0] == '/' ? 0 : err_set(e, ERR_INPUT, "must be an absolute path");
}

static int
check_admin(const char *value, struct err *e)
{
	struct admin_address address;

	return admin_address_parse(value, &address, e);
}

static int
check_rate(const char *value, struct err *e)
{
	struct pace_schedule schedule;

	return pace_parse(value, &schedule, e);
}

/* ---- The rows */

const struct options_row options_rows[] = {
#define TEXT(name, standard, check, placeholder, line, paragraph)                                  \
	{#name, ROW_TEXT, offsetof(struct options, name), standard, 0, 0, 0, check_##check,        \
		placeholder, line, paragraph},
#define NUMBER(name, standard, min, max, line, paragraph)                                          \
	{#name, ROW_NUMBER, offsetof(struct options, name), #standard, min, max, 0, NULL, "N",     \
		line, paragraph},
#define DURATION(name, standard, min, max, bare, line, paragraph)                                  \
	{#name, ROW_DURATION, offsetof(struct options, name), standard, min, max, bare, NULL,      \
		"TIME", line, paragraph},
#define SIZE(name, standard, min, max, line, paragraph)                                            \
	{#name, ROW_SIZE, offsetof(struct options, name), standard, min, max, 0, NULL, "BYTES",    \
		line, paragraph},
#define SWITCH(name, standard, line, paragraph)                                                    \
	{#name, ROW_SWITCH, offsetof(struct options, name), standard, 0, 1, 0, NULL, "on|off",     \
		line, paragraph},
#include "options.def"
#undef TEXT
#undef NUMBER
#undef DURATION
#undef SIZE
#undef SWITCH
};

/* The numbers of options_row.h and these rows are made from one file. */
static_assert(sizeof(options_rows) / sizeof(options_rows[0]) == OPTIONS_ROWS, "a row is missing");

/* A walk over a few dozen rows, at the start and in tools only. */
const struct options_row *
options_row_find(const char *name)
{
	for (size_t i = 0; i < OPTIONS_ROWS; i++)
		if (strcmp(options_rows[i].name, name) == 0)
			return &options_rows[i];
	return NULL;
}

/* A value as it is written in a setting. */
char *
options_row_number_text(const struct options_row *row, uint64_t number, char *ret, size_t size)
{
	if (row->kind == ROW_DURATION)
		return num_ms_text(number, ret, size);
	if (row->kind == ROW_SIZE)
		return num_size_text(number, ret, size);
	if (row->kind == ROW_SWITCH)
		(void)snprintf(ret, size, "%s", number != 0 ? "on" : "off");
	else
		(void)snprintf(ret, size, "%" PRIu64, number);
	return ret;
}

void
options_row_range_text(const struct options_row *row, char *ret, size_t size)
{
	char min[32];
	char max[32];

	if (row->kind == ROW_SWITCH)
		(void)snprintf(ret, size, "on or off");
	else
		(void)snprintf(ret, size, "%s to %s",
			options_row_number_text(row, row->min, min, sizeof(min)),
			options_row_number_text(row, row->max, max, sizeof(max)));
}

/* Two words and no others: neither 1 nor yes nor ON. */
static bool
parse_switch(const char *value, uint64_t *ret)
{
	*ret = strcmp(value, "on") == 0;
	return *ret == 1 || strcmp(value, "off") == 0;
}

/* ret_number is set for rows that are numbers. */
int
options_row_check(
	const struct options_row *row, const char *value, uint64_t *ret_number, struct err *e)
{
	static const char *const what[] = {[ROW_NUMBER] = "a whole number from ",
		[ROW_DURATION] = "a time (as 500ms, 5s, 10m, 2h) from ",
		[ROW_SIZE] = "a size (as 1000, 500k, 512M, 2G) from ",
		[ROW_SWITCH] = ""};
	char range[80];
	bool ok = false;

	switch (row->kind) {
	case ROW_TEXT:
		return row->check(value, e);
	case ROW_NUMBER:
		ok = num_parse(value, strlen(value), row->max, ret_number);
		break;
	case ROW_DURATION:
		ok = num_parse_ms(value, row->bare_unit_ms, ret_number);
		break;
	case ROW_SIZE:
		ok = num_parse_size(value, row->max, ret_number);
		break;
	case ROW_SWITCH:
		ok = parse_switch(value, ret_number);
		break;
	}
	/* num_parse_ms has its own upper bound, and none of them a lower one. */
	if (ok && *ret_number >= row->min && *ret_number <= row->max)
		return 0;
	options_row_range_text(row, range, sizeof(range));
	return err_set(e, ERR_INPUT, "'%s' is not %s%s", value, what[row->kind], range);
}
