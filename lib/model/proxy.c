/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/proxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/num.h"

/* ---- One proxy */

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = strchr(digits, tolower((unsigned char)c));

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/*
 * Percent-encoding undone; NULL: it is none, or holds what no header may. %00 is such a one, too,
 * so that the text ends where its length says.
 */
static char *
decode(const char *s, size_t len)
{
	char *text = mem_new(len + 1, 1);
	size_t out = 0;
	bool good = true;

	for (size_t i = 0; i < len && good; i++) {
		int high = s[i] == '%' && i + 2 < len ? hex_value(s[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s[i + 2]) : -1;

		if (s[i] == '%') {
			good = low >= 0;
			text[out++] = (char)(high * 16 + low);
			i += 2;
		} else {
			text[out++] = s[i];
		}
		good = good && !iscntrl((unsigned char)text[out - 1]);
	}
	if (good)
		return text;
	free(text);
	return NULL;
}

/* All but the unreserved characters of RFC 3986, section 2.3: decode gives the same text back. */
static void
encode(const char *text, struct buf *ret)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
			buf_add(ret, text, 1);
		else
			buf_printf(ret, "%%%02X", (unsigned char)*text);
	}
}

/* user, user:password; len bytes of it. No error says what is in them. */
static int
parse_user(const char *s, size_t len, struct proxy_server *ret, struct err *e)
{
	const char *colon = memchr(s, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - s) : len;

	ret->user = decode(s, user_len);
	if (colon != NULL)
		ret->password = decode(colon + 1, len - user_len - 1);
	if (ret->user == NULL || (colon != NULL && ret->password == NULL))
		return err_set(e, ERR_INPUT, "user or password has a %% that is no %%XX");
	if (ret->user[0] == '\0')
		return err_set(e, ERR_INPUT, "has no user in front of the @");
	/* Basic ends the user at the first colon: RFC 7617, section 2. */
	if (strchr(ret->user, ':') != NULL)
		return err_set(e, ERR_INPUT, "has a user with a colon, which proxies cannot take");
	return 0;
}

static int
parse_server(const char *url, struct proxy_server *ret, struct err *e)
{
	static const char scheme[] = "http://";
	AUTO_FREE char *plain = NULL;
	struct origin parsed;
	const char *tail;
	const char *at;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return err_set(e, ERR_INPUT, "must be one http://host:port/");
	tail = url + strlen(scheme);
	/*
	 * The last one ends user and password. A / or an @ in front of it was meant to be part of
	 * them, and would change which host this is.
	 */
	at = strrchr(tail, '@');
	if (at != NULL && memchr(tail, '/', (size_t)(at - tail)) != NULL)
		return err_set(e, ERR_INPUT, "has a / in user or password: write %%2F");
	if (at != NULL && memchr(tail, '@', (size_t)(at - tail)) != NULL)
		return err_set(e, ERR_INPUT, "has an @ in user or password: write %%40");
	if (at != NULL && parse_user(tail, (size_t)(at - tail), ret, e) != 0)
		return -1;
	tail = at != NULL ? at + 1 : tail;
	if (strchr(tail, ',') != NULL || strpbrk(tail, " \t") != NULL)
		return err_set(e, ERR_INPUT, "names more than one proxy; there is one");
	if (tail[strcspn(tail, "/")] == '/' && tail[strcspn(tail, "/") + 1] != '\0')
		return err_set(e, ERR_INPUT, "has something behind host:port/");
	/* What is left is a base URL like any other, and its host is checked like any. */
	plain = mem_printf("http://%s", tail);
	if (origin_parse(plain, &parsed, e) != 0)
		return -1;
	ret->host = mem_string(parsed.host);
	ret->port = parsed.port;
	origin_free(&parsed);
	if (tail[strcspn(tail, "/") - 1] == ']' || strrchr(tail, ':') == NULL)
		return err_set(e, ERR_INPUT, "has no port: write http://host:port/");
	return 0;
}

int
proxy_server_parse(const char *url, struct proxy_server *ret, struct err *e)
{
	*ret = (struct proxy_server){0};
	if (parse_server(url, ret, e) == 0)
		return 0;
	proxy_server_free(ret);
	return -1;
}

