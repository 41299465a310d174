/* See waveform-view.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <glib/gi18n.h>

#include "ui/waveform/waveform-view.h"

#include <math.h>

#include "ui/ech-ui.h"
#include "ui/waveform/markers.h"
#include "ui/waveform/tile.h"

#define TILE_PX 256

/* Each tile shares a column with its neighbour: moved by a fraction of a pixel
 * its edges are half transparent, and one over the other leaves no seam. */
#define TILE_STRIDE (TILE_PX - 2)

/* The playhead stands here: more of what comes than of what was. */
#define PLAYHEAD_AT 0.33f

#define MAX_TILES      64
#define BUILD_EVERY_MS 4

/* A tile whose bins were not all there is made again this often at most. */
#define REFRESH_US (150 * G_TIME_SPAN_MILLISECOND)

struct tile {
  GdkTexture *texture;
  gboolean    complete;
  gint64      built_us;
  guint64     used; /* frame that drew or wanted it last */
};

/* Where track frames lie in the widget at one moment. */
struct axis {
  double position;     /* track frames under the playhead */
  double px_per_frame; /* per track frame */
  double playhead;     /* px */
  int    width, height;
  int    scale;
  int    bins_per_texel; /* power of two */
};

struct _EchWaveformView {
  GtkWidget parent_instance;

  /* owned */
  EchDeckModel *model;
  GSignalGroup *model_signals;
  GHashTable   *tiles; /* gint64 index -> struct tile */
  guint         tick;
  guint         build_timer;

  struct ech_markers     markers;
  struct ech_tile_colors colors;
  gboolean               have_colors;
  double                 zoom;
  gint64                 time_us; /* at which the frame being made will be shown */
  gint64                 first_wanted, last_wanted;
  int                    tiles_height, tiles_bins; /* what the tiles were made for */
  guint64                frame;
  double                 drawn_position, drawn_due;
  struct ech_waveform_cost cost;
};

