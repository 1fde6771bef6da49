/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

/* A terminal of 80 columns, less the one in which some break the line. */
enum { LINE_WIDTH = 79 };

/* ---- Errors */

/*
 * What is UTF-8 keeps its letters; of anything else a byte above ASCII could be the beginning of a
 * sequence that steers a terminal.
 */
void
cli_clean(char *text)
{
	bool plain = !doc_text_valid(text);

	for (char *c = text; *c != '\0'; c++) {
		size_t len = plain && (unsigned char)*c >= 0x80 ? 1 : doc_text_steering(c);

		memset(c, '?', len);
	}
}

char *
cli_cleaned(const char *text)
{
	char *ret = mem_string(text);

	cli_clean(ret);
	return ret;
}

static void complain(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void
complain(const char *fmt, va_list ap)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	cli_clean(text);
	(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void
cli_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
}

/* Whoever has it will have done soon: a script that is told so can come back. */
int
cli_fail(const struct err *e)
{
	cli_complain("%s", e->text);
	return e->code == ERR_BUSY ? CLI_TRY_LATER : CLI_FAILED;
}

int
cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
	return CLI_USAGE;
}

/* ---- Output */

/* The same characters, but for the line's end, stand in strings alone: there they have an escape.
 */
void
cli_print_json(json_t *take)
{
	AUTO_BUF struct buf text = {0};

	doc_format(take, &text);
	for (const char *c = text.at; *c != '\0'; c++) {
		const unsigned char *u = (const unsigned char *)c;
		size_t len = *c == '\n' ? 0 : doc_text_steering(c);

		if (len == 0)
			(void)putchar(*c);
		else if (len == 1)
			(void)printf("\\u%04x", u[0]);
		else if (len == 2)
			(void)printf("\\u%04x", (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU));
		else
			(void)printf("\\u%04x",
				(u[0] & 0xfU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU));
		c += len > 0 ? len - 1 : 0;
	}
}

json_t *
cli_json_text(const char *text)
{
	AUTO_FREE char *clean = mem_string(text);

	if (!doc_text_valid(clean))
		cli_clean(clean);
	return json_string(clean);
}

void
cli_wrap_add(struct cli_wrap *w, const char *word)
{
	if (w->column > w->indent && w->column + 1 + (int)strlen(word) > LINE_WIDTH) {
		(void)printf("\n%*s", w->indent, "");
		w->column = w->indent;
	}
	w->column += printf("%s%s", w->column > w->indent ? " " : "", word);
}

void
cli_progress_start(struct cli_progress *p, const char *label, uint64_t total)
{
	p->label = label;
	p->total = total;
	p->done = 0;
	p->shown_ms = 0;
	p->visible = isatty(STDERR_FILENO) == 1;
}

void
cli_progress_add(struct cli_progress *p, uint64_t more)
{
	enum { WIDTH = 30, EVERY_MS = 100 };
	uint64_t done = atomic_fetch_add(&p->done, more) + more;
	uint64_t shown_ms = p->shown_ms;
	uint64_t now_ms = clock_mono_ms();
	/* More than was promised is no more than all of it. */
	double share = p->total > 0 && done < p->total ? (double)done / (double)p->total : 1;
	char total[32];

	/* Whoever wins the exchange draws; the others have counted, and go on. */
	if (!p->visible || now_ms - shown_ms < EVERY_MS ||
		!atomic_compare_exchange_strong(&p->shown_ms, &shown_ms, now_ms))
		return;
	(void)fprintf(stderr, "\r%-12s [%.*s%*s] %3.0f %% of %s ", p->label, (int)(share * WIDTH),
		"##############################", WIDTH - (int)(share * WIDTH), "", share * 100,
		num_bytes_text(p->total, total, sizeof(total)));
}

void
cli_progress_end(struct cli_progress *p)
{
	if (p->visible)
		/* Whatever is written next begins on an empty line. */
		(void)fputs("\r\033[K", stderr);
}

/* ---- Help */

static const struct cli_option help_option = {.name = "help", .help = "this text"};

/* The left side of a row; the caller frees. */
static char *
option_label(const struct cli_option *o)
{
	return mem_printf("--%s%s%s", o->name, o->placeholder != NULL ? " " : "",
		o->placeholder != NULL ? o->placeholder : "");
}

static char *
command_label(const struct cli_command *c)
{
	return mem_printf("%s%s%s", c->name, *c->words != '\0' ? " " : "", c->words);
}

/* All rows of a tool's help have their text in one column, behind the longest label. */
static int
help_column(const struct cli *cli)
{
	size_t widest = strlen("--help");

	for (const struct cli_command *c = cli->commands; c != NULL && c->name != NULL; c++) {
		AUTO_FREE char *label = command_label(c);

		widest = strlen(label) > widest ? strlen(label) : widest;
	}
	for (const struct cli_option *o = cli->options; o->name != NULL; o++) {
		AUTO_FREE char *label = option_label(o);

		widest = strlen(label) > widest ? strlen(label) : widest;
	}
	return 2 + (int)widest + 2;
}

static void
print_row(int column, char *take_label, const char *help)
{
	struct cli_wrap w = {.indent = column};
	AUTO_FREE char *label = take_label;
	AUTO_FREE char *text = mem_string(help);
	char *tail = text;
	char *word;

	w.column = printf("  %-*s", column - 2, label);
	while ((word = strsep(&tail, " ")) != NULL)
		cli_wrap_add(&w, word);
	(void)putchar('\n');
}

