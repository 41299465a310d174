/* Serato: what was put on its decks, from the history that it writes.  There is no control of it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <dirent.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/bridge/bridge-private.h"

enum { SCAN_MS = 2000, MAX_FILES = 20000, MAX_BYTES = 16 << 20 };

static bool
find_newest (const char *folder, char **out_path, struct stat *out_info)
{
  DIR           *dir = opendir (folder);
  struct dirent *entry;

  *out_path = NULL;
  if (!dir)
    return false;
  for (int i = 0; i < MAX_FILES && (entry = readdir (dir)) != NULL; i++) {
    g_autofree char *path = g_build_filename (folder, entry->d_name, NULL);
    struct stat      info;

    if (!g_str_has_suffix (entry->d_name, ".session") || stat (path, &info) < 0
        || !S_ISREG (info.st_mode) || (*out_path && info.st_mtime < out_info->st_mtime))
      continue;
    g_free (*out_path);
    *out_path = g_steal_pointer (&path);
    *out_info = info;
  }
  closedir (dir);
  return true;
}

static void
take_entry (const struct ech_serato_entry *entry, void *data)
{
  struct ech_serato_entry *last = data;

  if (entry->start_s >= last->start_s)
    *last = *entry;
}

static void
read_session (struct ech_bridge *self, const char *path)
{
  struct ech_serato_entry last   = { 0 };
  g_autofree char        *bytes  = NULL;
  gsize                   length = 0;

  if (!g_file_get_contents (path, &bytes, &length, NULL) || length > MAX_BYTES)
    return;
  if (ech_serato_parse ((const uint8_t *) bytes, length, take_entry, &last) > 0)
    self->serato.last = last;
}

void
ech_bridge_serato_run (struct ech_bridge *self, uint64_t now_ns)
{
  struct ech_bridge_serato *serato = &self->serato;
  g_autofree char          *path   = NULL;
  struct stat               info   = { 0 };
  int64_t                   changed_ns;

  if (!serato->folder[0] || now_ns < serato->due_ns)
    return;
  serato->due_ns   = now_ns + SCAN_MS * UINT64_C (1000000);
  serato->readable = find_newest (serato->folder, &path, &info);
  if (!path || info.st_size > MAX_BYTES)
    return;
  changed_ns = (int64_t) info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
  if (changed_ns == serato->seen_ns && info.st_size == serato->seen_size)
    return;
  serato->seen_ns   = changed_ns;
  serato->seen_size = info.st_size;
  read_session (self, path);
}
