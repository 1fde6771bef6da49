/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/line.h"
#include "base/mem.h"
#include "model/admin_address.h"
#include "model/options_row.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static const char standard_origin[] = "default";

/* By way of void: the offset is that of a member of this very type, so that it is aligned. */
static char **
text_of(struct options *o, const struct options_row *row)
{
	return (char **)(void *)((char *)o + row->offset);
}

static uint64_t *
number_of(struct options *o, const struct options_row *row)
{
	return (uint64_t *)(void *)((char *)o + row->offset);
}

/*
 * How many single changes lead from one word to the other, upper and lower case alike.
 * (Levenshtein's distance.) Of the table of costs one row is kept: costs[j] is the distance of the
 * first i characters of a to the first j of b, and diagonal what stood at j - 1 in the row before.
 */
static size_t
distance(const char *a, const char *b)
{
	/* Longer than any name: such a word is no slip of the finger. */
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

static int
unknown(const char *name, const char *origin, struct err *e)
{
	const struct options_row *nearest = &options_rows[0];

	for (size_t i = 1; i < OPTIONS_ROWS; i++)
		if (distance(name, options_rows[i].name) < distance(name, nearest->name))
			nearest = &options_rows[i];
	return err_set(e, ERR_INPUT, "%s: unknown option '%s'; the nearest is %s", origin, name,
		nearest->name);
}

static void
assign(struct options *o, const struct options_row *row, const char *value, uint64_t number)
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
	const struct options_row *row = options_row_find(name);
	uint64_t number = 0;
	size_t i;

	if (text[len] != '=')
		return err_set(
			e, ERR_INPUT, "%s: '%s' has no value; write name=value", origin, text);
	if (row == NULL)
		return unknown(name, origin, e);
	i = (size_t)(row - options_rows);
	/* One of the two was meant, and nobody knows which. */
	if (ranks[i] == rank)
		return err_set(e, ERR_INPUT, "%s: %s has two values", origin, name);
	if (options_row_check(&options_rows[i], text + len + 1, &number, e) != 0)
		return err_wrap(e, "%s: %s", origin, name);
	/* Checked all the same: a bad line shows now, and not when the argument is dropped. */
	if (ranks[i] > rank)
		return 0;
	assign(o, &options_rows[i], text + len + 1, number);
	ranks[i] = rank;
	free(o->origins[i]);
	o->origins[i] = mem_string(origin);
	return 0;
}

enum rank { RANK_STANDARD, RANK_FILE, RANK_COMMAND_LINE };

static int
read_file(struct options *o, int *ranks, const char *path, const char *named_by, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	unsigned number = 0;
	char *line;
	char *tail;

	if (fs_read(AT_FDCWD, path, FILE_BYTES_MAX, &bytes, e) != 0)
		return err_wrap(e, "%s", named_by);
	/* NULL where the file is empty. */
	tail = bytes.at;
	while (tail != NULL && (line = line_next(&tail, &number)) != NULL) {
		AUTO_FREE char *origin = mem_printf("%s:%u", path, number);

		if (set(o, ranks, RANK_FILE, line, origin, e) != 0)
			return -1;
	}
	return 0;
}

