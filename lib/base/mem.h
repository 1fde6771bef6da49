/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mem.h - memory that is there or the process ends.
 *
 * Does:     allocation that never returns NULL: out of memory stops the process
 *           with one line, and commits on disk are atomic, so nothing is lost.
 * Owner:    the caller; free() releases. AUTO_FREE frees a local at scope end.
 * Errors:   none; sizes from outside are capped before they reach here.
 */
#ifndef MEM_H
#define MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#define AUTO_FREE __attribute__((cleanup(mem_cleanup)))

/*
 * What is large is the system's again as soon as it is freed, as long as the process lasts:
 * malloc(3) keeps more and more of it otherwise. Before there is a second thread.
 */
void mem_return_large(void);

/* count * size zeroed bytes; the product is checked. */
void *mem_new(size_t count, size_t size);

/*
 * The same for tables of megabytes that are read in no order: in large pages, where the system has
 * some, the processor finds its way faster. They are not zeroed.
 */
void *mem_large(size_t count, size_t size);

/* p resized to count * size bytes; the product is checked. */
void *mem_resize(void *p, size_t count, size_t size);

/* A copy of a string, or of its first len bytes with a NUL behind. */
char *mem_string(const char *s);
char *mem_string_n(const char *s, size_t len);

/* A formatted string. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * Make room for one more in a growing array: at[count] is writable afterwards.
 * *capacity is kept by the caller beside the array.
 */
void *mem_grow(void *at, size_t count, size_t *capacity, size_t size);

/* qsort(3), which must not be given NULL: that is what an array has that never grew. */
void mem_sort(void *at, size_t count, size_t size, int (*compare)(const void *, const void *));

/* For AUTO_FREE only. */
static inline void
mem_cleanup(void *pointer)
{
	free(*(void **)pointer);
}

#endif
