/* echelon --benchmark: start to first frame, and what drawing costs while two decks play.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_BENCHMARK_H
#define ECH_BENCHMARK_H

#include <gtk/gtk.h>

#include "ui/model/session-model.h"

G_BEGIN_DECLS

/* Starts all loaded decks when the window has drawn its first frame, counts frames for
 * @seconds, prints one JSON object on stdout and quits the application. */
void ech_benchmark_attach (GtkWindow *window, EchSessionModel *session, int seconds);

G_END_DECLS

#endif
