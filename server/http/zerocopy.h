/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zerocopy.h - a buffer of a connection that stands for bytes of a file.
 *
 * Does:     remembers for a socket that what is sent from this buffer is in a file, from where the
 *           kernel takes it without a copy (send.c); the buffer itself has nothing in it.
 * Threads:  a socket's entry is its connection's thread's, who ends it before the socket is closed
 */
#ifndef ZEROCOPY_H
#define ZEROCOPY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In place of what it stood for before. False: it has to be filled. */
bool zerocopy_begin(int socket, const void *buffer, size_t len, int file, off_t offset);
void zerocopy_end(int socket);

/* The file that has what is to be sent from here, and where in it; -1: none, it is here. */
int zerocopy_file(int socket, const void *at, off_t *ret_offset);

#endif
