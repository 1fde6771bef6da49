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
	copy(&from->unlisted, &ret->unlisted);
	copy(&from->unheard, &ret->unheard);
}

void
announce_vouched_clear(struct announce_vouched *v)
{
	idents_free(&v->unlisted);
	idents_free(&v->unheard);
}

const char *
announce_vouched_refusal(const struct announce_vouched *v, const struct announce_rules *rules,
	const struct view_type *t, const struct ident *new)
{
	if (idents_has(&v->unlisted, new))
		return "nobody who may has signed it";
	if (idents_has(&v->unheard, new) &&
		(t == NULL || !ident_edition_equal(&t->announced, &new->edition)))
		return "whoever may sign it could not be asked";
	return announce_rules_refusal(rules, t, &new->edition);
}
