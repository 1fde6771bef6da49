/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options.h"

#include "unit.h"

#define URL "-Dguts2ServerUrl=http://cloud/"

START_TEST(options_read__defaults_and_command_line)
{
	char *argv[] = {"guts2d", URL, "-DupdatePollingInterval=3", "-DholdMax=1500ms"};
	struct options o;
	struct err e = {0};

	ck_assert_msg(options_read(&o, 4, argv, &e) == 0, "%s", e.text);
	ck_assert_str_eq(o.guts2ServerUrl, "http://cloud/");
	ck_assert_str_eq(o.root, "/var/opt/guts2");
	ck_assert_uint_eq(o.updatePollingInterval, 180000);
	ck_assert_uint_eq(o.holdMax, 1500);
	ck_assert_uint_eq(o.maxConnections, 20000);
	ck_assert_uint_eq(o.retryAfterMax, 600000);
	ck_assert_uint_eq(o.keepGuts2UpdatesCount, 10);
	ck_assert_uint_eq(o.cacheMinFreeBytes, 512 << 20);
	ck_assert_uint_eq(o.scrubInterval, 7 * 86400000);
	ck_assert_uint_eq(o.localDifferences, 1);
	options_free(&o);
}
END_TEST

START_TEST(options_read__refuses_and_names_what_is_wrong)
{
	static const struct {
		const char *argument;
		const char *words;
	} rows[] = {{"-Dmaxconnections=5", "nearest is maxConnections"},
		{"-DmaxConnections=5", "10 to 1000000"}, {"-DmaxConnections=5x", "whole number"},
		{"-DretryAfterMin=0", "1s to 1d"}, {"-DhostModulePort=", "empty"}, {"", "empty"},
		{"-DhostModulePort", "no value"}, {URL, "two values"}, {"-D=1", "unknown option"},
		{"--chek", "--chek"}, {"extra", "extra"}, {"-DkeepGuts2UpdatesCount=0", "1 to 200"},
		{"-DcacheMaxBytes=10Q", "512M"}, {"-DcacheMaxBytes=2P", "0 to 1024T"},
		{"-DlocalDifferences=yes", "on or off"}, {"--config", "--config"},
		{"-DhostModuleAddress=", "empty value"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char argument[64];
		char *argv[] = {"guts2d", URL, argument};
		struct options o;
		struct err e = {0};

		memcpy(argument, rows[i].argument, strlen(rows[i].argument) + 1);
		ck_assert_msg(options_read(&o, 3, argv, &e) == -1, "%s", argument);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(strstr(e.text, rows[i].words) != NULL, "%s: %s", argument, e.text);
		options_free(&o);
	}
}
END_TEST

START_TEST(options_check_all__refuses_what_the_start_would)
{
	static const char *const good[] = {"retryAfterMin=700", "retryAfterMax=800"};
	static const char *const bad[] = {"retryAfterMin=700"};
	static const char *const twice[] = {"retryAfterMin=7", "retryAfterMin=7"};
	struct err e = {0};

	ck_assert_int_eq(options_check_all(NULL, 0, &e), 0);
	ck_assert_int_eq(options_check_all(good, 2, &e), 0);
	ck_assert_int_eq(options_check_all(bad, 1, &e), -1);
	ck_assert_msg(strstr(e.text, "retryAfterMin is larger") != NULL, "%s", e.text);
	ck_assert_int_eq(options_check_all(twice, 2, &e), -1);
}
END_TEST

void
options_tests(TCase *c)
{
	tcase_add_test(c, options_read__defaults_and_command_line);
	tcase_add_test(c, options_check_all__refuses_what_the_start_would);
	tcase_add_test(c, options_read__refuses_and_names_what_is_wrong);
}
