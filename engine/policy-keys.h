/* The keys of a policy file: one table that the reader, the writer and the documentation share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_POLICY_KEYS_H
#define ECH_POLICY_KEYS_H

#include <glib.h>

#include "engine/scheduler/policy.h"

enum ech_policy_type {
  ECH_POLICY_VERSION,   /* the number 1 */
  ECH_POLICY_SWITCH,    /* bool: true or false */
  ECH_POLICY_NUMBER,    /* double: minimum .. maximum */
  ECH_POLICY_WHOLE,     /* uint32_t: minimum .. maximum, no fraction */
  ECH_POLICY_TIME,      /* double, ms: "300 ms", "4 s"; under 1000 s */
  ECH_POLICY_SPAN,      /* struct ech_span: also "4 beats", under 1000, and 0 */
  ECH_POLICY_WORD,      /* uint32_t: one of `words` */
  ECH_POLICY_MAY,       /* uint64_t of verbs: an array of groups and verbs */
  ECH_POLICY_MAY_NOT,   /* the same: all but these */
  ECH_POLICY_COOLDOWNS, /* an object: group or verb -> span */
  ECH_POLICY_SECTION,   /* an object of keys */
  ECH_POLICY_CLASSES,   /* an object: class -> keys of section "rules" */
  ECH_POLICY_SOURCES,   /* an object: name -> "class" and keys of section "rules" */
};

/* Under these in seconds and beats, so that the schema can say it with a pattern. */
#define ECH_POLICY_MOST_S     1000
#define ECH_POLICY_MOST_BEATS 1000

/**
 * struct ech_policy_key
 * @section: "" is the top, "guards.silence" an object within, "rules" a class's
 * @offset: in struct ech_policy; of section "rules" in struct ech_source_rules
 * @minimum: a TIME of more than 0 has 1 here
 * @words: NULL-terminated
 * @help: one sentence
 */
struct ech_policy_key {
  const char         *section;
  const char         *name;
  uint32_t            type; /* enum ech_policy_type */
  size_t              offset;
  double              minimum, maximum;
  const char *const  *words;
  const char         *help;
};

const struct ech_policy_key *ech_policy_keys (unsigned *out_n_keys);

/* NULL for none; section "source" has the keys of "rules", too. */
const struct ech_policy_key *ech_policy_key_find (const char *section, const char *name);

/* The value of a key that is no section, as JSON; @base: the struct that its offset is in. */
char *ech_policy_key_print (const struct ech_policy_key *key, const void *base);

/* "4 beats", "300 ms", "10 s", "0 ms": what the reader takes back exactly. */
char *ech_span_print (const struct ech_span *span);

/* The verbs that rules hold for: all but emergency stop. */
#define ECH_VERB_BIT(verb) (UINT64_C (1) << (verb))
#define ECH_POLICY_VERBS   ((ECH_VERB_BIT (ECH_N_VERBS) - 2) & ~ECH_VERB_BIT (ECH_VERB_EMERGENCY))

/* The set of verbs of a group's or verb's name, 0 for none of that name and for "emergency". */
uint64_t ech_policy_verbs_of (const char *name);

/**
 * ech_policy_print_cooldowns: an object of those that differ from @base
 * @all: all of them; by group where a group has one span
 * @between: stands before each member: " ", or a line break with its indent
 * @last: stands before the closing brace
 */
char *ech_policy_print_cooldowns (const struct ech_span *cooldowns,
                                  const struct ech_span *base,
                                  bool                   all,
                                  const char            *between,
                                  const char            *last);

#endif
