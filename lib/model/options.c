/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/num.h"
#include "model/origin.h"
#include "model/pace.h"

enum row_kind { ROW_TEXT, ROW_NUMBER, ROW_DURATION, ROW_SIZE, ROW_SWITCH };

struct row {
	const char *name;
	enum row_kind kind;
	size_t offset;
	const char *standard;
	uint64_t min;
	uint64_t max;
	uint64_t bare_unit_ms;
	int (*check)(const char *value, struct err *e); /* TEXT */
	const char *placeholder;
	const char *line;
	const char *paragraph;
};

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
check_rate(const char *value, struct err *e)
{
	struct pace_schedule schedule;

	return pace_parse(value, &schedule, e);
}

/* ---- The rows */

static const struct row rows[] = {
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

enum { ROWS = sizeof(rows) / sizeof(rows[0]), FILE_BYTES_MAX = 1 << 20 };

static const char standard_origin[] = "default";

static char **
text_of(struct options *o, const struct row *row)
{
	return (char **)(void *)((char *)o + row->offset);
}

static uint64_t *
number_of(struct options *o, const struct row *row)
{
	return (uint64_t *)(void *)((char *)o + row->offset);
}

/* How many single changes lead from one word to the other, upper and lower case alike. */
static size_t
distance(const char *a, const char *b)
{
	enum { WORD_MAX = 48 };
	size_t costs[WORD_MAX + 1];
	size_t columns = strlen(b);

	if (columns > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= columns; j++)
		costs[j] = j;
	for (size_t i = 1; a[i - 1] != '\0' && i <= WORD_MAX; i++) {
		size_t diagonal = costs[0];

		costs[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t change = diagonal + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
			size_t insert = costs[j - 1] + 1;

			diagonal = costs[j];
			costs[j] = costs[j] + 1 < insert ? costs[j] + 1 : insert;
			if (change < costs[j])
				costs[j] = change;
		}
	}
	return costs[columns];
}

static const struct row *
find_row(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static int
unknown(const char *name, const char *origin, struct err *e)
{
	const struct row *nearest = &rows[0];

	for (size_t i = 1; i < ROWS; i++)
		if (distance(name, rows[i].name) < distance(name, nearest->name))
			nearest = &rows[i];
	return err_set(e, ERR_INPUT, "%s: unknown option '%s'; the nearest is %s", origin, name,
		nearest->name);
}

/* A value as it is written in a setting. */
static char *
number_text(const struct row *row, uint64_t number, char *ret, size_t size)
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

static void
range_text(const struct row *row, char *ret, size_t size)
{
	char min[32];
	char max[32];

	if (row->kind == ROW_SWITCH)
		(void)snprintf(ret, size, "on or off");
	else
		(void)snprintf(ret, size, "%s to %s", number_text(row, row->min, min, sizeof(min)),
			number_text(row, row->max, max, sizeof(max)));
}

static bool
parse_switch(const char *value, uint64_t *ret)
{
	*ret = strcmp(value, "on") == 0;
	return *ret == 1 || strcmp(value, "off") == 0;
}

/* ret_number is set for rows that are numbers. */
static int
check(const struct row *row, const char *value, uint64_t *ret_number, struct err *e)
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
	if (ok && *ret_number >= row->min && *ret_number <= row->max)
		return 0;
	range_text(row, range, sizeof(range));
	return err_set(e, ERR_INPUT, "'%s' is not %s%s", value, what[row->kind], range);
}

static void
assign(struct options *o, const struct row *row, const char *value, uint64_t number)
{
	if (row->kind == ROW_TEXT) {
		free(*text_of(o, row));
		*text_of(o, row) = mem_string(value);
	} else {
		*number_of(o, row) = number;
	}
}

/*
 * One value from one origin. A higher rank replaces a lower one, and the same twice
 * is an error.
 */
static int
set(struct options *o, int *ranks, int rank, const char *text, const char *origin, struct err *e)
{
	size_t len = strcspn(text, "=");
	AUTO_FREE char *name = mem_string_n(text, len);
	const struct row *row = find_row(name);
	uint64_t number = 0;
	size_t i;

	if (text[len] != '=')
		return err_set(
			e, ERR_INPUT, "%s: '%s' has no value; write name=value", origin, text);
	if (row == NULL)
		return unknown(name, origin, e);
	i = (size_t)(row - rows);
	if (ranks[i] == rank)
		return err_set(e, ERR_INPUT, "%s: %s has two values", origin, name);
	if (check(&rows[i], text + len + 1, &number, e) != 0)
		return err_wrap(e, "%s: %s", origin, name);
	if (ranks[i] > rank)
		return 0;
	assign(o, &rows[i], text + len + 1, number);
	ranks[i] = rank;
	free(o->origins[i]);
	o->origins[i] = mem_string(origin);
	return 0;
}

enum rank { RANK_STANDARD, RANK_FILE, RANK_COMMAND_LINE };

static int
read_file(struct options *o, int *ranks, const char *path, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	unsigned number = 0;
	char *line;
	char *tail;

	if (fs_read(AT_FDCWD, path, FILE_BYTES_MAX, &bytes, e) != 0)
		return err_wrap(e, "settings");
	tail = bytes.at;
	while (tail != NULL && (line = line_next(&tail, &number)) != NULL) {
		AUTO_FREE char *origin = mem_printf("%s:%u", path, number);

		if (set(o, ranks, RANK_FILE, line, origin, e) != 0)
			return -1;
	}
	return 0;
}

static int
read_arguments(
	struct options *o, int *ranks, int argc, char **argv, const char **ret_file, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-D", 2) == 0) {
			if (set(o, ranks, RANK_COMMAND_LINE, argv[i] + 2, "command line", e) != 0)
				return -1;
		} else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc && *ret_file == NULL) {
			*ret_file = argv[++i];
		} else if (strcmp(argv[i], "--check") == 0) {
			o->check_only = true;
		} else if (strcmp(argv[i], "--test-upstream") == 0) {
			o->test_upstream = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			o->show_help = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			o->show_version = true;
		} else {
			return err_set(e, ERR_INPUT, "'%s' is not understood, or is one too many",
				argv[i]);
		}
	}
	return 0;
}

