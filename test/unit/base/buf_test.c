/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include "base/mem.h"
#include "unit.h"

/* Round the sizes at which it grows. */
static const size_t lens[] = {0, 1, 254, 255, 256, 257, 511, 512, 513, 1024, 5000};

START_TEST(buf_add__whatever_its_length_it_is_there_with_a_nul_behind)
{
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t before = 0; before < 3; before++) {
			AUTO_FREE unsigned char *bytes = unit_bytes(lens[i] + 1, 3);
			AUTO_BUF struct buf b = {0};

			buf_add(&b, "xyz", before);
			buf_add(&b, lens[i] > 0 ? bytes : NULL, lens[i]);
			ck_assert_uint_eq(b.len, before + lens[i]);
			ck_assert_int_eq(memcmp(b.at, "xyz", before), 0);
			ck_assert_int_eq(memcmp(b.at + before, bytes, lens[i]), 0);
			ck_assert_int_eq(b.at[b.len], '\0');
			ck_assert_uint_gt(b.capacity, b.len);
			buf_add_string(&b, "!");
			ck_assert_uint_eq(b.len, before + lens[i] + 1);
			ck_assert_str_eq(b.at + before + lens[i], "!");
		}
}
END_TEST

START_TEST(buf_printf__no_text_is_cut)
{
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		AUTO_FREE char *word = mem_new(lens[i] + 1, 1);
		AUTO_BUF struct buf b = {0};

		memset(word, 'w', lens[i]);
		buf_printf(&b, "<%s>", word);
		buf_printf(&b, "%d", 7);
		ck_assert_uint_eq(b.len, lens[i] + 3);
		ck_assert_int_eq(memcmp(b.at + 1, word, lens[i]), 0);
		ck_assert_str_eq(b.at + lens[i] + 1, ">7");
	}
}
END_TEST

START_TEST(buf_clear__its_memory_is_used_again)
{
	struct buf b = {0};
	const char *at;

	buf_clear(&b);
	ck_assert(b.at == NULL && b.len == 0);
	buf_add_string(&b, "abc");
	at = b.at;
	buf_clear(&b);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_str_eq(b.at, "");
	buf_add_string(&b, "d");
	ck_assert_ptr_eq(b.at, at);
	ck_assert_str_eq(b.at, "d");
	buf_free(&b);
	ck_assert(b.at == NULL && b.len == 0 && b.capacity == 0);
}
END_TEST

START_TEST(mem_grow__there_is_room_for_one_more)
{
	size_t capacity = 0;
	size_t *numbers = NULL;
	unsigned moved = 0;

	for (size_t i = 0; i < 1000; i++) {
		size_t before = capacity;

		numbers = mem_grow(numbers, i, &capacity, sizeof(*numbers));
		ck_assert_uint_gt(capacity, i);
		moved += capacity != before;
		numbers[i] = i;
	}
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(numbers[i], i);
	/* Doubled each time. */
	ck_assert_uint_eq(moved, 7);
	free(numbers);
}
END_TEST

/* On both sides of where pages are large. */
START_TEST(mem_large__there_is_room_for_all)
{
	static const size_t counts[] = {0, 1, (1 << 19) - 1, 1 << 19, (1 << 19) + 1, 1 << 20};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		AUTO_FREE uint64_t *at = mem_large(counts[i], sizeof(*at));

		for (size_t k = 0; k < counts[i]; k++)
			at[k] = k;
		for (size_t k = 0; k < counts[i]; k += 511)
			ck_assert_uint_eq(at[k], k);
	}
}
END_TEST

START_TEST(mem__of_nothing_there_is_a_byte)
{
	AUTO_FREE unsigned char *none = mem_new(0, 0);
	AUTO_FREE char *text = mem_string_n("abcdef", 3);
	AUTO_FREE char *printed = mem_printf("%s-%d", text, 5);
	unsigned char *kept = mem_resize(mem_resize(NULL, 0, 8), 0, 0);

	ck_assert(none != NULL && *none == 0 && kept != NULL);
	ck_assert_str_eq(text, "abc");
	ck_assert_str_eq(printed, "abc-5");
	free(kept);
}
END_TEST

void
buf_tests(TCase *c)
{
	tcase_add_test(c, buf_add__whatever_its_length_it_is_there_with_a_nul_behind);
	tcase_add_test(c, buf_printf__no_text_is_cut);
	tcase_add_test(c, buf_clear__its_memory_is_used_again);
	tcase_add_test(c, mem_grow__there_is_room_for_one_more);
	tcase_add_test(c, mem_large__there_is_room_for_all);
	tcase_add_test(c, mem__of_nothing_there_is_a_byte);
}
