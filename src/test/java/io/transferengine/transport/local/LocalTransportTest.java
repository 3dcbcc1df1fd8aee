// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicy;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.testkit.LogCapture;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.transport.TransferEnds;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a transport makes of the answers of a peer, both in this process. */
@Timeout(60)
class LocalTransportTest {
  private static final int BYTES = 4096;
  private static final String NAME = "127.0.0.1:1";

  /** One engine, and the only peer that it knows. */
  private final class Side implements PeerLink {
    final RegionTable regions = new RegionTable();
    final EngineMetrics metrics = new EngineMetrics();
    final LocalTransport transport;
    Supplier<HandshakeDescriptor> reply = () -> HandshakeDescriptor.EMPTY;

    /** What handing over does, one after another: nothing, or an error to throw. */
    final ArrayDeque<Optional<Error>> handOvers = new ArrayDeque<>();

    Side() {
      transport =
          new LocalTransport(
              new TransportContext(
                  Settings.fromMap(Map.of()),
                  TransportPolicy.DEFAULT,
                  regions,
                  metrics,
                  Topology.none(),
                  Optional.empty(),
                  new AccessControl(Optional.empty(), new Audit(metrics)),
                  this,
                  PeerTls.off()),
              new FfmProcessMemory(),
              new LinuxProcesses());
      transport.start();
    }

    Region region(MemorySegment memory) {
      Region made =
          regions
              .registerAll(
                  new long[] {memory.address()},
                  new long[] {memory.byteSize()},
                  "*",
                  AccessRights.READ_WRITE)
              .getFirst();
      transport.registerAll(List.of(made));
      return made;
    }

    SegmentDescriptor descriptor(Region... snapshot) {
      SegmentDescriptor.Builder builder =
          SegmentDescriptor.builder(NAME, SegmentDescriptor.TCP)
              .incarnation(Optional.of(incarnation()))
              .buffers(
                  List.of(new BufferDescriptor(NAME, snapshot[0].address(), snapshot[0].length())));
      transport.describe(builder, List.of(snapshot));
      return builder.build();
    }

    @Override
    public String segmentName() {
      return NAME;
    }

    @Override
    public String incarnation() {
      return "00000000000000ff";
    }

    @Override
    public Reply connect(String segment, HandshakeDescriptor request, Duration timeout) {
      return new Reply(reply.get(), PeerIdentity.unproved(InetAddress.getLoopbackAddress()));
    }

    @Override
    public SegmentDescriptor describe(String segment, Duration timeout) {
      throw new AssertionError();
    }

    @Override
    public boolean leadsTo(String segment, InetAddress from) {
      return false;
    }

    @Override
    public boolean misleads(String server, InetAddress from) {
      return false;
    }

    @Override
    public void descriptionChanged() {}

    @Override
    public synchronized Optional<String> handOver(
        Transport from, PeerAddress peer, TransferTask task) {
      Optional<Error> thrown = handOvers.removeFirst();
      if (thrown.isPresent()) {
        throw thrown.get();
      }
      handedOver.complete(task);
      return Optional.of("tcp");
    }
  }

  private final LogCapture log = new LogCapture();
  private final CompletableFuture<TransferTask> handedOver = new CompletableFuture<>();
  private final Side ours = new Side();
  private final Side theirs = new Side();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment here = arena.allocate(BYTES);
  private final MemorySegment there = arena.allocate(BYTES);
  private final Region target = theirs.region(there);
  private final Region source = ours.regions.register(here.address(), BYTES, "*");

  @AfterEach
  void stop() {
    ours.transport.stop(Duration.ofSeconds(10));
    theirs.transport.stop(Duration.ofSeconds(10));
    arena.close();
    log.close();
  }

  private TransferTask task(SegmentDescriptor peer, CompletableFuture<TransferState> ended) {
    return new TransferTask(
        Operation.WRITE,
        BlockColumns.of(here.address(), there.address(), BYTES),
        BYTES,
        new TransferEnds(new Region[] {source}, new TransferEnds.Buffers(peer.buffers())),
        (state, _, _) -> ended.complete(state));
  }

  private static PeerAddress address(SegmentDescriptor peer) {
    return new PeerAddress(peer, List.of(InetAddress.getLoopbackAddress()));
  }

  @Test
  void slotsOutsideOfThePeersAreaAreNone() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    long area = peer.host().orElseThrow().area();
    here.fill((byte) 5);
    // As good an address as any: ours, of another process, or a word of the area itself.
    ours.reply = () -> HandshakeDescriptor.slotsAt(area + AreaLayout.GATE_AT);
    ours.handOvers.add(Optional.empty());
    TransferTask task = task(peer, new CompletableFuture<>());
    ours.transport.submit(address(peer), task);
    assertThat(handedOver.get(30, TimeUnit.SECONDS)).isSameAs(task);
    assertThat(ours.transport.reaches(peer)).isFalse();
    assertThat(there.get(ValueLayout.JAVA_BYTE, 0)).isZero();
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS)).isZero();
  }

  @Test
  void slotsOfALeaseAreUsed() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    HandshakeDescriptor request =
        HandshakeDescriptor.slotsFor(ours.descriptor(source).host().orElseThrow());
    PeerIdentity us = PeerIdentity.unproved(InetAddress.getLoopbackAddress());
    ours.reply = () -> theirs.transport.connection(us, request).orElseThrow();
    here.fill((byte) 5);
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS)).isOne();
  }

  /** A heap that is full for the first of two tasks. */
  @Test
  void eachTaskThatWaitsForSlotsIsSettledWhateverBecomesOfOthers() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    CountDownLatch bothWait = new CountDownLatch(1);
    ours.reply =
        () -> {
          try {
            bothWait.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          throw new OutOfMemoryError("of this test");
        };
    ours.handOvers.add(Optional.of(new OutOfMemoryError("of this test, too")));
    ours.handOvers.add(Optional.empty());
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    TransferTask second = task(peer, new CompletableFuture<>());
    ours.transport.submit(address(peer), second);
    bothWait.countDown();
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.FAILED);
    assertThat(handedOver.get(30, TimeUnit.SECONDS)).isSameAs(second);
    assertThat(ours.transport.reaches(peer)).isFalse();
  }

  /** It may have other rights than the one whose buffer is in the list. */
  @Test
  void aRegistrationThatCameAfterTheListIsNotOffered() {
    long fence = theirs.descriptor(target).buffers().getFirst().fence();
    assertThat(fence).isNotZero();
    theirs.transport.unregisterAll(List.of(target));
    theirs.regions.remove(target);
    Region later = theirs.region(there);
    assertThat(theirs.descriptor(target).buffers().getFirst().fence()).isZero();
    assertThat(theirs.descriptor(later).buffers().getFirst().fence()).isNotIn(0L, fence);
  }
}
