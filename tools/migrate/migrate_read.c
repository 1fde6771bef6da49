/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_read.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/line.h"
#include "base/mem.h"
#include "model/doc.h"
#include "model/options.h"

/* They have some kilobytes; more is a mistaken path. */
enum { FILE_BYTES_MAX = 1 << 20 };

static int
read_text(const char *path, struct buf *text, struct err *e)
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

/* Without user and password; the last @, as a password may have one. */
static char *
name_proxy(const char *text)
{
	const char *at = strrchr(text, '@');

	return mem_printf("%s%s", at != NULL ? "***@" : "", at != NULL ? at + 1 : text);
}

static void
take_proxy(struct migration *m, const char *origin, char *one)
{
	AUTO_FREE char *name = name_proxy(one);
	char *old = mem_printf("%s: http_proxies: %s", origin, name);
	struct err e = {0};
	char shown[300];

	if (m->proxy.host != NULL) {
		migrate_table_note(m, MIGRATE_WARNED, old,
			"not taken: there is one proxy, and it is the first of the list");
		return;
	}
	if (parse_proxy(one, &m->proxy, &e) != 0) {
		migrate_table_note(m, MIGRATE_WARNED, old, "not taken: %s", e.text);
		return;
	}
	proxy_server_name(&m->proxy, shown, sizeof(shown));
	migrate_table_note(m, MIGRATE_TAKEN, old, "data/fspms.proxy.config: http_proxy=%s/%s",
		shown, m->proxy.user != NULL ? " with its user" : "");
}

/* The first one is taken: there is one proxy here. The others are listed, with the reason. */
static void
take_proxies(struct migration *m, const char *origin, char *list)
{
	char *one;
	bool any = false;

	while ((one = strsep(&list, ",")) != NULL) {
		one = line_trim(one);
		if (*one == '\0')
			continue;
		any = true;
		take_proxy(m, origin, one);
	}
	if (!any)
		migrate_table_note(m, MIGRATE_TAKEN, mem_printf("%s: http_proxies=", origin),
			"no proxy: nothing to write");
}

static void
take_fsaua_line(struct migration *m, const char *origin, char *line)
{
	char *value = strchr(line, '=');

	if (value == NULL) {
		migrate_table_note(m, MIGRATE_NO_MEANING, mem_printf("%s: %s", origin, line),
			"not name=value");
		return;
	}
	*value++ = '\0';
	line = line_trim(line);
	value = line_trim(value);
	if (strcmp(line, "http_proxies") == 0)
		take_proxies(m, origin, value);
	else if (strcmp(line, "poll_interval") == 0)
		migrate_table_note(m, MIGRATE_NO_MEANING,
			mem_printf("%s: %s=%s", origin, line, value),
			"was a client's; a server's is updatePollingInterval");
	else
		migrate_table_note(m, MIGRATE_NO_MEANING, mem_printf("%s: %s", origin, line),
			"has no meaning here");
}

int
migrate_read_fsaua(struct migration *m, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	unsigned number = 0;
	char *tail;
	char *line;

	if (read_text(path, &text, e) != 0)
		return -1;
	tail = text.at;
	while ((line = line_next(&tail, &number)) != NULL) {
		AUTO_FREE char *origin = mem_printf("%s:%u", path, number);

		if (*line != '[')
			take_fsaua_line(m, origin, line);
	}
	return 0;
}

/* ---- fspms.conf */

/* One -D of the Java virtual machine. */
static void
take_definition(struct migration *m, const char *origin, char *word)
{
	char *value = strchr(word, '=');
	AUTO_FREE char *shown = mem_printf("-D%s", word);

	if (value != NULL)
		*value++ = '\0';
	if (!options_known(word)) {
		/* Its meaning is not known: what sounds like a password is not shown. */
		bool secret = strcasestr(word, "pass") != NULL;

		migrate_table_note(m, MIGRATE_NO_MEANING,
			mem_printf("%s: %s%s%s", origin, secret ? "-D" : "", secret ? word : shown,
				secret ? "=***" : ""),
			"has no meaning here%s",
			strncasecmp(word, "http.proxy", 10) == 0 ||
					strncasecmp(word, "https.proxy", 11) == 0
				? ": the proxy is named in data/fspms.proxy.config"
				: "");
	} else if (strcmp(word, "root") == 0) {
		migrate_table_note(m, MIGRATE_NO_MEANING, mem_printf("%s: %s", origin, shown),
			"the root is the one given with --root");
	} else if (value == NULL) {
		migrate_table_note(m, MIGRATE_WARNED, mem_printf("%s: %s", origin, shown),
			"not taken: has no value");
	} else {
		migrate_table_option(m, origin, shown, word, value);
	}
}

