/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli.h - what the command-line tools share: the table of options, exit codes, errors,
 *         progress.
 *
 * Does:     a tool's options are rows of a table; parsing, the complaints and --help
 *           come from it, so that an option cannot be taken and not explained.
 * Threads:  cli_progress_add from any; the rest from main
 * Errors:   the exit code, after a complaint on standard error
 * Source:   getopt_long(3)
 */
#ifndef CLI_H
#define CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/doc.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_TRY_LATER = 75 };

/* ---- Arguments */

/*
 * A row; exactly one of flag, text, type, number and parse is set, and says what the value must be.
 * An empty value is none of them.
 */
struct cli_option {
	const char *name;	 /* without the dashes; NULL: the table ends */
	const char *placeholder; /* of the value, in the help; NULL: a flag */
	const char *help;	 /* of any length: it is wrapped */
	bool *flag;		 /* becomes true */
	const char **text;	 /* the last one given */
	const char **type;	 /* the name of an update type */
	uint64_t *number;	 /* a whole one from min to max */
	uint64_t min;
	uint64_t max;
	bool (*parse)(void *context, const char *text); /* complains, and returns false */
	void *context;					/* of parse; NULL: the tool's */
};

/* The first of a tool's words, where it has commands. */
struct cli_command {
	const char *name;  /* NULL: the table ends */
	const char *words; /* that follow it, in the help and where they are too few or many */
	const char *help;
	int min; /* how many words follow */
	int max;
};

struct cli {
	const char *usage;		    /* what the help begins with, in lines that fit */
	const struct cli_command *commands; /* NULL: none */
	const struct cli_option *options;   /* without --help, which every tool has */
	const char *ending;		    /* what the help ends with, in lines that fit */
	void *context;			    /* of parse functions without their own */
	const char **words;		    /* what is no option, in its order */
	int words_max;
};

/*
 * Options to where they belong, words to cli->words and their count to *ret_words. --help
 * is answered, and ends the process. Standard streams are open behind it. CLI_OK, or CLI_USAGE
 * after a complaint. No value and no word that is handed on is empty.
 */
int cli_parse(const struct cli *cli, int argc, char **argv, int *ret_words);

/* A whole number; complains, naming it `what`, where it is not one from min to max. */
bool cli_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* Whether a text is the name of an update type; complains, naming it `what`, if not. */
bool cli_type(const char *what, const char *text);

/* ---- Errors */

/*
 * Replace what a terminal could take amiss, or what turns the line around: names, titles and errors
 * can come from a server or a file.
 */
void cli_clean(char *text);

/* A copy that is cleaned; the caller frees. */
char *cli_cleaned(const char *text);

/* "program: text" on standard error, cleaned. */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same of an error. Returns CLI_FAILED; of ERR_BUSY CLI_TRY_LATER. */
int cli_fail(const struct err *e);

/* The same with a hint where the help is. Returns CLI_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- Output */

/* Print a document on standard output, what cli_clean replaces as \u escapes, and drop it. */
void cli_print_json(json_t *take);

/* A text as a JSON string, whatever its bytes; json_string has none for what is no UTF-8. */
json_t *cli_json_text(const char *text);

/* Words one after the other on standard output, in lines that fit a terminal. */
struct cli_wrap {
	int column; /* where the line is */
	int indent; /* where lines begin; the first one may begin further to the right */
};

void cli_wrap_add(struct cli_wrap *w, const char *word);

/* A bar on standard error while it is a terminal, and nothing anywhere else. */
struct cli_progress {
	const char *label;
	uint64_t total;
	_Atomic uint64_t done;
	_Atomic uint64_t shown_ms; /* when it was last drawn, by whichever thread */
	bool visible;
};

void cli_progress_start(struct cli_progress *p, const char *label, uint64_t total);
void cli_progress_add(struct cli_progress *p, uint64_t more);
void cli_progress_end(struct cli_progress *p);

#endif
