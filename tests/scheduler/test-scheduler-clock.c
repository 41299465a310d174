/* Somebody else's clock, as the scheduler deals with it: orders, updates, wishes.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>

#include "tests/scheduler/fake-audio.h"

static bool
never_read (void *self, const struct ech_clock_query *query, struct ech_clock_reading *out)
{
  return false;
}

static void
never_set (void *self, double bpm, uint64_t heard_ns)
{
}

static const struct ech_clock_source source = { sizeof source, never_read, never_set };

static void
update (struct fake *fake, struct ech_clock_update update)
{
  g_assert_true (ech_scheduler_post_clock_update (fake->scheduler, &update));
}

static void
test_source_goes_and_comes_back (void)
{
  struct fake                fake;
  const struct ech_command  *command;
  struct ech_clock_port     *port;
  struct ech_feedback        retired = { .type = ECH_FEEDBACK_CLOCK_RETIRED };
  int                        a, b;

  fake_init (&fake);
  g_assert_cmpint (ech_scheduler_set_clock (fake.scheduler, &source, &a, NULL), ==, 0);
  g_assert_cmpint (ech_scheduler_set_clock (fake.scheduler, &source, &b, NULL), ==, -EBUSY);
  fake_settle (&fake);
  command = fake_last_command (&fake, ECH_COMMAND_CLOCK);
  g_assert_nonnull (command);
  port = command->clock;
  g_assert_true (port->source == &source);
  g_assert_false (port->is_revoked);

  /* somebody else's name takes nothing away */
  ech_scheduler_unset_clock (fake.scheduler, &b);
  g_assert_false (port->is_revoked);

  /* revoked at once, whether or not the audio runs; the order follows */
  ech_scheduler_unset_clock (fake.scheduler, &a);
  g_assert_true (port->is_revoked);
  g_assert_cmpint (ech_scheduler_set_clock (fake.scheduler, &source, &b, NULL), ==, 0);
  fake_settle (&fake);
  g_assert_cmpuint (fake_count_commands (&fake, ECH_COMMAND_CLOCK), ==, 2);
  g_assert_true (fake_last_command (&fake, ECH_COMMAND_CLOCK)->clock != port);
  retired.clock = port;
  g_assert_true (ech_ring_push (&fake.exchange->feedback, &retired));
  fake_settle (&fake);
  ech_scheduler_unset_clock (fake.scheduler, &b);
  fake_settle (&fake);
  g_assert_null (fake_last_command (&fake, ECH_COMMAND_CLOCK)->clock);
  fake_finish (&fake);
}

static void
test_wish_without_driver (void)
{
  struct fake fake;

  fake_init (&fake);
  fake_post (fake.hand, "/link 1 id=x");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "x")->fate, ==, ECH_FATE_REJECTED);
  g_assert_cmpuint (fake_last_event (&fake, "x")->rule, ==, ECH_RULE_STATE);
  fake_finish (&fake);
}

/* Queued is never called done: the driver's word is waited for. */
static void
test_wish_is_done_when_it_is (void)
{
  struct fake      fake;
  struct ech_state state;

  fake_init (&fake);
  update (&fake, (struct ech_clock_update){ .available = true, .quantum_beats = 4 });
  fake_settle (&fake);
  fake_post (fake.hand, "/link 1 id=on");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "on")->fate, ==, ECH_FATE_QUEUED);
  update (&fake, (struct ech_clock_update){ .available = true, .enabled = true, .peers = 2, .quantum_beats = 4 });
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "on")->fate, ==, ECH_FATE_EXECUTED);
  ech_scheduler_snapshot (fake.scheduler, &state);
  g_assert_true (state.link_available);
  g_assert_true (state.link_enabled);
  g_assert_cmpuint (state.link_peers, ==, 2);

  /* what is so already is done at once */
  fake_post (fake.hand, "/link 1 id=again");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "again")->fate, ==, ECH_FATE_EXECUTED);

  /* a driver that goes takes its session along */
  fake_post (fake.hand, "/link/startstop 1 id=shared");
  fake_settle (&fake);
  update (&fake, (struct ech_clock_update){ .available = false });
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "shared")->fate, ==, ECH_FATE_REJECTED);
  ech_scheduler_snapshot (fake.scheduler, &state);
  g_assert_false (state.link_enabled);
  g_assert_cmpuint (state.link_peers, ==, 0);
  fake_finish (&fake);
}

