/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buf.h - bytes: a view of them (span), and a growing run of them (buf).
 *
 * Units:    lengths in bytes
 * Owner:    a span owns nothing; buf_free releases a buf
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *at;
	size_t len;
};

struct buf {
	char *at; /* NUL behind the last byte once anything was added */
	size_t len;
	size_t capacity;
};

#define AUTO_BUF __attribute__((cleanup(buf_free)))

static inline struct span
span_of(const void *at, size_t len)
{
	return (struct span){at, len};
}

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_string(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empty it and keep its memory; or release it. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

#endif
