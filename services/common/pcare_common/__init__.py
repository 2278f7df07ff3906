"""What every service of the Personalised Care Recorder does alike: settings, logs, metrics, health, shutdown."""