/* What was in memory for a password is overwritten: explicit_bzero(3), which no optimizer drops. */
static void
forget(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void
proxy_server_free(struct proxy_server *s)
{
	free(s->host);
	free(s->user);
	forget(s->password);
	*s = (struct proxy_server){0};
}

void
proxy_server_name(const struct proxy_server *s, char *ret, size_t size)
{
	bool v6 = strchr(s->host, ':') != NULL;

	(void)snprintf(
		ret, size, "http://%s%s%s:%u", v6 ? "[" : "", s->host, v6 ? "]" : "", s->port);
}

void
proxy_server_format(const struct proxy_server *s, struct buf *ret)
{
	char name[300];

	proxy_server_name(s, name, sizeof(name));
	buf_add_string(ret, "http://");
	if (s->user != NULL) {
		encode(s->user, ret);
		if (s->password != NULL) {
			buf_add_string(ret, ":");
			encode(s->password, ret);
		}
		buf_add_string(ret, "@");
	}
	buf_printf(ret, "%s/", name + strlen("http://"));
}

/* ---- Whom it is not for */

struct network {
	int family;
	unsigned char address[16];
	unsigned bits;
};

/* 10.0.0.1, 10.0.0.0/8, ::1, fe80::/10 */
static bool
parse_network(const char *text, struct network *ret)
{
	size_t len = strcspn(text, "/");
	char address[64];
	uint64_t bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, address, ret->address) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, address, ret->address) == 1)
		ret->family = AF_INET6;
	else
		return false;
	bits = ret->family == AF_INET ? 32 : 128;
	if (text[len] == '/' && !num_parse(text + len + 1, strlen(text + len + 1), bits, &bits))
		return false;
	ret->bits = (unsigned)bits;
	return true;
}

/* Whole bytes first, then the bits of the next one, if any: with 128 bits there is no next one. */
static bool
network_has(const struct network *n, const struct network *host)
{
	unsigned whole = n->bits / 8;
	unsigned tail = n->bits % 8;
	unsigned mask = 0xff00U >> tail & 0xff;

	return n->family == host->family && memcmp(n->address, host->address, whole) == 0 &&
	       (tail == 0 || ((n->address[whole] ^ host->address[whole]) & mask) == 0);
}

/* A name applies to itself; with or without a dot in front to what is below it, too. */
static bool
name_applies(const char *name, const char *host)
{
	size_t name_len;
	size_t host_len = strlen(host);

	name += name[0] == '.';
	name_len = strlen(name);
	/* An absolute name is the same host: RFC 1034, section 3.1. */
	if (host_len > 0 && host[host_len - 1] == '.')
		host_len--;
	if (host_len < name_len || strncmp(host + host_len - name_len, name, name_len) != 0)
		return false;
	return host_len == name_len || host[host_len - name_len - 1] == '.';
}

/*
 * An address is compared with addresses and networks, a name with names. Nothing is looked up,
 * fspms.proxy.config(5): no name server says what goes past the proxy.
 */
const char *
proxy_bypasses(const struct proxy *p, const char *host)
{
	struct network address;
	struct network network;
	bool is_address = parse_network(host, &address);

	for (size_t i = 0; i < p->bypass_count; i++) {
		const char *element = p->bypass[i];
		bool is_network = parse_network(element, &network);

		if (is_address ? is_network && network_has(&network, &address)
			       : !is_network && name_applies(element, host))
			return element;
	}
	return NULL;
}

/*
 * The other scheme's proxy stands in for one that is missing: where an administrator named a proxy,
 * a direct connection is what he did not want.
 */
const struct proxy_server *
proxy_for(const struct proxy *p, const struct origin *o)
{
	const struct proxy_server *own = o->scheme == ORIGIN_HTTPS ? &p->https : &p->http;
	const struct proxy_server *other = o->scheme == ORIGIN_HTTPS ? &p->http : &p->https;

	if (o->scheme == ORIGIN_FILE || proxy_bypasses(p, o->host) != NULL)
		return NULL;
	if (own->host != NULL)
		return own;
	return other->host != NULL ? other : NULL;
}

/* As name_applies compares it: lower case, with or without a dot in front. */
static bool
is_host_name(const char *s)
{
	s += s[0] == '.';
	return s[0] != '\0' && strlen(s) <= 253 && strchr(s, '/') == NULL &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-._") == strlen(s);
}

