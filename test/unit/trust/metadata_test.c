/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/delegation.h"

#include <string.h>

#include "base/mem.h"
#include "unit.h"

/* Of a document that nobody has signed. */
static struct metadata *
read_role(enum role role, const char *content, struct err *e)
{
	AUTO_FREE char *text = mem_printf("{\"signatures\":[],\"signed\":%s}", content);
	struct envelope *v = envelope_read(unit_text(text), e);
	struct metadata *m = v != NULL ? metadata_read(v, role, e) : NULL;

	envelope_free(v);
	return m;
}

#define COMMON(type)                                                                               \
	"\"_type\":\"" type                                                                        \
	"\",\"spec_version\":\"1.0.34\",\"version\":7,\"expires\":\"2027-01-31T00:00:00Z\""

static const char snapshot[] =
	"{" COMMON("snapshot") ",\"meta\":{\"targets.json\":{\"version\":3}}}";

/* content with the first `from` in it replaced. */
static char *
replaced(const char *content, const char *from, const char *to)
{
	const char *at = strstr(content, from);

	ck_assert_msg(at != NULL, "%s", from);
	return mem_printf("%.*s%s%s", (int)(at - content), content, to, at + strlen(from));
}

START_TEST(metadata_read__says_which_common_field_is_wrong)
{
	static const struct {
		const char *from, *to, *words;
	} rows[] = {
		{"\"snapshot\"", "\"timestamp\"", "field _type: snapshot is required"},
		{"\"_type\"", "\"type\"", "field _type: a string is required"},
		{"\"1.0.34\"", "\"2.0\"", "field spec_version: 1 is required"},
		{"\"1.0.34\"", "\"1\"", "field spec_version: 1 is required"},
		{"\"1.0.34\"", "\"1.x\"", "field spec_version: 1 is required"},
		{"\"1.0.34\"", "1", "field spec_version: a string is required"},
		{"\"version\":7", "\"version\":0", "field version: a whole number from 1 "},
		{"\"version\":7", "\"version\":\"7\"", "field version: a whole number from 1 "},
		{"\"expires\"", "\"expire\"", "field expires: a string is required"},
		{"{\"targets.json\":{\"version\":3}}", "[]", "field meta: an object is required"},
		{":3", ":-3", "field meta: targets.json: field version: "},
		{":3", ":3,\"length\":\"x\"", "field meta: targets.json: field length: "},
		{":3", ":3,\"hashes\":[]", "field meta: targets.json: field hashes: an object "},
		{":3", ":3,\"hashes\":{}", "field meta: targets.json: field hashes: an object "},
		{":3", ":3,\"hashes\":{\"sha256\":\"00\"}",
			"field meta: targets.json: field hashes: sha256: 64 hex digits are "
			"required"},
		{":3", ":3,\"hashes\":{\"sha512\":1}",
			"field meta: targets.json: field hashes: sha512: 128 hex digits are "
			"required"},
	};
	struct metadata *m = read_role(ROLE_SNAPSHOT, snapshot, NULL);

	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->version, 7);
	ck_assert_uint_eq(metadata_find(m, "targets.json")->version, 3);
	ck_assert_ptr_null(metadata_find(m, "target.json"));
	metadata_free(m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *content = replaced(snapshot, rows[i].from, rows[i].to);
		struct err e = {0};

		ck_assert_ptr_null(read_role(ROLE_SNAPSHOT, content, &e));
		ck_assert_msg(strncmp(e.text, rows[i].words, strlen(rows[i].words)) == 0,
			"row %zu: %s", i, e.text);
	}
}
END_TEST

