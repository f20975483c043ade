/* SPDX-License-Identifier: MIT */
/*
 * offers.h - which client is offered which schemes.
 *
 * What is built belongs to the snapshot. Building is setup only and ends the process
 * without memory; asking allocates nothing. Threads: building one; asking any, each
 * with a scratch of its own.
 */
#ifndef CONF_OFFERS_H
#define CONF_OFFERS_H

#include "auth/auth.h"
#include "conf/config.h"
#include "conf/spec.h"
#include "policy/policy_build.h"

/* Fills the offers of a: those of the specification, one for each of their source sets,
 * and in the end the one for everybody. */
void offers_build(const struct spec *spec, const struct policy_builder *b, struct auth *a,
                  struct errlist *faults);

/* Where the offer of that number stands in the specification that it was built from. */
struct place offers_place(const struct spec *spec, size_t index);

/* What the client is offered: of the first offer whose source holds it. product as in
 * struct policy_query. NULL where the configuration has no auth section. */
const struct auth_offer *offers_find(const struct config *c, const struct addr *client,
                                     struct str product, struct policy_scratch *s);

/* The same on live traffic, where no product is known. */
const struct auth_offer *config_offer(const struct config *c, const struct addr *client,
                                      struct policy_scratch *s);

#endif
