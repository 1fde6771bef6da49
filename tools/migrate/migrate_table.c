/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli.h"
#include "migrate/migrate_mask.h"
#include "model/options.h"

static const char *const result_names[] = {[MIGRATE_TAKEN] = "taken",
	[MIGRATE_WARNED] = "warning",
	[MIGRATE_NO_MEANING] = "no-meaning"};

static void
free_option(struct migrate_option *o)
{
	free(o->name);
	free(o->setting);
	free(o->origin);
}

void
migrate_table_free(struct migration *m)
{
	for (size_t i = 0; i < m->row_count; i++) {
		free(m->rows[i].old);
		free(m->rows[i].text);
	}
	for (size_t i = 0; i < m->option_count; i++)
		free_option(&m->options[i]);
	free(m->rows);
	free(m->options);
	proxy_server_free(&m->proxy);
	buf_free(&m->channels);
	*m = (struct migration){0};
}

/* Each old setting has a row, whatever becomes of it: nothing is dropped without a word. */
void
migrate_table_note(
	struct migration *m, enum migrate_result result, char *take_old, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	m->rows = mem_grow(m->rows, m->row_count, &m->row_capacity, sizeof(*m->rows));
	m->rows[m->row_count++] = (struct migrate_row){result, take_old, text};
}

/* One that was taken is not, after all: its row says why. */
static void
drop_option(struct migration *m, size_t index, const char *why)
{
	struct migrate_row *row = &m->rows[m->options[index].row];

	row->result = MIGRATE_WARNED;
	free(row->text);
	row->text = mem_printf("not taken: %s", why);
	free_option(&m->options[index]);
	m->option_count--;
	memmove(&m->options[index], &m->options[index + 1],
		(m->option_count - index) * sizeof(*m->options));
}

void
migrate_table_option(struct migration *m, const char *origin, char *take_old, const char *name,
	const char *value)
{
	AUTO_FREE char *again = mem_printf("%s sets %s again", origin, name);
	struct err e = {0};

	/* By the server's own rules: what is written here it will start with. */
	if (options_check(name, value, &e) != 0) {
		if (!migrate_mask_harmless(name, value))
			migrate_mask_error(&e);
		migrate_table_note(m, MIGRATE_WARNED, take_old, "not taken: %s", e.text);
		return;
	}
	for (size_t i = m->option_count; i-- > 0;)
		if (strcmp(m->options[i].name, name) == 0)
			drop_option(m, i, again);
	m->options =
		mem_grow(m->options, m->option_count, &m->option_capacity, sizeof(*m->options));
	m->options[m->option_count++] = (struct migrate_option){.name = mem_string(name),
		.setting = mem_printf("%s=%s", name, value),
		.origin = mem_string(origin),
		.row = m->row_count};
	migrate_table_note(m, MIGRATE_TAKEN, take_old, "config/guts2d.conf: %s=%s", name, value);
}

/* All of them but one; `without` the count: all. */
static int
check_without(const struct migration *m, size_t without, struct err *e)
{
	AUTO_FREE const char **settings = mem_new(m->option_count + 1, sizeof(*settings));
	size_t count = 0;

	for (size_t i = 0; i < m->option_count; i++)
		if (i != without)
			settings[count++] = m->options[i].setting;
	return options_check_all(settings, count, e);
}

/* The last one without which the others can be: of two that do not fit the first stays. */
void
migrate_table_settle(struct migration *m)
{
	struct err e = {0};

	while (m->option_count > 0 && check_without(m, m->option_count, &e) != 0) {
		size_t i = m->option_count - 1;

		while (i > 0 && check_without(m, i, NULL) != 0)
			i--;
		drop_option(m, i, e.text);
	}
}

size_t
migrate_table_count(const struct migration *m, enum migrate_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < m->row_count; i++)
		count += m->rows[i].result == result;
	return count;
}

/* Names and values come from a file of somebody else's, and could steer a terminal. */
static void
print_text(const char *text)
{
	AUTO_FREE char *clean = cli_cleaned(text);

	(void)fputs(clean, stdout);
}

static void
print_json(const struct migration *m)
{
	json_t *settings = json_array();

	for (size_t i = 0; i < m->row_count; i++)
		(void)json_array_append_new(settings,
			json_pack("{s:s,s:o,s:o}", "result", result_names[m->rows[i].result], "old",
				cli_json_text(m->rows[i].old), "new",
				cli_json_text(m->rows[i].text)));
	cli_print_json(json_pack("{s:o}", "settings", settings));
}

void
migrate_table_print(const struct migration *m, bool json)
{
	static const char *const marks[] = {
		[MIGRATE_TAKEN] = "->", [MIGRATE_WARNED] = "!!", [MIGRATE_NO_MEANING] = "--"};

	if (json) {
		print_json(m);
		return;
	}
	for (size_t i = 0; i < m->row_count; i++) {
		print_text(m->rows[i].old);
		(void)printf("\n    %s ", marks[m->rows[i].result]);
		print_text(m->rows[i].text);
		(void)putchar('\n');
	}
}
