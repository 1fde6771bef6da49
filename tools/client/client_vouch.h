/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_vouch.h - whether an update may be taken, by what was signed; where a root was given.
 *
 * Does:     looks up what is announced before it is asked for, and what was installed before there
 *           was a root; remembers what was had, and the newest that is signed.
 * Errors:   in the update: result, why, retry_s, may_recover, trust
 */
#ifndef CLIENT_VOUCH_H
#define CLIENT_VOUCH_H

#include "client/client_update.h"

/* What was had of u->type; what is installed was looked at. */
void client_vouch_begin(const struct update_client *client, struct update *u);

/* Nothing was asked yet. */
void client_vouch_unknown(const struct update_client *client, struct update *u);

/* Whether what is signed has to be looked up for it, once newest is announced. */
bool client_vouch_asks(const struct update *u, const struct ident *newest);

/* False: nothing is to be taken, and u says why. */
bool client_vouch_check(
	const struct update_client *client, const struct ident *newest, struct update *u);

/* What was looked up is installed: nothing older comes after it. */
void client_vouch_installed(
	const struct update_client *client, struct update *u, const struct digest *header);

/* Nothing newer is announced: whether there is, as far as the server is to be trusted. */
void client_vouch_look(const struct update_client *client, struct update *u);

/* What is announced is not listed: maybe it was taken back meanwhile. */
bool client_vouch_unlisted(const struct update *u);

/* Last of all: whether what was verified last has expired. */
void client_vouch_end(const struct update_client *client, struct update *u);

#endif
