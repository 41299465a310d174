/* The application: owns settings, engine, session and drivers.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef ECH_APPLICATION_H
#define ECH_APPLICATION_H

#include <adwaita.h>

#include "app/settings.h"
#include "drivers/host/driver-host.h"
#include "engine/policy-watch.h"
#include "ui/model/session-model.h"

G_BEGIN_DECLS

#define ECH_TYPE_APPLICATION (ech_application_get_type ())
G_DECLARE_FINAL_TYPE (EchApplication, ech_application, ECH, APPLICATION, AdwApplication)

EchApplication *ech_application_new (void);

/* Borrowed; NULL before startup and after shutdown. */
EchSettings     *ech_application_get_settings (EchApplication *self);
EchSessionModel *ech_application_get_session (EchApplication *self);
EchDriverHost   *ech_application_get_drivers (EchApplication *self);
EchPolicyWatch  *ech_application_get_policy (EchApplication *self);

/* The settings for decks and mixer have changed: hand them on. */
void ech_application_apply_settings (EchApplication *self);

/* The settings for OSC have changed: start, stop or restart it.  FALSE with @error set
 * when it did not start. */
gboolean ech_application_apply_osc (EchApplication *self, GError **error);

/* What OSC does now, in one sentence.  (transfer full) */
char *ech_application_describe_osc (EchApplication *self);

G_END_DECLS

#endif
