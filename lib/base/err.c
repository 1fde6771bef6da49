/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that is too long is cut, and ends with a NUL all the same: vsnprintf(3). */
int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

/*
 * What a caller decides by has a code of its own; the rest is for people. ENOTDIR: part of the path
 * is a file, so that what is below it is not there.
 */
static enum err_code
code_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOENT:
	case ENOTDIR:
		return ERR_MISSING;
	default:
		return ERR_SYS;
	}
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	/* First of all: whatever is called from here on may change it. */
	int number = errno;
	/* Shorter than err.text by more than a reason has: a path cannot push the reason out. */
	char context[300];
	char reason[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	/* The GNU strerror_r, which returns the text and may leave the buffer alone. */
	return err_set(e, code_of_errno(number), "%s: %s", context,
		strerror_r(number, reason, sizeof(reason)));
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char context[sizeof(e->text)];
	char text[sizeof(e->text)];
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	/* A copy: source and target of snprintf(3) must not overlap. */
	memcpy(text, e->text, sizeof(text));
	return err_set(e, e->code, "%s: %s", context, text);
}
