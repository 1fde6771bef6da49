/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE_PAGE_BYTES = 1 << 21, LARGE_BYTES_MIN = 1 << 22, RETURNED_BYTES_MIN = 1 << 17 };

/*
 * Standard error has no buffer, so that the line itself needs no memory. Every file on disk is
 * whole at any moment: the next start goes on from there.
 */
static void *
must(void *p)
{
	if (p == NULL) {
		(void)fputs("guts2: out of memory\n", stderr);
		abort();
	}
	return p;
}

/* What it begins with; once it is set, it is moved no more by what is freed: mallopt(3). */
void
mem_return_large(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, RETURNED_BYTES_MIN);
}

/*
 * At least a byte: calloc(3) may answer a size of 0 with NULL, which is no want of memory. And it
 * passes by what a thread has released before (glibc 2.36), which is where malloc(3) finds what is
 * small at once, without a lock.
 */
void *
mem_new(size_t count, size_t size)
{
	enum { SMALL = 1024 };

	if (count == 1 && size > 0 && size <= SMALL)
		return memset(must(malloc(size)), 0, size);
	return must(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

/*
 * Below LARGE_BYTES_MIN what is lost to whole pages is more than they are worth. A wish and no
 * more, madvise(2): what cannot be had is as any memory.
 */
void *
mem_large(size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes < LARGE_BYTES_MIN ||
		bytes > SIZE_MAX - LARGE_PAGE_BYTES)
		return mem_resize(NULL, count, size);
	bytes = (bytes + LARGE_PAGE_BYTES - 1) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
	p = must(aligned_alloc(LARGE_PAGE_BYTES, bytes));
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/* The same; and realloc(3) of size 0 would free. */
void *
mem_resize(void *p, size_t count, size_t size)
{
	return must(reallocarray(p, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *
mem_string(const char *s)
{
	return must(strdup(s));
}

char *
mem_string_n(const char *s, size_t len)
{
	return must(strndup(s, len));
}

char *
mem_vprintf(const char *fmt, va_list ap)
{
	char *text = NULL;
	int len = vasprintf(&text, fmt, ap);

	return must(len < 0 ? NULL : text);
}

char *
mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	return text;
}

/* Doubling: adding one at a time costs linear time in all. */
void *
mem_grow(void *at, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return at;
	*capacity = count < 8 ? 16 : count * 2;
	return mem_resize(at, *capacity, size);
}

void
mem_sort(void *at, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count > 0)
		qsort(at, count, size, compare);
}
