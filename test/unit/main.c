/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/view.h"
#include "unit.h"

struct span
unit_text(const char *s)
{
	return span_of(s, strlen(s));
}

unsigned char *
unit_bytes(size_t len, unsigned seed)
{
	unsigned char *bytes = mem_new(len, 1);

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245U + 12345U;
		bytes[i] = (unsigned char)("etaoin shrdlu\n0123"[(seed >> 16) % 18]);
	}
	return bytes;
}

static char base[] = "/tmp/guts2-unit-XXXXXX";

int
unit_dir(char **ret_path)
{
	static unsigned count;

	*ret_path = mem_printf("%s/%d-%u", base, (int)getpid(), count++);
	return fs_make_dirs(AT_FDCWD, *ret_path, NULL);
}

static int
count_one(void *context, int dir, const char *name, struct err *e)
{
	(void)dir;
	(void)name;
	(void)e;
	(*(unsigned *)context)++;
	return 0;
}

unsigned
unit_count(int dir, const char *path)
{
	unsigned n = 0;

	ck_assert_int_eq(fs_each(dir, path, count_one, &n, NULL), 0);
	return n;
}

void
unit_limit_files(unsigned count)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Each would have a stack larger than all of memory. */
void
unit_no_threads(void)
{
	pthread_attr_t vast;

	ck_assert_int_eq(pthread_attr_init(&vast), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&vast, (size_t)1 << 47), 0);
	ck_assert_int_eq(pthread_setattr_default_np(&vast), 0);
	ck_assert_int_eq(pthread_attr_destroy(&vast), 0);
}

static struct {
	char *text;
	size_t len;
	size_t from; /* what came before is not listened to any more */
} heard[2];

void
unit_listen(void)
{
	if (heard[0].text == NULL) {
		stdout = open_memstream(&heard[0].text, &heard[0].len);
		stderr = open_memstream(&heard[1].text, &heard[1].len);
	}
	ck_assert(fflush(stdout) == 0 && fflush(stderr) == 0);
	for (int i = 0; i < 2; i++)
		heard[i].from = heard[i].len;
}

const char *
unit_output(void)
{
	(void)fflush(stdout);
	return heard[0].text + heard[0].from;
}

const char *
unit_complaints(void)
{
	(void)fflush(stderr);
	return heard[1].text + heard[1].from;
}

static void
no_responses(void *response, bool is_file)
{
	(void)response;
	(void)is_file;
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*tests)(TCase *c);
	} suites[] = {
#define SUITE(name) {#name, name##_tests},
#include "suites.def"
#undef SUITE
	};
	const char *only = getenv("CK_RUN_SUITE");
	SRunner *runner = srunner_create(NULL);
	bool known = only == NULL;
	int failed;

	if (mkdtemp(base) == NULL)
		return 1;
	view_record_response_free = no_responses;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		Suite *suite = suite_create(suites[i].name);
		TCase *c = tcase_create(suites[i].name);

		tcase_set_timeout(c, 120);
		known = known || strcmp(only, suites[i].name) == 0;
		suites[i].tests(c);
		suite_add_tcase(suite, c);
		srunner_add_suite(runner, suite);
	}
	if (!known) {
		(void)fprintf(stderr, "no suite %s; there are:", only);
		for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
			(void)fprintf(stderr, " %s", suites[i].name);
		(void)fputc('\n', stderr);
		return 2;
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	(void)fs_remove(AT_FDCWD, base, NULL);
	return failed == 0 ? 0 : 1;
}
