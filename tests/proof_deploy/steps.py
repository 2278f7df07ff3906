"""The steps, in the order in which an operator meets them. Each area has a module here that lists its own as STEPS."""

from proof_deploy import alerts, backup, compose, doctor, grafana, kubernetes, security, tracing
from proof_deploy.step import Step

STEPS: tuple[Step, ...] = (
    *compose.STEPS,
    *kubernetes.STEPS,
    *alerts.STEPS,
    *grafana.STEPS,
    *security.STEPS,
    *doctor.STEPS,
    *tracing.STEPS,
    *backup.STEPS,
)