enum { PROP_MODEL = 1, PROP_ZOOM, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (EchWaveformView, ech_waveform_view, GTK_TYPE_WIDGET)

static void
tile_free (gpointer data)
{
  struct tile *tile = data;

  g_clear_object (&tile->texture);
  g_free (tile);
}

static void
forget_tiles (EchWaveformView *self)
{
  g_hash_table_remove_all (self->tiles);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* FALSE where there is nothing to draw. */
static gboolean
measure_axis (EchWaveformView *self, struct axis *axis)
{
  double rate = self->model ? ech_deck_model_get_heard_rate (self->model) : 0.0;
  double bin_px;

  if (rate <= 0 || !ech_deck_model_get_track (self->model))
    return FALSE;
  axis->width        = gtk_widget_get_width (GTK_WIDGET (self));
  axis->height       = gtk_widget_get_height (GTK_WIDGET (self));
  axis->scale        = gtk_widget_get_scale_factor (GTK_WIDGET (self));
  axis->playhead     = floor (axis->width * PLAYHEAD_AT);
  axis->position     = ech_deck_model_get_position_at (self->model, self->time_us);
  axis->px_per_frame = self->zoom / rate;
  bin_px             = ECH_PEAK_BIN_FRAMES * axis->px_per_frame * axis->scale;
  axis->bins_per_texel = 1;
  while (bin_px * axis->bins_per_texel < 0.7)
    axis->bins_per_texel *= 2;
  return axis->width > 0 && axis->height > 0;
}

static double
frames_per_tile (const struct axis *axis)
{
  return (double) TILE_STRIDE * axis->bins_per_texel * ECH_PEAK_BIN_FRAMES;
}

static double
x_of (const struct axis *axis, double frames)
{
  return axis->playhead + (frames - axis->position) * axis->px_per_frame;
}

/* --- making tiles, between frames --- */

static void
find_colors (EchWaveformView *self)
{
  const GdkRGBA background = { 0.055f, 0.062f, 0.075f, 1 };
  GdkRGBA       color;

  if (self->have_colors)
    return;
  ech_ui_get_color (GTK_WIDGET (self), &color);
  ech_tile_colors_init (&self->colors, &color, &background);
  self->have_colors = TRUE;
}

static void
build_tile (EchWaveformView *self, const struct axis *axis, gint64 index)
{
  EchTrack                  *track = ech_deck_model_get_track (self->model);
  struct tile               *tile  = g_hash_table_lookup (self->tiles, &index);
  gint64                     start = g_get_monotonic_time ();
  size_t                     n_bins;
  const struct ech_peak_bin *bins = ech_track_peaks (track, &n_bins);
  double                     first = (double) index * TILE_STRIDE - 1.0;

  if (!tile) {
    tile = g_new0 (struct tile, 1);
    g_hash_table_insert (self->tiles, g_memdup2 (&index, sizeof index), tile);
  }
  find_colors (self);
  g_clear_object (&tile->texture);
  tile->texture  = ech_tile_new (bins, n_bins, first * axis->bins_per_texel, axis->bins_per_texel,
                                 TILE_PX, axis->height * axis->scale, &self->colors);
  tile->complete = ech_track_is_complete (track) ||
                   (double) n_bins >= (first + TILE_PX) * axis->bins_per_texel;
  tile->built_us = start;
  tile->used     = self->frame;
  self->cost.n_tiles++;
  self->cost.tiles_ns += (g_get_monotonic_time () - start) * 1000;
}

static gboolean
wants_building (EchWaveformView *self, gint64 index, gint64 now_us)
{
  struct tile *tile = g_hash_table_lookup (self->tiles, &index);

  if (!tile)
    return TRUE;
  tile->used = self->frame;
  return !tile->complete && now_us - tile->built_us > REFRESH_US;
}

/* What is in sight first, from the playhead's side on. */
static gboolean
find_wanted (EchWaveformView *self, gint64 *out_index)
{
  gint64 now_us = g_get_monotonic_time ();

  for (gint64 i = self->first_wanted; i <= self->last_wanted; i++)
    if (wants_building (self, i, now_us)) {
      *out_index = i;
      return TRUE;
    }
  return FALSE;
}

static void
drop_oldest_tiles (EchWaveformView *self)
{
  GHashTableIter iter;
  gpointer       value;

  if (g_hash_table_size (self->tiles) <= MAX_TILES)
    return;
  g_hash_table_iter_init (&iter, self->tiles);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((struct tile *) value)->used + 120 < self->frame)
      g_hash_table_iter_remove (&iter);
}

static gboolean
on_build (gpointer data)
{
  EchWaveformView *self = data;
  struct axis      axis;
  gint64           index;

  if (!measure_axis (self, &axis) || !find_wanted (self, &index)) {
    drop_oldest_tiles (self);
    self->build_timer = 0;
    return G_SOURCE_REMOVE;
  }
  build_tile (self, &axis, index);
  gtk_widget_queue_draw (GTK_WIDGET (self));
  return G_SOURCE_CONTINUE;
}

static void
want_tiles (EchWaveformView *self, const struct axis *axis)
{
  double left  = axis->position - axis->playhead / axis->px_per_frame;
  double right = left + axis->width / axis->px_per_frame;
  gint64 index;

  if (self->tiles_height != axis->height * axis->scale ||
      self->tiles_bins != axis->bins_per_texel) {
    self->tiles_height = axis->height * axis->scale;
    self->tiles_bins   = axis->bins_per_texel;
    g_hash_table_remove_all (self->tiles);
  }
  self->first_wanted = (gint64) floor (left / frames_per_tile (axis)) - 1;
  self->last_wanted  = (gint64) floor (right / frames_per_tile (axis)) + 1;
  if (!self->build_timer && find_wanted (self, &index))
    self->build_timer = g_timeout_add_full (G_PRIORITY_DEFAULT, BUILD_EVERY_MS, on_build, self,
                                            NULL);
}

/* --- drawing --- */

static void
draw_tiles (EchWaveformView *self, GtkSnapshot *snapshot, const struct axis *axis)
{
  double texel = (double) axis->bins_per_texel * ECH_PEAK_BIN_FRAMES * axis->px_per_frame;

  for (gint64 i = self->first_wanted; i <= self->last_wanted; i++) {
    struct tile *tile = g_hash_table_lookup (self->tiles, &i);
    double       x    = x_of (axis, (double) i * frames_per_tile (axis)) - texel;

    if (!tile || x >= axis->width || x + TILE_PX * texel <= 0)
      continue;
    tile->used = self->frame;
    gtk_snapshot_append_texture (snapshot, tile->texture,
                                 &GRAPHENE_RECT_INIT (x, 0, TILE_PX * texel, axis->height));
  }
}

static void
line (GtkSnapshot *snapshot, const struct axis *axis, double x, float width, const GdkRGBA *color)
{
  gtk_snapshot_append_color (
    snapshot, color, &GRAPHENE_RECT_INIT (x - width / 2, 0, width, axis->height));
}

static void
draw_grid (EchWaveformView *self, GtkSnapshot *snapshot, const struct axis *axis)
{
  const GdkRGBA   beat_color = { 1, 1, 1, 0.32f }, bar_color = { 1, 1, 1, 0.75f };
  struct ech_grid grid;
  double          beat_px, left, right;
  int             bar;

  if (!ech_deck_model_get_grid (self->model, &grid))
    return;
  bar     = grid.beats_per_bar ? (int) grid.beats_per_bar : 4;
  beat_px = grid.frames_per_beat * axis->px_per_frame;
  left    = axis->position - axis->playhead / axis->px_per_frame;
  right   = left + axis->width / axis->px_per_frame;
  left    = MAX (left, 0.0);
  right   = MIN (right, (double) ech_track_length_frames (ech_deck_model_get_track (self->model)));
  for (double beat = ceil (ech_grid_beat_at (&grid, left)); ; beat += 1.0) {
    double   frame  = ech_grid_frame_at (&grid, beat);
    gboolean is_bar = ech_beat_phase (beat - grid.downbeat, bar) < 0.5;

    if (frame > right)
      break;
    if (!is_bar && beat_px < 8.0)
      continue;
    line (snapshot, axis, x_of (axis, frame), is_bar ? 2.0f : 1.0f,
          is_bar ? &bar_color : &beat_color);
  }
}

/* Where the deck will be when what waits comes due. */
static void
draw_due (EchWaveformView *self, GtkSnapshot *snapshot, const struct axis *axis)
{
  const GdkRGBA color = { 1.0f, 0.86f, 0.35f, 0.95f };
  double        due   = ech_deck_model_get_due_in (self->model, self->time_us, NULL);

  self->drawn_due = due;
  if (due < 0 || ech_deck_model_get_state (self->model) != ECH_DECK_PLAYING)
    return;
  line (snapshot, axis, axis->playhead + due * self->zoom, 3.0f, &color);
}

static double
x_of_marker (double frames, gpointer data)
{
  return x_of (data, frames);
}

static void
draw_playhead (GtkSnapshot *snapshot, const struct axis *axis)
{
  const GdkRGBA shade = { 0, 0, 0, 0.6f }, color = { 1, 1, 1, 1 };

  line (snapshot, axis, axis->playhead, 6.0f, &shade);
  line (snapshot, axis, axis->playhead, 2.0f, &color);
}

static void
ech_waveform_view_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  EchWaveformView *self  = ECH_WAVEFORM_VIEW (widget);
  gint64           start = g_get_monotonic_time ();
  struct axis      axis;

