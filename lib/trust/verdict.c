/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/verdict.h"

#include <inttypes.h>

#include "base/clock.h"

static const char *const names[VERDICTS] = {
	[VERDICT_GOOD] = "good",
	[VERDICT_MALFORMED] = "malformed",
	[VERDICT_UNSIGNED] = "unsigned",
	[VERDICT_ROLLED_BACK] = "rolled-back",
	[VERDICT_MIXED] = "mixed",
	[VERDICT_EXPIRED] = "expired",
	[VERDICT_NOT_LISTED] = "not-listed",
	[VERDICT_MISSING] = "missing",
};

const char *
verdict_name(enum verdict verdict)
{
	return names[verdict];
}

static enum verdict
check_signers(const struct envelope *v, const struct keyring *keys, const struct signers *who,
	struct err *e)
{
	unsigned count = envelope_signers(v, keys, who);

	if (count >= who->threshold)
		return VERDICT_GOOD;
	(void)err_set(e, ERR_INPUT, "signed by %u of the keys that may, %u are required", count,
		who->threshold);
	return VERDICT_UNSIGNED;
}

static enum verdict
read_signed(const struct verdict_basis *basis, const struct envelope *v, enum role role,
	struct metadata **ret, struct err *e)
{
	enum verdict verdict = VERDICT_GOOD;

	if (basis->keys != NULL)
		verdict = check_signers(v, basis->keys, basis->who, e);
	if (verdict != VERDICT_GOOD)
		return verdict;
	*ret = metadata_read(v, role, e);
	if (*ret == NULL)
		return VERDICT_MALFORMED;
	return role == ROLE_ROOT ? check_signers(v, &(*ret)->keys, &(*ret)->signers[role], e)
				 : VERDICT_GOOD;
}

enum verdict
verdict_read(const struct verdict_basis *basis, enum role role, struct span bytes,
	struct metadata **ret, struct err *e)
{
	enum verdict verdict = VERDICT_MALFORMED;
	struct envelope *v;

	*ret = NULL;
	if (basis->listed != NULL && metadata_check(basis->listed, bytes, e) != 0)
		return VERDICT_MIXED;
	v = envelope_read(bytes, e);
	if (v != NULL)
		verdict = read_signed(basis, v, role, ret, e);
	if (verdict != VERDICT_GOOD) {
		metadata_free(*ret);
		*ret = NULL;
	}
	envelope_free(v);
	return verdict;
}

enum verdict
verdict_version(const struct metadata *m, uint64_t version, struct err *e)
{
	if (m->version == version)
		return VERDICT_GOOD;
	(void)err_set(
		e, ERR_INPUT, "version %" PRIu64 " came instead of %" PRIu64, m->version, version);
	return VERDICT_MIXED;
}

enum verdict
verdict_expiry(const struct metadata *m, int64_t now_s, struct err *e)
{
	if (m->expires_s > now_s)
		return VERDICT_GOOD;
	(void)err_set(e, ERR_INPUT,
		"version %" PRIu64 " expired %" PRId64
		" hours ago by the clock of this machine: if that "
		"is right nobody signs any more, or somebody keeps back what is newer",
		m->version, (now_s - m->expires_s) / 3600);
	return VERDICT_EXPIRED;
}

int
verdict_check_clock(int64_t now_s, struct err *e)
{
	char text[CLOCK_TEXT];

	if (now_s >= GUTS2_RELEASED_S)
		return 0;
	return err_set(e, ERR_INPUT,
		"clock: it is %s by the clock of this machine, before this program was made: set "
		"it",
		clock_text(now_s, text));
}

static enum verdict
check_not_older(const char *what, uint64_t version, uint64_t before, struct err *e)
{
	if (version >= before)
		return VERDICT_GOOD;
	(void)err_set(e, ERR_INPUT,
		"%.128s: version %" PRIu64 " is older than %" PRIu64 ", which was seen before",
		what, version, before);
	return VERDICT_ROLLED_BACK;
}

enum verdict
verdict_timestamp(const struct metadata *before, const struct metadata *m, struct err *e)
{
	enum verdict verdict = check_not_older("timestamp.json", m->version, before->version, e);

	return verdict != VERDICT_GOOD ? verdict
				       : check_not_older(m->files[0].name, m->files[0].version,
						 before->files[0].version, e);
}

enum verdict
verdict_snapshot(const struct metadata *before, const struct metadata *m, struct err *e)
{
	enum verdict verdict = VERDICT_GOOD;

	for (size_t i = 0; i < before->file_count && verdict == VERDICT_GOOD; i++) {
		const struct listed *old = &before->files[i];
		const struct listed *new = metadata_find(m, old->name);

		if (new != NULL) {
			verdict = check_not_older(old->name, new->version, old->version, e);
		} else {
			(void)err_set(e, ERR_INPUT, "%.128s is not listed any more", old->name);
			verdict = VERDICT_ROLLED_BACK;
		}
	}
	return verdict;
}
