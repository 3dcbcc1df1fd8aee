// SPDX-License-Identifier: Apache-2.0
// One null for each exported package; the compiler has to refuse each of them.
import io.transferengine.Engine
import io.transferengine.diagnostics.EngineEnvironment
import io.transferengine.metadata.server.HttpMetadataServer
import io.transferengine.metrics.MetricsSnapshot
import io.transferengine.topology.Topology
import io.transferengine.transfer.BlockColumns

fun root(engine: Engine) = engine.openSegment(null)

fun diagnostics() = EngineEnvironment.of(null)

fun server() = HttpMetadataServer.start(null, 0)

fun metrics(snapshot: MetricsSnapshot) = snapshot.minus(null)

fun topology(topology: Topology) = topology.devicesFor(null)

fun transfer() = BlockColumns.concat(null)
