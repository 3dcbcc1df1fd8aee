// SPDX-License-Identifier: Apache-2.0
// The typed API from Kotlin: nothing that it gives is null, so no "!!" and no "?." is needed.
import io.transferengine.Allocation
import io.transferengine.Engine
import io.transferengine.Notification
import io.transferengine.Segment
import io.transferengine.Transfer
import io.transferengine.transfer.TransferException
import java.time.Duration

fun move(engine: Engine, name: String): Long {
  val peer: Segment = engine.openSegment(name, Duration.ofSeconds(5))
  val pages: Allocation = engine.allocate(4096)
  val transfer: Transfer = peer.write(pages.segment(), peer.buffers().first().address())
  val failure: TransferException? = transfer.failure().orElse(null)
  val reached: List<String> = peer.transports()
  val told: Notification? = engine.takeNotification(Duration.ZERO).orElse(null)
  println("$reached ${engine.metrics().peers().keys} ${failure?.code()} ${told?.name()}")
  return transfer.transferredBytes()
}
