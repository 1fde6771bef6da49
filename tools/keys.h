/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keys.h - those who sign: keys in files, and programs that have one.
 *
 * Does:     makes keys, opens those that a command line names, and lets them sign. A key that is
 *           in a card or with a service is a command, which is run as
 *               COMMAND public    prints the public key, as FILE.pub has it
 *               COMMAND sign      reads what is to be signed, and prints the signature's bytes
 *           and whose signatures are looked at before they are used.
 * Shapes:   FILE, PEM, mode 0600 or it is refused; FILE.pub, as roles list a key
 * Owner:    keys_open -> keys_close; key_free
 * Errors:   ERR_INPUT, with the file or the command; ERR_SYS
 * Source:   guts2-sign(1), KEYS
 */
#ifndef KEYS_H
#define KEYS_H

#include "trust/draft.h"

enum { KEYS_MAX = 16, KEYS_PASSPHRASE_MAX = 1024 /* bytes */, KEYS_FD_MAX = 1 << 20 };

/* Where a passphrase comes from; by default whoever sits at the terminal is asked. */
struct keys_passphrase {
	const char *file; /* its first line */
	uint64_t fd;	  /* what is open there, a line for each key; 0: nothing */
	bool none;	  /* keys are not encrypted */
};

/* What a command line names: --key, --signer and the passphrase. */
struct keys_given {
	const char *at[KEYS_MAX];
	bool command[KEYS_MAX]; /* it is one, and no file */
	size_t count;
	struct keys_passphrase passphrase;
};

/* The rows of those options in a tool's table, for a struct keys_given. */
#define KEYS_OPTIONS(given)                                                                        \
	{"key", "KEY", "sign with the private key in the file KEY; again for more",                \
		.parse = keys_parse_key, .context = (given)},                                      \
		{"signer", "COMMAND", "sign with a program that has a key; again for more",        \
			.parse = keys_parse_signer, .context = (given)},                           \
		{"passphrase-file", "FILE", "its first line opens the key (default: ask)",         \
			.text = &(given)->passphrase.file},                                        \
	{                                                                                          \
		"passphrase-fd", "N", "the same, from what is open as N",                          \
			.number = &(given)->passphrase.fd, .min = 3, .max = KEYS_FD_MAX            \
	}

bool keys_parse_key(void *given, const char *text);
bool keys_parse_signer(void *given, const char *text);

struct keys {
	struct key *at[KEYS_MAX]; /* private ones; of a command the public half */
	const char *command[KEYS_MAX];
	size_t count;
};

#define AUTO_KEYS __attribute__((cleanup(keys_close)))

/* All of them, or none. The given texts stay the caller's. */
int keys_open(const struct keys_given *given, struct keys *ret, struct err *e);
void keys_close(struct keys *keys);

/* How many of them may sign for a role. */
unsigned keys_count(const struct keys *keys, const struct keyring *ring, const struct signers *who);

/* A signature of each that may sign for a role; ring NULL: of each. */
int keys_sign(const struct keys *keys, const struct keyring *ring, const struct signers *who,
	struct draft *d, struct err *e);

/* A new one in FILE and FILE.pub, neither of which may be there. NULL: an error. */
struct key *keys_new(
	const char *path, const char *scheme, const struct keys_passphrase *from, struct err *e);

/* The public key in FILE.pub. NULL: an error. */
struct key *keys_open_public(const char *path, struct err *e);

#endif
