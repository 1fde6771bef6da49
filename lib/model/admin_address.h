/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_address.h - where administrators ask: what adminAddress can be.
 *
 * Errors:   ERR_INPUT
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef ADMIN_ADDRESS_H
#define ADMIN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum admin_address_kind {
	ADMIN_ADDRESS_OWN, /* a Unix socket in the root's directory */
	ADMIN_ADDRESS_OFF,
	ADMIN_ADDRESS_SOCKET, /* a Unix socket of this path */
	ADMIN_ADDRESS_PORT,   /* host and port */
};

struct admin_address {
	enum admin_address_kind kind;
	char host[46]; /* as inet_pton(3) takes it */
	uint16_t port;
	bool loopback; /* nobody but this machine gets there */
};

/* "", "off", "/path", "127.0.0.1:8081", "[::1]:8081". */
int admin_address_parse(const char *text, struct admin_address *ret, struct err *e);

#endif
