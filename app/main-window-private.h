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
#include "ui/mixer/mixer-view.h"

#define ECH_WINDOW_DECKS 2

struct _EchMainWindow {
  AdwApplicationWindow parent_instance;

  /* template children */
  AdwToastOverlay *toasts;
  GtkWidget       *content;
  GtkWidget       *tempo;
  GtkAdjustment   *tempo_adjustment;
  EchBeatLamps    *lamps;
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

  /* owned */
  EchSessionModel *session;
  AdwToast        *toast; /* the newest refusal, while it is shown */
  AdwToast        *policy_toast; /* the same of the policy file's fault */

  /* borrowed: outlives the window */
  EchApplication *application;

  const char *size_class;
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

#endif
