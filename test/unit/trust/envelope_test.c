/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/envelope.h"

#include <string.h>

#include "base/mem.h"
#include "trust/signed.h"
#include "unit.h"

START_TEST(envelope_canonical__is_the_form_that_is_signed)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"{\"b\":1,\"a\":[true,false,null,-5,{}],\"\":\"\"}",
			"{\"\":\"\",\"a\":[true,false,null,-5,{}],\"b\":1}"},
		/* Only these two are escaped; control characters stand for themselves. */
		{"{\"a\":\"\\\"\\\\\\n\\u0001\\/\\u00e4\"}", "{\"a\":\"\\\"\\\\\n\001/\xc3\xa4\"}"},
		/* By code points, as by bytes of UTF-8. */
		{"{\"\\uffff\":1,\"\\ud83d\\ude00\":2,\"z\":3}",
			"{\"z\":3,\"\xef\xbf\xbf\":1,\"\xf0\x9f\x98\x80\":2}"},
		{"{ \"a\" :\n 9223372036854775807 }", "{\"a\":9223372036854775807}"},
		{"{\"aa\":1,\"a\":2}", "{\"a\":2,\"aa\":1}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].in), NULL);
		AUTO_BUF struct buf got = {0};

		ck_assert_int_eq(envelope_canonical(doc, &got, NULL), 0);
		ck_assert_str_eq(got.at, rows[i].out);
	}
}
END_TEST

START_TEST(envelope_read__refuses_what_two_readers_can_read_as_two_things)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"[]", "not a JSON object"},
		{"{\"signatures\":[]}", "field signed: an object is required"},
		{"{\"signatures\":[],\"signed\":[]}", "field signed: an object is required"},
		{"{\"signed\":{}}", "field signatures: a list is required"},
		{"{\"signatures\":{},\"signed\":{}}", "field signatures: a list is required"},
		{"{\"signatures\":[{\"keyid\":\"a\"}],\"signed\":{}}",
			"field signatures: field sig: a string is required"},
		{"{\"signatures\":[{\"sig\":\"\"}],\"signed\":{}}",
			"field signatures: field keyid: a string is required"},
		{"{\"signatures\":[1],\"signed\":{}}",
			"field signatures: field keyid: a string is required"},
		{"{\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},{\"keyid\":\"a\",\"sig\":\"00\"}]"
		 ","
		 "\"signed\":{}}",
			"field signatures: keyid a is repeated"},
		{"{\"signatures\":[],\"signed\":{\"a\":1.0}}", "a number that is no whole number"},
		{"{\"signatures\":[],\"signed\":{\"a\":[{\"b\":1e2}]}}",
			"a number that is no whole number"},
		{"{\"signatures\":[],\"signed\":{\"a\":1,\"a\":2}}", "not JSON: line 1: duplicate"},
		{"{\"signatures\":[],\"signed\":{\"a\":\"\\u0000\"}}", "not JSON: line 1:"},
		{"{\"signatures\":[],\"signed\":{\"a\":9223372036854775808}}", "not JSON: line 1:"},
		{"{\"signatures\":[],\"signed\":{}} x", "not JSON: line 1:"},
		{"{\"signatures\":[],\"signed\":{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}}",
			"JSON nested deeper than 16"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ck_assert_ptr_null(envelope_read(unit_text(rows[i].text), &e));
		ck_assert_msg(strncmp(e.text, rows[i].words, strlen(rows[i].words)) == 0,
			"row %zu: %s", i, e.text);
	}
}
END_TEST

