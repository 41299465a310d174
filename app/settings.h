/* The user's settings, also where no schema is installed.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_SETTINGS_H
#define ECH_SETTINGS_H

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _EchSettings EchSettings;

/**
 * ech_settings_new:
 *
 * GSettings, if the schema can be found; else defaults in memory that live as
 * long as the program, so that a build runs from where it stands.
 *
 * Thread: main.
 */
EchSettings *ech_settings_new (void);
void         ech_settings_free (EchSettings *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EchSettings, ech_settings_free)

/* Keys are those of data/io.github.echelon_dj.Echelon.gschema.xml; any other is a
 * programmer's mistake. */
gboolean ech_settings_get_boolean (EchSettings *self, const char *key);
int      ech_settings_get_int (EchSettings *self, const char *key);
double   ech_settings_get_double (EchSettings *self, const char *key);
char    *ech_settings_get_string (EchSettings *self, const char *key); /* (transfer full) */

/* @value: consumed if floating.  One that the schema does not allow is left out. */
void ech_settings_set (EchSettings *self, const char *key, GVariant *value);

G_END_DECLS

#endif
