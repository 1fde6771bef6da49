/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/absent.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SETS = 1 << 13, WAYS = 8 };

/* Each set is a ring of its last names; 0 is none. */
struct absent {
	uint64_t names[SETS][WAYS];
	uint8_t next[SETS];
};

struct absent *
absent_new(void)
{
	return mem_new(1, sizeof(struct absent));
}

void
absent_free(struct absent *a)
{
	free(a);
}

static uint64_t *
find(const struct absent *a, uint64_t name)
{
	const uint64_t *set = a->names[name % SETS];

	for (int i = 0; i < WAYS; i++)
		if (set[i] == name)
			return (uint64_t *)(uintptr_t)&set[i];
	return NULL;
}

void
absent_add(struct absent *a, uint64_t name)
{
	size_t set = name % SETS;

	if (find(a, name) == NULL)
		a->names[set][a->next[set]++ % WAYS] = name;
}

bool
absent_has(const struct absent *a, uint64_t name)
{
	return find(a, name) != NULL;
}

void
absent_remove(struct absent *a, uint64_t name)
{
	uint64_t *at = find(a, name);

	if (at != NULL)
		*at = 0;
}

void
absent_clear(struct absent *a)
{
	memset(a, 0, sizeof(*a));
}
