/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/options_row.h"
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
		{"-DhostModuleAddress=", "empty value"},
		{"-DhostModuleAddress=host", "IPv4 or IPv6 address"},
		{"-DhostModuleAddress=::1::", "IPv4 or IPv6 address"},
		{"-Droot=here", "absolute path"}, {"-DupstreamMaxBytesPerSecond=1", "16k to 1T"},
		{"-DhostModulePort=65536", "0 to 65535"},
		{"-DkeepGuts2UpdatesCount=201", "1 to 200"}, {"-DretryAfterMin=86401", "1s to 1d"},
		{"-Dhostmoduleport=1", "hostModulePort"}, {"-Drot=/", "nearest is root"}};

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

START_TEST(options_read__takes_the_ends_of_each_range)
{
	static const char *const good[] = {"-DhostModuleAddress=::1",
		"-DhostModuleAddress=10.0.0.1", "-DhostModulePort=0", "-DhostModulePort=65535",
		"-DkeepGuts2UpdatesCount=1", "-DkeepGuts2UpdatesCount=200", "-DcacheMaxBytes=1024T",
		"-DlocalDifferences=off", "-DlocalDifferences=on", "-Droot=/x",
		"-DupstreamMaxBytesPerSecond=16k", "--check", "--test-upstream"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char argument[64];
		char *argv[] = {"guts2d", URL, argument};
		struct options o;
		struct err e = {0};

		(void)snprintf(argument, sizeof(argument), "%s", good[i]);
		ck_assert_msg(options_read(&o, 3, argv, &e) == 0, "%s: %s", argument, e.text);
		ck_assert_int_eq(o.check_only, strcmp(argument, "--check") == 0);
		ck_assert_int_eq(o.test_upstream, strcmp(argument, "--test-upstream") == 0);
		ck_assert_uint_eq(
			o.localDifferences, strcmp(argument, "-DlocalDifferences=off") != 0);
		options_free(&o);
	}
}
END_TEST

/* guts2d with a file of settings, and with one more argument unless that is "". */
static int
read_with(const char *text, const char *argument, struct options *ret, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/file", path);
	AUTO_FREE char *last = mem_string(argument);
	char *argv[] = {"guts2d", "--config", file, last};

	ck_assert(text == NULL || fs_put(dir, "x", "file", unit_text(text), NULL) == 0);
	return options_read(ret, *argument != '\0' ? 4 : 3, argv, e);
}

START_TEST(options_read__a_file_says_what_the_command_line_does_not)
{
	static const struct {
		const char *text; /* NULL: there is no file */
		const char *argument;
		enum err_code code;
		const char *words;
	} rows[] = {{"guts2ServerUrl=http://a/\n# b\n\nmaxConnections=11\n", "", ERR_NONE, ""},
		{"guts2ServerUrl=http://a/\nmaxConnections=12\n", "-DmaxConnections=11", ERR_NONE,
			""},
		{"guts2ServerUrl=http://a/\nmaxConnections=x\n", "-DmaxConnections=11", ERR_INPUT,
			"/file:2: maxConnections: 'x' is not"},
		{"maxConnections=11\n", URL, ERR_NONE, ""},
		{"maxConnections=11\n", "", ERR_INPUT, "guts2ServerUrl is required"},
		{"", "", ERR_INPUT, "guts2ServerUrl is required"},
		{"\n\nno value\n", URL, ERR_INPUT, "/file:3: 'no value' has no value"},
		{"maxConnections=11\nmaxConnections=11\n", URL, ERR_INPUT, "/file:2: "},
		{NULL, URL, ERR_MISSING, "--config: "},
		{"retryAfterMin=700\n", URL, ERR_INPUT, "retryAfterMin is larger"},
		{"maxConnections=11\n", "--config", ERR_INPUT, "'--config' is not understood"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e = {0};
		int result = read_with(rows[i].text, rows[i].argument, &o, &e);

		ck_assert_int_eq(result, rows[i].code == ERR_NONE ? 0 : -1);
		ck_assert_msg(e.code == rows[i].code, "row %zu: %d %s", i, (int)e.code, e.text);
		ck_assert_msg(strstr(e.text, rows[i].words) != NULL, "row %zu: %s", i, e.text);
		if (result == 0) {
			ck_assert_uint_eq(o.maxConnections, 11);
			ck_assert(options_is_set(&o, "maxConnections"));
			ck_assert(options_is_set(&o, "guts2ServerUrl"));
			ck_assert(!options_is_set(&o, "root"));
		}
		options_free(&o);
	}
}
END_TEST

START_TEST(options_read__finds_the_file_below_the_root)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {{"maxConnections=11\n", 0}, {"x\n", -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *root = mem_printf("-Droot=%s", path);
		char *argv[] = {"guts2d", URL, root};
		struct options o;
		struct err e = {0};

		ck_assert_int_eq(mkdirat(dir, "config", 0755), 0);
		ck_assert_int_eq(fs_put(dir, "config/x", "config/guts2d.conf",
					 unit_text(rows[i].text), NULL),
			0);
		ck_assert_msg(options_read(&o, 3, argv, &e) == rows[i].result, "%s", e.text);
		ck_assert_uint_eq(o.maxConnections, rows[i].result == 0 ? 11 : 20000);
		ck_assert_int_eq(e.code, rows[i].result == 0 ? ERR_NONE : ERR_INPUT);
		options_free(&o);
	}
}
END_TEST

START_TEST(options_check__says_what_a_setting_may_be)
{
	static const struct {
		const char *name;
		const char *value;
		const char *words; /* NULL: it may be that */
	} rows[] = {{"root", "/a", NULL}, {"root", "a", "root: must be an absolute path"},
		{"holdMax", "5s", NULL}, {"holdMax", "5x", "holdMax: '5x' is not a time"},
		{"holdmax", "5s", "the nearest is holdMax"},
		{"localDifferences", "ON", "localDifferences: 'ON' is not on or off"},
		{"cacheMaxBytes", "1x", "cacheMaxBytes: '1x' is not a size (as"},
		{"guts2ServerUrl", "ftp://a/", "guts2ServerUrl: "}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ck_assert_int_eq(options_check(rows[i].name, rows[i].value, &e),
			rows[i].words == NULL ? 0 : -1);
		ck_assert_msg(strstr(e.text, rows[i].words != NULL ? rows[i].words : "") != NULL,
			"%s", e.text);
		ck_assert_int_eq(e.code, rows[i].words == NULL ? ERR_NONE : ERR_INPUT);
	}
	ck_assert(options_known("root") && !options_known("Root") && !options_known(""));
}
END_TEST

static void
printed(void (*print)(FILE *to), struct buf *ret)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	print(to);
	(void)fclose(to);
	buf_add(ret, text, len);
	free(text);
}