START_TEST(metadata_read__takes_times_of_one_form_and_of_all_years)
{
	static const struct {
		const char *text;
		int64_t s; /* -1: none */
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-02T00:00:01Z", 86401},
		{"2000-02-29T23:59:59Z", 951868799},
		{"2000-03-01T00:00:00Z", 951868800},
		{"2026-11-26T21:39:13Z", 1795729153},
		{"2038-01-19T03:14:08Z", 2147483648},
		{"2100-03-01T00:00:00Z", 4107542400},
		{"9999-12-31T23:59:59Z", 253402300799},
		{"2100-02-29T00:00:00Z", -1},
		{"2026-02-30T00:00:00Z", -1},
		{"2026-04-31T00:00:00Z", -1},
		{"2026-13-01T00:00:00Z", -1},
		{"2026-00-01T00:00:00Z", -1},
		{"2026-01-00T00:00:00Z", -1},
		{"0000-01-01T00:00:00Z", -1},
		{"2026-01-01T24:00:00Z", -1},
		{"2026-01-01T00:60:00Z", -1},
		{"2026-01-01T00:00:60Z", -1},
		{"2026-01-01T00:00:00", -1},
		{"2026-01-01T00:00:00z", -1},
		{"2026-01-01 00:00:00Z", -1},
		{"2026-01-01T00:00:00Zx", -1},
		{"2026-01-01T00:00:00.5Z", -1},
		{"+026-01-01T00:00:00Z", -1},
		{"2026-1-01T00:00:000Z", -1},
		{"", -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *content = replaced(snapshot, "2027-01-31T00:00:00Z", rows[i].text);
		struct metadata *m = read_role(ROLE_SNAPSHOT, content, NULL);

		ck_assert_msg((m != NULL) == (rows[i].s >= 0), "%s", rows[i].text);
		if (m != NULL)
			ck_assert_int_eq(m->expires_s, rows[i].s);
		metadata_free(m);
	}
}
END_TEST

#define WHO "{\"keyids\":[],\"threshold\":1}"
#define ROOT(top, timestamp)                                                                       \
	"{" COMMON("root") ",\"consistent_snapshot\":true,\"keys\":{},\"roles\":{\"root\":" top    \
			   ",\"timestamp\":" timestamp ",\"snapshot\":" WHO ",\"targets\":" WHO    \
			   "}}"

START_TEST(metadata_read__a_root_names_the_signers_of_all_four)
{
	static const struct {
		const char *content, *words;
	} rows[] = {
		{ROOT("{}", WHO), "field roles: root: field keyids: a list of strings is required"},
		{ROOT(WHO, "1"), "field roles: timestamp: field keyids: a list "},
		{"{" COMMON("root") ",\"keys\":{}}", "field roles: root: field keyids: a list "},
		{"{" COMMON("root") ",\"roles\":{}}", "field keys: an object is required"},
	};
	struct metadata *m = read_role(ROLE_ROOT, ROOT(WHO, WHO), NULL);

	ck_assert(m->consistent_snapshot);
	metadata_free(m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ck_assert_ptr_null(read_role(ROLE_ROOT, rows[i].content, &e));
		ck_assert_msg(
			strncmp(e.text, rows[i].words, strlen(rows[i].words)) == 0, "%s", e.text);
	}
}
END_TEST

START_TEST(metadata_read__a_timestamp_lists_the_snapshot_alone)
{
	static const char *const bad[] = {"{}", "{\"targets.json\":{\"version\":1}}",
		"{\"snapshot.json\":{\"version\":1},\"x.json\":{\"version\":1}}"};
	struct metadata *m = read_role(ROLE_TIMESTAMP,
		"{" COMMON(
			"timestamp") ",\"meta\":{\"snapshot.json\":{\"version\":5,\"length\":9}}}",
		NULL);

	ck_assert_uint_eq(m->files[0].version, 5);
	ck_assert_uint_eq(m->files[0].length, 9);
	metadata_free(m);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_FREE char *content =
			mem_printf("{" COMMON("timestamp") ",\"meta\":%s}", bad[i]);
		struct err e = {0};

		ck_assert_ptr_null(read_role(ROLE_TIMESTAMP, content, &e));
		ck_assert_str_eq(e.text, "field meta: snapshot.json alone is required");
	}
}
END_TEST

#define ZEROS "00000000000000000000000000000000"
#define TARGET "{\"length\":4,\"hashes\":{\"sha256\":\"" ZEROS ZEROS "\"}%s}"
#define DELEGATION                                                                                 \
	"{\"name\":\"t-a\",\"keyids\":[],\"threshold\":1,\"terminating\":true,\"paths\":[\"a*\"]}"
#define TARGETS(target, roles)                                                                     \
	"{" COMMON("targets") ",\"targets\":{\"x\":" target                                        \
			      "},\"delegations\":{\"keys\":{},\"roles\":[" roles "]}}"
static const char targets[] =
	TARGETS("{\"length\":4,\"hashes\":{\"sha256\":\"" ZEROS ZEROS
		"\"},\"custom\":{\"guts2\":{\"security\":true,\"advisory\":\"https://a/\"}}}",
		DELEGATION);

START_TEST(metadata_read__targets_say_which_field_is_wrong)
{
	static const struct {
		const char *from, *to, *words;
	} rows[] = {
		{"\"length\":4,", "", "field targets: x: field length: "},
		{"\"hashes\"", "\"hash\"", "field targets: x: field hashes: an object is required"},
		{"\"roles\":[", "\"roles\":1,\"x\":[",
			"field delegations: field roles: a list is required"},
		{"\"keys\":{}", "\"keys\":[]", "field delegations: field keys: "},
		{"\"t-a\"", "\"\"", "field delegations: role 1: field name: it is empty"},
		{"\"t-a\"", "\"snapshot\"", "field delegations: role 1: snapshot is delegated to"},
		{"\"t-a\"", "1", "field delegations: role 1: field name: a string is required"},
		{"\"terminating\":true", "\"terminating\":1",
			"field delegations: role 1: field terminating: true or false is required"},
		{"\"paths\":[\"a*\"]", "\"paths\":[1]",
			"field delegations: role 1: its paths must be a list of strings"},
		{"\"paths\":[\"a*\"]", "\"path\":[]",
			"field delegations: role 1: one list of paths or path_hash_prefixes is "},
		{"\"paths\":[\"a*\"]", "\"paths\":[],\"path_hash_prefixes\":[]",
			"field delegations: role 1: one list of paths or path_hash_prefixes is "},
		{"[{\"name\"", "[" DELEGATION ",{\"name\"",
			"field delegations: role t-a is repeated"},
	};
	struct metadata *m = read_role(ROLE_TARGETS, targets, NULL);

	ck_assert(m->files[0].security);
	ck_assert_str_eq(m->files[0].advisory, "https://a/");
	ck_assert_str_eq(m->delegations[0].name, "t-a");
	ck_assert(m->delegations[0].terminating);
	metadata_free(m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *content = replaced(targets, rows[i].from, rows[i].to);
		struct err e = {0};

		ck_assert_ptr_null(read_role(ROLE_TARGETS, content, &e));
		ck_assert_msg(strncmp(e.text, rows[i].words, strlen(rows[i].words)) == 0,
			"row %zu: %s", i, e.text);
	}
}
END_TEST

