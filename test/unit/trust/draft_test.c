/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is drafted is what a client takes, and what was not known stays. */
#include "trust/draft.h"

#include <string.h>

#include "base/mem.h"
#include "trust/vouched.h"
#include "unit.h"

static const int64_t soon_s = 1801353600; /* VOUCHED_SOON */

static struct metadata *
read_back(const struct draft *d, enum role role)
{
	AUTO_BUF struct buf bytes = {0};
	struct envelope *v;
	struct metadata *m;
	struct err e = {0};

	draft_format(d, &bytes);
	v = envelope_read(signed_span(&bytes), &e);
	ck_assert_msg(v != NULL, "%s", e.text);
	m = metadata_read(v, role, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	envelope_free(v);
	return m;
}

/* Signed by these, it is put into the repository. */
static void
publish(struct draft *d, const char *name, const char *by)
{
	AUTO_BUF struct buf bytes = {0};

	for (; *by != '\0'; by++)
		draft_sign(d, vouched_keys.at[*by - '0']);
	draft_format(d, &bytes);
	vouched_put(&vouched_repository, name, signed_span(&bytes));
}

static struct span
published(const char *name)
{
	return signed_span(&vouched_get(&vouched_repository, name)->bytes);
}

static void
publish_lists(void)
{
	struct draft *snapshot = draft_new(ROLE_SNAPSHOT, soon_s);
	struct draft *timestamp = draft_new(ROLE_TIMESTAMP, soon_s);

	draft_list(snapshot, "targets.json", 1, published("1.targets.json"));
	draft_list(snapshot, "t-a.json", 1, published("1.t-a.json"));
	publish(snapshot, "1.snapshot.json", "2");
	draft_list(timestamp, "snapshot.json", 1, published("1.snapshot.json"));
	publish(timestamp, "timestamp.json", "2");
	draft_free(snapshot);
	draft_free(timestamp);
}

/* Of root by two of three. */
static void
publish_all(void)
{
	static const enum role online[] = {ROLE_TIMESTAMP, ROLE_SNAPSHOT};
	const struct key *const of_a[] = {vouched_keys.at[4]};
	struct draft *root = draft_new(ROLE_ROOT, soon_s);
	struct draft *targets = draft_new(ROLE_TARGETS, soon_s);
	struct draft *a = draft_new(ROLE_TARGETS, soon_s);

	for (int i = 0; i < 2; i++) {
		draft_add_key(root, online[i], vouched_keys.at[2]);
		draft_add_key(root, ROLE_ROOT, vouched_keys.at[i]);
	}
	draft_add_key(root, ROLE_ROOT, vouched_keys.at[5]);
	draft_add_key(root, ROLE_TARGETS, vouched_keys.at[3]);
	draft_set_threshold(root, ROLE_ROOT, 2);
	ck_assert_int_eq(draft_check_root(root, NULL), 0);
	publish(root, "1.root.json", "05");
	draft_delegate(targets, "t-a", "h;t=a;*", of_a, 1, 1);
	publish(targets, "1.targets.json", "3");
	draft_add_target(a, "h;t=a;v=1;c=00000000", unit_text("header"),
		json_pack("{s:b}", "security", true));
	publish(a, "1.t-a.json", "4");
	publish_lists();
	draft_free(root);
	draft_free(targets);
	draft_free(a);
}

START_TEST(draft__a_client_takes_what_was_drafted)
{
	const struct listed *found;
	struct trust *t;

	signed_set_up(&vouched_keys);
	publish_all();
	t = trust_new(published("1.root.json"), vouched_now_s, NULL);
	ck_assert_ptr_nonnull(t);
	vouched_run(t);
	ck_assert_msg(trust_verdict(t) == VERDICT_GOOD, "%s", trust_why(t));
	trust_find(t, "h;t=a;v=1;c=00000000");
	vouched_run(t);
	found = trust_found(t);
	ck_assert_ptr_nonnull(found);
	ck_assert(found->security);
	ck_assert_int_eq(metadata_check(found, unit_text("header"), NULL), 0);
	trust_free(t);
	vouched_tear_down();
}
END_TEST

START_TEST(draft_read__what_is_not_known_stays_and_what_is_changed_is_signed_anew)
{
	struct draft *d;
	struct metadata *m;
	AUTO_BUF struct buf bytes = {0};

	vouched_set_up();
	vouched_publish("x", "0",
		mem_printf("{\"_type\":\"snapshot\",\"spec_version\":\"1.0.31\",\"version\":7,"
			   "\"expires\":\"" VOUCHED_PAST "\",\"meta\":{\"a.json\":{\"version\":2,"
			   "\"odd\":[1]}},\"strange\":{\"b\":\"c\"}}"));
	d = draft_read(published("x"), ROLE_SNAPSHOT, NULL);
	draft_format(d, &bytes);
	ck_assert_ptr_nonnull(strstr(bytes.at, "\"sig\""));
	buf_clear(&bytes);
	ck_assert_uint_eq(draft_version(d), 7);
	draft_renew(d, soon_s);
	draft_format(d, &bytes);
	ck_assert_ptr_null(strstr(bytes.at, "\"sig\""));
	ck_assert_ptr_nonnull(strstr(bytes.at, "\"strange\":{\"b\":\"c\"}"));
	ck_assert_ptr_nonnull(strstr(bytes.at, "\"odd\":[1]"));
	m = read_back(d, ROLE_SNAPSHOT);
	ck_assert_uint_eq(m->version, 8);
	ck_assert_int_eq(m->expires_s, soon_s);
	metadata_free(m);
	draft_free(d);
	ck_assert_ptr_null(draft_read(published("x"), ROLE_TIMESTAMP, NULL));
	ck_assert_ptr_null(draft_read(unit_text("x"), ROLE_TIMESTAMP, NULL));
	vouched_tear_down();
}
END_TEST

START_TEST(draft__a_key_is_listed_as_long_as_somebody_signs_with_it)
{
	struct draft *d;
	struct metadata *m;
	char id[DRAFT_ID_MAX];
	struct err e = {0};

	vouched_set_up();
	d = draft_new(ROLE_ROOT, soon_s);
	for (int role = 0; role < 2; role++) {
		draft_add_key(d, (enum role)role, vouched_keys.at[0]);
		draft_add_key(d, (enum role)role, vouched_keys.at[0]); /* once */
	}
	m = read_back(d, ROLE_ROOT);
	ck_assert_uint_eq(m->keys.count, 1);
	ck_assert_uint_eq(m->signers[ROLE_ROOT].count, 1);
	metadata_free(m);
	(void)draft_key_id(vouched_keys.at[0], id);
	ck_assert_int_eq(draft_remove_key(d, (enum role)0, id, NULL), 0);
	m = read_back(d, ROLE_ROOT);
	ck_assert_uint_eq(m->keys.count, 1);
	ck_assert(key_equal(keyring_find(&m->keys, id), vouched_keys.at[0]));
	metadata_free(m);
	ck_assert_int_eq(draft_remove_key(d, (enum role)0, id, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(draft_remove_key(d, (enum role)1, id, NULL), 0);
	m = read_back(d, ROLE_ROOT);
	ck_assert_uint_eq(m->keys.count, 0);
	metadata_free(m);
	draft_free(d);
	vouched_tear_down();
}
END_TEST

START_TEST(draft_check_root__each_role_has_as_many_keys_as_have_to_sign)
{
	struct draft *d;
	struct err e = {0};

	vouched_set_up();
	d = draft_new(ROLE_ROOT, soon_s);
	for (int role = 0; role < ROLE_COUNT; role++) {
		AUTO_FREE char *words = mem_printf("%s: 1 of its keys have to sign, and it has 0",
			metadata_role_name((enum role)role));

		ck_assert_int_eq(draft_check_root(d, &e), -1);
		ck_assert_str_eq(e.text, words);
		draft_add_key(d, (enum role)role, vouched_keys.at[0]);
	}
	ck_assert_int_eq(draft_check_root(d, NULL), 0);
	draft_set_threshold(d, ROLE_ROOT, 2);
	ck_assert_int_eq(draft_check_root(d, NULL), -1);
	draft_add_key(d, ROLE_ROOT, vouched_keys.at[1]);
	ck_assert_int_eq(draft_check_root(d, NULL), 0);
	draft_free(d);
	vouched_tear_down();
}
END_TEST

START_TEST(draft_delegate__replaces_what_was_and_goes_again)
{
	const struct key *one[1];
	const struct key *two[2];
	struct draft *d;
	struct metadata *m;

	vouched_set_up();
	one[0] = two[0] = vouched_keys.at[0];
	two[1] = vouched_keys.at[1];
	d = draft_new(ROLE_TARGETS, soon_s);
	ck_assert_int_eq(draft_revoke(d, "t-a", NULL), -1);
	draft_delegate(d, "t-a", "h;t=a;*", two, 2, 2);
	draft_delegate(d, "t-b", "h;t=b;*", one, 1, 1);
	m = read_back(d, ROLE_TARGETS);
	ck_assert_uint_eq(m->keys.count, 2);
	ck_assert_uint_eq(m->delegations[0].signers.threshold, 2);
	ck_assert(m->delegations[0].terminating);
	metadata_free(m);
	draft_delegate(d, "t-a", "h;t=a;*", one, 1, 1);
	m = read_back(d, ROLE_TARGETS);
	ck_assert_uint_eq(m->delegation_count, 2);
	ck_assert_str_eq(m->delegations[0].name, "t-a");
	ck_assert_uint_eq(m->delegations[0].signers.threshold, 1);
	ck_assert_uint_eq(m->keys.count, 1);
	metadata_free(m);
	ck_assert_int_eq(draft_revoke(d, "t-a", NULL), 0);
	ck_assert_int_eq(draft_revoke(d, "t-b", NULL), 0);
	m = read_back(d, ROLE_TARGETS);
	ck_assert_uint_eq(m->delegation_count, 0);
	ck_assert_uint_eq(m->keys.count, 0);
	metadata_free(m);
	draft_free(d);
	vouched_tear_down();
}
END_TEST

START_TEST(draft_remove_target__what_is_listed_alone)
{
	struct draft *d;
	struct metadata *m;

	vouched_set_up();
	d = draft_new(ROLE_TARGETS, soon_s);
	draft_add_target(d, "a", unit_text("a"), json_object());
	draft_add_target(d, "b", unit_text("b"), json_object());
	ck_assert_int_eq(draft_remove_target(d, "a", NULL), 0);
	ck_assert_int_eq(draft_remove_target(d, "a", NULL), -1);
	m = read_back(d, ROLE_TARGETS);
	ck_assert_uint_eq(m->file_count, 1);
	ck_assert_ptr_nonnull(metadata_find(m, "b"));
	metadata_free(m);
	draft_free(d);
	vouched_tear_down();
}
END_TEST

/* Whoever signs twice has one signature. */
START_TEST(draft_sign__one_of_each_key)
{
	AUTO_BUF struct buf bytes = {0};
	struct draft *d;
	unsigned count = 0;

	vouched_set_up();
	d = draft_new(ROLE_TARGETS, soon_s);
	for (int i = 0; i < 2; i++) {
		draft_sign(d, vouched_keys.at[0]);
		draft_sign(d, vouched_keys.at[4]);
	}
	draft_format(d, &bytes);
	for (const char *at = bytes.at; (at = strstr(at, "\"sig\"")) != NULL; at++)
		count++;
	ck_assert_uint_eq(count, 2);
	draft_free(d);
	vouched_tear_down();
}
END_TEST

void
draft_tests(TCase *c)
{
	signed_use(c);
	tcase_add_test(c, draft__a_client_takes_what_was_drafted);
	tcase_add_test(c, draft_read__what_is_not_known_stays_and_what_is_changed_is_signed_anew);
	tcase_add_test(c, draft__a_key_is_listed_as_long_as_somebody_signs_with_it);
	tcase_add_test(c, draft_check_root__each_role_has_as_many_keys_as_have_to_sign);
	tcase_add_test(c, draft_delegate__replaces_what_was_and_goes_again);
	tcase_add_test(c, draft_remove_target__what_is_listed_alone);
	tcase_add_test(c, draft_sign__one_of_each_key);
}