static void
test_newest_wish_counts (void)
{
  struct fake fake;

  fake_init (&fake);
  update (&fake, (struct ech_clock_update){ .available = true });
  fake_settle (&fake);
  fake_post (fake.hand, "/link 1 id=one");
  fake_post (fake.osc, "/link/startstop 1 id=other");
  fake_settle (&fake);
  fake_post (fake.hand, "/link 0 id=two");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "one")->fate, ==, ECH_FATE_CANCELLED);
  g_assert_cmpuint (fake_last_event (&fake, "two")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpuint (fake_last_event (&fake, "other")->fate, ==, ECH_FATE_QUEUED);
  fake_finish (&fake);
}

/* The driver has heard of it: what becomes of it is the driver's word, not a cancel's or an emergency's. */
static void
test_wish_is_not_taken_back (void)
{
  struct fake fake;

  fake_init (&fake);
  update (&fake, (struct ech_clock_update){ .available = true });
  fake_settle (&fake);
  fake_post (fake.hand, "/link 1 id=on");
  fake_settle (&fake);
  fake_post (fake.hand, "/cancel on id=back");
  fake_post (fake.hand, "/emergency");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "on")->fate, ==, ECH_FATE_QUEUED);
  update (&fake, (struct ech_clock_update){ .available = true, .enabled = true });
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "on")->fate, ==, ECH_FATE_EXECUTED);
  g_assert_cmpuint (fake_last_event (&fake, "back")->fate, ==, ECH_FATE_REJECTED);
  fake_finish (&fake);
}

/* The driver stands still: told after five seconds, not never. */
static void
test_silent_driver (void)
{
  struct fake fake;

  fake_init (&fake);
  update (&fake, (struct ech_clock_update){ .available = true });
  fake_post (fake.hand, "/link 1 id=x");
  fake_settle (&fake);
  g_assert_cmpuint (fake_last_event (&fake, "x")->fate, ==, ECH_FATE_QUEUED);
  for (int i = 0; i < 700; i++) {
    fake_cycle (&fake, 480);
    fake_tick (&fake);
  }
  g_assert_cmpuint (fake_last_event (&fake, "x")->fate, ==, ECH_FATE_REJECTED);
  fake_finish (&fake);
}

/* Nobody ticks: the driver is told that its updates are not read. */
static void
test_updates_are_bounded (void)
{
  struct fake             fake;
  struct ech_clock_update one = { .available = true };
  unsigned                n   = 0;

  fake_init (&fake);
  while (n < 10000 && ech_scheduler_post_clock_update (fake.scheduler, &one))
    n++;
  g_assert_cmpuint (n, >, 10);
  g_assert_cmpuint (n, <, 10000);
  fake_settle (&fake);
  g_assert_true (ech_scheduler_post_clock_update (fake.scheduler, &one));
  fake_finish (&fake);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/source-goes-and-comes-back", test_source_goes_and_comes_back);
  g_test_add_func ("/clock/wish-without-driver", test_wish_without_driver);
  g_test_add_func ("/clock/wish-is-done-when-it-is", test_wish_is_done_when_it_is);
  g_test_add_func ("/clock/newest-wish-counts", test_newest_wish_counts);
  g_test_add_func ("/clock/wish-is-not-taken-back", test_wish_is_not_taken_back);
  g_test_add_func ("/clock/silent-driver", test_silent_driver);
  g_test_add_func ("/clock/updates-are-bounded", test_updates_are_bounded);
  return g_test_run();
}
