/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch_lookup.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"

struct lookup {
	struct vouch_ask *ask;
	struct stock *stock;
};

/* One that was stored before a root was pinned is the one that is listed, or goes. */
static void
check_stored(struct lookup *l, const struct view_type *t, const struct ident *ident,
	const struct listed *listed)
{
	const struct view_version *version = view_find_version(t, &ident->edition);
	char name[IDENT_NAME_MAX];

	if (version == NULL || version->header == NULL || !listed->has_sha256 ||
		digest_equal(&listed->sha256, &version->header->record.ref.id))
		return;
	log_note(EVENT_UNTRUSTED, "%s: what is stored is not what was signed, and goes",
		ident_header_name(ident, name));
	(void)stock_remove(l->stock, &version->header->record, NULL);
}

/* What the last search ended with lists it; or another role, which is looked for. */
static bool
is_listed(struct lookup *l, const struct ident *ident)
{
	const struct metadata *role = trust_visited(l->ask->trust);
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];

	(void)ident_header_name(ident, name);
	return (role != NULL && metadata_find(role, name) != NULL) ||
	       vouch_ask_find(l->ask, name, NULL, &reply) != NULL;
}

/*
 * What is known here, of what is kept from that version on, counts no more where it is not listed:
 * nobody signed it, or it was taken back.
 */
static void
look_up_known(struct lookup *l, const struct view_type *t, uint64_t from, struct idents *unlisted)
{
	struct ident known = ident_of(t->type, &t->announced);

	if (known.edition.version > 0 && !is_listed(l, &known))
		idents_add(unlisted, &known);
	for (size_t i = 0; i < t->count; i++) {
		known.edition = t->versions[i].edition;
		if (known.edition.version >= from &&
			!ident_edition_equal(&known.edition, &t->announced) &&
			!is_listed(l, &known))
			idents_add(unlisted, &known);
	}
}

/* A server above may hold it back, or somebody on the way, who needs no key for that. */
static void
note_newer(const struct lookup *l, const struct ident *fetched)
{
	const struct metadata *role = trust_visited(l->ask->trust);
	struct ident newest = {0};

	for (size_t i = 0; role != NULL && i < role->file_count; i++) {
		struct ident ident;

		if (ident_header_parse(role->files[i].name, fetched->type, &ident) &&
			ident.edition.version > newest.edition.version)
			newest = ident;
	}
	if (newest.edition.version > fetched->edition.version &&
		idents_has(&l->ask->behind, &newest))
		return;
	(void)idents_remove(&l->ask->behind, fetched->type, 0);
	if (newest.edition.version <= fetched->edition.version)
		return;
	log_note(EVENT_BEHIND, "%s: version %" PRIu64 " is signed, and %" PRIu64 " is announced",
		fetched->type, newest.edition.version, fetched->edition.version);
	idents_add(&l->ask->behind, &newest);
	(void)idents_sort(&l->ask->behind);
}

/* What is wrong with what was fetched; UNTRUSTED or what could not be had. */
static void
look_up(struct lookup *l, const struct view_type *t, const struct ident *fetched,
	struct announce_vouched *ret, struct upstream_reply *ret_wrong)
{
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	const struct listed *listed =
		vouch_ask_find(l->ask, ident_header_name(fetched, name), NULL, &reply);

	if (reply.outcome != UPSTREAM_FRESH) {
		idents_add(&ret->unheard, fetched);
		*ret_wrong = reply;
		return;
	}
	note_newer(l, fetched);
	if (listed != NULL) {
		check_stored(l, t, fetched, listed);
	} else {
		source_trust_refuse_unlisted(ret_wrong, name);
		idents_add(&ret->unlisted, fetched);
	}
	/* Older ones count where this one does not. */
	look_up_known(l, t, listed != NULL ? fetched->edition.version : 0, &ret->unlisted);
}

/*
 * Whoever leaves a type out takes nothing back: that is said by its role. In what is announced
 * there is none that cannot be looked up just now.
 */
