// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/** Takes tasks and leaves them to the test, which ends each as it likes. */
class HeldTransport implements Transport {
  final BlockingQueue<TransferTask> tasks = new LinkedBlockingQueue<>();

  /** A segment that this transport reaches. */
  RemoteSegment segment(String name) {
    return RemoteSegment.of(
        name,
        new PeerAddress(
            SegmentDescriptor.builder(name, SegmentDescriptor.TCP).build(),
            List.of(InetAddress.getLoopbackAddress())),
        List.of(this));
  }

  @Override
  public void submit(PeerAddress peer, TransferTask task) {
    tasks.add(task);
  }

  @Override
  public String name() {
    return SegmentDescriptor.TCP;
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {}

  @Override
  public boolean reaches(SegmentDescriptor peer) {
    return true;
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void start() {}

  @Override
  public void warmUp(PeerAddress peer) {}

  @Override
  public void stop(Duration timeout) {}
}