  self->frame++;
  if (!measure_axis (self, &axis))
    return;
  want_tiles (self, &axis);
  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, 0, axis.width, axis.height));
  draw_tiles (self, snapshot, &axis);
  draw_grid (self, snapshot, &axis);
  ech_markers_snapshot (&self->markers, widget, snapshot, self->model, x_of_marker, &axis);
  draw_due (self, snapshot, &axis);
  draw_playhead (snapshot, &axis);
  gtk_snapshot_pop (snapshot);
  self->drawn_position = axis.position;
  self->cost.n_frames++;
  self->cost.snapshot_ns += (g_get_monotonic_time () - start) * 1000;
}

/* When the frame that is being made will be on the screen. */
static gint64
presentation_time (GdkFrameClock *clock)
{
  GdkFrameTimings *timings   = gdk_frame_clock_get_current_timings (clock);
  gint64           predicted = timings ? gdk_frame_timings_get_predicted_presentation_time (timings)
                                       : 0;

  return predicted ? predicted : gdk_frame_clock_get_frame_time (clock) + 16667;
}

static gboolean
on_tick (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (widget);
  double           position, due;

  if (!self->model)
    return G_SOURCE_CONTINUE;
  self->time_us = presentation_time (clock);
  position      = ech_deck_model_get_position_at (self->model, self->time_us);
  due           = ech_deck_model_get_due_in (self->model, self->time_us, NULL);
  if (position != self->drawn_position || (due >= 0) != (self->drawn_due >= 0))
    gtk_widget_queue_draw (widget);
  return G_SOURCE_CONTINUE;
}

/* --- the rest --- */

static void
ech_waveform_view_map (GtkWidget *widget)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (widget);

  GTK_WIDGET_CLASS (ech_waveform_view_parent_class)->map (widget);
  self->tick = gtk_widget_add_tick_callback (widget, on_tick, NULL, NULL);
}

static void
ech_waveform_view_unmap (GtkWidget *widget)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (widget);

  if (self->tick)
    gtk_widget_remove_tick_callback (widget, self->tick);
  self->tick = 0;
  g_clear_handle_id (&self->build_timer, g_source_remove);
  GTK_WIDGET_CLASS (ech_waveform_view_parent_class)->unmap (widget);
}

static void
ech_waveform_view_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (widget);

  GTK_WIDGET_CLASS (ech_waveform_view_parent_class)->css_changed (widget, change);
  self->have_colors = FALSE;
  ech_markers_clear (&self->markers);
  forget_tiles (self);
}

static void
ech_waveform_view_measure (GtkWidget     *widget,
                           GtkOrientation orientation,
                           int            for_size,
                           int           *minimum,
                           int           *natural,
                           int           *minimum_baseline,
                           int           *natural_baseline)
{
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 320 : 64;
}

