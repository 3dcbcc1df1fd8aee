// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;

/** A transport and that of its peer, both in this process, with a registration each. */
abstract class TwoSides {
  static final int BYTES = 4096;

  final LogCapture log = new LogCapture();
  final Side ours;
  final Side theirs = new Side("00000000000000fe");
  final Arena arena = Arena.ofShared();
  final MemorySegment here = arena.allocate(BYTES);
  final MemorySegment there = arena.allocate(BYTES);
  final Region target = theirs.region(there);
  final Region source;

  TwoSides(Side ours) {
    this.ours = ours;
    source = ours.regions.register(here.address(), BYTES, "*");
  }

  @AfterEach
  final void stop() {
    ours.transport.stop(Duration.ofSeconds(10));
    theirs.transport.stop(Duration.ofSeconds(10));
    arena.close();
    log.close();
  }

  TransferTask task(SegmentDescriptor peer, CompletableFuture<TransferState> ended) {
    return new TransferTask(
        Operation.WRITE,
        BlockColumns.of(here.address(), there.address(), BYTES),
        source,
        new PeerBuffers(peer.buffers()),
        (state, _, _) -> ended.complete(state));
  }

  static PeerAddress address(SegmentDescriptor peer) {
    return new PeerAddress(peer, List.of(InetAddress.getLoopbackAddress()));
  }

  /** What the peer's own engine answers. */
  HandshakeDescriptor granted(HandshakeDescriptor request) {
    PeerIdentity us = PeerIdentity.unproved(InetAddress.getLoopbackAddress());
    return theirs.transport.connection(us, request).orElseThrow();
  }
}
