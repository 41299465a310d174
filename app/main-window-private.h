/* What main-window.c and main-window-actions.c share.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MAIN_WINDOW_PRIVATE_H
#define ECH_MAIN_WINDOW_PRIVATE_H

#include "app/main-window.h"
#include "ui/deck/beat-lamps.h"
#include "ui/deck/deck-view.h"
#include "ui/deck/readout.h"
#include "ui/link/link-button.h"
#include "ui/mixer/mixer-view.h"
#include "ui/safety/safety-panel.h"

#define ECH_WINDOW_DECKS 2

struct _EchMainWindow {
  AdwApplicationWindow parent_instance;

  /* template children */
  AdwToastOverlay *toasts;
  GtkWidget       *content;
  GtkWidget       *tempo;
  GtkAdjustment   *tempo_adjustment;
  EchBeatLamps    *lamps;
  EchLinkButton   *link_button;
  EchReadout      *counter;
  GtkWidget       *audio;
  GtkImage        *audio_icon;
  GtkLabel        *audio_label;
  GtkWidget       *menu_button;
  GtkWidget       *wave_a;
  GtkWidget       *wave_b;
  EchWaveformView *waveform_a;
  EchWaveformView *waveform_b;
  EchDeckView     *deck_a;
  EchMixerView    *mixer;
  EchDeckView     *deck_b;
  GtkWidget       *record;
  GtkLabel        *record_label;
  GtkWidget       *safety_button;
  GtkLabel        *safety_count;
  EchSafetyPanel  *safety;

  /* owned */
  EchSessionModel *session;
  AdwToast        *toast; /* the newest refusal, while it is shown */
  AdwToast        *policy_toast; /* the same of the policy file's fault */

  /* borrowed: outlives the window */
  EchApplication *application;

  const char *size_class;
  guint       override_timer; /* to when the second step counts, and to when it does not any more */
  gint64      asked_us;       /* when something that asks was told last */
  guint       size_idle;
  gboolean    may_close;
  guint       key_down;     /* hardware code of the newest key that is down, 0 = none */
  gboolean    key_repeats;  /* and it has come again by itself */
  guint       held_keys[4]; /* hardware codes of the keys that bend, 0 = not held */
  gboolean    loading[ECH_WINDOW_DECKS]; /* a file was given to an empty deck just now */
};

/* Class and instance halves of the window's actions and keys. */
void ech_main_window_class_install_actions (GtkWidgetClass *widget_class);
void ech_main_window_add_shortcuts (EchMainWindow *self);

/* Shows @text for some seconds. */
void ech_main_window_toast (EchMainWindow *self, const char *text);

/* Shows or hides the panel; in it: where the keyboard is. */
void ech_main_window_toggle_safety (EchMainWindow *self);

/* main-window-safety.c: the panel's button, the second step, recording. */
void ech_main_window_follow_safety (EchMainWindow *self);
void ech_main_window_end_override (EchMainWindow *self);

/* @text as a toast; with the button of the second step, if the newest refusal has one. */
void ech_main_window_toast_refusal (EchMainWindow *self, const char *text);

/* A toast in the place of the refusals' one; @button nullable. */
void ech_main_window_show_toast (EchMainWindow *self,
                                 const char    *text,
                                 const char    *button,
                                 const char    *action,
                                 guint          seconds);

#endif
