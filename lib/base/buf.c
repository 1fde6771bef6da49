/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/*
 * Room for `more` bytes and a NUL behind them. Doubling keeps many small additions linear. What
 * comes from outside is capped before it is added, so that no size here can overflow.
 */
static void
reserve(struct buf *b, size_t more)
{
	size_t capacity = b->capacity > 0 ? b->capacity : 256;

	while (capacity - b->len <= more)
		capacity *= 2;
	if (capacity != b->capacity)
		b->at = mem_resize(b->at, capacity, 1);
	b->capacity = capacity;
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	reserve(b, len);
	/* An empty span may have NULL, which memcpy must not be given, even for no bytes. */
	if (len > 0)
		memcpy(b->at + b->len, bytes, len);
	b->len += len;
	b->at[b->len] = '\0';
}

void
buf_add_string(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

/* Measured first, so that no text is ever cut, however long its parts are. */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	reserve(b, (size_t)len);
	va_start(ap, fmt);
	(void)vsnprintf(b->at + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->at != NULL)
		b->at[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){0};
}
