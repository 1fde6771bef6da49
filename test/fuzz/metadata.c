/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents of roles: whoever signed them, what is read is sorted, found and freed, and the form
 * that is signed is one that has itself as its form.
 */
#include "trust/delegation.h"

#include "fuzz.h"

static void
look(const struct metadata *m)
{
	assert(m->version > 0);
	for (size_t i = 0; i < m->file_count; i++) {
		assert(metadata_find(m, m->files[i].name) == &m->files[i]);
		(void)metadata_check(&m->files[i], span_of("abc", 3), NULL);
	}
	for (size_t i = 0; i < m->delegation_count; i++) {
		(void)delegation_covers(&m->delegations[i], "h;t=a;v=1;c=00000000");
		(void)delegation_covers(&m->delegations[i], "a/ab/aab");
	}
	for (size_t i = 0; i < m->keys.count; i++)
		assert(keyring_find(&m->keys, m->keys.at[i].id) == m->keys.at[i].key);
}

static void
check_canonical(const struct envelope *v)
{
	AUTO_BUF struct buf once = {0};
	AUTO_BUF struct buf twice = {0};
	AUTO_DOC json_t *again = NULL;
	int result = envelope_canonical(envelope_signed(v), &once, NULL);

	assert(result == 0);
	/* Control characters stand for themselves in it, which is no JSON. */
	again = doc_parse(span_of(once.at, once.len), NULL);
	if (again == NULL)
		return;
	result = envelope_canonical(again, &twice, NULL);
	assert(result == 0 && once.len == twice.len && memcmp(once.at, twice.at, once.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope *v = envelope_read(span_of(data, size), NULL);

	if (v == NULL)
		return 0;
	check_canonical(v);
	for (int role = 0; role < ROLE_COUNT; role++) {
		struct metadata *m = metadata_read(v, (enum role)role, NULL);

		if (m != NULL) {
			look(m);
			if (m->role == ROLE_ROOT)
				(void)envelope_signers(v, &m->keys, &m->signers[ROLE_ROOT]);
		}
		metadata_free(m);
	}
	envelope_free(v);
	return 0;
}
