/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/analysis/analysis.h"

bool
ech_analyze_file (EchLoader           *loader,
                  const char          *path,
                  struct ech_analysis *out_analysis,
                  EchTrack           **out_track,
                  GError             **error)
{
  g_autoptr (EchTrack) track = ech_loader_load_sync (loader, path, TRUE, error);

  if (!track)
    return false;
  ech_track_get_analysis (track, out_analysis);
  if (out_track)
    *out_track = g_steal_pointer (&track);
  return true;
}
