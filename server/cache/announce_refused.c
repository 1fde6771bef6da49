/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announce_refused.h"

#include "log.h"

static void
log_refused(const struct ident *new, const struct edition *known, const char *why)
{
	struct log_line l;

	log_begin(&l, EVENT_VERSION_REFUSED);
	log_text(&l, "type", new->type);
	log_number(&l, "version", new->edition.version);
	log_text(&l, "cookie", new->edition.cookie);
	log_number(&l, "known", known->version);
	log_text(&l, "reason", why);
	log_end(&l, LOG_DOWNLOAD);
	log_end(&l, LOG_PROCESS);
}

void
announce_refused_note(struct idents *refused, const struct ident *new, const struct edition *known,
	const char *why)
{
	const struct ident *before = idents_find(refused, new->type);

	if (before != NULL && ident_edition_equal(&before->edition, &new->edition))
		return;
	log_refused(new, known, why);
	if (before == NULL) {
		idents_add(refused, new);
		(void)idents_sort(refused);
	} else {
		refused->at[before - refused->at] = *new;
	}
}

void
announce_refused_sweep(struct idents *refused, const struct idents *fetched)
{
	size_t left = 0;

	for (size_t i = 0; i < refused->count; i++)
		if (idents_find(fetched, refused->at[i].type) != NULL)
			refused->at[left++] = refused->at[i];
	refused->count = left;
}
