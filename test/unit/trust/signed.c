/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/signed.h"

#include <string.h>

#include "base/mem.h"
#include "unit.h"

static struct key *made[SIGNED_KEYS];

static void
make(void)
{
	static const char *const schemes[SIGNED_KEYS] = {"ed25519", "ed25519", "ed25519", "ed25519",
		"ecdsa-sha2-nistp256", "rsassa-pss-sha256"};

	for (int i = 0; i < SIGNED_KEYS; i++)
		made[i] = key_new(schemes[i], NULL);
}

static void
drop(void)
{
	for (int i = 0; i < SIGNED_KEYS; i++)
		key_free(made[i]);
}

void
signed_use(TCase *c)
{
	tcase_add_unchecked_fixture(c, make, drop);
}

void
signed_set_up(struct signed_keys *k)
{
	for (int i = 0; i < SIGNED_KEYS; i++) {
		ck_assert_ptr_nonnull(made[i]);
		k->at[i] = made[i];
	}
}

void
signed_entry(const struct signed_keys *k, unsigned n, struct buf *ret)
{
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *entry = NULL;
	char *formatted;

	key_text(k->at[n], &text);
	entry = json_pack("{s:s,s:s,s:{s:s}}", "keytype", key_type(k->at[n]), "scheme",
		key_scheme(k->at[n]), "keyval", "public", text.at);
	formatted = json_dumps(entry, JSON_COMPACT);
	buf_printf(ret, "\"k%u\":%s", n, formatted);
	free(formatted);
}

void
signed_document(const struct signed_keys *k, const char *content, const char *by, struct buf *ret)
{
	AUTO_DOC json_t *parsed = json_loads(content, 0, NULL);
	AUTO_BUF struct buf canonical = {0};
	const char *comma = "";

	ck_assert_msg(parsed != NULL, "%s", content);
	ck_assert_int_eq(envelope_canonical(parsed, &canonical, NULL), 0);
	buf_add_string(ret, "{\"signatures\":[");
	for (; *by != '\0'; by++) {
		AUTO_BUF struct buf signature = {0};

		key_sign(k->at[*by - '0'], signed_span(&canonical), &signature);
		buf_printf(ret, "%s{\"keyid\":\"k%c\",\"sig\":\"", comma, *by);
		for (size_t i = 0; i < signature.len; i++)
			buf_printf(ret, "%02x", (unsigned char)signature.at[i]);
		buf_add_string(ret, "\"}");
		comma = ",";
	}
	buf_printf(ret, "],\"signed\":%s}", content);
}