void
options_standard(struct options *o)
{
	*o = (struct options){.origins = mem_new(ROWS, sizeof(char *))};
	for (size_t i = 0; i < ROWS; i++) {
		uint64_t number = 0;

		/* A default that is out of its own range is a mistake in options.def. */
		if (rows[i].kind != ROW_TEXT &&
			check(&rows[i], rows[i].standard, &number, NULL) != 0)
			assert(false);
		o->origins[i] = mem_string(standard_origin);
		assign(o, &rows[i], rows[i].standard, number);
	}
}

/*
 * The file that is found below the root by itself. It cannot say where the root is: then it would
 * be another file that counts.
 */
static int
read_own_file(struct options *o, int *ranks, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/config/guts2d.conf", o->root);
	AUTO_FREE char *root = mem_string(o->root);

	if (!fs_exists(AT_FDCWD, path))
		return 0;
	if (read_file(o, ranks, path, e) != 0)
		return -1;
	return strcmp(o->root, root) == 0
		       ? 0
		       : err_set(e, ERR_INPUT,
				 "%s: root: this file was found below %s; name the file with "
				 "--config, or the root on the command line",
				 path, root);
}

int
options_read(struct options *o, int argc, char **argv, struct err *e)
{
	int ranks[ROWS] = {RANK_STANDARD};
	const char *file = NULL;

	options_standard(o);
	if (read_arguments(o, ranks, argc, argv, &file, e) != 0)
		return -1;
	if (o->show_help || o->show_version)
		return 0;
	if (file != NULL ? read_file(o, ranks, file, e) != 0 : read_own_file(o, ranks, e) != 0)
		return -1;
	if (o->guts2ServerUrl[0] == '\0')
		return err_set(e, ERR_INPUT, "guts2ServerUrl is required: -Dguts2ServerUrl=URL");
	if (o->retryAfterMin > o->retryAfterMax)
		return err_set(e, ERR_INPUT, "retryAfterMin is larger than retryAfterMax");
	return 0;
}

bool
options_is_set(const struct options *o, const char *name)
{
	const struct row *row = find_row(name);

	assert(row != NULL);
	return strcmp(o->origins[row - rows], standard_origin) != 0;
}