static int
add_bypass(struct proxy *p, char *element, struct err *e)
{
	struct network network;
	size_t len;

	for (char *c = element; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	len = strlen(element);
	if (element[0] == '[' && element[len - 1] == ']') {
		element[len - 1] = '\0';
		element++;
	}
	if (!parse_network(element, &network) && !is_host_name(element))
		return err_set(e, ERR_INPUT,
			"no_proxy: '%s' is no host, domain, address or network", element);
	p->bypass = mem_grow(p->bypass, p->bypass_count, &p->bypass_capacity, sizeof(char *));
	p->bypass[p->bypass_count++] = mem_string(element);
	return 0;
}

static int
parse_bypass(struct proxy *p, char *list, unsigned line, struct err *e)
{
	char *element;

	if (p->bypass_line > 0)
		return err_set(e, ERR_INPUT, "no_proxy is there a second time");
	p->bypass_line = line;
	while ((element = strsep(&list, ", \t")) != NULL)
		if (*element != '\0' && add_bypass(p, element, e) != 0)
			return -1;
	return 0;
}

/* ---- The file */

static int
set_server(struct proxy_server *s, const char *key, const char *value, unsigned line, struct err *e)
{
	if (s->line > 0)
		return err_set(e, ERR_INPUT, "%s is there a second time; there is one proxy", key);
	/* An empty one says that there is no proxy. */
	if (value[0] != '\0' && proxy_server_parse(value, s, e) != 0)
		return err_wrap(e, "%s", key);
	s->line = line;
	return 0;
}

static int
parse_line(struct proxy *p, char *line, unsigned number, struct err *e)
{
	char *value;

	value = strchr(line, '=');
	if (value == NULL)
		return err_set(e, ERR_INPUT, "is not key=value");
	*value++ = '\0';
	if (strcmp(line, "http_proxy") == 0)
		return set_server(&p->http, line, value, number, e);
	if (strcmp(line, "https_proxy") == 0)
		return set_server(&p->https, line, value, number, e);
	if (strcmp(line, "no_proxy") == 0)
		return parse_bypass(p, value, number, e);
	return err_set(e, ERR_INPUT, "unknown key; there are http_proxy, https_proxy and no_proxy");
}

int
proxy_parse(struct span text, const char *path, struct proxy *ret, struct err *e)
{
	char *copy = mem_new(text.len + 1, 1);
	unsigned number = 0;
	char *tail = copy;
	char *line;
	int result = 0;

	*ret = (struct proxy){0};
	if (text.len > 0)
		memcpy(copy, text.at, text.len);
	/* Lines would end there, and what stands behind it would be passed over in silence. */
	if (memchr(copy, '\0', text.len) != NULL)
		result = err_set(e, ERR_INPUT, "%s: has a NUL byte", path);
	while (result == 0 && (line = line_next(&tail, &number)) != NULL)
		if (parse_line(ret, line, number, e) != 0)
			result = err_wrap(e, "%s:%u", path, number);
	explicit_bzero(copy, text.len);
	free(copy);
	if (result != 0)
		proxy_free(ret);
	return result;
}

/* Of the descriptor that was read: the name could be that of another file by now. */
static int
check_mode(int fd, const char *path, const struct proxy *p, struct err *e)
{
	struct stat st;

	if (p->http.password == NULL && p->https.password == NULL)
		return 0;
	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	if ((st.st_mode & 077) == 0)
		return 0;
	return err_set(e, ERR_INPUT,
		"%s: holds a password, and others than its owner may read it (mode %04o); run: "
		"chmod 600 '%s'",
		path, (unsigned)st.st_mode & 07777, path);
}

/* Not by fs_read: here whatever held the password is overwritten. O_NONBLOCK as in fs_open. */
int
proxy_read(const char *path, struct proxy *ret, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char bytes[4096];
	struct buf text = {0};
	ssize_t got;
	int result;

	*ret = (struct proxy){0};
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, "%s", path);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0 && text.len < PROXY_BYTES_MAX)
		buf_add(&text, bytes, (size_t)got);
	if (got < 0)
		result = err_sys(e, "%s", path);
	else if (text.len >= PROXY_BYTES_MAX)
		result = err_set(e, ERR_LIMIT, "%s: is too long", path);
	else
		result = proxy_parse(span_of(text.at, text.len), path, ret, e);
	explicit_bzero(bytes, sizeof(bytes));
	if (text.len > 0)
		explicit_bzero(text.at, text.len);
	buf_free(&text);
	if (result == 0 && check_mode(fd, path, ret, e) != 0) {
		proxy_free(ret);
		return -1;
	}
	return result;
}

void
proxy_free(struct proxy *p)
{
	proxy_server_free(&p->http);
	proxy_server_free(&p->https);
	for (size_t i = 0; i < p->bypass_count; i++)
		free(p->bypass[i]);
	free(p->bypass);
	*p = (struct proxy){0};
}
