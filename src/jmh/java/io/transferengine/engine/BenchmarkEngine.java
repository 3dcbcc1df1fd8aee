// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.transferengine.events.EngineListener;
import io.transferengine.exposition.MetricsText;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.micrometer.meters.EngineMeters;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.Transport;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import jdk.jfr.Recording;

/**
 * The inside of an engine with one known peer, which is described as we are, and one transport. Its
 * memory is registered in parts of one MiB, between which there is a gap, so that no block can be
 * in two.
 */
final class BenchmarkEngine implements AutoCloseable, LocalMemory.Users {
  /** The peer's name. */
  static final String PEER = "10.0.0.2:15123";

  static final long PART_BYTES = 1L << 20;
  private static final long GAP_BYTES = 4096;

  /** The benchmarks' own; transfers that are left undone must not end while they run. */
  private static final int TIMEOUT_SECONDS = 3600;

  final ActiveTransfers active;

  private final TransferEvents events = new TransferEvents(new EngineMetrics().events(), 0);
  private final LocalMemory memory = new LocalMemory(1L << 30, this);
  private final Arena arena = Arena.ofShared();
  private final Transport transport;
  private final long base;

  /** Takes the transport over and starts it. */
  BenchmarkEngine(Transport transport, int parts) {
    this.transport = transport;
    transport.start();
    MemorySegment segment = arena.allocate(parts * (PART_BYTES + GAP_BYTES), GAP_BYTES);
    base = segment.address();
    long[] bases = new long[parts];
    long[] lengths = new long[parts];
    for (int i = 0; i < parts; i++) {
      bases[i] = part(i);
      lengths[i] = PART_BYTES;
    }
    List<Region> regions = memory.registerAll(bases, lengths, "cpu:0");
    SegmentDescriptor.Builder peer = SegmentDescriptor.builder(PEER, transport.name());
    transport.describe(peer, regions);
    // RDMA's peer is itself, and says so here as an engine does.
    peer.incarnation(Optional.of(PEER));
    RemoteSegment remote =
        RemoteSegment.of(
            PEER,
            new PeerAddress(peer.build(), List.of(InetAddress.getLoopbackAddress())),
            List.of(transport));
    SegmentCache segments = new SegmentCache((name, timeout) -> remote, Runnable::run, false);
    var _ = segments.refresh(PEER, Duration.ofSeconds(1));
    active =
        new ActiveTransfers(
            memory,
            segments,
            new EngineMetrics(),
            Optional.empty(),
            Runnable::run,
            TIMEOUT_SECONDS,
            -1,
            name -> {},
            (name, notification) -> {},
            events,
            FirstLook.NONE);
  }

  /**
   * Has all transfers observed, as in an application that looks at everything: by Prometheus's
   * meters, and by a recording. {@return what ends that}
   */
  AutoCloseable observe() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    EngineMeters meters =
        new EngineMeters(
            new MetricsText.Source() {
              @Override
              public MetricsSnapshot metrics() {
                return MetricsSnapshot.builder().build();
              }

              @Override
              public MetricsText.Listening listen(EngineListener listener) {
                events.add(listener);
                return () -> events.remove(listener);
              }
            },
            Tags.empty());
    meters.bindTo(registry);
    Recording recording = new Recording();
    recording.enable(TransferRecord.NAME);
    recording.start();
    return () -> {
      recording.close();
      meters.close();
      registry.close();
    };
  }

  /** {@return where a part of our memory begins} */
  long part(int index) {
    return base + index * (PART_BYTES + GAP_BYTES);
  }

  @Override
  public void close() {
    active.close();
    transport.stop(Duration.ofSeconds(5));
    memory.close(Duration.ofSeconds(5));
    arena.close();
  }

  @Override
  public void registered(List<Region> regions) {
    transport.registerAll(regions);
  }

  @Override
  public void unregistered(List<Region> regions) {
    transport.unregisterAll(regions);
  }

  @Override
  public void awaitPublished() {}

  @Override
  public boolean takes(MemoryKind kind) {
    return false;
  }

  @Override
  public String shownTransports() {
    return "nothing";
  }

  @Override
  public boolean drain(long start, long end, Duration grace) throws InterruptedException {
    return active.drain(start, end, grace, grace);
  }
}
