/* What deck-model.c and deck-performance.c share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_DECK_MODEL_PRIVATE_H
#define ECH_DECK_MODEL_PRIVATE_H

#include "ui/model/control.h"
#include "ui/model/model-private.h"

#define ECH_VERB_BIT(verb) (G_GUINT64_CONSTANT (1) << ECH_VERB_##verb)

/* What may wait for its beat, by the control that shows it. */
enum ech_due {
  ECH_DUE_TRANSPORT,
  ECH_DUE_CUE,
  ECH_DUE_SEEK,
  ECH_DUE_LOOP,
  ECH_DUE_LOOP_IN,
  ECH_DUE_LOOP_OUT,
  ECH_N_DUES,
};

#define ECH_TRANSPORT_VERBS (ECH_VERB_BIT (PLAY) | ECH_VERB_BIT (STOP))
#define ECH_CUE_VERBS       ECH_VERB_BIT (CUE)
#define ECH_SEEK_VERBS      (ECH_VERB_BIT (SEEK) | ECH_VERB_BIT (BEATJUMP))
#define ECH_LOOP_VERBS      (ECH_VERB_BIT (LOOP) | ECH_VERB_BIT (LOOP_MOVE))
#define ECH_LOOP_POINT_VERBS (ECH_VERB_BIT (LOOP_IN) | ECH_VERB_BIT (LOOP_OUT))
#define ECH_HOTCUE_VERBS    (ECH_VERB_BIT (HOTCUE_SET) | ECH_VERB_BIT (HOTCUE_JUMP))

/* The cue button, held down on a deck that stands at its cue point, plays; let go, it stops and
 * goes back. */
enum ech_preview { ECH_PREVIEW_NONE, ECH_PREVIEW_HELD, ECH_PREVIEW_STOPPING };

struct _EchDeckModel {
  GObject parent_instance;

  /* borrowed: owns us, and detaches us first */
  EchSessionModel *session;

  /* owned */
  EchTrack *track;
  char     *message;
  char     *quantize;
  char     *hint;

  guint                  index;
  char                   letter[2];
  struct ech_deck_status status;
  struct ech_control     controls[ECH_DECK_N_CONTROLS];
  struct ech_control     synced;
  struct ech_control     pfl;
  struct ech_control     keylock;
  struct ech_control     lock;
  guint                  track_generation;
  guint                  track_looks; /* polls in which the track is asked for again */
  gint64                 message_until_us;
  double                 tempo_range;
  double                 loop_size; /* beats that the loop button lays */
  double                 bend;      /* what the hand asks for now */
  gboolean               bend_unsent;
  gboolean               bend_settling; /* let go, and the engine has not said so yet */
  gint64                 bend_posted_us;
  guint                  nudge_timer;
  enum ech_preview       preview;
  gint64                 preview_posted_us;
  double                 position, length, remaining; /* seconds */
  double                 beats_left[ECH_N_DUES];
};

/* Of a button: a full lane is told, since nobody posts it again. */
void ech_deck_model_post_once (EchDeckModel *self, struct ech_action *action);

/* 0, or a negative errno when nothing was kept. */
int ech_deck_model_post (EchDeckModel *self, struct ech_action *action);

/* The quantise selector's timing; @now: none. */
struct ech_timing ech_deck_model_quantized (EchDeckModel *self, gboolean now);

/* Takes back the first action of @verbs that waits.  Returns: whether one did. */
gboolean ech_deck_model_cancel_if_waiting (EchDeckModel *self, guint64 verbs);

double ech_deck_model_seconds_of (EchDeckModel *self, double frames);

/* What is held down and must not stay: posts again what could not be sent. */
void ech_deck_model_follow_holds (EchDeckModel *self, gint64 now_us);

/* A bend was refused. */
void ech_deck_model_bend_refused (EchDeckModel *self);

/* The hand does something else with the transport: what plays goes on. */
void ech_deck_model_forget_preview (EchDeckModel *self);

#endif
