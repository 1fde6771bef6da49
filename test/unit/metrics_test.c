/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <pthread.h>

#include "unit.h"

static void *
count(void *context)
{
	for (int i = 0; i < 1000; i++)
		metrics_add(METRIC_REQUESTS_QUERY, *(const uint64_t *)context);
	return NULL;
}

START_TEST(metrics_value__is_the_sum_of_what_all_threads_counted)
{
	enum { MORE_THAN_SHARDS = 100 };
	pthread_t threads[MORE_THAN_SHARDS];
	uint64_t two = 2;

	for (size_t i = 0; i < MORE_THAN_SHARDS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count, &two), 0);
	for (size_t i = 0; i < MORE_THAN_SHARDS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(metrics_value(METRIC_REQUESTS_QUERY), 2000 * MORE_THAN_SHARDS);
	ck_assert_uint_eq(metrics_value(METRIC_REQUESTS_HEADER), 0);
}
END_TEST

/* The head of a family once, before all of its series. */
START_TEST(metrics_print__each_format_has_its_own_heads)
{
	AUTO_BUF struct buf text = {0};

	metrics_add(METRIC_UNAVAILABLE_DISK, 7);
	metrics_print(&text, METRICS_PROMETHEUS);
	ck_assert_ptr_nonnull(
		strstr(text.at, "# TYPE guts2d_unavailable_total counter\n"
				"guts2d_unavailable_total{reason=\"downloading\"} 0\n"));
	ck_assert_ptr_nonnull(
		strstr(text.at, "\nguts2d_unavailable_total{reason=\"disk-full\"} 7\n"));
	ck_assert_ptr_nonnull(strstr(text.at, "\nguts2d_events_total{event=\"request\"} 0\n"));
	ck_assert_ptr_null(strstr(text.at, "gauge"));
	buf_clear(&text);
	metrics_print(&text, METRICS_OPENMETRICS);
	ck_assert_ptr_nonnull(
		strstr(text.at, "# TYPE guts2d_unavailable counter\n"
				"guts2d_unavailable_total{reason=\"downloading\"} 0\n"));
	buf_clear(&text);
	metrics_print_gauge(&text, METRIC_DISK_BYTES);
	metrics_print_value(&text, METRIC_DISK_BYTES, NULL, NULL, UINT64_MAX);
	metrics_print_value(&text, METRIC_TYPE_VERSIONS, "type", "a.b", 3);
	metrics_print_value(&text, METRIC_UPSTREAM_GOOD, "upstream", "file:///a\"\\b", 0);
	ck_assert_str_eq(text.at,
		"# HELP guts2d_disk_bytes the size of the file system of the cache\n"
		"# TYPE guts2d_disk_bytes gauge\nguts2d_disk_bytes 18446744073709551615\n"
		"guts2d_type_versions{type=\"a.b\"} 3\n"
		"guts2d_upstream_good_timestamp_seconds{upstream=\"file:///a\\\"\\\\b\"} 0\n");
}
END_TEST

void
metrics_tests(TCase *c)
{
	tcase_add_test(c, metrics_value__is_the_sum_of_what_all_threads_counted);
	tcase_add_test(c, metrics_print__each_format_has_its_own_heads);
}
