"""`pcare audit as-of`: what the KPIs were for a day, as known on another one, and what made today's answer another."""
