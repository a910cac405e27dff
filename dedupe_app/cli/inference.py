"""`keepone inference`: the configured model as a service."""

from __future__ import annotations

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; other machines need 0.0.0.0.")
@click.option("--port", type=click.IntRange(0, 65535), default=8085, show_default=True, help="The port.")
@click.option("--queue", type=click.IntRange(1), default=512, show_default=True, help="Pictures that may wait.")
@click.option("--linger-ms", type=click.FloatRange(0, 1000), default=4, show_default=True, help="Wait for company.")
@pass_session
def inference(session: Session, host: str, port: int, queue: int, linger_ms: float) -> int:
    """Serve the configured model to other machines, by the KServe V2 protocol."""
    from dedupe_core.embedders import ModelError
    from dedupe_core.embedders.chain import Local
    from dedupe_core.engine import Engine

    config = session.loaded.config
    encoder = Local(config.settings.embedding, config.data / "models").open()
    if encoder.choice is None:
        encoder.measure()
    try:
        from dedupe_app.inference.server import Serving, application
    except ImportError as error:
        raise ModelError(f'{error.name} is not installed; run: pip install "keepone[inference]"') from error
    limits = config.settings.limits
    with Engine(workers=limits.workers, seconds=limits.seconds, memory_mb=limits.memory_mb) as engine:
        name = config.settings.embedding.model.replace("/", "_")
        serving = Serving(name, encoder, engine, encoder.batch, queue, linger_ms / 1000)
        session.out.say(f" {encoder.model} on {encoder.how} at http://{host}:{port}/v2/models/{name}")
        if host not in _LOOPBACK:
            session.out.warn(" Everybody who reaches this machine can use it: it asks for no password.")
        try:
            _serve(application(serving), host, port)
        finally:
            serving.batcher.close()
    return Exit.OK


def _serve(app: object, host: str, port: int) -> None:
    import uvicorn

    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)  # type: ignore[arg-type]
