/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listen.h - the listening socket.
 *
 * Errors:   ERR_SYS naming address and port
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* address "": all of the machine, IPv6 and IPv4. port 0: the kernel chooses. Returns a descriptor.
 */
int listen_open(const char *address, uint16_t port, struct err *e);

/* "1.2.3.4", "::1"; an IPv4 address on an IPv6 socket as IPv4. Returns ret. */
char *listen_address_text(const struct sockaddr *address, char *ret, size_t size);

/* Where fd really listens, as it goes into a URL: "127.0.0.1:8080", "[::]:8080". */
int listen_name(int fd, char *ret, size_t size, struct err *e);

#endif
