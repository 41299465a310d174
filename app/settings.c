/* See settings.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "app/settings.h"

struct _EchSettings {
  GSettings  *settings; /* NULL without a schema */
  GHashTable *values;   /* then: key -> GVariant */
};

/* As in the schema; a test compares them. */
static const struct {
  const char *key;
  const char *value;
} defaults[] = {
  { "quantize", "'bar'" },       { "default-timing", "'now'" },
  { "tempo-range", "0.08" },     { "decks", "2" },
  { "fused", "false" },          { "crossfader-curve", "'constant-power'" },
  { "osc-enabled", "true" },     { "osc-port", "8000" },
  { "osc-open", "false" },       { "last-folder", "''" },
  { "link-enabled", "false" },
  { "window-width", "1280" },    { "window-height", "720" },
  { "window-maximized", "false" }, { "record-folder", "''" },
  { "record-pcm24", "false" },
};

static void
fill_defaults (EchSettings *self)
{
  self->values =
    g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_variant_unref);
  for (guint i = 0; i < G_N_ELEMENTS (defaults); i++) {
    GVariant *value = g_variant_parse (NULL, defaults[i].value, NULL, NULL, NULL);

    g_assert (value);
    g_hash_table_insert (self->values, (gpointer) defaults[i].key, value);
  }
}

EchSettings *
ech_settings_new (void)
{
  EchSettings                 *self   = g_new0 (EchSettings, 1);
  GSettingsSchemaSource       *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema = NULL;

  if (source)
    schema = g_settings_schema_source_lookup (source, ECH_APP_ID, TRUE);
  if (schema)
    self->settings = g_settings_new_full (schema, NULL, NULL);
  else
    fill_defaults (self);
  return self;
}

void
ech_settings_free (EchSettings *self)
{
  if (!self)
    return;
  g_clear_object (&self->settings);
  g_clear_pointer (&self->values, g_hash_table_unref);
  g_free (self);
}

static GVariant *
get (EchSettings *self, const char *key)
{
  GVariant *value;

  if (self->settings)
    return g_settings_get_value (self->settings, key);
  value = g_hash_table_lookup (self->values, key);
  g_assert (value);
  return g_variant_ref (value);
}

gboolean
ech_settings_get_boolean (EchSettings *self, const char *key)
{
  g_autoptr (GVariant) value = get (self, key);

  return g_variant_get_boolean (value);
}

int
ech_settings_get_int (EchSettings *self, const char *key)
{
  g_autoptr (GVariant) value = get (self, key);

  return g_variant_get_int32 (value);
}

double
ech_settings_get_double (EchSettings *self, const char *key)
{
  g_autoptr (GVariant) value = get (self, key);

  return g_variant_get_double (value);
}

char *
ech_settings_get_string (EchSettings *self, const char *key)
{
  g_autoptr (GVariant) value = get (self, key);

  return g_variant_dup_string (value, NULL);
}

void
ech_settings_set (EchSettings *self, const char *key, GVariant *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  gpointer             known_key;

  if (self->settings) {
    g_settings_set_value (self->settings, key, owned);
    return;
  }
  g_return_if_fail (g_hash_table_lookup_extended (self->values, key, &known_key, NULL));
  g_hash_table_insert (self->values, known_key, g_steal_pointer (&owned));
}
