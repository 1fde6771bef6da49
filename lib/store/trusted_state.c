/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/trusted_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "trust/delegation.h"

enum { ID_SHOWN = 8 };

int
trusted_state_open(int dir, struct trusted_state *ret, struct err *e)
{
	const struct metadata *timestamp;
	struct stat st;

	*ret = (struct trusted_state){.kept.dir = dir};
	if (fstatat(dir, "timestamp.json", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_set(e, ERR_MISSING, "nothing was verified yet");
	/* At a time when nothing of it had expired; a copy of the file may be younger than that. */
	ret->trust = trusted_begin(&ret->kept, 0, e);
	if (ret->trust == NULL)
		return -1;
	trusted_replay(&ret->kept, ret->trust);
	timestamp = trust_role(ret->trust, ROLE_TIMESTAMP);
	if (trust_verdict(ret->trust) != VERDICT_GOOD || timestamp == NULL) {
		(void)err_set(e, ERR_MISSING, "what was verified is not whole: %.200s",
			trust_why(ret->trust));
		trusted_state_clear(ret);
		return -1;
	}
	ret->root = trust_role(ret->trust, ROLE_ROOT)->version;
	ret->timestamp = timestamp->version;
	ret->came_s = st.st_mtime;
	ret->expires_s = timestamp->expires_s;
	return 0;
}

void
trusted_state_clear(struct trusted_state *s)
{
	trust_free(s->trust);
	trusted_clear(&s->kept);
	*s = (struct trusted_state){.kept.dir = -1};
}

static char *
keys_of(const struct metadata *targets, const char *role)
{
	const struct delegation *d = metadata_delegation(targets, role);
	AUTO_BUF struct buf text = {0};

	for (size_t k = 0; d != NULL && k < d->signers.count; k++)
		buf_printf(&text, "%s%.*s", k > 0 ? ", " : "", ID_SHOWN, d->signers.ids[k]);
	return text.len > 0 ? mem_string(text.at) : NULL;
}

void
trusted_state_type(const struct trusted_state *s, const char *type, struct trusted_type *ret)
{
	AUTO_FREE char *role = mem_printf("t-%s", type);
	AUTO_FREE char *path = mem_printf("h;t=%s;v=1;c=00000000", type);
	const struct metadata *m;

	*ret = (struct trusted_type){.keys = keys_of(trust_role(s->trust, ROLE_TARGETS), role)};
	trust_find(s->trust, path);
	trusted_replay(&s->kept, s->trust);
	m = trust_visited(s->trust);
	if (trust_verdict(s->trust) != VERDICT_GOOD || m == NULL)
		return;
	ret->version = m->version;
	ret->expires_s = m->expires_s;
	for (size_t i = 0; i < m->file_count; i++) {
		struct ident ident;

		if (ident_header_parse(m->files[i].name, type, &ident) &&
			ident.edition.version > ret->newest)
			ret->newest = ident.edition.version;
	}
}

void
trusted_state_clear_type(struct trusted_type *t)
{
	free(t->keys);
	*t = (struct trusted_type){0};
}

static bool
role_lists(const struct trusted_state *s, const struct metadata *by, const struct delegation *how,
	const char *path)
{
	const struct verdict_basis basis = {.keys = &by->keys, .who = &how->signers};
	AUTO_BUF struct buf bytes = {0};
	struct metadata *m = NULL;
	char file[ROLE_FILE_MAX];
	bool lists;

	lists = role_file_name(file, 0, how->name) &&
		fs_read(s->kept.dir, file, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) == 0 &&
		verdict_read(&basis, ROLE_TARGETS, span_of(bytes.at, bytes.len), &m, NULL) ==
			VERDICT_GOOD &&
		metadata_find(m, path) != NULL;
	metadata_free(m);
	return lists;
}

bool
trusted_state_lists(const struct trusted_state *s, const char *path)
{
	const struct metadata *targets = trust_role(s->trust, ROLE_TARGETS);

	for (size_t i = 0; i < targets->delegation_count; i++)
		if (delegation_covers(&targets->delegations[i], path) &&
			role_lists(s, targets, &targets->delegations[i], path))
			return true;
	return false;
}
