/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_fspms.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "migrate/migrate_mask.h"
#include "migrate/migrate_read.h"
#include "migrate/migrate_statement.h"
#include "model/options.h"

/*
 * "ORIGIN: -Dname=value" or "ORIGIN: -Xmx1024m", masked. What is no word of this kind may be a part
 * of a value with blanks.
 */
static char *
show_java_word(const struct migrate_statement *s, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	AUTO_FREE char *masked = NULL;

	if (strncmp(word, "-D", 2) == 0) {
		AUTO_FREE char *name = mem_string_n(word + 2, strcspn(word + 2, "="));
		const char *value = strchr(word, '=');

		masked = migrate_mask_setting(name, value != NULL ? value + 1 : NULL);
		return mem_printf("%s: -D%s", s->origin, masked);
	}
	if (strncmp(word, "-X", 2) == 0 && word[2 + strspn(word + 2, plain)] == '\0')
		return mem_printf("%s: %s", s->origin, word);
	masked = migrate_mask_line(word);
	return mem_printf("%s: %s", s->origin, masked);
}

/* One -D of the Java virtual machine. */
static void
take_definition(struct migration *m, const struct migrate_statement *s, const char *word)
{
	char *old = show_java_word(s, word);
	AUTO_FREE char *name = mem_string_n(word + 2, strcspn(word + 2, "="));
	const char *value = word + 2 + strlen(name);

	if (!options_known(name))
		migrate_table_note(m, MIGRATE_NO_MEANING, old, "has no meaning here%s",
			strncasecmp(name, "http.proxy", 10) == 0 ||
					strncasecmp(name, "https.proxy", 11) == 0
				? ": the proxy is named in data/fspms.proxy.config"
				: "");
	else if (strcmp(name, "root") == 0)
		migrate_table_note(
			m, MIGRATE_NO_MEANING, old, "the root is the one given with --root");
	else if (*value == '\0')
		migrate_table_note(m, MIGRATE_WARNED, old, "not taken: has no value");
	else
		migrate_table_option(m, s->origin, old, name, value + 1);
}

/* The words of additional_java_args: settings stand there as properties of the virtual machine. */
static void
take_java_arguments(struct migration *m, const struct migrate_statement *s,
	const struct migrate_statement *later)
{
	char *list = s->value;
	char *word;

	while ((word = strsep(&list, " \t\r\n")) != NULL) {
		if (*word == '\0')
			continue;
		if (later != NULL)
			migrate_statement_note_later(m, show_java_word(s, word), later);
		else if (strncmp(word, "-D", 2) == 0)
			take_definition(m, s, word);
		else
			migrate_table_note(m, MIGRATE_NO_MEANING, show_java_word(s, word),
				"was for the Java virtual machine; there is none");
	}
}

/*
 * A name or an address alone, as it stands in a URL; NULL: it is neither. What the parser of URLs
 * takes for the host has to be all of it.
 */
static char *
host_in_url(const char *host)
{
	size_t len = strlen(host);
	bool has_brackets = len > 1 && host[0] == '[' && host[len - 1] == ']';
	AUTO_FREE char *bare = mem_string_n(host + has_brackets, len - 2 * has_brackets);
	unsigned char address[sizeof(struct in6_addr)];
	bool is_v6 = inet_pton(AF_INET6, bare, address) == 1;
	AUTO_FREE char *url = mem_printf(is_v6 ? "http://[%s]" : "http://%s", is_v6 ? bare : host);
	struct origin parsed;
	bool good = origin_parse(url, &parsed, NULL) == 0 &&
		    strcasecmp(parsed.host, is_v6 ? bare : host) == 0;

	origin_free(&parsed);
	return good ? mem_string(url + strlen("http://")) : NULL;
}

/* An empty one names none. */
static bool
is_upstream_host(const struct migrate_statement *s)
{
	return s->name != NULL && !s->depends && strcmp(s->name, "upstreamPmHost") == 0 &&
	       s->value[0] != '\0';
}