static gboolean
on_scroll (GtkEventControllerScroll *controller, double dx, double dy, EchWaveformView *self)
{
  ech_waveform_view_set_zoom (self, self->zoom * pow (1.2, -dy));
  return GDK_EVENT_STOP;
}

void
ech_waveform_view_set_zoom (EchWaveformView *self, double px_per_second)
{
  g_return_if_fail (ECH_IS_WAVEFORM_VIEW (self));

  px_per_second = CLAMP (px_per_second, ECH_WAVEFORM_MIN_ZOOM, ECH_WAVEFORM_MAX_ZOOM);
  if (px_per_second == self->zoom)
    return;
  self->zoom = px_per_second;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ZOOM]);
}

void
ech_waveform_view_set_model (EchWaveformView *self, EchDeckModel *model)
{
  g_return_if_fail (ECH_IS_WAVEFORM_VIEW (self));

  if (!g_set_object (&self->model, model))
    return;
  g_signal_group_set_target (self->model_signals, model);
  if (model) {
    g_autofree char *name =
      g_strdup_printf (_ ("Waveform of deck %s"), ech_deck_model_get_letter (model));

    ech_ui_set_accessible (GTK_ACCESSIBLE (self), name, NULL);
  }
  forget_tiles (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MODEL]);
}

void
ech_waveform_view_get_cost (EchWaveformView *self, struct ech_waveform_cost *out_cost)
{
  *out_cost = self->cost;
}

static void
ech_waveform_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (object);

  switch (id) {
  case PROP_MODEL: g_value_set_object (value, self->model); break;
  case PROP_ZOOM: g_value_set_double (value, self->zoom); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_waveform_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (object);

  switch (id) {
  case PROP_MODEL: ech_waveform_view_set_model (self, g_value_get_object (value)); break;
  case PROP_ZOOM: ech_waveform_view_set_zoom (self, g_value_get_double (value)); break;
  default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
ech_waveform_view_dispose (GObject *object)
{
  EchWaveformView *self = ECH_WAVEFORM_VIEW (object);

  g_clear_handle_id (&self->build_timer, g_source_remove);
  ech_markers_clear (&self->markers);
  g_clear_object (&self->model_signals);
  g_clear_object (&self->model);

  G_OBJECT_CLASS (ech_waveform_view_parent_class)->dispose (object);
}

static void
ech_waveform_view_finalize (GObject *object)
{
  g_clear_pointer (&ECH_WAVEFORM_VIEW (object)->tiles, g_hash_table_unref);

  G_OBJECT_CLASS (ech_waveform_view_parent_class)->finalize (object);
}

static void
ech_waveform_view_class_init (EchWaveformViewClass *klass)
{
  GObjectClass   *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const int       rw           = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = ech_waveform_view_get_property;
  object_class->set_property = ech_waveform_view_set_property;
  object_class->dispose      = ech_waveform_view_dispose;
  object_class->finalize     = ech_waveform_view_finalize;
  widget_class->map          = ech_waveform_view_map;
  widget_class->unmap        = ech_waveform_view_unmap;
  widget_class->css_changed  = ech_waveform_view_css_changed;
  widget_class->measure      = ech_waveform_view_measure;
  widget_class->snapshot     = ech_waveform_view_snapshot;

  props[PROP_MODEL] = g_param_spec_object ("model", NULL, NULL, ECH_TYPE_DECK_MODEL, rw);
  props[PROP_ZOOM]  = g_param_spec_double ("zoom", NULL, NULL, ECH_WAVEFORM_MIN_ZOOM,
                                           ECH_WAVEFORM_MAX_ZOOM, ECH_WAVEFORM_DEFAULT_ZOOM, rw);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_css_name (widget_class, "waveform");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
ech_waveform_view_init (EchWaveformView *self)
{
  GtkEventController *scroll =
    gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);

  self->zoom          = ECH_WAVEFORM_DEFAULT_ZOOM;
  self->drawn_due     = -1.0;
  self->tiles         = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, tile_free);
  self->model_signals = g_signal_group_new (ECH_TYPE_DECK_MODEL);
  g_signal_group_connect_swapped (self->model_signals, "notify::track",
                                  G_CALLBACK (forget_tiles), self);
  g_signal_group_connect_swapped (self->model_signals, "notify::has-grid",
                                  G_CALLBACK (gtk_widget_queue_draw), self);
  g_signal_group_connect_swapped (self->model_signals, "points",
                                  G_CALLBACK (gtk_widget_queue_draw), self);
  g_signal_group_connect_swapped (self->model_signals, "notify::speed",
                                  G_CALLBACK (gtk_widget_queue_draw), self);
  g_signal_connect (scroll, "scroll", G_CALLBACK (on_scroll), self);
  gtk_widget_add_controller (GTK_WIDGET (self), scroll);
}
