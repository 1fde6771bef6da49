/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/decide.h"

#include <string.h>

/* Version 0: from no version, that is, the full archive. */
static const struct edition full;

static struct decision
not_found(const char *reason)
{
	return (struct decision){.kind = DECIDE_NOT_FOUND, .reason = reason};
}

/* A header comes in one short transfer; an archive is held for only on request (Prefer: wait). */
static struct decision
prepare(enum decide_need_kind kind, const struct target *target, enum format format)
{
	return (struct decision){.kind = DECIDE_PREPARE,
		.need = {.kind = kind,
			.ident = target->ident,
			.base = target->base,
			.format = format},
		.small = kind == NEED_HEADER};
}

static bool
is_absent(const struct decide_facts *f, const struct decide_need *need)
{
	return f->known(f->context, need) == DECIDE_ABSENT;
}

static const struct record *
find_archive(const struct decide_facts *f, const struct ident *ident, const struct edition *base,
	enum format format)
{
	const struct record key = {
		.kind = RECORD_ARCHIVE, .ident = *ident, .base = *base, .format = format};

	/* cppcheck-suppress returnDanglingLifetime ; what is found is a record, not the key */
	return f->cache.find(f->cache.context, &key);
}

/* Nothing leaves the cache before its digest was seen to be right. */
static struct decision
file(const struct decide_facts *f, const struct record *record)
{
	if (f->cache.is_checked(f->cache.context, record))
		return (struct decision){.kind = DECIDE_FILE, .record = record};
	return (struct decision){.kind = DECIDE_PREPARE,
		.need = {.kind = NEED_CHECK, .ident = record->ident, .record = record},
		.small = true};
}

static struct decision
decide_file(const struct decide_facts *f, const struct target *target)
{
	const struct record *record = f->cache.find_id(f->cache.context, &target->file);

	return record != NULL ? file(f, record) : not_found("unknown archive");
}

/*
 * A version that is not announced any more, but of which something is held, still needs its header:
 * a client may be in the middle of it. Anything else is 404 without asking the upstream, so that
 * made-up versions cost it nothing.
 */
static struct decision
decide_header(
	const struct decide_facts *f, const struct edition *announced, const struct target *target)
{
	const struct record key = {.kind = RECORD_HEADER, .ident = target->ident};
	const struct record *header = f->cache.find(f->cache.context, &key);
	struct decision d;

	if (header != NULL)
		return file(f, header);
	if (!ident_edition_equal(announced, &target->ident.edition) &&
		!f->cache.has_version(f->cache.context, &target->ident))
		return not_found("unknown version");
	d = prepare(NEED_HEADER, target, FORMAT_AR1);
	return is_absent(f, &d.need) ? not_found("no header upstream") : d;
}

/* To the newest, whatever was asked for: every client can go on from its full archive. */
static struct decision
moved(const struct target *target, const struct edition *announced)
{
	struct decision d = {.kind = DECIDE_MOVED, .moved = target->ident};

	d.moved.edition = *announced;
	return d;
}

/*
 * The best format comes first; a worse one is taken when the better is known not
 * to be had. False: there is none of them.
 */
static bool
find_offer(const struct decide_facts *f, const struct target *target, enum format best,
	struct decision *ret)
{
	enum decide_need_kind kind = target->base.version == 0 ? NEED_BUILD : NEED_ARCHIVE;

	for (int i = (int)best; i >= 0; i--) {
		enum format format = (enum format)i;
		const struct record *record =
			find_archive(f, &target->ident, &target->base, format);

		if (record != NULL) {
			*ret = (struct decision){.kind = DECIDE_OFFER, .record = record};
			return true;
		}
		*ret = prepare(kind, target, format);
		if (!is_absent(f, &ret->need))
			return true;
	}
	return false;
}

/* Content or a full archive in any format: each can be decoded, so each will do to build from. */
static bool
is_whole(const struct decide_facts *f, const struct ident *ident)
{
	const struct record content = {.kind = RECORD_CONTENT, .ident = *ident};

	for (int i = 0; i < FORMAT_COUNT; i++)
		if (find_archive(f, ident, &full, (enum format)i) != NULL)
			return true;
	return f->cache.find(f->cache.context, &content) != NULL;
}

/* A difference that the upstream does not have can be built from what is here. */
static bool
can_build(const struct decide_facts *f, const struct target *target, enum format best,
	struct decision *ret)
{
	if (!f->local_differences || !is_whole(f, &target->ident))
		return false;
	*ret = prepare(NEED_BUILD, target, best);
	/* A client is not made to wait for what failed once: the full archive is at hand. */
	return f->known(f->context, &ret->need) == DECIDE_UNKNOWN;
}

static struct decision
decide_offer(const struct decide_facts *f, const struct edition *announced,
	const struct target *target, enum format best)
{
	bool newest = ident_edition_equal(announced, &target->ident.edition);
	struct decision d;

	if (!newest && !f->cache.has_version(f->cache.context, &target->ident))
		return moved(target, announced);
	/* No difference leads backwards: the upstream need not be asked. */
	if (target->base.version >= target->ident.edition.version)
		return moved(target, announced);
	if (find_offer(f, target, best, &d)) {
		/* Retention keeps full archives of the newest versions: no other is obtained. */
		bool old_full = !newest && target->base.version == 0;

		return old_full && d.kind == DECIDE_PREPARE ? moved(target, announced) : d;
	}
	/* 301 would lead to the very offer that is not there. */
	if (newest && target->base.version == 0)
		return not_found("no full archive upstream");
	if (newest && can_build(f, target, best, &d))
		return d;
	return moved(target, announced);
}

/*
 * Who asks so takes the whole archive, in the format that everybody knows. Until the newest
 * version's is here the one before does: who seldom asks is not sent away for it.
 */
static struct decision
decide_legacy(
	const struct decide_facts *f, const struct edition *announced, const struct target *target)
{
	struct target offer = {.kind = TARGET_OFFER, .ident = target->ident};
	const struct record *record =
		f->cache.newest_full(f->cache.context, target->ident.type, announced, FORMAT_AR1);
	struct decision d;

	offer.ident.edition = *announced;
	if (record != NULL)
		return file(f, record);
	d = prepare(NEED_BUILD, &offer, FORMAT_AR1);
	return is_absent(f, &d.need) ? not_found("no full archive upstream") : d;
}

/* What is announced is not known yet: 404 would send clients away for nothing. */
static struct decision
ask_query(void)
{
	return (struct decision){
		.kind = DECIDE_PREPARE, .need = {.kind = NEED_QUERY}, .small = true};
}

struct decision
decide(const struct decide_facts *f, const struct target *target, enum format best)
{
	struct edition announced;

	/* An archive's id says all: it is served whatever metadata says, or without any. */
	if (target->kind == TARGET_FILE)
		return decide_file(f, target);
	if (target->kind == TARGET_LEGACY && !f->legacy)
		return not_found("not a legacy type");
	if (!f->cache.has_query)
		return ask_query();
	if (target->kind == TARGET_QUERY)
		return (struct decision){.kind = DECIDE_QUERY};
	/* Before anything is looked up or obtained: an unknown type costs no more than this. */
	if (!f->cache.announced(f->cache.context, target->ident.type, &announced))
		return f->cache.query_due ? ask_query() : not_found("unknown type");
	if (target->kind == TARGET_LEGACY)
		return decide_legacy(f, &announced, target);
	if (target->kind == TARGET_HEADER)
		return decide_header(f, &announced, target);
	return decide_offer(f, &announced, target, best);
}
