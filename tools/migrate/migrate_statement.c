/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_statement.h"

#include <string.h>

#include "base/mem.h"
#include "migrate/migrate_mask.h"

void
migrate_statement_add(
	struct migrate_statements *all, char *take_origin, char *take_name, char *take_value)
{
	all->at = mem_grow(all->at, all->count, &all->capacity, sizeof(*all->at));
	all->at[all->count++] = (struct migrate_statement){
		.origin = take_origin, .name = take_name, .value = take_value};
}

void
migrate_statement_free(struct migrate_statements *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->at[i].origin);
		free(all->at[i].name);
		free(all->at[i].value);
	}
	free(all->at);
}

const struct migrate_statement *
migrate_statement_last(const struct migrate_statements *all, const char *name)
{
	for (size_t i = all->count; i-- > 0;) {
		const struct migrate_statement *s = &all->at[i];

		if (s->name != NULL && !s->depends && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

const struct migrate_statement *
migrate_statement_later(const struct migrate_statements *all, const struct migrate_statement *s)
{
	const struct migrate_statement *last = migrate_statement_last(all, s->name);

	return last != s ? last : NULL;
}

char *
migrate_statement_show(const struct migrate_statement *s)
{
	AUTO_FREE char *masked = s->name != NULL ? migrate_mask_setting(s->name, s->value)
						 : migrate_mask_line(s->value);

	return mem_printf("%s: %s", s->origin, masked);
}

void
migrate_statement_note_later(
	struct migration *m, char *take_old, const struct migrate_statement *later)
{
	migrate_table_note(m, MIGRATE_WARNED, take_old, "not taken: %s sets %s again",
		later->origin, later->name);
}
