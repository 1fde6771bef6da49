/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/admin_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"

/* host: without the brackets that an IPv6 address has before a port. */
static bool
parse_host(const char *host, size_t len, bool brackets, struct admin_address *ret)
{
	struct in6_addr six;
	struct in_addr four;

	if (len == 0 || len >= sizeof(ret->host))
		return false;
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	if (brackets && inet_pton(AF_INET6, ret->host, &six) == 1) {
		ret->loopback = IN6_IS_ADDR_LOOPBACK(&six);
		return true;
	}
	if (brackets || inet_pton(AF_INET, ret->host, &four) != 1)
		return false;
	ret->loopback = ntohl(four.s_addr) >> 24 == 127;
	return true;
}

static bool
parse_port(const char *text, struct admin_address *ret)
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[' && colon != NULL && colon > text && colon[-1] == ']';
	size_t skip = brackets ? 1 : 0;
	uint64_t port;

	if (colon == NULL || !num_parse(colon + 1, strlen(colon + 1), UINT16_MAX, &port) ||
		!parse_host(text + skip, (size_t)(colon - text) - 2 * skip, brackets, ret))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

int
admin_address_parse(const char *text, struct admin_address *ret, struct err *e)
{
	*ret = (struct admin_address){0};
	if (text[0] == '\0')
		ret->kind = ADMIN_ADDRESS_OWN;
	else if (strcmp(text, "off") == 0)
		ret->kind = ADMIN_ADDRESS_OFF;
	else if (text[0] == '/')
		ret->kind = ADMIN_ADDRESS_SOCKET;
	else if (parse_port(text, ret))
		ret->kind = ADMIN_ADDRESS_PORT;
	else
		return err_set(e, ERR_INPUT,
			"must be off, the absolute path of a socket, or ADDRESS:PORT");
	return 0;
}