/* Each of them would take memory before anybody is asked whether it is signed. */
START_TEST(envelope_read__bounds_how_many_values_there_are)
{
	for (int more = 0; more <= 1; more++) {
		AUTO_BUF struct buf text = {0};
		struct envelope *v;
		struct err e = {0};

		buf_add_string(
			&text, "{\"signatures\":[],\"signed\":{\"s\":\"{[,\\\"{[,\",\"a\":[0");
		/* The brackets and commas around it are eight. */
		for (int i = 0; i < ENVELOPE_VALUES_MAX - 6 + more; i++)
			buf_add_string(&text, ",0");
		buf_add_string(&text, "]}}");
		v = envelope_read(signed_span(&text), &e);
		ck_assert_msg((v != NULL) == (more == 0), "%s", e.text);
		ck_assert(more == 0 || e.code == ERR_LIMIT);
		envelope_free(v);
	}
}
END_TEST

static struct signed_keys keys;
static struct keyring ring;

static void
make_ring(void)
{
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *doc = NULL;

	signed_set_up(&keys);
	buf_add_string(&text, "{\"keys\":{");
	for (unsigned i = 0; i < SIGNED_KEYS; i++) {
		signed_entry(&keys, i, &text);
		buf_add_string(&text, ",");
	}
	buf_add_string(&text, "\"odd\":{\"keytype\":\"sphincs\",\"scheme\":\"x\",\"keyval\":{}}}}");
	doc = doc_parse(signed_span(&text), NULL);
	ck_assert_int_eq(keyring_read(doc, &ring, NULL), 0);
}

static unsigned
signers_of(const char *document, const char *who)
{
	struct envelope *v = envelope_read(unit_text(document), NULL);
	AUTO_DOC json_t *doc = doc_parse(unit_text(who), NULL);
	struct signers signers;
	unsigned count;

	ck_assert_ptr_nonnull(v);
	ck_assert_int_eq(signers_read(doc, &signers, NULL), 0);
	count = envelope_signers(v, &ring, &signers);
	signers_free(&signers);
	envelope_free(v);
	return count;
}

START_TEST(envelope_signers__each_key_that_may_counts_once)
{
	static const struct {
		const char *by, *who;
		unsigned count;
	} rows[] = {
		{"0", "[\"k0\"]", 1},
		{"012345", "[\"k0\",\"k1\",\"k2\",\"k3\",\"k4\",\"k5\"]", 6},
		{"45", "[\"k4\",\"k5\"]", 2},
		{"01", "[\"k1\"]", 1},
		{"01", "[\"k2\",\"odd\",\"none\"]", 0},
		{"", "[\"k0\"]", 0},
	};

	make_ring();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf document = {0};
		AUTO_FREE char *who = mem_printf("{\"keyids\":%s,\"threshold\":1}", rows[i].who);

		signed_document(&keys, "{\"a\":1}", rows[i].by, &document);
		ck_assert_uint_eq(signers_of(document.at, who), rows[i].count);
	}
	keyring_free(&ring);
}
END_TEST

/* One key under two ids is one signer; a signature that is none is nobody's. */
START_TEST(envelope_signers__a_key_has_one_voice_by_whatever_names)
{
	static const char who[] = "{\"keyids\":[\"k0\",\"again\"],\"threshold\":2}";
	AUTO_BUF struct buf document = {0};
	AUTO_BUF struct buf text = {0};
	AUTO_BUF struct buf entry = {0};
	AUTO_DOC json_t *doc = NULL;
	AUTO_FREE char *twice = NULL;
	AUTO_FREE char *bad = NULL;
	const char *sig;

	signed_set_up(&keys);
	buf_add_string(&text, "{\"keys\":{");
	signed_entry(&keys, 0, &text);
	signed_entry(&keys, 0, &entry);
	buf_printf(&text, ",\"again\":%s}}", strchr(entry.at, '{'));
	doc = doc_parse(signed_span(&text), NULL);
	ck_assert_int_eq(keyring_read(doc, &ring, NULL), 0);
	signed_document(&keys, "{\"a\":1}", "0", &document);
	sig = strstr(document.at, "\"sig\"");
	twice = mem_printf("{\"signatures\":[{\"keyid\":\"k0\",%.*s},{\"keyid\":\"again\",%s",
		(int)(strchr(sig, '}') - sig), sig, sig);
	ck_assert_uint_eq(signers_of(twice, who), 1);
	/* The wrong signature under one name does not cover the good one under the other. */
	bad = mem_printf(
		"{\"signatures\":[{\"keyid\":\"k0\",\"sig\":\"zz\"},{\"keyid\":\"again\",%s", sig);
	ck_assert_uint_eq(signers_of(bad, who), 1);
	keyring_free(&ring);
}
END_TEST

