/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_read.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/line.h"
#include "base/mem.h"
#include "migrate/migrate_mask.h"
#include "migrate/migrate_statement.h"

/* They have some kilobytes; more is a mistaken path. */
enum { FILE_BYTES_MAX = 1 << 20 };

int
migrate_read_text(const char *path, struct buf *text, struct err *e)
{
	if (fs_read(AT_FDCWD, path, FILE_BYTES_MAX, text, e) != 0)
		return -1;
	if (text->len > 0 && memchr(text->at, '\0', text->len) != NULL)
		return err_set(e, ERR_INPUT, "%s: has a NUL byte", path);
	buf_add(text, "", 0);
	return 0;
}

/* ---- fsaua.cfg */

/* A proxy as fsaua wrote it: [http://][user[:password]@]host[:port] */
static int
parse_proxy(const char *text, struct proxy_server *ret, struct err *e)
{
	const char *tail = strncmp(text, "http://", 7) == 0 ? text + 7 : text;
	const char *host = strrchr(tail, '@') != NULL ? strrchr(tail, '@') + 1 : tail;
	size_t end = strcspn(host, "/");
	const char *bracket = memchr(host, ']', end);
	bool has_port = memchr(bracket != NULL ? bracket : host, ':',
				end - (bracket != NULL ? (size_t)(bracket - host) : 0)) != NULL;
	/* A port is required here; where none was named, that of http is. */
	AUTO_FREE char *url = mem_printf("http://%.*s%s%s", (int)(end + (size_t)(host - tail)),
		tail, has_port ? "" : ":80", host + end);
	int result = proxy_server_parse(url, ret, e);

	/* It may hold a password. */
	explicit_bzero(url, strlen(url));
	return result;
}

/* later: a statement in whose favour the whole list is given up; NULL: none. */
static void
take_proxy(struct migration *m, const struct migrate_statement *s,
	const struct migrate_statement *later, const char *one)
{
	struct proxy_server server;
	struct err e = {0};
	char name[300];
	char *old;

	/* What is none may be a part of another one's password. */
	if (parse_proxy(one, &server, &e) != 0) {
		migrate_table_note(m, MIGRATE_WARNED, mem_printf("%s: %s: ***", s->origin, s->name),
			"not taken: %s", e.text);
		return;
	}
	proxy_server_name(&server, name, sizeof(name));
	old = mem_printf("%s: %s: %s%s", s->origin, s->name, server.user != NULL ? "***@" : "",
		name + strlen("http://"));
	if (later != NULL) {
		migrate_statement_note_later(m, old, later);
	} else if (m->proxy.host != NULL) {
		migrate_table_note(m, MIGRATE_WARNED, old,
			"not taken: there is one proxy, and it is the first of the list");
	} else {
		migrate_table_note(m, MIGRATE_TAKEN, old,
			"data/fspms.proxy.config: http_proxy=%s/%s", name,
			server.user != NULL ? " with its user" : "");
		m->proxy = server;
		return;
	}
	proxy_server_free(&server);
}

/* The first one is taken: there is one proxy here. The others are listed, with the reason. */
static void
take_proxies(struct migration *m, const struct migrate_statement *s,
	const struct migrate_statement *later)
{
	char *list = s->value;
	char *one;
	bool any = false;

	while ((one = strsep(&list, ",")) != NULL) {
		one = line_trim(one);
		if (*one == '\0')
			continue;
		any = true;
		take_proxy(m, s, later, one);
	}
	if (!any)
		migrate_table_note(m, MIGRATE_TAKEN, mem_printf("%s: %s=", s->origin, s->name),
			"no proxy: nothing to write");
}

static void
take_fsaua(struct migration *m, const struct migrate_statements *all,
	const struct migrate_statement *s)
{
	if (s->name == NULL)
		migrate_table_note(
			m, MIGRATE_NO_MEANING, migrate_statement_show(s), "not name=value");
	else if (strcmp(s->name, "http_proxies") == 0)
		take_proxies(m, s, migrate_statement_later(all, s));
	else if (strcmp(s->name, "poll_interval") == 0)
		migrate_table_note(m, MIGRATE_NO_MEANING, migrate_statement_show(s),
			"was a client's; a server's is updatePollingInterval");
	else
		migrate_table_note(
			m, MIGRATE_NO_MEANING, migrate_statement_show(s), "has no meaning here");
}

static void
read_fsaua_line(struct migrate_statements *all, char *take_origin, char *line)
{
	char *value = strchr(line, '=');

	if (value == NULL) {
		migrate_statement_add(all, take_origin, NULL, mem_string(line));
		return;
	}
	*value++ = '\0';
	migrate_statement_add(
		all, take_origin, mem_string(line_trim(line)), mem_string(line_trim(value)));
}

int
migrate_read_fsaua(struct migration *m, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	struct migrate_statements all = {0};
	unsigned number = 0;
	char *tail;
	char *line;

	if (migrate_read_text(path, &text, e) != 0)
		return -1;
	tail = text.at;
	while ((line = line_next(&tail, &number)) != NULL)
		if (*line != '[')
			read_fsaua_line(&all, mem_printf("%s:%u", path, number), line);
	for (size_t i = 0; i < all.count; i++)
		take_fsaua(m, &all, &all.at[i]);
	migrate_statement_free(&all);
	return 0;
}

/* ---- channels */

/* An array of types, as the older lists were: every one of them a legacy type. */
static bool
wrap_array(struct buf *text)
{
	AUTO_BUF struct buf wrapped = {0};
	const char *at = text->at + strspn(text->at, " \t\r\n");

	if (*at != '[')
		return false;
	buf_printf(&wrapped, "{\"legacy\":%s}", text->at);
	buf_clear(text);
	buf_add(text, wrapped.at, wrapped.len);
	return true;
}

int
migrate_read_channels(struct migration *m, const char *path, struct err *e)
{
	struct channels channels;

	if (migrate_read_text(path, &m->channels, e) != 0)
		return -1;
	(void)wrap_array(&m->channels);
	if (channels_parse(span_of(m->channels.at, m->channels.len), path, &channels, e) != 0) {
		/* It may be another file than was meant. */
		migrate_mask_error(e);
		/* Not to be written by somebody who goes on after the error. */
		buf_clear(&m->channels);
		return -1;
	}
	for (size_t i = 0; i < channels.legacy_count; i++)
		migrate_table_note(m, MIGRATE_TAKEN,
			mem_printf("%s: legacy %s", path, channels.legacy[i]),
			"config/channels.json: legacy");
	for (size_t i = 0; i < channels.rule_count; i++)
		migrate_table_note(m, MIGRATE_TAKEN,
			mem_printf("%s: types %s", path, channels.rules[i].glob),
			"config/channels.json: types");
	channels_free(&channels);
	return 0;
}
