/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli.h"
#include "model/options.h"

static const char *const result_names[] = {[MIGRATE_TAKEN] = "taken",
	[MIGRATE_WARNED] = "warning",
	[MIGRATE_NO_MEANING] = "no-meaning"};

void
migrate_table_free(struct migration *m)
{
	for (size_t i = 0; i < m->row_count; i++) {
		free(m->rows[i].old);
		free(m->rows[i].text);
	}
	for (size_t i = 0; i < m->option_count; i++) {
		free(m->options[i].name);
		free(m->options[i].value);
		free(m->options[i].origin);
	}
	free(m->rows);
	free(m->options);
	proxy_server_free(&m->proxy);
	buf_free(&m->channels);
	free(m->upstream_host);
	free(m->upstream_port);
	free(m->upstream_origin);
	*m = (struct migration){0};
}

/* Each old setting has a row, whatever becomes of it: nothing is dropped without a word. */
void
migrate_table_note(
	struct migration *m, enum migrate_result result, char *take_old, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->rows = mem_grow(m->rows, m->row_count, &m->row_capacity, sizeof(*m->rows));
	m->rows[m->row_count++] = (struct migrate_row){result, take_old, mem_string(text)};
}

void
migrate_table_option(struct migration *m, const char *origin, const char *shown, const char *name,
	const char *value)
{
	char *old = mem_printf("%s: %s", origin, shown);
	struct err e = {0};

	if (strcmp(name, "root") == 0) {
		migrate_table_note(
			m, MIGRATE_WARNED, old, "not taken: the root is what --root says");
		return;
	}
	/* By the server's own rules: what is written here it will start with. */
	if (options_check(name, value, &e) != 0) {
		migrate_table_note(m, MIGRATE_WARNED, old, "not taken: %s", e.text);
		return;
	}
	/* One is taken and the other shown, rather than chosen between silently. */
	for (size_t i = 0; i < m->option_count; i++)
		if (strcmp(m->options[i].name, name) == 0) {
			migrate_table_note(m, MIGRATE_WARNED, old,
				"not taken: %s is set by %s already", name, m->options[i].origin);
			return;
		}
	m->options =
		mem_grow(m->options, m->option_count, &m->option_capacity, sizeof(*m->options));
	m->options[m->option_count++] =
		(struct migrate_option){mem_string(name), mem_string(value), mem_string(origin)};
	migrate_table_note(m, MIGRATE_TAKEN, old, "config/guts2d.conf: %s=%s", name, value);
}

void
migrate_table_upstream(struct migration *m)
{
	const char *port = m->upstream_port != NULL ? m->upstream_port : "80";
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *shown = NULL;

	if (m->upstream_host == NULL && m->upstream_port != NULL)
		migrate_table_note(m, MIGRATE_WARNED,
			mem_printf("%s: upstreamPmPort=%s", m->upstream_origin, m->upstream_port),
			"not taken: there is no upstreamPmHost");
	if (m->upstream_host == NULL)
		return;
	shown = mem_printf("upstreamPmHost=%s, upstreamPmPort=%s", m->upstream_host, port);
	/* The old settings knew no scheme; the port says which one was meant. */
	url = mem_printf("%s://%s:%s/guts2", strcmp(port, "443") == 0 ? "https" : "http",
		m->upstream_host, port);
	migrate_table_option(m, m->upstream_origin, shown, "guts2ServerUrl", url);
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
