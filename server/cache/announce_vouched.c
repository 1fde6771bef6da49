/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announce_vouched.h"

static void
copy(const struct idents *from, struct idents *to)
{
	for (size_t i = 0; i < from->count; i++)
		idents_add(to, &from->at[i]);
}

void
announce_vouched_copy(const struct announce_vouched *from, struct announce_vouched *ret)
{
	announce_vouched_clear(ret);
	if (from == NULL)
		return;
	copy(&from->untrusted, &ret->untrusted);
	copy(&from->withdrawn, &ret->withdrawn);
}

void
announce_vouched_clear(struct announce_vouched *v)
{
	idents_free(&v->untrusted);
	idents_free(&v->withdrawn);
}

static bool
has(const struct idents *list, const struct ident *ident)
{
	const struct ident *found = idents_find(list, ident->type);

	return found != NULL && ident_equal(found, ident);
}

const char *
announce_vouched_refusal(const struct announce_vouched *v, const struct announce_rules *rules,
	const struct view_type *t, const struct ident *new)
{
	if (has(&v->untrusted, new))
		return "nobody who may has signed it";
	return announce_rules_refusal(rules, has(&v->withdrawn, new) ? NULL : t, &new->edition);
}
