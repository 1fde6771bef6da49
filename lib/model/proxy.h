/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proxy.h - the HTTP proxy towards the cloud: the file that names it, and
 *           whether a host is asked through it.
 *
 * Shapes:   http_proxy=http://[user:password@]host:port/   https_proxy=...
 *           no_proxy=host,.domain,10.0.0.0/8,[::1]   # comment
 *           user and password are percent-encoded
 * Owner:    proxy_read, proxy_parse -> proxy_free; immutable in between. The
 *           password is in no text that anything here makes but proxy_format's
 * Errors:   ERR_INPUT with file, line and reason
 * Source:   fspms.proxy.config(5); RFC 3986 section 2.1
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/origin.h"

/* host NULL: none. */
struct proxy_server {
	char *host;
	uint16_t port;
	char *user;	/* decoded; NULL: none */
	char *password; /* decoded; NULL: none */
	unsigned line;	/* of the file */
};

/* A scheme that has none of its own uses the other's: where one is configured, nothing goes past.
 */
struct proxy {
	struct proxy_server http;
	struct proxy_server https;
	char **bypass; /* of no_proxy: host names, domains, networks; lower case */
	size_t bypass_count;
	size_t bypass_capacity;
	unsigned bypass_line; /* 0: no no_proxy */
};

/* The longest file that is read. */
#define PROXY_BYTES_MAX ((size_t)64 << 10)

/* From the bytes of a file; path is for the errors. */
int proxy_parse(struct span text, const char *path, struct proxy *ret, struct err *e);

/*
 * From the file itself, where an absent one is no proxy. With a password in it
 * nobody but its owner may have a right to it (ERR_INPUT with the command that mends it).
 */
int proxy_read(const char *path, struct proxy *ret, struct err *e);
void proxy_free(struct proxy *p);

/* "http://host:port", with user:password@ percent-encoded in front; the line of a file. */
int proxy_server_parse(const char *url, struct proxy_server *ret, struct err *e);
void proxy_server_free(struct proxy_server *s);
void proxy_server_format(const struct proxy_server *s, struct buf *ret);

/* "http://host:port", for people: without user and password. */
void proxy_server_name(const struct proxy_server *s, char *ret, size_t size);

/* The one through which an origin is asked; NULL: directly. */
const struct proxy_server *proxy_for(const struct proxy *p, const struct origin *o);

/* Whether an element of no_proxy applies to a host; the element, or NULL. */
const char *proxy_bypasses(const struct proxy *p, const char *host);

#endif
