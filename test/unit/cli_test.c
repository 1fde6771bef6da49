/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

START_TEST(cli_clean__what_steers_a_terminal_or_turns_the_line_is_replaced)
{
	static const struct {
		const char *text;
		const char *clean;
	} rows[] = {
		{"plain text", "plain text"},
		{"a\x1b[2Jb\x7f\n", "a?[2Jb??"},
		{"Gr\xc3\xbc\xc3\x9f"
		 "e \xe2\x82\xac",
			"Gr\xc3\xbc\xc3\x9f"
			"e \xe2\x82\xac"},
		{"C1 \xc2\x9b"
		 "31m \xc2\x80 \xc2\xa0",
			"C1 ??31m ?? \xc2\xa0"},
		{"turned \xe2\x80\xae"
		 "exe.txt",
			"turned ???exe.txt"},
		{"\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c",
			"?????????????????"},
		{"joined \xe2\x80\x8d dash \xe2\x80\x94", "joined \xe2\x80\x8d dash \xe2\x80\x94"},
		{"two lines \xe2\x80\xa8", "two lines ???"},
		{"no UTF-8 \x9b \xe2\x80", "no UTF-8 ? ??"},
		{"\xe2", "?"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *clean = cli_cleaned(rows[i].text);

		ck_assert_str_eq(clean, rows[i].clean);
	}
}
END_TEST

/* What a tool was told. */
static struct {
	bool flag;
	const char *text;
	const char *type;
	uint64_t number;
	char parsed[8];
	const char *words[3];
	int count;
} told;

static bool
parse_even(void *context, const char *text)
{
	(void)snprintf((char *)context, sizeof(told.parsed), "%s", text);
	return strlen(text) % 2 == 0 || (cli_usage("--even: is odd"), false);
}

static const struct cli_option options[] = {{.name = "flag", .help = "a flag", .flag = &told.flag},
	{.name = "text", .placeholder = "TEXT", .help = "any text", .text = &told.text},
	{.name = "type", .placeholder = "TYPE", .help = "a type", .type = &told.type},
	{.name = "number",
		.placeholder = "N",
		.help = "a number",
		.number = &told.number,
		.min = 3,
		.max = 9},
	{.name = "even-text",
		.placeholder = "TEXT",
		.help = "what is said of it takes more room than a line of a terminal has, and "
			"goes on below",
		.parse = parse_even},
	{.name = NULL}};

static const struct cli_command commands[] = {{"look", "", "looks", 0, 0},
	{"move", "FROM TO", "moves one from there to there", 1, 2}, {.name = NULL}};

static struct cli
cli_of(bool with_commands)
{
	return (struct cli){.usage = "Usage: x",
		.commands = with_commands ? commands : NULL,
		.options = options,
		.ending = "The end.\n",
		.context = told.parsed,
		.words = told.words,
		.words_max = with_commands ? 3 : 2};
}

/* The arguments stand between spaces; "''" is an empty one. */
static int
parse(const struct cli *cli, const char *line)
{
	AUTO_FREE char *text = mem_string(line);
	static char *kept[8]; /* what was told points into it */
	char *argv[10] = {(char *)(uintptr_t) "x"};
	char *tail = text;
	char *word;
	int argc = 1;

	memset(&told, 0, sizeof(told));
	while ((word = strsep(&tail, " ")) != NULL && *line != '\0') {
		free(kept[argc - 1]);
		kept[argc - 1] = mem_string(strcmp(word, "''") == 0 ? "" : word);
		argv[argc] = kept[argc - 1];
		argc++;
	}
	optind = 0; /* getopt_long begins anew */
	unit_listen();
	return cli_parse(cli, argc, argv, &told.count);
}

START_TEST(cli_parse__values_and_words_go_where_the_table_says)
{
	const struct cli plain = cli_of(false);
	const struct cli with_commands = cli_of(true);

	ck_assert_int_eq(parse(&plain, ""), CLI_OK);
	ck_assert(!told.flag && told.text == NULL && told.count == 0);
	ck_assert_int_eq(parse(&plain, "a --flag --text=-x b --text y --type t.1"), CLI_OK);
	ck_assert(told.flag);
	ck_assert_str_eq(told.text, "y");
	ck_assert_str_eq(told.type, "t.1");
	ck_assert_int_eq(told.count, 2);
	ck_assert_str_eq(told.words[0], "a");
	ck_assert_str_eq(told.words[1], "b");
	for (uint64_t n = 3; n <= 9; n += 6) {
		AUTO_FREE char *line = mem_printf("--number %d --even 1234", (int)n);

		ck_assert_int_eq(parse(&plain, line), CLI_OK);
		ck_assert_uint_eq(told.number, n);
		ck_assert_str_eq(told.parsed, "1234");
	}
	ck_assert_int_eq(parse(&with_commands, "move --flag a -- --b"), CLI_OK);
	ck_assert_int_eq(told.count, 3);
	ck_assert_str_eq(told.words[2], "--b");
	ck_assert_int_eq(parse(&with_commands, "move a"), CLI_OK);
	ck_assert_int_eq(parse(&with_commands, "look"), CLI_OK);
	ck_assert_str_eq(unit_complaints(), "");
}
END_TEST

START_TEST(cli_parse__what_is_wrong_is_named_with_where_the_help_is)
{
	static const struct {
		bool with_commands;
		const char *line;
		const char *words;
	} rows[] = {
		{false, "--text ''", "--text: the value is empty"},
		{false, "--text", "--text: a value is missing"},
		{false, "--flag=1", "--flag: takes no value"},
		{false, "--flag=", "--flag: takes no value"},
		{false, "-x", "'-x' is not an option"},
		{false, "--other", "'--other' is not an option, or short for more than one"},
		{false, "--t 1", "'--t' is not an option, or short for more than one"},
		{false, "--help=1", "--help: takes no value"},
		{false, "--number 2", "--number: '2' is not a whole number from 3 to 9"},
		{false, "--number 10", "--number: '10' is not a whole number from 3 to 9"},
		{false, "--number 4x", "--number: '4x' is not a whole number from 3 to 9"},
		{false, "--type T", "--type: 'T' is not a type name: a-z 0-9 . _ - (first a"},
		{false, "--even-text odd", "--even: is odd"},
		{false, "a b c", "'c' is one word too many"},
		{false, "a ''", "word 2 is empty"},
		{true, "", "a command is missing"},
		{true, "loo", "'loo' is not a command"},
		{true, "move", "expected: move FROM TO"},
		{true, "look a", "expected: look "},
		{true, "move a b c", "'c' is one word too many"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cli cli = cli_of(rows[i].with_commands);
		AUTO_FREE char *want = mem_printf("unit-tests: %s", rows[i].words);

		ck_assert_int_eq(parse(&cli, rows[i].line), CLI_USAGE);
		ck_assert_msg(strncmp(unit_complaints(), want, strlen(want)) == 0, "%s: %s",
			rows[i].line, unit_complaints());
		ck_assert_ptr_nonnull(strstr(unit_complaints(), "\nTry 'unit-tests --help'.\n"));
	}
}
END_TEST

/* What --help prints; it ends the process. */
static void
help_of(const struct cli *cli, struct buf *ret)
{
	char *argv[] = {(char *)(uintptr_t) "x", (char *)(uintptr_t) "--help", NULL};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/help", path);
	int status = -1;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (freopen(file, "w", stdout) == NULL)
			_exit(99);
		optind = 0;
		_exit(cli_parse(cli, 2, argv, &told.count) + 50);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(fs_read(dir, "help", 10000, ret, NULL), 0);
}

START_TEST(cli_parse__the_help_has_one_column_and_fits_80)
{
#define OPTIONS                                                                                    \
	"  --flag            a flag\n"                                                             \
	"  --text TEXT       any text\n"                                                           \
	"  --type TYPE       a type\n"                                                             \
	"  --number N        a number\n"                                                           \
	"  --even-text TEXT  what is said of it takes more room than a line of a\n"                \
	"                    terminal has, and goes on below\n"                                    \
	"  --help            this text\n\nThe end.\n"
	static const char *const want[] = {"Usage: x\n" OPTIONS,
		"Usage: x\n"
		"  look              looks\n"
		"  move FROM TO      moves one from there to there\n\n" OPTIONS};

	for (int i = 0; i < 2; i++) {
		const struct cli cli = cli_of(i == 1);
		AUTO_BUF struct buf got = {0};

		help_of(&cli, &got);
		ck_assert_str_eq(got.at, want[i]);
	}
}
END_TEST

START_TEST(cli_wrap_add__a_line_has_79_columns_and_a_word_is_never_cut)
{
	/* Of two words that fill 79 both are on one line, of 80 they are on two. */
	for (int len = 39; len <= 41; len++) {
		AUTO_FREE char *word = mem_printf("%.*s", len,
			"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww");
		AUTO_FREE char *one = mem_printf("%s %s", word, word);
		AUTO_FREE char *two = mem_printf("%s\n%s", word, word);
		struct cli_wrap w = {0};

		unit_listen();
		cli_wrap_add(&w, word);
		cli_wrap_add(&w, word);
		ck_assert_str_eq(unit_output(), len <= 39 ? one : two);
		ck_assert_int_eq(w.column, len <= 39 ? 79 : len);
	}
	/* One that fits no line has its own, and no empty one before it. */
	{
		AUTO_FREE char *word = mem_printf("%080d", 0);
		AUTO_FREE char *want = mem_printf("  %s\n  b", word);
		struct cli_wrap w = {.column = 2, .indent = 2};

		unit_listen();
		(void)printf("  ");
		cli_wrap_add(&w, word);
		cli_wrap_add(&w, "b");
		ck_assert_str_eq(unit_output(), want);
	}
}
END_TEST

START_TEST(cli_fail__who_is_to_come_back_is_told_by_the_exit_status)
{
	for (int code = ERR_NONE + 1; code <= ERR_STOPPED; code++) {
		struct err e = {0};

		(void)err_set(&e, (enum err_code)code, "it is so");
		unit_listen();
		ck_assert_int_eq(cli_fail(&e), code == ERR_BUSY ? CLI_TRY_LATER : CLI_FAILED);
		ck_assert_str_eq(unit_complaints(), "unit-tests: it is so\n");
	}
}
END_TEST

START_TEST(cli_print_json__what_steers_is_escaped_and_reads_back_the_same)
{
	static const struct {
		const char *text, *json;
	} rows[] = {{"plain \xc3\xbc", "\"plain \xc3\xbc\""}, {"\x7f", "\"\\u007f\""},
		{"\xc2\x9b.", "\"\\u009b.\""}, {"a\xe2\x80\xae.", "\"a\\u202e.\""},
		{"\xd8\x9c", "\"\\u061c\""}, {"no UTF-8 \x9b", "\"no UTF-8 ?\""},
		{"\n", "\"\\n\""}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *want = mem_printf("{\"a\":%s}\n", rows[i].json);

		unit_listen();
		cli_print_json(json_pack("{s:o}", "a", cli_json_text(rows[i].text)));
		ck_assert_str_eq(unit_output(), want);
	}
}
END_TEST

START_TEST(cli_progress__a_bar_on_a_terminal_ten_times_a_second_and_nothing_elsewhere)
{
	static const struct {
		uint64_t more, later_ms;
		const char *drawn;
	} rows[] = {
		{0, 0, "\rreading      [                              ]   0 % of 2.0 kB "},
		{999, 99, ""},
		{1, 1, "\rreading      [###############               ]  50 % of 2.0 kB "},
		{999, 1000, "\rreading      [############################# ] 100 % of 2.0 kB "},
		{1, 1000, "\rreading      [##############################] 100 % of 2.0 kB "},
		{1000, 1000, "\rreading      [##############################] 100 % of 2.0 kB "},
	};

	for (int terminal = 0; terminal < 2; terminal++) {
		int fd = terminal ? posix_openpt(O_RDWR | O_NOCTTY) : open("/dev/null", O_RDWR);
		struct cli_progress p = {0};

		ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
		unit_clock_stop();
		unit_listen();
		cli_progress_start(&p, "reading", 2000);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			unit_clock_advance_ms(rows[i].later_ms);
			unit_listen();
			cli_progress_add(&p, rows[i].more);
			ck_assert_str_eq(unit_complaints(), terminal ? rows[i].drawn : "");
		}
		unit_listen();
		cli_progress_end(&p);
		ck_assert_str_eq(unit_complaints(), terminal ? "\r\033[K" : "");
		/* Of nothing at all everything is done; and it begins anew. */
		cli_progress_start(&p, "none", 0);
		unit_listen();
		cli_progress_add(&p, 0);
		ck_assert(!terminal || strstr(unit_complaints(), "100 % of 0 B") != NULL);
		(void)close(fd);
	}
}
END_TEST

void
cli_tests(TCase *c)
{
	tcase_add_test(c, cli_clean__what_steers_a_terminal_or_turns_the_line_is_replaced);
	tcase_add_test(c, cli_parse__values_and_words_go_where_the_table_says);
	tcase_add_test(c, cli_parse__what_is_wrong_is_named_with_where_the_help_is);
	tcase_add_test(c, cli_parse__the_help_has_one_column_and_fits_80);
	tcase_add_test(c, cli_wrap_add__a_line_has_79_columns_and_a_word_is_never_cut);
	tcase_add_test(c, cli_fail__who_is_to_come_back_is_told_by_the_exit_status);
	tcase_add_test(c, cli_print_json__what_steers_is_escaped_and_reads_back_the_same);
	tcase_add_test(
		c, cli_progress__a_bar_on_a_terminal_ten_times_a_second_and_nothing_elsewhere);
}