/* The words of additional_java_args: settings stand there as properties of the virtual machine. */
static void
take_java_arguments(struct migration *m, const char *origin, char *list)
{
	char *word;

	while ((word = strsep(&list, " \t\n")) != NULL) {
		if (*word == '\0')
			continue;
		if (strncmp(word, "-D", 2) == 0)
			take_definition(m, origin, word + 2);
		else
			migrate_table_note(m, MIGRATE_NO_MEANING,
				mem_printf("%s: %s", origin, word),
				"was for the Java virtual machine; there is none");
	}
}

static void
take_assignment(struct migration *m, const char *origin, const char *name, char *value)
{
	if (strchr(value, '$') != NULL || strchr(value, '`') != NULL) {
		migrate_table_note(m, MIGRATE_WARNED, mem_printf("%s: %s=%s", origin, name, value),
			"not taken: its value depends on something else ($ or `)");
	} else if (strcmp(name, "additional_java_args") == 0) {
		take_java_arguments(m, origin, value);
	} else if (strcmp(name, "hostModulePort") == 0) {
		AUTO_FREE char *shown = mem_printf("%s=%s", name, value);

		migrate_table_option(m, origin, shown, name, value);
	} else if (strcmp(name, "upstreamPmHost") == 0 || strcmp(name, "upstreamPmPort") == 0) {
		/* upstreamPmHost, upstreamPmPort: one setting, once both have been read. */
		char **slot = name[10] == 'H' ? &m->upstream_host : &m->upstream_port;

		free(*slot);
		*slot = *value != '\0' ? mem_string(value) : NULL;
		free(m->upstream_origin);
		m->upstream_origin = mem_string(origin);
	} else {
		migrate_table_note(m, MIGRATE_NO_MEANING,
			mem_printf("%s: %s%s%s", origin, name,
				strcasestr(name, "pass") != NULL ? "" : "=",
				strcasestr(name, "pass") != NULL ? "" : value),
			"has no meaning here");
	}
}

/*
 * A shell's word from s on, its quotes taken off, into ret (at least as long).
 * Returns what stands behind it; NULL: a quote does not end.
 */
static const char *
read_word(const char *s, char *ret)
{
	char quote = '\0';

	for (; *s != '\0'; s++) {
		if (quote == '\0' && strchr(" \t\r\n;", *s) != NULL)
			break;
		if (quote == '\0' && (*s == '"' || *s == '\''))
			quote = *s;
		else if (quote != '\0' && *s == quote)
			quote = '\0';
		else if (*s == '\\' && quote != '\'' && s[1] == '\n')
			s++;
		else if (*s == '\\' && quote != '\'' && s[1] != '\0' &&
			 (quote == '\0' || strchr("\"\\$`", s[1]) != NULL))
			*ret++ = *++s;
		else
			*ret++ = *s;
	}
	*ret = '\0';
	return quote == '\0' ? s : NULL;
}

/* One assignment that begins at s. Returns what stands behind it; NULL: not understood. */
static const char *
read_assignment(struct migration *m, const char *origin, const char *s)
{
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *value = mem_new(strlen(s) + 1, 1);
	size_t len;

	if (strncmp(s, "export ", 7) == 0)
		s += 7 + strspn(s + 7, " \t");
	len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	if (len == 0 || s[len] != '=')
		return NULL;
	name = mem_string_n(s, len);
	s = read_word(s + len + 1, value);
	if (s != NULL)
		take_assignment(m, origin, name, value);
	return s;
}

/*
 * Line by line where nothing is quoted. A shell is never asked: what depends on one is listed as
 * not taken.
 */
int
migrate_read_fspms(struct migration *m, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	unsigned number = 1;
	const char *s;

	if (read_text(path, &text, e) != 0)
		return -1;
	for (s = text.at; *s != '\0';) {
		AUTO_FREE char *origin = mem_printf("%s:%u", path, number);
		const char *end = s;

		if (strchr(" \t\r;\n", *s) != NULL) {
			number += *s++ == '\n';
			continue;
		}
		if (*s != '#')
			end = read_assignment(m, origin, s);
		if (end == NULL) {
			AUTO_FREE char *line = mem_string_n(s, strcspn(s, "\n"));

			migrate_table_note(m, MIGRATE_WARNED, mem_printf("%s: %s", origin, line),
				"not taken: not a line of the form name=\"value\"");
		}
		if (end == NULL || *s == '#')
			end = s + strcspn(s, "\n");
		/* A quoted value may go over several lines. */
		for (; s < end; s++)
			number += *s == '\n';
	}
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

	if (read_text(path, &m->channels, e) != 0)
		return -1;
	(void)wrap_array(&m->channels);
	if (channels_parse(span_of(m->channels.at, m->channels.len), path, &channels, e) != 0) {
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
