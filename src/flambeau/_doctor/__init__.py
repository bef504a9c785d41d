"""What is wired wrong in a model and its training, with names and lines."""

from flambeau._doctor.api import doctor
from flambeau._doctor.finding import Finding, Report

__all__ = ["Finding", "Report", "doctor"]
