from absent_frameworks import pytest_ignore_collect, pytest_report_header

__all__ = ["pytest_ignore_collect", "pytest_report_header"]
