/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/zerocopy.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

/* By the number of the socket; a page of them has memory once one of it is in use. */
enum { PAGE = 1024, PAGES = 1024 };

struct entry {
	uintptr_t buffer;
	size_t len; /* 0: it stands for nothing */
	int file;
	off_t offset;
};

static struct entry *_Atomic pages[PAGES];

static struct entry *
new_page(size_t i)
{
	struct entry *none = NULL;
	struct entry *page = mem_new(PAGE, sizeof(*page));

	if (atomic_compare_exchange_strong(&pages[i], &none, page))
		return page;
	free(page);
	return none;
}

/* NULL: there is none, and none is to be made; or no socket has such a number. */
static struct entry *
entry_of(int socket, bool make)
{
	struct entry *page;

	if (socket < 0 || socket >= PAGE * PAGES)
		return NULL;
	page = pages[socket / PAGE];
	if (page == NULL && make)
		page = new_page((size_t)socket / PAGE);
	return page != NULL ? &page[socket % PAGE] : NULL;
}

bool
zerocopy_begin(int socket, const void *buffer, size_t len, int file, off_t offset)
{
	struct entry *entry = entry_of(socket, true);

	if (entry == NULL)
		return false;
	*entry = (struct entry){(uintptr_t)buffer, len, file, offset};
	return true;
}

void
zerocopy_end(int socket)
{
	struct entry *entry = entry_of(socket, false);

	if (entry != NULL)
		entry->len = 0;
}

int
zerocopy_file(int socket, const void *at, off_t *ret_offset)
{
	const struct entry *entry = entry_of(socket, false);

	/* What is before the buffer is far behind its end, counted so. */
	if (entry == NULL || (uintptr_t)at - entry->buffer >= entry->len)
		return -1;
	*ret_offset = entry->offset + (off_t)((uintptr_t)at - entry->buffer);
	return entry->file;
}