static void
add_left_out(struct lookup *l, const struct view_type *t, struct idents *fetched)
{
	struct upstream_reply reply;
	const struct ident known = ident_of(t->type, &t->announced);
	char name[IDENT_NAME_MAX];

	if (vouch_ask_find(l->ask, ident_header_name(&known, name), NULL, &reply) == NULL &&
		reply.outcome == UPSTREAM_FRESH)
		return;
	log_note(EVENT_UNTRUSTED,
		"%s: the upstream announces nothing of it, and nobody who may has taken it back: "
		"it stays announced",
		name);
	idents_add(fetched, &known);
}

/* What nobody looked up does not keep others back. */
static void
note_unverified(const struct view_type *t, const struct ident *fetched, struct idents *unlisted)
{
	const struct ident known = ident_of(t->type, &t->announced);

	if (t->announced.version > 0 && !ident_equal(&known, fetched))
		idents_add(unlisted, &known);
}

static void
look_up_all(struct lookup *l, const struct view *view, struct idents *fetched,
	struct announce_vouched *ret, struct upstream_reply *ret_wrong)
{
	AUTO_IDENTS struct idents left_out = {0};
	/* One that cannot be had is not always before the same others. */
	const size_t first = (size_t)clock_mono_ms();

	/* At the server's end as well: then nobody answers, and nothing is taken unlooked. */
	for (size_t k = 0; k < fetched->count; k++) {
		const size_t i = (first + k) % fetched->count;
		const struct view_type *t = view_find_type(view, fetched->at[i].type);

		if (t != NULL && t->count > 0)
			look_up(l, t, &fetched->at[i], ret, ret_wrong);
		else if (t != NULL)
			note_unverified(t, &fetched->at[i], &ret->unlisted);
	}
	for (size_t i = 0; i < view->count; i++)
		if (view->types[i]->count > 0 && view->types[i]->announced.version > 0 &&
			idents_find(fetched, view->types[i]->type) == NULL)
			add_left_out(l, view->types[i], &left_out);
	for (size_t i = 0; i < left_out.count; i++)
		idents_add(fetched, &left_out.at[i]);
	(void)idents_sort(fetched);
}

void
vouch_lookup_query(struct vouch_ask *ask, struct stock *stock, struct idents *fetched,
	struct announce_vouched *ret, struct upstream_reply *ret_wrong)
{
	struct lookup l = {ask, stock};
	struct view *view = stock_view(stock);

	*ret = (struct announce_vouched){0};
	*ret_wrong = (struct upstream_reply){.outcome = UPSTREAM_FRESH};
	look_up_all(&l, view, fetched, ret, ret_wrong);
	view_release(view);
	(void)idents_sort(&ret->unlisted);
	(void)idents_sort(&ret->unheard);
}

/* ---- After it was announced */

static void
drop(struct stock *stock, const struct view_type *t, const struct idents *unlisted,
	const struct records *records)
{
	/* A version's header last: where this is interrupted, what is left can be explained. */
	for (size_t i = records->count; i > 0; i--) {
		const struct record *r = &records->at[i - 1];
		char name[IDENT_NAME_MAX];

		if (r->ident.edition.version <= t->announced.version ||
			!idents_has(unlisted, &r->ident) || stock_remove(stock, r, NULL) != 0 ||
			r->kind != RECORD_HEADER)
			continue;
		log_note(EVENT_UNTRUSTED, "%s: nobody has signed it, or it was taken back: it goes",
			ident_header_name(&r->ident, name));
	}
}

void
vouch_lookup_drop(struct stock *stock, const struct announce_vouched *vouched)
{
	struct view *view = stock_view(stock);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		AUTO_RECORDS struct records records = {0};

		if (t->announced.version == 0 || idents_find(&vouched->unlisted, t->type) == NULL)
			continue;
		view_records(view, t->type, &records);
		drop(stock, t, &vouched->unlisted, &records);
	}
	view_release(view);
}