/* By the same tables that are parsed: nothing is taken that is not explained. */
static void
print_help(const struct cli *cli)
{
	int column = help_column(cli);

	(void)printf("%s\n", cli->usage);
	for (const struct cli_command *c = cli->commands; c != NULL && c->name != NULL; c++)
		print_row(column, command_label(c), c->help);
	if (cli->commands != NULL)
		(void)putchar('\n');
	for (const struct cli_option *o = cli->options; o->name != NULL; o++)
		print_row(column, option_label(o), o->help);
	print_row(column, option_label(&help_option), help_option.help);
	(void)printf("\n%s", cli->ending);
}

/* ---- Arguments */

bool
cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (num_parse(text, strlen(text), max, ret) && *ret >= min)
		return true;
	(void)cli_usage("%s: '%s' is not a whole number from %llu to %llu", what, text,
		(unsigned long long)min, (unsigned long long)max);
	return false;
}

bool
cli_type(const char *what, const char *text)
{
	if (ident_type_valid(text))
		return true;
	(void)cli_usage("%s: '%s' is not a type name: a-z 0-9 . _ - (first a letter or digit), at "
			"most %d",
		what, text, IDENT_TYPE_MAX);
	return false;
}

/* getopt_long's return values: above all characters, so that `-x` is never taken for one. */
enum { VALUE_FIRST = 256 };

/* The table as getopt_long wants it, --help behind the last row. The caller frees. */
static struct option *
long_options(const struct cli_option *options, size_t count)
{
	struct option *ret = mem_new(count + 2, sizeof(*ret));

	for (size_t i = 0; i <= count; i++) {
		const struct cli_option *o = i < count ? &options[i] : &help_option;

		ret[i].name = o->name;
		ret[i].has_arg = o->placeholder != NULL ? required_argument : no_argument;
		ret[i].val = VALUE_FIRST + (int)i;
	}
	return ret;
}

/* The value of an option goes where its row says; false: a complaint was made. */
static bool
take_option(const struct cli *cli, const struct cli_option *o, const char *value)
{
	AUTO_FREE char *name = mem_printf("--%s", o->name);

	/* A variable of a script that is not set: below no name lies the root of all. */
	if (o->placeholder != NULL && value[0] == '\0') {
		(void)cli_usage("%s: the value is empty", name);
		return false;
	}
	/* The table is ours: a value without a place for it is a mistake here. */
	assert((o->flag != NULL) == (o->placeholder == NULL));
	if (o->flag != NULL)
		*o->flag = true;
	else if (o->text != NULL)
		*o->text = value;
	else if (o->type != NULL)
		return cli_type(name, *o->type = value);
	else if (o->number != NULL)
		return cli_number(name, value, o->min, o->max, o->number);
	else
		return o->parse(o->context != NULL ? o->context : cli->context, value);
	return true;
}

/* What getopt_long would say itself, but through cli_complain: the text may be anything. */
static int
refuse_option(const struct option *longs, int result, const char *word)
{
	/*
	 * getopt_long(3): optopt is the value of a known option, 0 for an unknown one, and the
	 * letter of a short one, which no tool has.
	 */
	if (optopt >= VALUE_FIRST)
		return cli_usage("--%s: %s", longs[optopt - VALUE_FIRST].name,
			result == ':' ? "a value is missing" : "takes no value");
	if (optopt != 0)
		return cli_usage("'-%c' is not an option", optopt);
	return cli_usage("'%s' is not an option, or short for more than one", word);
}

static int
check_command(const struct cli *cli, int count)
{
	const struct cli_command *c = cli->commands;

	if (count == 0)
		return cli_usage("a command is missing");
	while (c->name != NULL && strcmp(c->name, cli->words[0]) != 0)
		c++;
	if (c->name == NULL)
		return cli_usage("'%s' is not a command", cli->words[0]);
	if (count - 1 < c->min || count - 1 > c->max)
		return cli_usage("expected: %s %s", c->name, c->words);
	return CLI_OK;
}

/* However the program ends: what somebody was to read and could not be written is no success. */
static void
close_output(void)
{
	struct err e = {0};

	if (fs_flush_standard(&e) != 0)
		_exit(cli_fail(&e));
}

int
cli_parse(const struct cli *cli, int argc, char **argv, int *ret_words)
{
	AUTO_FREE struct option *longs = NULL;
	struct err e = {0};
	size_t count = 0;
	int result;

	mem_return_large();
	if (fs_open_standard(&e) != 0)
		exit(cli_fail(&e));
	(void)atexit(close_output);
	while (cli->options[count].name != NULL)
		count++;
	longs = long_options(cli->options, count);
	/* getopt_long would print the word as it is; refuse_option says it, cleaned. */
	opterr = 0;
	/* The colon makes a missing value a case of its own. */
	while ((result = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (result == VALUE_FIRST + (int)count) {
			print_help(cli);
			exit(CLI_OK);
		}
		if (result < VALUE_FIRST)
			return refuse_option(longs, result, argv[optind - 1]);
		if (!take_option(cli, &cli->options[result - VALUE_FIRST], optarg))
			return CLI_USAGE;
	}
	/* getopt_long has moved the words behind the options: they may be mixed. */
	*ret_words = argc - optind;
	if (*ret_words > cli->words_max)
		return cli_usage("'%s' is one word too many", argv[optind + cli->words_max]);
	for (int i = 0; i < *ret_words; i++) {
		cli->words[i] = argv[optind + i];
		if (cli->words[i][0] == '\0')
			return cli_usage("word %d is empty", i + 1);
	}
	return cli->commands != NULL ? check_command(cli, *ret_words) : CLI_OK;
}