void
options_each_number(struct options *o,
	void (*visit)(void *context, const char *name, uint64_t *value), void *context)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].kind != ROW_TEXT)
			visit(context, rows[i].name, number_of(o, &rows[i]));
}

void
options_free(struct options *o)
{
	for (size_t i = 0; o->origins != NULL && i < ROWS; i++) {
		free(o->origins[i]);
		if (rows[i].kind == ROW_TEXT)
			free(*text_of(o, &rows[i]));
	}
	free(o->origins);
	*o = (struct options){0};
}

bool
options_known(const char *name)
{
	return find_row(name) != NULL;
}

int
options_check(const char *name, const char *value, struct err *e)
{
	const struct row *row = find_row(name);
	uint64_t number;

	if (row == NULL)
		return unknown(name, name, e);
	return check(row, value, &number, e) != 0 ? err_wrap(e, "%s", name) : 0;
}

void
options_print_help(FILE *to)
{
	(void)fputs(
		"Usage: guts2d [-Dname=value]... [--config FILE] [--check | --test-upstream]\n"
		"Serve updates to the clients of a network from one cache, in the foreground.\n\n",
		to);
	for (size_t i = 0; i < ROWS; i++)
		(void)fprintf(to, "  -D%s=%s\n        %s%s%s%s\n", rows[i].name,
			rows[i].placeholder, rows[i].line,
			rows[i].standard[0] != '\0' ? " (default " : "", rows[i].standard,
			rows[i].standard[0] != '\0' ? ")" : "");
	(void)fputs(
		"  --config FILE\n        lines of name=value; the command line goes first\n"
		"        (default: config/guts2d.conf below the root, where it exists)\n"
		"  --check\n        print every setting and where it came from, and exit\n"
		"  --test-upstream\n        go to the upstream step by step, say what fails, and "
		"exit\n"
		"  --help, --version\n\n"
		"Exit: 0 ended by a signal, 1 cannot run, 2 usage.  See guts2d(8).\n",
		to);
}

static void
print_value(const struct options *o, const struct row *row, FILE *to)
{
	const char *at = (const char *)o + row->offset;
	char text[32];

	if (row->kind == ROW_TEXT) {
		(void)fprintf(to, "%s=%s", row->name, *(char *const *)(const void *)at);
		return;
	}
	(void)fprintf(to, "%s=%s", row->name,
		number_text(row, *(const uint64_t *)(const void *)at, text, sizeof(text)));
}

void
options_print_values(const struct options *o, FILE *to)
{
	for (size_t i = 0; i < ROWS; i++) {
		print_value(o, &rows[i], to);
		(void)fprintf(to, "  # %s\n", o->origins[i]);
	}
}

void
options_print_sample(FILE *to)
{
	(void)fputs("# SPDX-License-Identifier: GPL-3.0-or-later\n"
		    "# guts2d: settings, for config/guts2d.conf below the root; every line is "
		    "name=value.\n"
		    "# A line with # in front shows the default.\n",
		to);
	for (size_t i = 0; i < ROWS; i++) {
		char range[80] = "";

		if (rows[i].kind != ROW_TEXT)
			range_text(&rows[i], range, sizeof(range));
		(void)fprintf(to, "\n# %s%s%s\n#%s=%s\n", rows[i].line, *range != '\0' ? "; " : "",
			range, rows[i].name, rows[i].standard);
	}
}

void
options_print_manual(FILE *to)
{
	for (size_t i = 0; i < ROWS; i++) {
		char range[80] = "";

		(void)fprintf(to, ".TP\n.BI \\-D %s = %s\n", rows[i].name, rows[i].placeholder);
		(void)fprintf(to, "%c%s.\n%s\n", rows[i].line[0] - 'a' + 'A', rows[i].line + 1,
			rows[i].paragraph);
		if (rows[i].kind != ROW_TEXT)
			range_text(&rows[i], range, sizeof(range));
		if (*range != '\0')
			(void)fprintf(to, "%s%s, by default %s.\n",
				rows[i].kind == ROW_SWITCH ? "Either " : "From ", range,
				rows[i].standard);
		else if (rows[i].standard[0] != '\0')
			(void)fprintf(to, "By default\n.IR %s .\n", rows[i].standard);
	}
}
