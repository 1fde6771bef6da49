/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/origin.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

static const struct {
	const char *prefix;
	uint16_t port;
} schemes[] = {[ORIGIN_HTTP] = {"http://", 80},
	[ORIGIN_HTTPS] = {"https://", 443},
	[ORIGIN_FILE] = {"file:///", 0}};

/* The longest name in text: RFC 1035 has 255 bytes, of which two are not written. */
enum { HOST_MAX = 253 };
static const char host_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
static const char v6_chars[] = "0123456789abcdefABCDEF:.";

/*
 * host, host:port, [v6], [v6]:port; len bytes of it. host[-1] is the bracket, or the last slash of
 * the scheme: a byte stands before it in any case.
 */
static int
parse_authority(const char *s, size_t len, struct origin *o, struct err *e)
{
	const char *host = s;
	size_t host_len = strcspn(s, ":/");
	uint64_t port;

	if (s[0] == '[') {
		const char *end = memchr(s, ']', len);

		if (end == NULL)
			return err_set(e, ERR_INPUT, "has [ without ]");
		host = s + 1;
		host_len = (size_t)(end - host);
		s = end + 1;
	} else {
		s += host_len;
	}
	len -= (size_t)(s - host) + (host[-1] == '[');
	if (host_len == 0)
		return err_set(e, ERR_INPUT, "has no host");
	if (host_len > HOST_MAX || strspn(host, host[-1] == '[' ? v6_chars : host_chars) < host_len)
		return err_set(e, ERR_INPUT, "has a host that is no name or address");
	o->host = mem_string_n(host, host_len);
	for (char *p = o->host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (len == 0)
		return 0;
	if (s[0] != ':' || !num_parse(s + 1, len - 1, UINT16_MAX, &port) || port == 0)
		return err_set(e, ERR_INPUT, "has a port that is not 1 to 65535");
	o->port = (uint16_t)port;
	return 0;
}

static int
parse(const char *base, struct origin *o, struct err *e)
{
	size_t scheme = 0;
	const char *rest;
	size_t len = strlen(base);

	while (scheme <= ORIGIN_FILE &&
		strncmp(base, schemes[scheme].prefix, strlen(schemes[scheme].prefix)) != 0)
		scheme++;
	if (scheme > ORIGIN_FILE)
		return err_set(e, ERR_INPUT, "must begin with http://, https:// or file:///");
	rest = base + strlen(schemes[scheme].prefix);
	/* A base URL stands in logs, errors and argument lists, where no password may be. */
	if (strcspn(rest, "@") < strcspn(rest, "/"))
		return err_set(e, ERR_INPUT, "must not contain a user name or password");
	/* Names are put behind the base: a query or a fragment would swallow them. */
	for (const char *p = base; *p != '\0'; p++)
		if (strchr("?# ", *p) != NULL || iscntrl((unsigned char)*p))
			return err_set(e, ERR_INPUT, "must not contain ?, # or blanks");
	o->scheme = (enum origin_scheme)scheme;
	o->port = schemes[scheme].port;
	if (o->scheme == ORIGIN_FILE)
		o->host = mem_string("");
	else if (parse_authority(rest, strcspn(rest, "/"), o, e) != 0)
		return -1;
	/* Then base/name never has two slashes, and equal upstreams are equal texts. */
	while (len > strlen("file://") && base[len - 1] == '/')
		len--;
	o->base = mem_string_n(base, len);
	return 0;
}

int
origin_parse(const char *base, struct origin *ret, struct err *e)
{
	*ret = (struct origin){0};
	if (parse(base, ret, e) == 0)
		return 0;
	origin_free(ret);
	return -1;
}

void
origin_free(struct origin *o)
{
	free(o->base);
	free(o->host);
	*o = (struct origin){0};
}

static int
add(struct origins *list, const char *url, struct err *e)
{
	if (list->count == ORIGINS_MAX)
		return err_set(e, ERR_INPUT, "has more than %d URLs", ORIGINS_MAX);
	if (origin_parse(url, &list->at[list->count], e) != 0)
		return -1;
	/* Counted first: where it is there twice it is freed with the list. */
	list->count++;
	for (size_t i = 0; i + 1 < list->count; i++)
		if (strcmp(list->at[i].base, list->at[list->count - 1].base) == 0)
			return err_set(e, ERR_INPUT, "has %s twice", url);
	return 0;
}

int
origins_parse(const char *list, struct origins *ret, struct err *e)
{
	AUTO_FREE char *copy = mem_string(list);
	char *rest = copy;
	char *url;

	*ret = (struct origins){0};
	while ((url = strsep(&rest, ",")) != NULL)
		if (add(ret, url, e) != 0) {
			origins_free(ret);
			return -1;
		}
	return 0;
}

void
origins_free(struct origins *list)
{
	for (size_t i = 0; i < list->count; i++)
		origin_free(&list->at[i]);
	*list = (struct origins){0};
}

/*
 * Either a whole URL, which has to begin with scheme, host and port of the base, or a path. Of a
 * host that only begins like ours a rest without a slash in front is left, which is refused. So a
 * redirect can lead to no other server, whoever wrote it.
 */
bool
origin_location_target(const struct origin *o, const char *location, struct target *ret)
{
	const char *host = o->base + strlen(schemes[o->scheme].prefix);
	const char *path = host + strcspn(host, "/");
	size_t before = (size_t)(path - o->base);

	if (strncmp(location, o->base, before) == 0)
		location += before;
	if (location[0] != '/' || strncmp(location, path, strlen(path)) != 0)
		return false;
	return ident_target_parse(location + strlen(path), ret, NULL) == 0;
}