START_TEST(options_print__has_each_setting_and_what_it_may_be)
{
	static const struct {
		void (*print)(FILE *to);
		const char *words[4];
	} rows[] = {
		{options_print_help, {"  -Droot=DIR\n        the directory everything lives below "
				      "(default /var/opt/guts2)\n",
					     "  -DhostModuleAddress=ADDRESS\n        the address "
					     "to listen on (default: all)\n",
					     "  --config FILE\n", "Usage: guts2d "}},
		{options_print_sample,
			{"\n# the port to listen on; 0 to 65535\n#hostModulePort=8080\n",
				"\n# the directory everything lives below\n#root=/var/opt/guts2\n",
				"; on or off\n#localDifferences=on\n", "\n#scrubInterval=7d\n"}},
		{options_print_manual,
			{".TP\n.BI \\-D root = DIR\nThe directory everything lives below.\n",
				"By default\n.IR /var/opt/guts2 .\n",
				"From 0 to 65535, by default 8080.\n",
				"Either on or off, by default on.\n"}}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf text = {0};

		printed(rows[i].print, &text);
		for (int k = 0; k < 4; k++)
			ck_assert_msg(strstr(text.at, rows[i].words[k]) != NULL, "%s: %s",
				rows[i].words[k], text.at);
	}
}
END_TEST

START_TEST(options_print_values__says_where_each_came_from)
{
	char *argv[] = {"guts2d", URL, "-DlocalDifferences=off", "-DholdMax=1500ms"};
	static const char *const lines[] = {"root=/var/opt/guts2  # default\n",
		"guts2ServerUrl=http://cloud/  # command line\n",
		"localDifferences=off  # command line\n", "holdMax=1500ms  # command line\n",
		"hostModulePort=8080  # default\n", "cacheMinFreeBytes=512M  # default\n"};
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct options o;

	ck_assert_int_eq(options_read(&o, 4, argv, NULL), 0);
	options_print_values(&o, to);
	(void)fclose(to);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(text, lines[i]) != NULL, "%s: %s", lines[i], text);
	free(text);
	options_free(&o);
}
END_TEST

void
options_tests(TCase *c)
{
	tcase_add_test(c, options_read__takes_the_ends_of_each_range);
	tcase_add_test(c, options_read__a_file_says_what_the_command_line_does_not);
	tcase_add_test(c, options_read__finds_the_file_below_the_root);
	tcase_add_test(c, options_check__says_what_a_setting_may_be);
	tcase_add_test(c, options_print__has_each_setting_and_what_it_may_be);
	tcase_add_test(c, options_print_values__says_where_each_came_from);
	tcase_add_test(c, options_read__defaults_and_command_line);
	tcase_add_test(c, options_check_all__refuses_what_the_start_would);
	tcase_add_test(c, options_read__refuses_and_names_what_is_wrong);
}