/* A variable of a script that is not set: nobody writes an empty value by intent. */
static int
refuse_empty(int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		size_t name = strcspn(argv[i], "=");

		if (argv[i][0] == '\0')
			return err_set(
				e, ERR_INPUT, "the argument behind '%s' is empty", argv[i - 1]);
		if (argv[i][name] == '=' && argv[i][name + 1] == '\0')
			return err_set(
				e, ERR_INPUT, "command line: '%s' has an empty value", argv[i]);
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
	*o = (struct options){.origins = mem_new(OPTIONS_ROWS, sizeof(char *))};
	for (size_t i = 0; i < OPTIONS_ROWS; i++) {
		uint64_t number = 0;

		/* A default that is out of its own range is a mistake in options.def. */
		if (options_rows[i].kind != ROW_TEXT &&
			options_row_check(
				&options_rows[i], options_rows[i].standard, &number, NULL) != 0)
			assert(false);
		o->origins[i] = mem_string(standard_origin);
		assign(o, &options_rows[i], options_rows[i].standard, number);
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
	if (read_file(o, ranks, path, "settings", e) != 0)
		return -1;
	return strcmp(o->root, root) == 0
		       ? 0
		       : err_set(e, ERR_INPUT,
				 "%s: root: this file was found below %s; name the file with "
				 "--config, or the root on the command line",
				 path, root);
}

/* What no row can say of itself. */
static int
check_together(const struct options *o, struct err *e)
{
	struct admin_address admin;

	if (o->retryAfterMin > o->retryAfterMax)
		return err_set(e, ERR_INPUT, "retryAfterMin is larger than retryAfterMax");
	if (admin_address_parse(o->adminAddress, &admin, e) != 0)
		return -1;
	if (admin.kind == ADMIN_ADDRESS_PORT && !admin.loopback && o->adminTokenFile[0] == '\0')
		return err_set(e, ERR_INPUT,
			"adminAddress: others than this machine get there, and adminTokenFile is "
			"not "
			"given");
	return 0;
}

int
options_read(struct options *o, int argc, char **argv, struct err *e)
{
	int ranks[OPTIONS_ROWS] = {RANK_STANDARD};
	const char *file = NULL;

	options_standard(o);
	/* First, since they name the file or the root where it is; ranks see to who wins. */
	if (refuse_empty(argc, argv, e) != 0 || read_arguments(o, ranks, argc, argv, &file, e) != 0)
		return -1;
	if (o->show_help || o->show_version)
		return 0;
	if (file != NULL ? read_file(o, ranks, file, "--config", e) != 0
			 : read_own_file(o, ranks, e) != 0)
		return -1;
	if (o->guts2ServerUrl[0] == '\0')
		return err_set(e, ERR_INPUT, "guts2ServerUrl is required: -Dguts2ServerUrl=URL");
	return check_together(o, e);
}

/* Where it came from, not what it is: an explicit default is the wish of somebody. */
bool
options_is_set(const struct options *o, const char *name)
{
	const struct options_row *row = options_row_find(name);

	assert(row != NULL);
	return strcmp(o->origins[row - options_rows], standard_origin) != 0;
}

void
options_each_number(struct options *o,
	void (*visit)(void *context, const char *name, uint64_t *value), void *context)
{
	for (size_t i = 0; i < OPTIONS_ROWS; i++)
		if (options_rows[i].kind != ROW_TEXT)
			visit(context, options_rows[i].name, number_of(o, &options_rows[i]));
}

void
options_each(const struct options *o,
	void (*visit)(void *context, const char *name, const char *value, const char *origin),
	void *context)
{
	for (size_t i = 0; i < OPTIONS_ROWS; i++) {
		const struct options_row *row = &options_rows[i];
		const char *at = (const char *)o + row->offset;
		char number[64];

		if (row->kind == ROW_TEXT)
			visit(context, row->name, *(char *const *)(const void *)at, o->origins[i]);
		else
			visit(context, row->name,
				options_row_number_text(row, *(const uint64_t *)(const void *)at,
					number, sizeof(number)),
				o->origins[i]);
	}
}

void
options_free(struct options *o)
{
	for (size_t i = 0; o->origins != NULL && i < OPTIONS_ROWS; i++) {
		free(o->origins[i]);
		if (options_rows[i].kind == ROW_TEXT)
			free(*text_of(o, &options_rows[i]));
	}
	free(o->origins);
	*o = (struct options){0};
}

bool
options_known(const char *name)
{
	return options_row_find(name) != NULL;
}

int
options_check(const char *name, const char *value, struct err *e)
{
	const struct options_row *row = options_row_find(name);
	uint64_t number;

	if (row == NULL)
		return unknown(name, name, e);
	return options_row_check(row, value, &number, e) != 0 ? err_wrap(e, "%s", name) : 0;
}

int
options_check_all(const char *const *settings, size_t count, struct err *e)
{
	int ranks[OPTIONS_ROWS] = {RANK_STANDARD};
	struct options o;
	int result = 0;

	options_standard(&o);
	for (size_t i = 0; i < count && result == 0; i++)
		result = set(&o, ranks, RANK_FILE, settings[i], "together", e);
	if (result == 0)
		result = check_together(&o, e);
	options_free(&o);
	return result;
}
