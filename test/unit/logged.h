/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * logged.h - what the server says in its logs, for tests.
 *
 * Source:   where log_start was not called, all lines go to standard error (log.h)
 */
#ifndef LOGGED_H
#define LOGGED_H

/* From now on what the test's process says on standard error is kept. */
void logged_begin(void);

/* What has been said since logged_begin, or since this was called last. */
const char *logged(void);

#endif
