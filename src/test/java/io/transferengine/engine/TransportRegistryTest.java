// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.TransportPolicy;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.SeveralRegions;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What one transport throws keeps no other from its part. */
@Timeout(60)
class TransportRegistryTest {
  private static final class Noting extends HeldTransport {
    final List<Region> reachable = new ArrayList<>();
    @Nullable RuntimeException registering;
    @Nullable Error unregistering;
    @Nullable Error draining;
    int drained;
    boolean movesAll;
    boolean goesWithout;
    boolean reaches = true;

    @Override
    public boolean reaches(SegmentDescriptor peer) {
      return reaches;
    }

    @Override
    public boolean moves(MemoryKind local, MemoryKind peer) {
      return movesAll || super.moves(local, peer);
    }

    @Override
    public void registerAll(List<Region> regions) {
      if (registering != null) {
        throw registering;
      }
      reachable.addAll(regions);
    }

    @Override
    public boolean mayGoWithout(List<Region> regions) {
      return goesWithout;
    }

    @Override
    public void unregisterAll(List<Region> regions) {
      if (unregistering != null) {
        throw unregistering;
      }
      reachable.removeAll(regions);
    }

    @Override
    public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
      if (draining != null) {
        throw draining;
      }
      drained++;
      return CompletableFuture.completedFuture(null);
    }
  }

  private final Noting first = new Noting();
  private final Noting second = new Noting();
  private final Noting third = new Noting();
  private final TransportRegistry registry =
      new TransportRegistry(
          Stream.of(first, second, third)
              .map(each -> new TransportRegistry.Ranked(each, TransportPolicy.DEFAULT))
              .toList(),
          new TransportChoice(List.of(), "", new EngineMetrics()));
  private final List<Region> regions =
      new RegionTable().registerAll(new long[] {0x1000, 0x3000}, new long[] {16, 16}, "*");

  @Test
  void unregistrationIsAskedOfAll() {
    registry.registerAll(regions);
    first.unregistering = new InternalError("first");
    second.unregistering = new InternalError("second");
    assertThatThrownBy(() -> registry.unregisterAll(regions))
        .isSameAs(first.unregistering)
        .hasSuppressedException(second.unregistering);
    assertThat(third.reachable).isEmpty();
    first.unregistering = null;
    second.unregistering = null;
    registry.unregisterAll(regions);
    assertThat(first.reachable).isEmpty();
    assertThat(second.reachable).isEmpty();
  }

  @Test
  void aRegistrationThatFailsIsUndoneAtAll() {
    third.registering = new IllegalStateException("third");
    first.unregistering = new InternalError("first");
    assertThatThrownBy(() -> registry.registerAll(regions))
        .isSameAs(third.registering)
        .hasSuppressedException(first.unregistering);
    assertThat(second.reachable).isEmpty();
  }

  /** Such as device memory that TCP cannot stage, and RDMA takes. */
  @Test
  void oneGoesWithoutMemoryThatAnotherMoves() {
    var ofDevice = new RegionTable().registerAll(new long[] {0x1000}, new long[] {16}, "cuda:0");
    var lost = new TransferException(ErrorCode.CONTEXT, "lost", "");
    second.registering = lost;
    assertThatThrownBy(() -> registry.registerAll(ofDevice)).isSameAs(lost);
    second.goesWithout = true;
    assertThatThrownBy(() -> registry.registerAll(ofDevice)).isSameAs(lost);
    assertThat(first.reachable).isEmpty();
    first.movesAll = true;
    registry.registerAll(ofDevice);
    assertThat(first.reachable).isEqualTo(ofDevice);
    assertThat(third.reachable).isEqualTo(ofDevice);
    registry.unregisterAll(ofDevice);
    assertThat(first.reachable).isEmpty();
  }

  /** To a peer's device memory, on a transport that has lost its way. */
  @Test
  void aTaskIsHandedOverToOneThatMovesItsMemoryOnly() {
    PeerAddress peer = first.segment("127.0.0.1:1").address();
    assertThat(registry.handOver(first, peer, task("cpu:0"))).isPresent();
    assertThat(second.tasks).hasSize(1);
    assertThat(registry.handOver(first, peer, task("cuda:0"))).isEmpty();
    third.movesAll = true;
    TransferTask task = task("cuda:0");
    assertThat(registry.handOver(first, peer, task)).isPresent();
    assertThat(third.tasks).containsExactly(task);
    assertThat(second.tasks).hasSize(1);
  }

  /** The second is required: the third is not used, be it that the first reaches a peer. */
  @Test
  void noneBelowARequiredOneIsUsed() {
    var must =
        new TransportPolicy(TransportPolicy.Use.REQUIRED, Duration.ZERO, Optional.empty(), true);
    TransportRegistry strict =
        new TransportRegistry(
            List.of(
                new TransportRegistry.Ranked(first, TransportPolicy.DEFAULT),
                new TransportRegistry.Ranked(second, must),
                new TransportRegistry.Ranked(third, TransportPolicy.DEFAULT)),
            new TransportChoice(List.of(), "", new EngineMetrics()));
    PeerAddress peer = first.segment("127.0.0.1:1").address();
    var found = new SegmentDirectory.Found(peer.descriptor(), "127.0.0.1", Optional.empty());
    assertThat(strict.select(found)).containsExactly(first, second);
    assertThat(strict.handOver(first, peer, task("cpu:0"))).isPresent();
    assertThat(second.tasks).hasSize(1);
    second.reaches = false;
    assertThat(strict.select(found)).containsExactly(first);
    assertThat(strict.handOver(first, peer, task("cpu:0"))).isEmpty();
    assertThat(third.tasks).isEmpty();
  }

  private TransferTask task(String location) {
    List<Long> key = List.of(1L);
    var buffers = new PeerBuffers(List.of(new BufferDescriptor(location, 0x5000, 16, key, key)));
    return new TransferTask(
        Operation.WRITE,
        BlockColumns.of(0x1000, 0x5000, 16),
        new SeveralRegions(regions),
        buffers,
        (_, _, _) -> {});
  }

  @Test
  void drainingIsAskedOfAll() {
    first.draining = new InternalError("first");
    assertThat(registry.drainInbound(0x1000, 0x1010, Duration.ZERO)).isCompletedExceptionally();
    assertThat(second.drained).isEqualTo(1);
    assertThat(third.drained).isEqualTo(1);
  }
}
