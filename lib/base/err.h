/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err.h - what went wrong, as a value.
 *
 * Does:     carries a code for the program and one sentence for people.
 * Owner:    the caller's memory; nothing to free.
 * Errors:   every function of this library that can fail takes `struct err *`
 *           and returns -1 with it filled; the functions here return -1 so that
 *           `return err_set(...)` reads well.
 */
#ifndef ERR_H
#define ERR_H

enum err_code {
	ERR_NONE,
	ERR_SYS,     /* a system call failed */
	ERR_FULL,    /* no space: ENOSPC, EDQUOT */
	ERR_INPUT,   /* outside bytes that break a rule */
	ERR_DIGEST,  /* content is not what its name says */
	ERR_LIMIT,   /* larger than allowed */
	ERR_MISSING, /* it is not there */
	ERR_BUSY,    /* somebody else holds it */
	ERR_STOPPED, /* given up on request (stop.h) */
};

struct err {
	enum err_code code;
	char text[500];
};

/* Fill e (which may be NULL) from a format. Returns -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with errno's text behind; the code follows from errno. Returns -1. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put context in front of what e says: "context: text". Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