START_TEST(signers_read__says_which_field_is_wrong)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"{\"threshold\":1}", "field keyids: a list of strings is required"},
		{"{\"keyids\":[1],\"threshold\":1}", "field keyids: a list of strings is required"},
		{"{\"keyids\":[],\"threshold\":0}", "field threshold: a whole number from 1 "},
		{"{\"keyids\":[]}", "field threshold: a whole number from 1 "},
		{"{\"keyids\":[\"a\",\"b\",\"a\"],\"threshold\":1}", "field keyids: a is repeated"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].text), NULL);
		struct signers who;
		struct err e = {0};

		ck_assert_int_eq(signers_read(doc, &who, &e), -1);
		ck_assert_msg(
			strncmp(e.text, rows[i].words, strlen(rows[i].words)) == 0, "%s", e.text);
	}
}
END_TEST

START_TEST(signers_read__bounds_how_many_there_are)
{
	for (int more = 0; more <= 1; more++) {
		AUTO_BUF struct buf text = {0};
		AUTO_DOC json_t *doc = NULL;
		struct signers who;
		struct err e = {0};

		buf_add_string(&text, "{\"threshold\":1,\"keyids\":[\"x\"");
		for (int i = 1; i < SIGNERS_MAX + more; i++)
			buf_printf(&text, ",\"%d\"", i);
		buf_add_string(&text, "]}");
		doc = doc_parse(signed_span(&text), NULL);
		ck_assert_int_eq(signers_read(doc, &who, &e), -more);
		ck_assert(more == 0 || e.code == ERR_LIMIT);
		signers_free(&who);
	}
}
END_TEST

START_TEST(keyring_read__a_key_of_an_unknown_kind_never_counts_and_is_no_error)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"{\"keys\":{\"a\":{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{\"z\":1}}}}",
			NULL},
		{"{\"keys\":{}}", NULL},
		{"{}", "field keys: an object is required"},
		{"{\"keys\":{\"a\":{\"scheme\":\"y\",\"keyval\":{}}}}",
			"key a: field keytype: a string is required"},
		{"{\"keys\":{\"a\":{\"keytype\":\"y\",\"keyval\":{}}}}",
			"key a: field scheme: a string is required"},
		{"{\"keys\":{\"a\":{\"keytype\":\"x\",\"scheme\":\"y\"}}}",
			"key a: field keyval: an object is required"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].text), NULL);
		struct err e = {0};
		int result = keyring_read(doc, &ring, &e);

		ck_assert_int_eq(result, rows[i].words != NULL ? -1 : 0);
		if (result != 0)
			ck_assert_str_eq(e.text, rows[i].words);
		ck_assert_ptr_null(keyring_find(&ring, "a"));
		keyring_free(&ring);
	}
}
END_TEST

void
envelope_tests(TCase *c)
{
	signed_use(c);
	tcase_add_test(c, envelope_canonical__is_the_form_that_is_signed);
	tcase_add_test(c, envelope_read__refuses_what_two_readers_can_read_as_two_things);
	tcase_add_test(c, envelope_read__bounds_how_many_values_there_are);
	tcase_add_test(c, envelope_signers__each_key_that_may_counts_once);
	tcase_add_test(c, envelope_signers__a_key_has_one_voice_by_whatever_names);
	tcase_add_test(c, signers_read__says_which_field_is_wrong);
	tcase_add_test(c, signers_read__bounds_how_many_there_are);
	tcase_add_test(c, keyring_read__a_key_of_an_unknown_kind_never_counts_and_is_no_error);
}
