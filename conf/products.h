/* SPDX-License-Identifier: MIT */
/*
 * products.h - which Webex products an auth section leaves out: the proof that each can
 * answer what it is asked.
 *
 * Owns nothing. Setup only: running out of memory ends the process. Threads: one.
 */
#ifndef CONF_PRODUCTS_H
#define CONF_PRODUCTS_H

#include "conf/config.h"
#include "conf/spec.h"

/* For a specification without errors, with c->auth built: warns of the products in
 * webex.products that no rule for the set "webex" serves. A rule serves a product that
 * it asks for nothing, or that can do a scheme which it is offered. Where there is no
 * such set, each rule that allows counts. */
void products_check(const struct spec *spec, const struct config *c, struct errlist *faults);

#endif
