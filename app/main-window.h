/* The window: tempo and beat on top, two waveforms, deck, mixer, deck.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_MAIN_WINDOW_H
#define ECH_MAIN_WINDOW_H

#include <adwaita.h>

#include "app/application.h"
#include "ui/waveform/waveform-view.h"

G_BEGIN_DECLS

#define ECH_TYPE_MAIN_WINDOW (ech_main_window_get_type ())
G_DECLARE_FINAL_TYPE (EchMainWindow, ech_main_window, ECH, MAIN_WINDOW, AdwApplicationWindow)

EchMainWindow *ech_main_window_new (EchApplication *application);

/* Loads @files on the empty decks, A first; says so when there are more than fit. */
void ech_main_window_open (EchMainWindow *self, GFile **files, guint n_files);

/* Says whether the policy file has a fault, and in which line (0: in none), with a button to look at
 * it; stays until it is dismissed or the fault is gone. */
void ech_main_window_show_policy_fault (EchMainWindow *self, gboolean fault, guint line);

/* For benchmarks; @index 0 or 1. */
void ech_main_window_get_waveform_cost (EchMainWindow            *self,
                                        guint                     index,
                                        struct ech_waveform_cost *out_cost);

G_END_DECLS

#endif