/* Host and port together name the server above. They know no scheme: the port tells it. */
static void
take_upstream(struct migration *m, const struct migrate_statement *host,
	const struct migrate_statement *port)
{
	const char *number = port != NULL && *port->value != '\0' ? port->value : "80";
	AUTO_FREE char *in_url = host_in_url(host->value);
	AUTO_FREE char *with_port = port != NULL ? migrate_statement_show(port) : NULL;
	char *old = mem_printf("%s: upstreamPmHost=%s%s%s", host->origin,
		in_url != NULL ? host->value : "***", port != NULL ? ", " : "",
		port != NULL ? with_port : "");
	uint64_t value;

	if (in_url == NULL) {
		migrate_table_note(m, MIGRATE_WARNED, old,
			"not taken: upstreamPmHost is no host name or address alone, without "
			"scheme, port, path, user and blanks");
	} else if (!num_parse(number, strlen(number), UINT16_MAX, &value) || value == 0) {
		migrate_table_note(
			m, MIGRATE_WARNED, old, "not taken: upstreamPmPort is not 1 to 65535");
	} else {
		AUTO_FREE char *url = mem_printf(
			"%s://%s:%s/guts2", value == 443 ? "https" : "http", in_url, number);

		migrate_table_option(m, host->origin, old, "guts2ServerUrl", url);
	}
}

/* The last one is shown, and used, with each upstreamPmHost: here where there is none. */
static void
note_upstream_port(struct migration *m, const struct migrate_statements *all,
	const struct migrate_statement *s)
{
	const struct migrate_statement *later = migrate_statement_later(all, s);
	bool used = false;

	for (size_t i = 0; i < all->count; i++)
		used = used || is_upstream_host(&all->at[i]);
	if (later != NULL)
		migrate_statement_note_later(m, migrate_statement_show(s), later);
	else if (!used)
		migrate_table_note(m, MIGRATE_WARNED, migrate_statement_show(s),
			"not taken: there is no upstreamPmHost");
}

static void
take_fspms(struct migration *m, const struct migrate_statements *all,
	const struct migrate_statement *s)
{
	if (s->name == NULL)
		migrate_table_note(m, MIGRATE_WARNED, migrate_statement_show(s),
			"not taken: not a line of the form name=\"value\"");
	else if (s->depends)
		migrate_table_note(m, MIGRATE_WARNED, migrate_statement_show(s),
			"not taken: its value depends on something else ($ or `)");
	else if (strcmp(s->name, "additional_java_args") == 0)
		take_java_arguments(m, s, migrate_statement_later(all, s));
	else if (strcmp(s->name, "hostModulePort") == 0)
		migrate_table_option(m, s->origin, migrate_statement_show(s), s->name, s->value);
	else if (strcmp(s->name, "upstreamPmPort") == 0)
		note_upstream_port(m, all, s);
	else if (is_upstream_host(s))
		take_upstream(m, s, migrate_statement_last(all, "upstreamPmPort"));
	else
		migrate_table_note(
			m, MIGRATE_NO_MEANING, migrate_statement_show(s), "has no meaning here");
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
read_assignment(struct migrate_statements *all, const char *origin, const char *s)
{
	AUTO_FREE char *value = mem_new(strlen(s) + 1, 1);
	const char *name;
	size_t len;

	if (strncmp(s, "export ", 7) == 0)
		s += 7 + strspn(s + 7, " \t");
	name = s;
	len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	if (len == 0 || s[len] != '=')
		return NULL;
	s = read_word(s + len + 1, value);
	if (s == NULL)
		return NULL;
	migrate_statement_add(all, mem_string(origin), mem_string_n(name, len), mem_string(value));
	all->at[all->count - 1].depends = strpbrk(value, "$`") != NULL;
	return s;
}

/*
 * Line by line where nothing is quoted. A shell is never asked: what depends on one is listed as
 * not taken.
 */
static void
read_assignments(struct migrate_statements *all, const char *path, const char *s)
{
	unsigned number = 1;

	while (*s != '\0') {
		AUTO_FREE char *origin = mem_printf("%s:%u", path, number);
		const char *end = s;

		if (strchr(" \t\r;\n", *s) != NULL) {
			number += *s++ == '\n';
			continue;
		}
		if (*s != '#')
			end = read_assignment(all, origin, s);
		if (end == NULL)
			migrate_statement_add(
				all, mem_string(origin), NULL, mem_string_n(s, strcspn(s, "\n")));
		if (end == NULL || *s == '#')
			end = s + strcspn(s, "\n");
		/* A quoted value may go over several lines. */
		for (; s < end; s++)
			number += *s == '\n';
	}
}

int
migrate_fspms_read(struct migration *m, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	struct migrate_statements all = {0};

	if (migrate_read_text(path, &text, e) != 0)
		return -1;
	read_assignments(&all, path, text.at);
	for (size_t i = 0; i < all.count; i++)
		take_fspms(m, &all, &all.at[i]);
	migrate_statement_free(&all);
	return 0;
}
