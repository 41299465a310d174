/* See benchmark.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "app/benchmark.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/main-window.h"

/* Decks play for a moment before counting begins. */
#define SETTLE_SECONDS 2

#define MAX_FRAMES 100000

struct benchmark {
  GtkWindow               *window;
  EchSessionModel         *session;
  int                      seconds;
  double                   first_frame_ms;
  gint64                   frame_start_us;
  gint64                   counting_since_us; /* 0 = not yet */
  struct ech_waveform_cost cost[2];
  double                   frame_ms[MAX_FRAMES];
  guint                    n_frames;
};

/* From the kernel's start time of this process. */
static double
ms_since_process_start (void)
{
  g_autofree char *stat = NULL;
  double           uptime_s;
  char            *field;
  FILE            *uptime;

  if (!g_file_get_contents ("/proc/self/stat", &stat, NULL, NULL) || !(field = strrchr (stat, ')')))
    return -1.0;
  for (int i = 2; i < 22 && field; i++)
    field = strchr (field + 1, ' ');
  uptime = fopen ("/proc/uptime", "r");
  if (!field || !uptime || fscanf (uptime, "%lf", &uptime_s) != 1)
    uptime_s = -1.0;
  if (uptime)
    fclose (uptime);
  if (!field || uptime_s < 0)
    return -1.0;
  return (uptime_s - g_ascii_strtod (field, NULL) / (double) sysconf (_SC_CLK_TCK)) * 1000.0;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
report (struct benchmark *b)
{
  struct ech_waveform_cost cost[2];
  double                   seconds = (g_get_monotonic_time () - b->counting_since_us) / 1e6;
  double                   sum = 0, snapshot_ns = 0, tiles_ns = 0;
  guint64                  n_snapshots = 0, n_tiles = 0;

  for (guint i = 0; i < 2; i++) {
    ech_main_window_get_waveform_cost (ECH_MAIN_WINDOW (b->window), i, &cost[i]);
    n_snapshots += cost[i].n_frames - b->cost[i].n_frames;
    snapshot_ns += (double) (cost[i].snapshot_ns - b->cost[i].snapshot_ns);
    n_tiles += cost[i].n_tiles - b->cost[i].n_tiles;
    tiles_ns += (double) (cost[i].tiles_ns - b->cost[i].tiles_ns);
  }
  for (guint i = 0; i < b->n_frames; i++)
    sum += b->frame_ms[i];
  qsort (b->frame_ms, b->n_frames, sizeof b->frame_ms[0], compare);
  printf ("{\"first_frame_ms\": %.1f, \"width\": %d, \"height\": %d, \"fps\": %.1f, "
          "\"frame_ms_mean\": %.3f, \"frame_ms_p50\": %.3f, \"frame_ms_p99\": %.3f, "
          "\"waveform_snapshot_us\": %.1f, \"tiles\": %" G_GUINT64_FORMAT ", \"tile_us\": %.1f}\n",
          b->first_frame_ms, gtk_widget_get_width (GTK_WIDGET (b->window)),
          gtk_widget_get_height (GTK_WIDGET (b->window)), b->n_frames / seconds,
          b->n_frames ? sum / b->n_frames : 0.0, b->n_frames ? b->frame_ms[b->n_frames / 2] : 0.0,
          b->n_frames ? b->frame_ms[b->n_frames * 99 / 100] : 0.0,
          n_snapshots ? snapshot_ns / n_snapshots / 1000.0 : 0.0, n_tiles,
          n_tiles ? tiles_ns / n_tiles / 1000.0 : 0.0);
  fflush (stdout);
}

static gboolean
on_end (gpointer data)
{
  report (data);
  g_application_quit (g_application_get_default ());
  return G_SOURCE_REMOVE;
}

static gboolean
on_settled (gpointer data)
{
  struct benchmark *b = data;

  for (guint i = 0; i < 2; i++)
    ech_main_window_get_waveform_cost (ECH_MAIN_WINDOW (b->window), i, &b->cost[i]);
  b->n_frames          = 0;
  b->counting_since_us = g_get_monotonic_time ();
  g_timeout_add_seconds ((guint) b->seconds, on_end, b);
  return G_SOURCE_REMOVE;
}

static gboolean
on_start_playing (gpointer data)
{
  struct benchmark *b = data;

  for (guint i = 0; i < ech_session_model_get_n_decks (b->session); i++) {
    EchDeckModel *deck = ech_session_model_get_deck (b->session, i);

    if (ech_deck_model_get_track (deck))
      ech_deck_model_toggle_play (deck, TRUE);
  }
  g_timeout_add_seconds (SETTLE_SECONDS, on_settled, b);
  return G_SOURCE_REMOVE;
}

static void
on_before_paint (GdkFrameClock *clock, struct benchmark *b)
{
  b->frame_start_us = g_get_monotonic_time ();
}

static void
on_after_paint (GdkFrameClock *clock, struct benchmark *b)
{
  gint64 now_us = g_get_monotonic_time ();

  if (b->first_frame_ms == 0.0) {
    b->first_frame_ms = ms_since_process_start ();
    g_timeout_add_seconds (SETTLE_SECONDS, on_start_playing, b);
  }
  if (b->counting_since_us && b->n_frames < MAX_FRAMES)
    b->frame_ms[b->n_frames++] = (now_us - b->frame_start_us) / 1000.0;
}

static void
on_realize (GtkWidget *window, struct benchmark *b)
{
  GdkFrameClock *clock = gdk_surface_get_frame_clock (gtk_native_get_surface (GTK_NATIVE (window)));

  g_signal_connect (clock, "before-paint", G_CALLBACK (on_before_paint), b);
  g_signal_connect (clock, "after-paint", G_CALLBACK (on_after_paint), b);
}

void
ech_benchmark_attach (GtkWindow *window, EchSessionModel *session, int seconds)
{
  /* Lives until the process ends. */
  struct benchmark *b = g_new0 (struct benchmark, 1);

  b->window  = window;
  b->session = session;
  b->seconds = seconds;
  g_signal_connect (window, "realize", G_CALLBACK (on_realize), b);
}
