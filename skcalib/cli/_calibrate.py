"""skcalib calibrate: a trained Keras model in, a calibrated one out."""

from pathlib import Path

from skcalib.cli._errors import OK, CommandError, quote_name
from skcalib.cli._outputs import quiet_pipe
from skcalib.deploy import calibrate_files, calibrate_from_config

SETTINGS = (".yaml", ".yml", ".json", ".toml")
OPTIONS = ("data", "method", "out", "map", "report", "random_state")


def run(options):
    """Calibrate a model, or do what a file of settings says; return the exit code."""
    if not Path(options.model).is_file():
        raise CommandError(f"there is no file {quote_name(options.model)}")
    given = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        if Path(options.model).suffix.lower() in SETTINGS:
            done = run_settings(options, given)
        else:
            force = {"force": options.force}
            done = calibrate_files({"model": options.model, **given, **force})
    except ImportError as error:
        raise CommandError(str(error)) from error
    if not options.quiet:
        with quiet_pipe():
            for path in done.files.values():
                print(path, flush=True)
    return OK


def run_settings(options, given):
    """Do what a file of settings says."""
    if given or options.force:
        names = [f"--{name.replace('_', '-')}" for name in given]
        names += ["--force"] if options.force else []
        raise CommandError(
            f"{', '.join(names)}: with a file of settings, write it into "
            f"{quote_name(options.model)}"
        )
    return calibrate_from_config(options.model)