START_TEST(delegation_covers__a_star_stays_within_its_component)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} rows[] = {
		{"h;t=a;*", "h;t=a;v=1;c=2", true},
		{"h;t=a;*", "h;t=ab;v=1;c=2", false},
		{"h;t=a;*", "h;t=a;", true},
		{"*", "a", true},
		{"*", "", true},
		{"*", "a/b", false},
		{"*/b", "a/b", true},
		{"*/b", "a/c/b", false},
		{"a*/b", "a/b", true},
		{"a*", "a/b", false},
		{"*a*b*c", "xaybzc", true},
		{"*a*b*c", "xaybzd", false},
		{"*ab", "aab", true},
		{"*ab", "abab", true},
		{"*/x*", "a/yx", false},
		{"*/*x", "a/yx", true},
		{"a?c", "abc", true},
		{"a?c", "a/c", false},
		{"a?c", "ac", false},
		{"a?c",
			"a\xc3\xa4"
			"c",
			true},
		{"?", "", false},
		{"a**", "a", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{"A", "a", false},
		{"", "", true},
		{"", "a", false},
		{"ab", "a", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *patterns[] = {mem_string("no"), mem_string(rows[i].pattern)};
		struct delegation d = {.patterns = patterns, .pattern_count = 2};

		ck_assert_msg(delegation_covers(&d, rows[i].path) == rows[i].matches, "%s %s",
			rows[i].pattern, rows[i].path);
		free(patterns[0]);
		free(patterns[1]);
	}
}
END_TEST

/* SHA-256 of "abc" begins with ba7816bf. */
START_TEST(delegation_covers__by_the_beginning_of_the_digest_of_the_path)
{
	static const struct {
		const char *prefix;
		bool matches;
	} rows[] = {{"ba78", true}, {"", true}, {"ba79", false}, {"BA78", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *patterns[] = {mem_string(rows[i].prefix)};
		struct delegation d = {.by_hash = true, .patterns = patterns, .pattern_count = 1};

		ck_assert(delegation_covers(&d, "abc") == rows[i].matches);
		free(patterns[0]);
	}
}
END_TEST

START_TEST(metadata_check__length_and_each_digest_have_to_be_right)
{
	struct span abc = unit_text("abc");
	struct listed f = {.length = UINT64_MAX};
	struct listed digest = {
		.length = 3, .hashed = true, .has_sha256 = true, .has_sha512 = true};

	digest.sha256 = digest_of(abc);
	digest_sha512(abc, digest.sha512);
	ck_assert_int_eq(metadata_check(&f, abc, NULL), 0);
	f.length = 3;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), 0);
	f.length = 4;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), -1);
	ck_assert_int_eq(metadata_check(&digest, abc, NULL), 0);
	ck_assert_int_eq(metadata_check(&digest, unit_text("abd"), NULL), -1);
	f = digest;
	f.sha256.byte[31] ^= 1;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), -1);
	f = digest;
	f.sha512[63] ^= 1;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), -1);
	f.has_sha512 = false;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), 0);
	/* One of a kind that nobody knows says nothing. */
	f.has_sha256 = false;
	ck_assert_int_eq(metadata_check(&f, abc, NULL), -1);
}
END_TEST

void
metadata_tests(TCase *c)
{
	tcase_add_test(c, metadata_read__says_which_common_field_is_wrong);
	tcase_add_test(c, metadata_read__takes_times_of_one_form_and_of_all_years);
	tcase_add_test(c, metadata_read__a_root_names_the_signers_of_all_four);
	tcase_add_test(c, metadata_read__a_timestamp_lists_the_snapshot_alone);
	tcase_add_test(c, metadata_read__targets_say_which_field_is_wrong);
	tcase_add_test(c, delegation_covers__a_star_stays_within_its_component);
	tcase_add_test(c, delegation_covers__by_the_beginning_of_the_digest_of_the_path);
	tcase_add_test(c, metadata_check__length_and_each_digest_have_to_be_right);
}
